//! A request to the API server, and what became of it.

use anyhow::{Context, Result};
use http::Method;
use kube::Client;
use serde_json::{Value, json};

/// A request. Those that write are dry runs unless they are meant: admission judges both alike.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: Method,
    path: String,
    content_type: &'static str,
    body: Option<Value>,
    dry: bool,
}

/// What became of a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// It was carried out.
    Done(Value),
    /// It was not, for a reason that is not admission's: it came past admission.
    Failed(String),
    /// It was forbidden, or held against a rule.
    Refused(String),
}

impl Request {
    /// Creates what `body` says in a collection.
    pub(crate) fn create(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::POST, path, Some(body))
    }

    /// Replaces an object.
    pub(crate) fn replace(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::PUT, path, Some(body))
    }

    /// Changes the fields that `body` names.
    pub(crate) fn patch(path: impl Into<String>, body: Value) -> Self {
        Self {
            content_type: "application/merge-patch+json",
            ..Self::new(Method::PATCH, path, Some(body))
        }
    }

    /// Changes lists by the rules of the kind, as `kubectl patch` does.
    pub(crate) fn strategic_patch(path: impl Into<String>, body: Value) -> Self {
        Self {
            content_type: "application/strategic-merge-patch+json",
            ..Self::new(Method::PATCH, path, Some(body))
        }
    }

    /// Deletes an object, or all of a collection.
    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path, None)
    }

    /// Deletes an object without waiting for its end.
    pub(crate) fn force_delete(path: impl Into<String>) -> Self {
        Self::new(
            Method::DELETE,
            path,
            Some(json!({ "gracePeriodSeconds": 0 })),
        )
    }

    /// Reads.
    pub(crate) fn read(path: impl Into<String>) -> Self {
        Self {
            dry: false,
            ..Self::new(Method::GET, path, None)
        }
    }

    /// Opens a way into a pod. There is no dry run of that.
    pub(crate) fn connect(method: Method, path: impl Into<String>) -> Self {
        Self {
            dry: false,
            ..Self::new(method, path, None)
        }
    }

    /// The same request, not as a dry run.
    pub(crate) fn in_earnest(self) -> Self {
        Self { dry: false, ..self }
    }

    /// Sends it.
    pub(crate) async fn send(&self, client: &Client) -> Result<Answer> {
        let request = http::Request::builder()
            .method(self.method.clone())
            .uri(self.target())
            .header(http::header::CONTENT_TYPE, self.content_type)
            .body(self.bytes()?)?;
        match client.request_text(request).await {
            Ok(text) => Ok(Answer::Done(
                serde_json::from_str(&text).unwrap_or(Value::String(text)),
            )),
            Err(kube::Error::Api(status)) if matches!(status.code, 401 | 403 | 422) => {
                Ok(Answer::Refused(status.message))
            }
            Err(kube::Error::Api(status)) => Ok(Answer::Failed(format!(
                "{} {}",
                status.code, status.message
            ))),
            Err(error) => Err(error).with_context(|| format!("{} {}", self.method, self.path)),
        }
    }

    fn new(method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        Self {
            method,
            path: path.into(),
            content_type: "application/json",
            body,
            dry: true,
        }
    }

    fn target(&self) -> String {
        let mark = if self.path.contains('?') { '&' } else { '?' };
        if self.dry {
            format!("{}{mark}dryRun=All", self.path)
        } else {
            self.path.clone()
        }
    }

    /// Options of a deletion that are in the body leave no room for those in the query.
    fn bytes(&self) -> Result<Vec<u8>> {
        let Some(mut body) = self.body.clone() else {
            return Ok(Vec::new());
        };
        if self.dry && self.method == Method::DELETE {
            body["dryRun"] = json!(["All"]);
        }
        Ok(serde_json::to_vec(&body)?)
    }
}

impl Answer {
    /// Why it was refused.
    pub(crate) fn refusal(&self) -> Option<&str> {
        match self {
            Self::Refused(message) => Some(message),
            Self::Done(_) | Self::Failed(_) => None,
        }
    }
}

/// Path of a namespaced collection; `group` is `core` or, for example, `apps/v1`.
pub(crate) fn collection(group: &str, namespace: &str, plural: &str) -> String {
    format!("{}/namespaces/{namespace}/{plural}", root(group))
}

/// Path of a namespaced object, or of its subresource.
pub(crate) fn object(group: &str, namespace: &str, plural: &str, name: &str) -> String {
    format!("{}/{name}", collection(group, namespace, plural))
}

/// Path of a collection of the whole cluster, or of an object in it.
pub(crate) fn cluster_wide(group: &str, path: &str) -> String {
    format!("{}/{path}", root(group))
}

fn root(group: &str) -> String {
    if group == "core" {
        "/api/v1".to_owned()
    } else {
        format!("/apis/{group}")
    }
}
