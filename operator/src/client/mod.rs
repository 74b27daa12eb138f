//! Clients of the API server: layers that count, limit and hold back requests.

mod count;
#[cfg(feature = "fault-injection")]
mod fault_injection;
mod leader_guard;
mod request_kind;
mod time_limit;

use std::{sync::Arc, time::Duration};

use http::{Request, Response};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder},
};
use tower::{BoxError, Layer, Service};

#[cfg(feature = "fault-injection")]
pub use fault_injection::{ExitAtWrite, FaultInjection, Side};
pub use leader_guard::{LeaderGuard, NotLeading};

use crate::{
    leader_election::{Clock, Leadership},
    metrics::Metrics,
};
use count::Count;
use time_limit::TimeLimit;

/// Longest time for any request but a watch.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// The client of the elector alone, with connections of its own: a busy operator cannot delay a
/// renewal. Its writes are not held back, and are not counted as writes of the operator.
pub fn for_lease(config: Config, metrics: Arc<Metrics>) -> Result<Client, kube::Error> {
    let client = ClientBuilder::try_from(without_repetition(config))?
        .with_layer(&TimeLimit(REQUEST_LIMIT))
        .with_layer(&Count::calls(metrics));
    Ok(client.build())
}

/// The client of the inspector, which writes no matter who leads: what it finds is the same in each.
pub fn for_inspector(config: Config) -> Result<Client, kube::Error> {
    let client =
        ClientBuilder::try_from(without_repetition(config))?.with_layer(&TimeLimit(REQUEST_LIMIT));
    Ok(client.build())
}

/// The client of everything else: its writes are refused while this process may not write.
pub fn for_work<C: Clock>(
    config: Config,
    metrics: Arc<Metrics>,
    leadership: Leadership<C>,
    faults: &Faults,
) -> Result<Client, kube::Error> {
    let client = ClientBuilder::try_from(without_repetition(config))?
        .with_layer(&TimeLimit(REQUEST_LIMIT))
        .with_layer(&Count::calls_and_writes(metrics))
        .with_layer(faults)
        .with_layer(&LeaderGuard::new(leadership));
    Ok(client.build())
}

/// A client over any service, with the layers of [`for_work`]: how tests put a mock in the place of
/// the API server.
pub fn over<S, B, C>(service: S, metrics: Arc<Metrics>, leadership: Leadership<C>) -> Client
where
    C: Clock,
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service = TimeLimit(REQUEST_LIMIT).layer(service);
    let service = Count::calls_and_writes(metrics).layer(service);
    let service = LeaderGuard::new(leadership).layer(service);
    Client::new(service, "default")
}

/// Every attempt is ours to decide: the client itself repeats nothing, or a write could be repeated
/// after leadership is lost.
fn without_repetition(mut config: Config) -> Config {
    config.default_retry = false;
    config
}

/// No faults: the layer that stands where tests inject them.
#[cfg(not(feature = "fault-injection"))]
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults;

#[cfg(not(feature = "fault-injection"))]
impl<S> Layer<S> for Faults {
    type Service = S;

    fn layer(&self, inner: S) -> S {
        inner
    }
}

/// The faults that a test asks for.
#[cfg(feature = "fault-injection")]
pub type Faults = FaultInjection;
