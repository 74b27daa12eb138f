//! Keys are nowhere to be seen.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, Signal, dumpable_behavior, kill_process, setrlimit,
};
use serde_json::json;

use crate::api_server::ApiServer;
use crate::process::{Pod, Tape, until};
use crate::{intents, pod, put_key};

const MARKERS: [(&str, &str); 3] = [
    ("api-key", "marker-of-the-api-key"),
    ("api-secret", "marker-of-the-api-secret"),
    ("halt-token", "marker-of-the-halt-token-32-bytes"),
];

fn marked(market_data: &str, api_server: &ApiServer) -> Pod {
    let mut pod = pod(market_data, api_server);
    for (name, marker) in MARKERS {
        put_key(&pod, name, marker, 0o440);
    }
    pod.environment.insert("TRIPTYCH_LOG", "trace".to_owned());
    pod
}

fn expect_no_marker(place: &str, text: &[u8]) {
    for (_, marker) in MARKERS {
        let found = text
            .windows(marker.len())
            .any(|window| window == marker.as_bytes());
        assert!(!found, "{marker} in {place}");
    }
}

#[test]
fn k1_no_key_is_in_output_status_metrics_environment_or_command_line() {
    let (tape, api_server) = (Tape::start(10.0, None), ApiServer::start());
    let pod = marked(&tape.url(), &api_server);
    let trader = pod.start();
    until("an accepted intent", || {
        (intents(&trader).0 > 0).then_some(())
    });
    let token = format!("Bearer {}", MARKERS[2].1);
    let halt = [("authorization", &*token)];
    let reason = r#"{"reason":"test"}"#;
    for answer in [
        trader.request("POST", "/v1/halt", &halt, reason),
        trader.request(
            "POST",
            "/v1/halt",
            &[("authorization", "Bearer no")],
            reason,
        ),
        trader.get("/v1/status"),
        trader.get("/metrics"),
        trader.get("/readyz"),
    ] {
        expect_no_marker("an answer", answer.1.as_bytes());
    }
    let process = format!("/proc/{}", trader.process_id());
    for file in ["environ", "cmdline"] {
        let content = fs::read(format!("{process}/{file}")).unwrap();
        assert!(!content.is_empty());
        expect_no_marker(file, &content);
    }
    assert_eq!(trader.status()["state"], json!("Halted"));
    let (exit, log) = trader.terminate();
    assert!(exit.success(), "{log:?}");
    assert!(log.len() > 10, "the log was kept");
    expect_no_marker("standard error", log.join("\n").as_bytes());
    expect_no_marker("standard output", &fs::read(pod.path("stdout")).unwrap());
    let mut folders = vec![pod.data()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                expect_no_marker("the volume", &fs::read(path).unwrap());
            }
        }
    }
}

#[test]
fn k1_a_trader_that_crashes_leaves_no_core_dump() {
    // What this process may, its children may too; only a dumpable one can show that dumps would be written.
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable);
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    setrlimit(Resource::Core, unlimited).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut other = Command::new("sleep")
        .arg("600")
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    kill_process(Pid::from_child(&other), Signal::ABORT).unwrap();
    let crashed = other.wait().unwrap();
    assert!(
        crashed.core_dumped(),
        "the check would see no dump: {crashed}"
    );

    let (tape, api_server) = (Tape::start(10.0, None), ApiServer::start());
    let trader = marked(&tape.url(), &api_server).start();
    trader.signal(Signal::ABORT);
    let (crashed, _) = trader.wait();
    assert_eq!(crashed.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!crashed.core_dumped(), "{crashed}");
}

#[test]
fn k1_no_refusal_shows_a_key() {
    let api_server = ApiServer::start();
    for (name, marker) in MARKERS {
        let spoiled = [
            (format!("{marker}\n"), 0o440),
            (marker.repeat(40), 0o440),
            (marker.to_owned(), 0o444),
        ];
        for (content, mode) in spoiled {
            let pod = marked("ws://127.0.0.1:9", &api_server);
            put_key(&pod, name, &content, mode);
            let (code, stderr) = pod.run_to_refusal();
            assert_eq!(code, Some(64), "{stderr}");
            assert!(stderr.contains(name));
            expect_no_marker("a refusal", stderr.as_bytes());
        }
    }
}
