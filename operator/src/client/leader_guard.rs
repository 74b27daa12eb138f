//! Holds back writes while this process may not write.
//!
//! It stands in the client, so that no piece of code can forget it: a write does not start without
//! leadership, and one that is under way is dropped the moment leadership ends.

use std::task::{Context, Poll};

use futures::{FutureExt, future::BoxFuture};
use http::Request;
use kube::client::Body;
use thiserror::Error;
use tower::{BoxError, Layer, Service};

use super::request_kind::is_write;
use crate::leader_election::{Clock, Leadership, SystemClock};

/// A write was held back, or dropped under way: another process may be the leader now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("held back: this process is not the leader")]
pub struct NotLeading;

/// The layer.
#[derive(Clone, Debug)]
pub struct LeaderGuard<C: Clock = SystemClock> {
    leadership: Leadership<C>,
}

impl<C: Clock> LeaderGuard<C> {
    /// Writes pass while this says so.
    pub fn new(leadership: Leadership<C>) -> Self {
        Self { leadership }
    }
}

impl<S, C: Clock> Layer<S> for LeaderGuard<C> {
    type Service = Guarded<S, C>;

    fn layer(&self, inner: S) -> Guarded<S, C> {
        Guarded {
            inner,
            leadership: self.leadership.clone(),
        }
    }
}

/// The service that the layer makes.
#[derive(Clone, Debug)]
pub struct Guarded<S, C: Clock> {
    inner: S,
    leadership: Leadership<C>,
}

impl<S, C: Clock> Service<Request<Body>> for Guarded<S, C>
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
        if !is_write(&request) {
            return self.inner.call(request).boxed();
        }
        if !self.leadership.may_write() {
            return std::future::ready(Err(NotLeading.into())).boxed();
        }
        let leadership = self.leadership.clone();
        let answer = self.inner.call(request);
        async move {
            // Asked first at each step: no byte leaves after leadership has ended.
            tokio::select! {
                biased;
                () = leadership.lost() => Err(NotLeading.into()),
                answer = answer => answer,
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use http::{Method, Response};
    use tower::{ServiceExt, service_fn};

    use super::*;

    struct Server {
        arrived: Arc<AtomicUsize>,
        answers_after: Duration,
    }

    impl Server {
        fn new(answers_after: Duration) -> Self {
            Self {
                arrived: Arc::default(),
                answers_after,
            }
        }

        async fn send(&self, leadership: Leadership, method: Method) -> Result<(), BoxError> {
            let arrived = Arc::clone(&self.arrived);
            let delay = self.answers_after;
            let server = service_fn(move |_: Request<Body>| {
                let arrived = Arc::clone(&arrived);
                async move {
                    arrived.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(delay).await;
                    Ok::<_, BoxError>(Response::new(()))
                }
            });
            let request = Request::builder().method(method).body(Body::empty())?;
            let guarded = LeaderGuard::new(leadership).layer(server);
            guarded.oneshot(request).await.map(|_| ())
        }

        fn arrived(&self) -> usize {
            self.arrived.load(Ordering::SeqCst)
        }
    }

    fn is_held_back(answer: Result<(), BoxError>) -> bool {
        answer.is_err_and(|error| error.is::<NotLeading>())
    }

    #[tokio::test]
    async fn a_follower_reads_and_does_not_write() {
        let server = Server::new(Duration::ZERO);
        let (grant, leadership) = Leadership::granted_for(Duration::from_mins(1));
        grant.send_replace(None);
        assert!(server.send(leadership.clone(), Method::GET).await.is_ok());
        assert_eq!(server.arrived(), 1);
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(is_held_back(server.send(leadership.clone(), method).await));
        }
        assert_eq!(server.arrived(), 1, "no write left");
    }

    #[tokio::test]
    async fn a_leader_writes() {
        let server = Server::new(Duration::ZERO);
        let (_grant, leadership) = Leadership::granted_for(Duration::from_mins(1));
        assert!(server.send(leadership, Method::PATCH).await.is_ok());
    }

    #[tokio::test]
    async fn a_write_under_way_is_dropped_when_leadership_is_taken_away() {
        let server = Server::new(Duration::from_mins(10));
        let (grant, leadership) = Leadership::granted_for(Duration::from_mins(10));
        let write = server.send(leadership, Method::PATCH);
        let loss = async {
            while server.arrived() == 0 {
                tokio::task::yield_now().await;
            }
            grant.send_replace(None);
        };
        let (answer, ()) = tokio::join!(write, loss);
        assert!(is_held_back(answer));
    }

    #[tokio::test]
    async fn a_write_under_way_is_dropped_at_the_deadline_even_where_the_elector_hangs() {
        let server = Server::new(Duration::from_mins(10));
        let (_grant, leadership) = Leadership::granted_for(Duration::from_millis(20));
        assert!(is_held_back(
            server.send(leadership.clone(), Method::PATCH).await
        ));
        assert!(is_held_back(server.send(leadership, Method::PATCH).await));
        assert_eq!(server.arrived(), 1);
    }
}
