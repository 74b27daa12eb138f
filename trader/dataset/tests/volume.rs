//! A volume that really is full, and one that goes away and comes back: mounted in a namespace of their
//! own, where the machine's mounts are not touched.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use support::{candidate, example, options, run};
use triptych_dataset::{DatasetWriter, verify};

/// Runs the example on a volume of this size; its words and numbers.
fn on_a_volume(case: &str, size: &str) -> BTreeMap<String, u64> {
    let folder = tempfile::tempdir().expect("a folder");
    let (volume, mounted) = (folder.path().join("volume"), folder.path().join("mounted"));
    fs::create_dir(&volume).expect("a writable folder");
    fs::create_dir(&mounted).expect("a writable folder");
    let script = "mount -t tmpfs -o size=$6 tmpfs \"$1\"; mount --bind \"$1\" \"$2\"; exec \"$3\" \"$4\" \"$2\" $5";
    let last = if case == "vanished" {
        volume.display().to_string()
    } else {
        String::new()
    };
    let output = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-ec",
            script,
            "sh",
        ])
        .args([&volume, &mounted, &example("real_disk")])
        .args([case, &last, size])
        .output()
        .expect("unshare, of util-linux");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
    let words: Vec<&str> = printed.split_whitespace().collect();
    let pairs = words.chunks_exact(2);
    pairs
        .map(|pair| (pair[0].to_owned(), pair[1].parse().expect("a number")))
        .collect()
}

#[test]
fn a_volume_that_is_really_full_leaves_whole_files_and_counts_what_it_lost() {
    let found = on_a_volume("full", "600k");
    println!("{found:?}");
    assert_eq!(found["full"], 0, "nothing is wrong while it is full");
    assert_eq!(found["problems"], 0);
    assert_eq!(found["lost"], 50);
    assert_eq!(found["gap"], found["lost"]);
    assert_eq!(found["written"] + found["lost"], found["appended"]);
    assert_eq!(found["rows"], found["written"]);
}

#[test]
fn a_volume_that_goes_away_and_comes_back_gets_what_fitted_into_memory() {
    let found = on_a_volume("vanished", "20m");
    println!("{found:?}");
    assert_eq!(found["stray"], 0, "nothing is written beside the volume");
    assert_eq!(found["problems"], 0);
    assert_eq!(
        (found["written"], found["lost"]),
        (300, 100),
        "200 rows fit"
    );
    assert_eq!(found["gap"], found["lost"]);
    assert_eq!(found["rows"], found["written"]);
}

#[test]
fn another_folder_in_the_place_of_the_dataset_gets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, aside) = (folder.path().join("dataset"), folder.path().join("aside"));
    let mut writer = DatasetWriter::open(options(&dataset), run("run-a")).unwrap();
    writer.append(&candidate(0), Instant::now()).unwrap();
    fs::rename(&dataset, &aside).unwrap();
    fs::create_dir(&dataset).unwrap();
    let later = Instant::now() + Duration::from_mins(1);
    let refused = writer
        .flush_due(later)
        .expect_err("another folder")
        .to_string();
    assert!(refused.contains("another"), "{refused}");
    assert_eq!(fs::read_dir(&dataset).unwrap().count(), 0);
    fs::remove_dir(&dataset).unwrap();
    fs::rename(&aside, &dataset).unwrap();
    writer.flush_due(later).unwrap();
    writer.close().1.unwrap();
    assert_eq!(verify(&dataset).unwrap().rows, 1);
}
