//! What a request to the API server is, from its method and address.

use http::{Method, Request, header::CONTENT_TYPE};

/// The verb of a request, as audit logs and roles name it; server-side apply is told from other
/// patches.
pub(super) fn verb<B>(request: &Request<B>) -> &'static str {
    match *request.method() {
        Method::GET if is_watch(request) => "watch",
        Method::GET if names_an_object(request.uri().path()) => "get",
        Method::GET => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH if is_apply(request) => "apply",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

/// Whether a request changes something.
pub(super) fn is_write<B>(request: &Request<B>) -> bool {
    !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    )
}

/// Whether the answer is a stream of events.
pub(super) fn is_watch<B>(request: &Request<B>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query
        .split('&')
        .any(|pair| matches!(pair, "watch=true" | "watch=1"))
}

fn is_apply<B>(request: &Request<B>) -> bool {
    request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/apply-patch"))
}

/// Paths are `/api/v1` or `/apis/<group>/<version>`, then `namespaces/<namespace>` where the kind
/// has one, then `<plural>` and, for an object, `<name>` and a subresource.
fn names_an_object(path: &str) -> bool {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let group_segments = match segments.next() {
        Some("api") => 1,
        Some("apis") => 2,
        _ => return false,
    };
    let rest: Vec<&str> = segments.skip(group_segments).collect();
    match rest.as_slice() {
        ["namespaces", _, _plural, _name, ..] => true,
        ["namespaces", _, _plural] => false,
        [_plural, _name, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, address: &str, content: &str) -> Request<()> {
        Request::builder()
            .method(method)
            .uri(address)
            .header(CONTENT_TYPE, content)
            .body(())
            .expect("a request")
    }

    #[test]
    fn each_request_has_the_verb_that_roles_name() {
        let json = "application/json";
        let apply = "application/apply-patch+yaml";
        let merge = "application/merge-patch+json";
        let cases = [
            (Method::GET, "/api/v1/pods?limit=500", json, "list"),
            (Method::GET, "/api/v1/namespaces/team/pods", json, "list"),
            (
                Method::GET,
                "/api/v1/namespaces/team/pods/scout-0",
                json,
                "get",
            ),
            (Method::GET, "/api/v1/namespaces/team", json, "get"),
            (
                Method::GET,
                "/api/v1/pods?limit=5&watch=true",
                json,
                "watch",
            ),
            (Method::GET, "/apis/apps/v1/statefulsets", json, "list"),
            (
                Method::GET,
                "/apis/apps/v1/namespaces/team/statefulsets/scout",
                json,
                "get",
            ),
            (
                Method::POST,
                "/apis/events.k8s.io/v1/namespaces/team/events",
                json,
                "create",
            ),
            (
                Method::PATCH,
                "/api/v1/namespaces/team/configmaps/a?force=true",
                apply,
                "apply",
            ),
            (
                Method::PATCH,
                "/apis/coordination.k8s.io/v1/namespaces/o/leases/l",
                merge,
                "patch",
            ),
            (
                Method::DELETE,
                "/api/v1/namespaces/team/pods/scout-0",
                json,
                "delete",
            ),
            (Method::GET, "/version", json, "list"),
        ];
        for (method, address, content, expected) in cases {
            let request = request(method.clone(), address, content);
            assert_eq!(verb(&request), expected, "{method} {address}");
            assert_eq!(is_write(&request), method != Method::GET);
        }
    }
}
