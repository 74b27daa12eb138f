//! Asks traders what they run, by the address of their pod.
//!
//! What a trader says of its configuration, its run and its build holds for the life of its
//! container, so each container is asked until it answered, and again when the readiness of its pod
//! changes. A trader of W or R may halt at any time: it is asked anew, and what it said last stands
//! until it missed [`MISSED`] questions in a row, so that one late answer of a busy node changes no
//! status. Whether an answer counts is not decided here.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use triptych_decide::world::{Attestation, PodView, TraderStatus};

use crate::metrics::Metrics;

/// Longest wait for a whole answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long an answer is good that may change at any time.
const MOMENT: Duration = Duration::from_millis(500);

/// Questions in a row that a container whose pod is as ready as before may leave unanswered: with
/// a question every ten seconds, what is shown of it is at most half a minute old.
const MISSED: u32 = 2;

/// Largest answer, in bytes.
const LARGEST_ANSWER: usize = 16 * 1024;

/// The trader's port.
const PORT: u16 = 8080;

/// Version of the trader's contract that is understood.
const CONTRACT: &str = "v1";

/// Longest identifier that fits into the status of an instance, in characters.
const LONGEST_TEXT: usize = 64;

type HttpClient = Client<HttpConnector, Empty<&'static [u8]>>;

/// How long an answer is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Good {
    /// For the life of the container.
    ForLife,
    /// For as long that two decisions on the same change ask once.
    ForAMoment,
}

/// Asks, and remembers who answered.
pub struct Attester {
    client: HttpClient,
    port: u16,
    answers: Mutex<HashMap<String, Answer>>,
    metrics: Arc<Metrics>,
}

/// An answer, and the state of the pod in which it was given.
#[derive(Clone)]
struct Answer {
    container: Option<String>,
    ready: bool,
    given: Instant,
    /// Questions since then that it left unanswered.
    missed: u32,
    status: TraderStatus,
}

impl Answer {
    /// Whether it was given by the container that runs now, when its pod was as ready as now.
    fn is_of(&self, pod: &PodView) -> bool {
        self.container == pod.container.container_id && self.ready == pod.ready
    }
}

impl Attester {
    /// Nobody was asked yet.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self::on_port(metrics, PORT)
    }

    fn on_port(metrics: Arc<Metrics>, port: u16) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(PATIENCE));
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Self {
            client,
            port,
            answers: Mutex::default(),
            metrics,
        }
    }

    /// What the trader in this pod says, asked now unless it is known.
    pub async fn ask(&self, pod: &PodView, good: Good) -> Attestation {
        let Some(address) = address(pod) else {
            return Attestation::NotAsked;
        };
        if let Some(status) = self.remembered(pod, good) {
            return Attestation::Answered(Box::new(status));
        }
        match self.fetch(address).await {
            Ok(status) => {
                self.metrics.asked("answered");
                self.remember(pod, &status);
                Attestation::Answered(Box::new(status))
            }
            Err(reason) => {
                self.metrics.asked("unreachable");
                match self.missed(pod) {
                    Some(status) => Attestation::Answered(Box::new(status)),
                    None => Attestation::Unreachable { reason },
                }
            }
        }
    }

    /// Forgets a pod that is gone.
    pub fn forget(&self, pod_uid: &str) {
        self.answers().remove(pod_uid);
    }

    fn remembered(&self, pod: &PodView, good: Good) -> Option<TraderStatus> {
        let answers = self.answers();
        let answer = answers.get(&pod.uid)?;
        let current = good == Good::ForLife || answer.given.elapsed() < MOMENT;
        (current && answer.is_of(pod)).then(|| answer.status.clone())
    }

    /// What stands although the question was not answered.
    fn missed(&self, pod: &PodView) -> Option<TraderStatus> {
        let mut answers = self.answers();
        let answer = answers.get_mut(&pod.uid)?;
        answer.missed += 1;
        let stands = answer.missed <= MISSED && answer.is_of(pod);
        stands.then(|| answer.status.clone())
    }

    fn remember(&self, pod: &PodView, status: &TraderStatus) {
        let answer = Answer {
            container: pod.container.container_id.clone(),
            ready: pod.ready,
            given: Instant::now(),
            missed: 0,
            status: status.clone(),
        };
        self.answers().insert(pod.uid.clone(), answer);
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<String, Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, address: IpAddr) -> Result<TraderStatus, String> {
        let answer = tokio::time::timeout(PATIENCE, self.request(address)).await;
        let bytes = answer.map_err(|_| format!("no whole answer within {PATIENCE:?}"))??;
        let status: TraderStatus = serde_json::from_slice(&bytes)
            .map_err(|error| format!("its answer is not by the contract: {error}"))?;
        check(&status)?;
        Ok(status)
    }

    async fn request(&self, address: IpAddr) -> Result<Vec<u8>, String> {
        let host = match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        let request = Request::get(format!("http://{host}:{}/v1/status", self.port))
            .body(Empty::new())
            .map_err(|error| format!("{address}: {error}"))?;
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| format!("{host}:{}: {error}", self.port))?;
        if response.status() != StatusCode::OK {
            return Err(format!("it answered {}", response.status()));
        }
        let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect();
        let body = body.await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                format!("its answer is larger than {LARGEST_ANSWER} bytes")
            } else {
                format!("its answer was cut off: {error}")
            }
        })?;
        Ok(body.to_bytes().to_vec())
    }
}

/// Where a trader can be asked: its pod has an address and its container runs.
fn address(pod: &PodView) -> Option<IpAddr> {
    let may_answer = pod.container.running && !pod.finished;
    pod.ip.as_ref().filter(|_| may_answer)?.parse().ok()
}

/// The answer goes into the status of an instance: what does not fit there is no answer.
fn check(status: &TraderStatus) -> Result<(), String> {
    if status.contract != CONTRACT {
        return Err(format!(
            "it keeps another contract than {CONTRACT}: {}",
            triptych_decide::text::at_most(&status.contract, 20)
        ));
    }
    let texts = [
        ("tier", &status.tier),
        ("instanceUid", &status.instance_uid),
        ("podUid", &status.pod_uid),
        ("runId", &status.run_id),
        ("configHash", &status.config_hash),
        ("build.version", &status.build.version),
    ];
    for (field, text) in texts {
        if text.is_empty() || text.chars().count() > LONGEST_TEXT {
            return Err(format!(
                "its answer is not by the contract: {field} must have 1 to {LONGEST_TEXT} characters"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::{Router, routing::get};
    use serde_json::{Value, json};
    use tokio::net::TcpListener;
    use triptych_decide::world::ContainerView;

    use super::*;

    struct Trader {
        attester: Attester,
        asked: Arc<AtomicUsize>,
    }

    /// A trader on loopback that answers with this text.
    async fn trader(answer: String) -> Trader {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let handler = move || {
            counter.fetch_add(1, Ordering::SeqCst);
            std::future::ready(answer.clone())
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let router = Router::new().route("/v1/status", get(handler));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Trader {
            attester: Attester::on_port(Arc::new(Metrics::new("test")), port),
            asked,
        }
    }

    fn by_the_contract() -> Value {
        json!({
            "contract": "v1", "tier": "ABH", "instanceUid": "i", "podUid": "p", "runId": "r",
            "configHash": "h", "build": { "version": "0.1.0" }, "ready": true,
            "notReadyReason": null, "somethingNewer": [1, 2, 3],
        })
    }

    fn pod() -> PodView {
        let mut pod = triptych_decide::view::pod(
            &k8s_openapi::api::core::v1::Pod::default(),
            Attestation::NotAsked,
        );
        pod.uid = "p".into();
        pod.ip = Some("127.0.0.1".into());
        pod.container = ContainerView {
            container_id: Some("containerd://1".into()),
            running: true,
            ..ContainerView::default()
        };
        pod
    }

    fn reason(attestation: Attestation) -> String {
        match attestation {
            Attestation::Unreachable { reason } => reason,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_container_that_answered_is_asked_again_only_when_something_changed() {
        let trader = trader(by_the_contract().to_string()).await;
        let mut pod = pod();
        for _ in 0..3 {
            let answer = trader.attester.ask(&pod, Good::ForLife).await;
            assert!(matches!(answer, Attestation::Answered(status) if status.run_id == "r"));
        }
        assert_eq!(trader.asked.load(Ordering::SeqCst), 1);
        pod.ready = true;
        trader.attester.ask(&pod, Good::ForLife).await;
        assert_eq!(
            trader.asked.load(Ordering::SeqCst),
            2,
            "its readiness changed"
        );
        pod.container.container_id = Some("containerd://2".into());
        trader.attester.ask(&pod, Good::ForLife).await;
        assert_eq!(
            trader.asked.load(Ordering::SeqCst),
            3,
            "its container restarted"
        );
        trader.attester.forget("p");
        trader.attester.ask(&pod, Good::ForLife).await;
        assert_eq!(trader.asked.load(Ordering::SeqCst), 4, "it was forgotten");
    }

    #[tokio::test]
    async fn what_a_trader_said_stands_until_it_missed_several_questions_in_a_row() {
        let mut trader = trader(by_the_contract().to_string()).await;
        let pod = pod();
        let answers = |attestation| matches!(attestation, Attestation::Answered(_));
        let port = trader.attester.port;
        for _ in 0..2 {
            trader.attester.port = port;
            past_its_moment(&trader.attester);
            assert!(answers(trader.attester.ask(&pod, Good::ForAMoment).await));
            // Nobody listens there.
            trader.attester.port = 1;
            for question in 1..=MISSED + 2 {
                past_its_moment(&trader.attester);
                let answered = answers(trader.attester.ask(&pod, Good::ForAMoment).await);
                assert_eq!(answered, question <= MISSED, "question {question}");
            }
        }
        let mut restarted = pod.clone();
        restarted.container.container_id = Some("containerd://2".into());
        trader.attester.port = port;
        past_its_moment(&trader.attester);
        assert!(answers(trader.attester.ask(&pod, Good::ForAMoment).await));
        trader.attester.port = 1;
        past_its_moment(&trader.attester);
        reason(trader.attester.ask(&restarted, Good::ForAMoment).await);
    }

    /// Lets the answers be older than a moment.
    fn past_its_moment(attester: &Attester) {
        for answer in attester.answers().values_mut() {
            answer.given -= MOMENT;
        }
    }

    #[tokio::test]
    async fn a_pod_without_an_address_or_a_running_container_is_not_asked() {
        let trader = trader(by_the_contract().to_string()).await;
        let mut without_address = pod();
        without_address.ip = None;
        let mut not_running = pod();
        not_running.container.running = false;
        let mut finished = pod();
        finished.finished = true;
        for pod in [without_address, not_running, finished] {
            assert_eq!(
                trader.attester.ask(&pod, Good::ForLife).await,
                Attestation::NotAsked
            );
        }
        assert_eq!(trader.asked.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn an_answer_that_is_not_by_the_contract_is_no_answer() {
        let mut long = by_the_contract();
        long["runId"] = "x".repeat(65).into();
        let mut empty = by_the_contract();
        empty["configHash"] = "".into();
        let mut other = by_the_contract();
        other["contract"] = "v9".into();
        let mut huge = by_the_contract();
        huge["somethingNewer"] = "x".repeat(LARGEST_ANSWER).into();
        let cases = [
            (long.to_string(), "runId must have 1 to 64 characters"),
            (empty.to_string(), "configHash must have 1 to 64 characters"),
            (other.to_string(), "another contract than v1: v9"),
            (huge.to_string(), "larger than 16384 bytes"),
            ("<html>".to_owned(), "not by the contract"),
        ];
        for (answer, expected) in cases {
            let trader = trader(answer).await;
            let reason = reason(trader.attester.ask(&pod(), Good::ForLife).await);
            assert!(reason.contains(expected), "{reason}");
        }
    }

    #[tokio::test]
    async fn a_trader_that_hangs_costs_a_second_and_one_that_is_not_there_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let attester = Attester::on_port(Arc::new(Metrics::new("test")), port);
        let reason_hanging = reason(attester.ask(&pod(), Good::ForLife).await);
        assert!(
            reason_hanging.contains("no whole answer within 1s"),
            "{reason_hanging}"
        );
        drop(listener);
        let reason_absent = reason(attester.ask(&pod(), Good::ForLife).await);
        assert!(reason_absent.contains("127.0.0.1"), "{reason_absent}");
    }
}
