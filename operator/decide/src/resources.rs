//! Requests and limits of the trader's container.

use std::{cmp::Ordering, collections::BTreeMap};

use k8s_openapi::{
    api::core::v1::ResourceRequirements, apimachinery::pkg::api::resource::Quantity,
};
use triptych_crds::trading_instance::Resources;

use crate::quantity;

/// Processor time that is requested where the instance names none.
const DEFAULT_CPU_REQUEST: &str = "100m";
/// Memory that is requested where the instance names none.
const DEFAULT_MEMORY_REQUEST: &str = "128Mi";
/// Limit of memory where the instance names none.
const DEFAULT_MEMORY_LIMIT: &str = "512Mi";

/// Requests and limits with the documented defaults. A default gives way to what is written: it
/// never lies on the wrong side of a limit or request that the instance names.
pub fn requirements(resources: Option<&Resources>) -> ResourceRequirements {
    let amounts = Amounts::of(resources);
    let cpu_request = amounts
        .cpu_request
        .unwrap_or_else(|| smaller(DEFAULT_CPU_REQUEST, amounts.cpu_limit));
    let memory_request = amounts
        .memory_request
        .unwrap_or_else(|| smaller(DEFAULT_MEMORY_REQUEST, amounts.memory_limit));
    let memory_limit = amounts
        .memory_limit
        .unwrap_or_else(|| larger(DEFAULT_MEMORY_LIMIT, memory_request));
    let requests = [("cpu", Some(cpu_request)), ("memory", Some(memory_request))];
    let limits = [("cpu", amounts.cpu_limit), ("memory", Some(memory_limit))];
    ResourceRequirements {
        requests: Some(quantities(requests)),
        limits: Some(quantities(limits)),
        ..Default::default()
    }
}

/// What is wrong with the written amounts: a request above its limit, which the API server would
/// refuse in the pod.
pub fn contradiction(resources: Option<&Resources>) -> Option<String> {
    let amounts = Amounts::of(resources);
    let pairs = [
        ("cpu", amounts.cpu_request, amounts.cpu_limit),
        ("memory", amounts.memory_request, amounts.memory_limit),
    ];
    pairs.into_iter().find_map(|(name, request, limit)| {
        let (request, limit) = (request?, limit?);
        (quantity::compare(request, limit) == Some(Ordering::Greater)).then(|| {
            format!("spec.resources.requests.{name}: {request} is more than limits.{name} {limit}: lower the request or raise the limit")
        })
    })
}

#[derive(Default)]
struct Amounts<'a> {
    cpu_request: Option<&'a str>,
    memory_request: Option<&'a str>,
    cpu_limit: Option<&'a str>,
    memory_limit: Option<&'a str>,
}

impl<'a> Amounts<'a> {
    fn of(resources: Option<&'a Resources>) -> Self {
        let requests = resources.and_then(|resources| resources.requests.as_ref());
        let limits = resources.and_then(|resources| resources.limits.as_ref());
        Self {
            cpu_request: requests.and_then(|amounts| amounts.cpu.as_deref()),
            memory_request: requests.and_then(|amounts| amounts.memory.as_deref()),
            cpu_limit: limits.and_then(|amounts| amounts.cpu.as_deref()),
            memory_limit: limits.and_then(|amounts| amounts.memory.as_deref()),
        }
    }
}

fn smaller<'a>(default: &'a str, limit: Option<&'a str>) -> &'a str {
    limit
        .filter(|limit| quantity::compare(limit, default) == Some(Ordering::Less))
        .unwrap_or(default)
}

fn larger<'a>(default: &'a str, request: &'a str) -> &'a str {
    if quantity::compare(request, default) == Some(Ordering::Greater) {
        request
    } else {
        default
    }
}

fn quantities<const N: usize>(amounts: [(&str, Option<&str>); N]) -> BTreeMap<String, Quantity> {
    amounts
        .into_iter()
        .filter_map(|(name, amount)| Some((name.to_owned(), Quantity(amount?.to_owned()))))
        .collect()
}

#[cfg(test)]
mod tests {
    use triptych_crds::{text::ResourceQuantity, trading_instance::ComputeResources};

    use super::*;

    #[allow(
        clippy::unnecessary_wraps,
        reason = "the fields that it fills are optional"
    )]
    fn amounts(cpu: Option<&str>, memory: Option<&str>) -> Option<ComputeResources> {
        let amount = |text: &str| ResourceQuantity(text.to_owned());
        Some(ComputeResources {
            cpu: cpu.map(amount),
            memory: memory.map(amount),
        })
    }

    #[test]
    fn defaults_give_way_to_what_is_written() {
        let table = [
            (None, "100m 128Mi - 512Mi"),
            (
                Some((None, amounts(None, Some("64Mi")))),
                "100m 64Mi - 64Mi",
            ),
            (Some((amounts(None, Some("1Gi")), None)), "100m 1Gi - 1Gi"),
            (
                Some((None, amounts(Some("50m"), None))),
                "50m 128Mi 50m 512Mi",
            ),
            (
                Some((
                    amounts(Some("1"), Some("1Gi")),
                    amounts(Some("2"), Some("2Gi")),
                )),
                "1 1Gi 2 2Gi",
            ),
        ];
        for (written, expected) in table {
            let written = written.map(|(requests, limits)| Resources { requests, limits });
            let rendered = requirements(written.as_ref());
            let show = |amounts: &Option<BTreeMap<String, Quantity>>, name: &str| {
                let amount = amounts.as_ref().and_then(|amounts| amounts.get(name));
                amount.map_or("-".to_owned(), |amount| amount.0.clone())
            };
            let shown = [
                show(&rendered.requests, "cpu"),
                show(&rendered.requests, "memory"),
                show(&rendered.limits, "cpu"),
                show(&rendered.limits, "memory"),
            ];
            assert_eq!(shown.join(" "), expected, "{written:?}");
            assert_eq!(contradiction(written.as_ref()), None);
        }
    }

    #[test]
    fn a_request_above_its_limit_is_named() {
        let resources = Resources {
            requests: amounts(None, Some("2Gi")),
            limits: amounts(None, Some("1024Mi")),
        };
        let message = contradiction(Some(&resources)).expect("a contradiction");
        assert!(
            message.starts_with("spec.resources.requests.memory: 2Gi"),
            "{message}"
        );
    }
}
