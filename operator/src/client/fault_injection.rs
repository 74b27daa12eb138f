//! For tests only: the process ends at its Nth write, just before the request leaves or just after
//! it was answered, as if it had been killed there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use clap::ValueEnum;
use futures::{FutureExt, future::BoxFuture};
use http::Request;
use kube::client::Body;
use tower::{BoxError, Layer, Service};

use super::request_kind::is_write;

/// Exit code of a process that ended by an injected fault.
const EXIT_CODE: i32 = 99;

/// On which side of the request the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Side {
    /// The request never leaves.
    Before,
    /// The API server has carried it out; nobody sees the answer.
    After,
}

/// The write at which the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitAtWrite {
    /// Its number, from 1; writes of the Lease do not count.
    pub number: u64,
    /// Before or after it.
    pub side: Side,
}

/// The layer.
#[derive(Clone, Debug, Default)]
pub struct FaultInjection {
    exit: Option<ExitAtWrite>,
    writes: Arc<AtomicU64>,
}

impl FaultInjection {
    /// No fault where `exit` is `None`.
    pub fn new(exit: Option<ExitAtWrite>) -> Self {
        Self {
            exit,
            writes: Arc::default(),
        }
    }

    /// Which side of this write, if any, the process does not survive.
    fn fatal_side<B>(&self, request: &Request<B>) -> Option<Side> {
        if !is_write(request) {
            return None;
        }
        let number = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        self.exit
            .filter(|exit| exit.number == number)
            .map(|exit| exit.side)
    }
}

impl<S> Layer<S> for FaultInjection {
    type Service = Faulty<S>;

    fn layer(&self, inner: S) -> Faulty<S> {
        Faulty {
            inner,
            faults: self.clone(),
        }
    }
}

/// The service that the layer makes.
#[derive(Clone, Debug)]
pub struct Faulty<S> {
    inner: S,
    faults: FaultInjection,
}

impl<S> Service<Request<Body>> for Faulty<S>
where
    S: Service<Request<Body>, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self.faults.fatal_side(&request) {
            None => self.inner.call(request).boxed(),
            Some(Side::Before) => std::process::exit(EXIT_CODE),
            Some(Side::After) => {
                let answer = self.inner.call(request);
                // In a task of its own: whoever asked may give up before the answer.
                tokio::spawn(async move {
                    let _unseen = answer.await;
                    std::process::exit(EXIT_CODE)
                });
                std::future::pending().boxed()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn only_the_chosen_write_is_fatal() {
        let faults = FaultInjection::new(Some(ExitAtWrite {
            number: 2,
            side: Side::After,
        }));
        let request = |method: Method| Request::builder().method(method).body(()).expect("valid");
        let fatal = |method: Method| faults.fatal_side(&request(method));
        assert_eq!(fatal(Method::PATCH), None);
        assert_eq!(fatal(Method::GET), None, "reads do not count");
        assert_eq!(fatal(Method::DELETE), Some(Side::After));
        assert_eq!(fatal(Method::PATCH), None);
    }
}
