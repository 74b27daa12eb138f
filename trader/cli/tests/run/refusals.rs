//! What `trader run` refuses before it does anything.

use std::fs;

use crate::api_server::ApiServer;
use crate::{NOWHERE, PROGRAM, pod, put_key};

#[test]
fn a_missing_or_wrong_variable_is_refused_with_64_and_named() {
    let api_server = ApiServer::start();
    for (name, value, expected) in [
        ("TRIPTYCH_TIER", Some("ABH"), "trader-observe"),
        ("TRIPTYCH_TIER", None, "is not set"),
        ("TRIPTYCH_ACCOUNT", None, "is not set"),
        ("TRIPTYCH_ACCOUNT", Some("Not A Name"), "TradingAccount"),
        ("TRIPTYCH_LEDGER", Some("Paper"), "Embedded or Postgres"),
        ("TRIPTYCH_VENUE", None, "is not set"),
        ("TRIPTYCH_SIMULATED", Some("1"), "true, or not to be set"),
        (
            "TRIPTYCH_REST_URL",
            Some("https://api.binance.com"),
            "this host is a venue's",
        ),
        ("TRIPTYCH_CONFIG_HASH", Some("abc"), "64 lowercase"),
        ("TRIPTYCH_KEYS_DIR", Some("/nowhere"), "No such file"),
        ("KUBECONFIG", Some("/nowhere"), "ServiceAccount's token"),
    ] {
        let mut pod = pod(NOWHERE, &api_server);
        match value {
            Some(value) => pod.environment.insert(name, value.to_owned()),
            None => pod.environment.remove(name),
        };
        let (code, stderr) = pod.run_to_refusal();
        assert_eq!(code, Some(64), "{name}: {stderr}");
        assert!(
            stderr.contains(name) && stderr.contains(expected),
            "{stderr}"
        );
        assert!(!pod.data().exists(), "the volume was not touched");
    }
}

#[test]
fn keys_beside_the_data_are_refused() {
    let mut pod = pod(NOWHERE, &ApiServer::start());
    let data = pod.path("keys").join("data").display().to_string();
    pod.environment.insert("TRIPTYCH_DATA_DIR", data);
    let (code, stderr) = pod.run_to_refusal();
    assert_eq!(code, Some(64), "{stderr}");
    assert!(stderr.contains("apart from TRIPTYCH_DATA_DIR"), "{stderr}");
}

#[test]
fn wrong_keys_are_refused_with_64_and_the_variable() {
    let api_server = ApiServer::start();
    for (name, content, mode, expected) in [
        ("api-key", "k", 0o444, "mode 0444"),
        ("api-secret", "with a space", 0o440, "printable"),
        ("halt-token", "short", 0o440, "between 32 and 128"),
        ("password", "p", 0o440, "another purpose"),
    ] {
        let pod = pod(NOWHERE, &api_server);
        put_key(&pod, name, content, mode);
        let (code, stderr) = pod.run_to_refusal();
        assert_eq!(code, Some(64), "{name}: {stderr}");
        assert!(
            stderr.contains("TRIPTYCH_KEYS_DIR") && stderr.contains(expected),
            "{stderr}"
        );
    }
}

#[test]
fn a_configuration_that_is_not_the_declared_one_is_refused_with_78() {
    let pod = pod(NOWHERE, &ApiServer::start());
    let padded = fs::read_to_string(pod.config_path()).unwrap() + "\n";
    fs::write(pod.config_path(), padded).unwrap();
    assert_eq!(pod.run_to_refusal().0, Some(78));
    assert!(!pod.data().exists(), "the volume was not touched");
}

#[test]
fn help_teaches_and_arguments_are_refused() {
    let run = |argument: &str| {
        std::process::Command::new(PROGRAM.path)
            .args(["run", argument])
            .output()
            .unwrap()
    };
    let help = run("--help");
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success());
    for expected in [
        "TRIPTYCH_ACCOUNT",
        "POST /v1/halt",
        "spec.resume",
        "Exit codes",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    assert_eq!(run("--trade").status.code(), Some(64));
}
