//! Other people's libraries read the dataset straight from the store.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::{KEY, SECRET, Server};
use crate::{Desk, PLACE, rows};

/// The Python of the independent checks.
fn python() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let found = Command::new(tests.join("../../../.ci/python-env"))
        .arg(tests.join("independent/requirements.txt"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&found.stderr);
    assert!(found.status.success(), "no Python environment: {errors}");
    PathBuf::from(String::from_utf8(found.stdout).unwrap().trim())
}

#[test]
fn polars_and_pyarrow_read_every_row_from_the_store_and_duckdb_from_its_copy() {
    let server = Server::start();
    let desk = Desk::of(&server);
    let dataset = desk.dataset("dataset", 1);
    desk.push(&dataset);
    let expected = rows(&dataset).len();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/object_store/readers.py");
    let output = Command::new(python())
        .arg(script)
        .args([server.url(), KEY.to_owned(), SECRET.to_owned()])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let counted: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(counted["polars"], expected);
    assert_eq!(counted["pyarrow"], expected);
    assert_eq!(counted["polarsByStrategy"], counted["pyarrowByStrategy"]);
    let duckdb = python().with_file_name("duckdb").display().to_string();
    let question = "select count(*) as n from candidates";
    let answer = desk.run(&["query", PLACE, question, "--duckdb", &duckdb, "-o", "json"]);
    assert_eq!(answer.well().json()[0]["n"], expected);
}
