//! The operator against an API server that fails: whatever goes wrong, it ends where it would have
//! ended, and writes no more than it has to. Time is virtual: waits of minutes pass at once.

mod mock_api_server;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::Method;
use mock_api_server::{ApiServer, Fault};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::service_fn;
use triptych_operator::{
    client,
    context::Context,
    controllers,
    leader_election::{Clock, Elector, Leadership, Lock, LockError, Record, Step, Timing, Version},
    metrics::Metrics,
    scope::Scope,
    watch,
};

/// A lock that is free until somebody takes it, and fails on demand.
#[derive(Clone, Default)]
struct Memory {
    record: Arc<Mutex<(Option<String>, u64)>>,
    cut_off: CancellationToken,
}

impl Lock for Memory {
    async fn read(&self) -> Result<Option<(Record, Version)>, LockError> {
        if self.cut_off.is_cancelled() {
            return Err(LockError::Unavailable("cut off".into()));
        }
        let (holder, version) = self.record.lock().expect("lock").clone();
        let record = Record {
            holder,
            lease_duration: Duration::from_secs(15),
            transitions: 1,
        };
        Ok(Some((record, Version(version.to_string()))))
    }

    async fn write(
        &self,
        _: Step,
        record: &Record,
        _: Option<&Version>,
    ) -> Result<Version, LockError> {
        if self.cut_off.is_cancelled() {
            return Err(LockError::Unavailable("cut off".into()));
        }
        let mut held = self.record.lock().expect("lock");
        *held = (record.holder.clone(), held.1 + 1);
        Ok(Version(held.1.to_string()))
    }
}

/// The clock of the test's virtual time.
#[derive(Clone, Copy)]
struct VirtualClock(Instant);

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// An operator process, without the process.
struct Operator {
    leadership: Leadership<VirtualClock>,
    lock: Memory,
    metrics: Arc<Metrics>,
    context: Context,
}

impl Operator {
    fn start(server: &ApiServer) -> Self {
        Self::start_with(server, Memory::default())
    }

    fn start_with(server: &ApiServer, lock: Memory) -> Self {
        let seconds = Duration::from_secs;
        let timing = Timing::new(seconds(15), seconds(10), seconds(2)).expect("valid");
        let clock = VirtualClock(Instant::now());
        let elector = Elector::new("operator".into(), timing, clock, lock.clone());
        let leadership = elector.leadership();
        let metrics = Arc::new(Metrics::new("production"));
        let handler = {
            let server = server.clone();
            service_fn(move |request| server.clone().handle(request))
        };
        let client = client::over(handler, Arc::clone(&metrics), leadership.clone());
        let context = Context::new(client, Arc::clone(&metrics), "operator".into());
        let mut watches = watch::follow_all(&context, &Scope::of(&[]));
        let never = CancellationToken::new();
        tokio::spawn(async move { while watches.join_next().await.is_some() {} });
        tokio::spawn(elector.run(never.clone()));
        tokio::spawn(controllers::run(
            context.clone(),
            leadership.clone(),
            4,
            never,
        ));
        Self {
            leadership,
            lock,
            metrics,
            context,
        }
    }

    fn scrape(&self) -> String {
        let Context { queue, caches, .. } = &self.context;
        self.metrics
            .scrape(self.leadership.may_write(), queue, caches)
    }
}

fn revision(name: &str) -> Value {
    let image = format!("registry.example/trader@sha256:{}", "a".repeat(64));
    json!({
        "apiVersion": "triptych.trading/v1alpha1", "kind": "ConfigRevision",
        "metadata": { "namespace": "team", "name": name, "generation": 1 },
        "spec": { "image": image, "name": name },
    })
}

fn instance(name: &str, revision: &str) -> Value {
    json!({
        "apiVersion": "triptych.trading/v1alpha1", "kind": "TradingInstance",
        "metadata": { "namespace": "team", "name": name, "generation": 1 },
        "spec": { "tier": "ABH", "configRevision": revision, "storage": { "size": "1Gi" } },
    })
}

fn server() -> ApiServer {
    let server = ApiServer::new();
    server.put("configrevisions", revision("r1"));
    server.put("tradinginstances", instance("scout", "r1"));
    server
}

/// The end that every fault has to lead to.
async fn converged(server: &ApiServer) {
    server
        .until(
            "the configuration is rendered, the trader made, the status written",
            |server| {
                let instance = server.get("tradinginstances", "scout")?;
                let revision = server.get("configrevisions", "r1")?;
                let config_map = revision["status"]["configMap"].as_str()?.to_owned();
                server.get("configmaps", &config_map)?;
                server.get("persistentvolumeclaims", "dataset-scout")?;
                server.get("statefulsets", "scout")?;
                (instance["status"]["phase"] == "Starting").then_some(())
            },
        )
        .await;
}

async fn rendered(server: &ApiServer, name: &str) {
    server
        .until("the new revision is rendered", |server| {
            let revision = server.get("configrevisions", name)?;
            revision["status"]["hash"].as_str().map(|_| ())
        })
        .await;
}

/// Lets virtual time pass, so that whatever would still happen happens.
async fn a_quarter_of_an_hour() {
    for _ in 0..900 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn condition(object: &Value, kind: &str) -> Option<Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)
        .cloned()
}

#[tokio::test(start_paused = true)]
async fn without_faults_it_converges_and_then_is_quiet() {
    let server = server();
    let operator = Operator::start(&server);
    converged(&server).await;
    a_quarter_of_an_hour().await;
    let writes = server.writes().len();
    a_quarter_of_an_hour().await;
    assert_eq!(server.writes().len(), writes, "L2: {:#?}", server.writes());
    assert!(
        operator
            .scrape()
            .contains("triptych_operator_failing_subjects 0\n")
    );
}

#[tokio::test(start_paused = true)]
async fn each_fault_at_each_write_ends_where_no_fault_would_have() {
    let faults = [
        Fault::Code(409),
        Fault::Code(500),
        Fault::Code(503),
        Fault::TooMany(7),
        Fault::CutBefore,
        Fault::CutAfter,
    ];
    let places = [
        (Method::PATCH, "/configmaps/"),
        (Method::PATCH, "/persistentvolumeclaims/"),
        (Method::PATCH, "/statefulsets/"),
        (Method::PATCH, "/configrevisions/r1/status"),
        (Method::PATCH, "/tradinginstances/scout/status"),
    ];
    for fault in faults {
        for (method, path) in &places {
            let server = server();
            server.fail(method.clone(), path, fault, 3);
            let operator = Operator::start(&server);
            converged(&server).await;
            assert!(server.faults_met() > 0, "{fault:?} at {path}");
            assert_eq!(server.all("statefulsets").len(), 1);
            a_quarter_of_an_hour().await;
            assert!(
                operator
                    .scrape()
                    .contains("triptych_operator_failing_subjects 0\n")
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_fault_at_each_read_ends_where_no_fault_would_have() {
    let faults = [
        Fault::Code(500),
        Fault::TooMany(3),
        Fault::CutBefore,
        Fault::TooOld,
        Fault::EndOfStream,
    ];
    let places = [
        "/configmaps",
        "/persistentvolumeclaims",
        "/statefulsets",
        "/pods",
        "/configrevisions",
        "/tradinginstances",
    ];
    for fault in faults {
        for path in places {
            let server = server();
            server.fail(Method::GET, path, fault, 4);
            let _operator = Operator::start(&server);
            converged(&server).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_happened_while_the_watch_was_cut_is_not_missed() {
    for fault in [Fault::TooOld, Fault::EndOfStream, Fault::Code(500)] {
        let server = server();
        let operator = Operator::start(&server);
        converged(&server).await;
        server.fail(Method::GET, "/statefulsets", fault, 2);
        server.remove("statefulsets", "scout");
        converged(&server).await;
        server.put("configrevisions", revision("r2"));
        rendered(&server, "r2").await;
        drop(operator);
    }
}

#[tokio::test(start_paused = true)]
async fn l1_what_a_restored_store_has_lost_is_not_acted_upon() {
    let server = server();
    let operator = Operator::start(&server);
    converged(&server).await;
    a_quarter_of_an_hour().await;
    let backup = server.back_up();
    server.put("configrevisions", revision("lost"));
    server.put("tradinginstances", instance("lost", "lost"));
    server
        .until("what is lost later is made", |server| {
            server.get("statefulsets", "lost").map(|_| ())
        })
        .await;
    a_quarter_of_an_hour().await;

    // So many requests that each watch meets it, some of them often.
    server.restore(&backup, 40);
    let writes = server.writes().len();
    a_quarter_of_an_hour().await;
    assert!(operator.context.caches.are_synced());
    assert_eq!(operator.context.caches.instances.len(), 1);
    assert_eq!(server.writes()[writes..], [] as [&str; 0]);

    // Everything has smaller versions than what was seen before.
    server.put("configrevisions", revision("r2"));
    rendered(&server, "r2").await;
}

#[tokio::test(start_paused = true)]
async fn l1_nothing_is_decided_while_a_watch_is_interrupted() {
    let server = server();
    let operator = Operator::start(&server);
    converged(&server).await;
    a_quarter_of_an_hour().await;
    // The watch of pods ends and does not come back.
    server.fail(Method::GET, "/pods", Fault::Code(500), usize::MAX);
    let backup = server.back_up();
    server.restore(&backup, 0);
    a_quarter_of_an_hour().await;
    assert!(server.faults_met() > 0);
    let writes = server.writes().len();
    server.put("configrevisions", revision("r2"));
    a_quarter_of_an_hour().await;
    assert!(!operator.context.caches.are_synced());
    assert_eq!(server.writes()[writes..], [] as [&str; 0]);

    server.heal();
    rendered(&server, "r2").await;
}

#[tokio::test(start_paused = true)]
async fn what_the_server_refuses_is_shown_on_the_object_once_and_goes_on_after_the_fix() {
    let server = server();
    server.fail(
        Method::PATCH,
        "/statefulsets/",
        Fault::Code(403),
        usize::MAX,
    );
    let operator = Operator::start(&server);
    let refused = |server: &ApiServer| {
        let degraded = condition(&server.get("tradinginstances", "scout")?, "Degraded")?;
        (degraded["reason"] == "WriteRefused").then_some(degraded)
    };
    let degraded = server.until("the refusal is shown", refused).await;
    let message = degraded["message"].as_str().expect("a message");
    assert!(
        message.contains("apply StatefulSet team/scout: a fault with code 403"),
        "{message}"
    );

    a_quarter_of_an_hour().await;
    let statuses = server
        .writes()
        .into_iter()
        .filter(|line| line.contains("scout status"));
    assert_eq!(
        statuses.count(),
        1,
        "status only on change: {:#?}",
        server.writes()
    );
    let told = server
        .all("events")
        .into_iter()
        .filter(|event| event["reason"] == "WriteRefused");
    assert_eq!(told.count(), 1, "events on transitions only");
    assert!(operator.scrape().contains(r#"outcome="refused""#));

    server.heal();
    converged(&server).await;
    let instance = server
        .get("tradinginstances", "scout")
        .expect("it is there");
    assert_ne!(
        condition(&instance, "Degraded").expect("reported")["reason"],
        "WriteRefused"
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_of_another_schema_stops_nothing_and_says_so_on_itself() {
    let server = server();
    let mut broken = instance("broken", "r1");
    broken["spec"]["tier"] = json!("Z");
    broken["status"] = json!({ "somethingOld": true });
    server.put("tradinginstances", broken);
    let _operator = Operator::start(&server);
    converged(&server).await;
    let told = server
        .until("the broken object says so", |server| {
            condition(&server.get("tradinginstances", "broken")?, "Degraded")
        })
        .await;
    assert_eq!(told["reason"], "Unreadable");
    assert!(
        told["message"]
            .as_str()
            .is_some_and(|text| text.contains("tier")),
        "{told}"
    );
    let broken = server
        .get("tradinginstances", "broken")
        .expect("it is there");
    assert_eq!(
        broken["status"]["somethingOld"], true,
        "the rest stays as it is"
    );
    let writes = server.writes().len();
    a_quarter_of_an_hour().await;
    assert_eq!(server.writes().len(), writes, "told once");
}

#[tokio::test(start_paused = true)]
async fn a_follower_knows_everything_and_writes_nothing_until_it_leads() {
    let server = server();
    let lock = Memory::default();
    lock.record.lock().expect("lock").0 = Some("another".into());
    let renewed = Arc::clone(&lock.record);
    let other = tokio::spawn(async move {
        loop {
            renewed.lock().expect("lock").1 += 1;
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    });
    let operator = Operator::start_with(&server, lock);
    a_quarter_of_an_hour().await;
    assert!(operator.context.caches.are_synced());
    assert_eq!(operator.context.caches.instances.len(), 1);
    assert_eq!(server.writes(), Vec::<String>::new());

    other.abort();
    operator.lock.record.lock().expect("lock").0 = None;
    converged(&server).await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_taken_away_its_lease_writes_nothing_more() {
    let server = server();
    let operator = Operator::start(&server);
    converged(&server).await;
    *operator.lock.record.lock().expect("lock") = (Some("another".into()), 1_000);
    operator.lock.cut_off.cancel();
    operator.leadership.lost().await;
    let writes = server.writes().len();
    server.put("configrevisions", revision("r2"));
    server.put("tradinginstances", instance("second", "r2"));
    a_quarter_of_an_hour().await;
    assert_eq!(
        operator.context.caches.instances.len(),
        2,
        "it goes on following"
    );
    assert_eq!(server.writes().len(), writes, "{:#?}", server.writes());
}
