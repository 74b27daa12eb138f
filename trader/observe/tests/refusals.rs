//! What the executable refuses before it does anything, with the contract's exit codes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{Pod, Program, revision};

const PROGRAM: Program = Program {
    path: env!("CARGO_BIN_EXE_trader-observe"),
    arguments: &[],
};

/// Nothing listens there: a refusal comes before any connection.
const NOWHERE: &str = "ws://127.0.0.1:9";

#[test]
fn a_configuration_that_is_not_the_declared_one_is_refused_with_78() {
    let pod = Pod::new(PROGRAM, NOWHERE);
    let tampered = std::fs::read_to_string(pod.config_path())
        .unwrap()
        .replace("\"0.001\"", "\"9.001\"");
    std::fs::write(pod.config_path(), tampered).unwrap();
    let (code, stderr) = pod.run_to_refusal();
    let declared = &pod.environment["TRIPTYCH_CONFIG_HASH"];
    assert_eq!(code, Some(78), "{stderr}");
    assert!(
        stderr.contains(&format!(
            "config hash mismatch: declared {declared} loaded "
        )),
        "{stderr}"
    );
    assert!(!pod.data().exists(), "the dataset was not touched");
}

#[test]
fn one_changed_byte_is_enough_even_where_the_value_stays_the_same() {
    let pod = Pod::new(PROGRAM, NOWHERE);
    let padded = std::fs::read_to_string(pod.config_path()).unwrap() + "\n";
    std::fs::write(pod.config_path(), padded).unwrap();
    assert_eq!(pod.run_to_refusal().0, Some(78));
}

#[test]
fn a_missing_variable_is_refused_with_64_and_named() {
    for name in [
        "TRIPTYCH_TIER",
        "TRIPTYCH_NAMESPACE",
        "TRIPTYCH_INSTANCE",
        "TRIPTYCH_INSTANCE_UID",
        "TRIPTYCH_CONFIG_HASH",
    ] {
        let mut pod = Pod::new(PROGRAM, NOWHERE);
        pod.environment.remove(name);
        let (code, stderr) = pod.run_to_refusal();
        assert_eq!(code, Some(64), "{stderr}");
        assert!(stderr.contains(&format!("{name} is not set")), "{stderr}");
    }
}

#[test]
fn a_wrong_value_is_refused_with_64() {
    for (name, value) in [
        ("TRIPTYCH_TIER", "W"),
        ("TRIPTYCH_CONFIG_HASH", "abc"),
        ("TRIPTYCH_MARKET_DATA_URL", "http://tape:1"),
        ("TRIPTYCH_LISTEN", "everywhere"),
        ("TRIPTYCH_LOG", "a=b=c"),
    ] {
        let mut pod = Pod::new(PROGRAM, NOWHERE);
        pod.environment.insert(name, value.to_owned());
        let (code, stderr) = pod.run_to_refusal();
        assert_eq!(code, Some(64), "{name}: {stderr}");
        assert!(stderr.contains(name) && stderr.contains(value), "{stderr}");
    }
}

#[test]
fn an_unreadable_configuration_is_refused_with_66() {
    let pod = Pod::new(PROGRAM, NOWHERE);
    std::fs::remove_file(pod.config_path()).unwrap();
    let (code, stderr) = pod.run_to_refusal();
    assert_eq!(code, Some(66), "{stderr}");
    assert!(stderr.contains("config.json"), "{stderr}");
}

#[test]
fn what_this_build_does_not_implement_is_refused_with_65_and_its_path() {
    let mut other_venue = revision();
    other_venue["venue"] = "BybitV5".into();
    let mut other_field = revision();
    other_field["surprise"] = 1.into();
    let mut other_symbol = revision();
    other_symbol["strategies"][0]["instruments"][0] = "SOLUSDT".into();
    for (revision, expected) in [
        (other_venue, "spec.venue"),
        (other_field, "surprise"),
        (other_symbol, "spec.strategies[0].instruments[0]"),
    ] {
        let (code, stderr) = Pod::with_revision(PROGRAM, NOWHERE, &revision).run_to_refusal();
        assert_eq!(code, Some(65), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn a_data_directory_that_cannot_be_written_is_refused_with_74() {
    let mut pod = Pod::new(PROGRAM, NOWHERE);
    let in_the_way = pod.config_path().display().to_string();
    pod.environment.insert("TRIPTYCH_DATA_DIR", in_the_way);
    let (code, stderr) = pod.run_to_refusal();
    assert_eq!(code, Some(74), "{stderr}");
}

#[test]
fn help_teaches_and_arguments_are_refused() {
    let run = |argument: &str| {
        std::process::Command::new(env!("CARGO_BIN_EXE_trader-observe"))
            .arg(argument)
            .output()
            .unwrap()
    };
    let help = run("--help");
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success());
    for expected in ["TRIPTYCH_CONFIG_HASH", "Exit codes", "trader tape serve"] {
        assert!(text.contains(expected), "{text}");
    }
    assert_eq!(run("--trade").status.code(), Some(64));
}
