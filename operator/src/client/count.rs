//! Counts requests and how they were answered.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use kube::client::Body;
use tower::{BoxError, Layer, Service};

use super::request_kind::{is_write, verb};
use crate::metrics::Metrics;

/// The layer.
#[derive(Clone, Debug)]
pub(super) struct Count {
    metrics: Arc<Metrics>,
    writes: bool,
}

impl Count {
    /// Counts requests by verb and code.
    pub(super) fn calls(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            writes: false,
        }
    }

    /// Counts, besides, requests that change something.
    pub(super) fn calls_and_writes(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            writes: true,
        }
    }
}

impl<S> Layer<S> for Count {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted {
            inner,
            count: self.clone(),
        }
    }
}

/// The service that the layer makes.
#[derive(Clone, Debug)]
pub(super) struct Counted<S> {
    inner: S,
    count: Count,
}

impl<S, B> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
    S::Future: Send + 'static,
    B: 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<B>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let verb = verb(&request);
        let metrics = Arc::clone(&self.count.metrics);
        if self.count.writes && is_write(&request) {
            metrics.wrote();
        }
        let answer = self.inner.call(request);
        async move {
            let answer = answer.await;
            match &answer {
                Ok(response) => metrics.called(verb, response.status().as_str()),
                Err(_) => metrics.called(verb, "none"),
            }
            answer
        }
        .boxed()
    }
}
