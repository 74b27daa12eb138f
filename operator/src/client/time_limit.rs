//! An end for every request but a watch.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use http::Request;
use kube::client::Body;
use tower::{BoxError, Layer, Service};

use super::request_kind::is_watch;

/// The layer, with the longest time for a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLimit(pub(super) Duration);

impl<S> Layer<S> for TimeLimit {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Limited<S> {
        Limited {
            inner,
            limit: self.0,
        }
    }
}

/// The service that the layer makes.
#[derive(Clone, Debug)]
pub(super) struct Limited<S> {
    inner: S,
    limit: Duration,
}

impl<S> Service<Request<Body>> for Limited<S>
where
    S: Service<Request<Body>, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let unlimited = is_watch(&request);
        let limit = self.limit;
        let answer = self.inner.call(request);
        if unlimited {
            return answer.boxed();
        }
        async move {
            tokio::time::timeout(limit, answer)
                .await
                .map_err(|_| format!("the API server did not answer within {limit:?}"))?
        }
        .boxed()
    }
}
