//! What is wrong in a store is found, and nobody reads it as if it were right.

use std::fs;
use std::path::{Path, PathBuf};

use triptych_dataset::read::listed_files;
use triptych_dataset::recovery::relative;

use crate::server::Server;
use crate::{Desk, PLACE};

/// Changes one object of a fresh dataset, and returns what verify and summary say.
fn after(change: impl Fn(&Server, &str, &Path)) -> (String, String, String) {
    let server = Server::start();
    let desk = Desk::of(&server);
    let dataset = desk.dataset("dataset", 1);
    desk.push(&dataset);
    let local: PathBuf = listed_files(&dataset).unwrap().swap_remove(1);
    let name = relative(&dataset, &local);
    change(&server, &name, &local);
    let verified = desk.run(&["verify", PLACE]);
    assert_eq!(verified.code, 1, "{}{}", verified.stdout, verified.stderr);
    let read = desk.run(&["summary", PLACE]);
    assert_ne!(read.code, 0);
    (name, verified.stdout, read.stderr)
}

#[test]
fn an_object_with_other_content_is_named_and_not_read() {
    let (name, verified, read) = after(|server, name, _| {
        let path = server.object(&format!("abh/{name}"));
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    });
    assert!(
        verified.contains(&name) && verified.contains("sha256"),
        "{verified}"
    );
    assert!(read.contains(&name) && read.contains("sha256"), "{read}");
}

#[test]
fn an_object_that_is_gone_is_named() {
    let (name, verified, read) = after(|server, name, _| {
        fs::remove_file(server.object(&format!("abh/{name}"))).unwrap();
    });
    assert!(
        verified.contains(&format!("{name}: listed, and not there")),
        "{verified}"
    );
    assert!(read.contains(&name), "{read}");
}
