//! A store that cannot be used says what to do, and never a secret.

use std::time::{Duration, SystemTime};

use crate::server::{SECRET, Server};
use crate::{Desk, PLACE};

#[test]
fn each_mistake_is_named_with_what_to_do() {
    let server = Server::start();
    let desk = Desk::of(&server);
    let dataset = desk.dataset("dataset", 1).display().to_string();
    let nowhere = desk.text("nowhere");
    let cases: [(&[&str], i32, &str); 8] = [
        (
            &["push", &dataset, "s3://nobody/abh"],
            69,
            "no such bucket; create it",
        ),
        (
            &["push", &dataset, PLACE, "--profile", "wrong"],
            69,
            "does not accept the key",
        ),
        (
            &["push", &dataset, PLACE, "--profile", "stranger"],
            69,
            "does not accept the key",
        ),
        (
            &["push", &dataset, PLACE, "--profile", "nobody"],
            69,
            "[nobody] has no aws_access_key_id",
        ),
        (
            &["push", &dataset, PLACE, "--region", "eu-west-9"],
            69,
            "name it with --region",
        ),
        (&["push", &nowhere, PLACE], 66, "no dataset"),
        (
            &["push", &dataset, "s3://desk/../x"],
            64,
            "the prefix has empty parts",
        ),
        (
            &["summary", "s3://desk/empty"],
            66,
            "`trader dataset push` makes one",
        ),
    ];
    for (words, code, part) in cases {
        let answer = desk.run(words);
        assert_eq!(answer.code, code, "{words:?}: {}", answer.stderr);
        assert!(answer.stderr.contains(part), "{words:?}: {}", answer.stderr);
        assert!(!answer.stderr.contains(SECRET), "{}", answer.stderr);
        assert!(!answer.stderr.contains("AWS4-HMAC"), "{}", answer.stderr);
    }
    let mut open = Desk::of(&server);
    open.endpoint = "http://192.0.2.1:9000".to_owned();
    let answer = open.run(&["push", &dataset, PLACE]);
    assert!(answer.stderr.contains("--allow-http"), "{}", answer.stderr);
}

#[test]
fn a_directory_of_its_own_is_never_pulled_over() {
    let server = Server::start();
    let desk = Desk::of(&server);
    let (one, other) = (desk.dataset("one", 1), desk.dataset("other", 2));
    desk.push(&one);
    let before = crate::rows(&other);
    let answer = desk.run(&["pull", PLACE, &desk.text("other")]);
    assert_eq!(answer.code, 64, "{}", answer.stderr);
    assert_eq!(crate::rows(&other), before);
}

#[test]
fn no_wait_is_without_end_where_somebody_waits() {
    let server = Server::not_started();
    let desk = Desk::of(&server);
    let started = SystemTime::now();
    let answer = desk.run(&["summary", PLACE]);
    assert_eq!(answer.code, 69, "{}", answer.stderr);
    assert!(answer.stderr.contains("asked 7 times"), "{}", answer.stderr);
    assert!(started.elapsed().unwrap() < Duration::from_mins(2));
}
