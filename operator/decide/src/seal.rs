//! Whether the sealed namespace of an account's side is whole (invariant K1), piece by piece.
//!
//! The account's chart makes the pieces; this says what is missing of them or was altered, and what
//! was added that would open the namespace.

use std::collections::BTreeMap;

use k8s_openapi::api::{
    core::v1::{Namespace, ResourceQuota, ServiceAccount},
    networking::v1::NetworkPolicy,
    rbac::v1::{PolicyRule, Role, RoleBinding},
};
use triptych_crds::trading_account::SealStatus;

use crate::{
    names::{TRADER_SERVICE_ACCOUNT, annotation},
    quantity,
    side::SideName,
    text,
};

/// Name of the quota that admits one pod.
pub const QUOTA: &str = "seal";
/// Name of the policy that lets nothing in or out.
pub const DEFAULT_DENY: &str = "default-deny";
/// The further network policies of a sealed namespace: what the operator asks, and where the trader
/// goes.
const HOLES: [&str; 2] = ["operator", "trader"];
/// The binding of the trader's own rights.
const TRADER_BINDING: &str = "trader";
/// The bindings of people: the team that looks, and the custodians who bring keys and read none.
const VIEW: &str = "view";
const CUSTODIANS: &str = "key-custodians";
/// What custodians may do to Secrets.
const BRINGING: [&str; 2] = ["create", "delete"];
/// The Pod Security level of a sealed namespace.
const POD_SECURITY: (&str, &str) = ("pod-security.kubernetes.io/enforce", "restricted");
/// Most problems that are told, and the longest of them, in characters.
const MOST_PROBLEMS: usize = 32;
const LONGEST_PROBLEM: usize = 256;

/// What there is in a sealed namespace.
#[derive(Clone, Debug, Default)]
pub struct Pieces {
    /// The namespace itself.
    pub namespace: Option<Namespace>,
    /// Its quotas.
    pub quotas: Vec<ResourceQuota>,
    /// Its network policies.
    pub network_policies: Vec<NetworkPolicy>,
    /// Its service accounts.
    pub service_accounts: Vec<ServiceAccount>,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Its role bindings.
    pub role_bindings: Vec<RoleBinding>,
}

/// Looks at every piece of the seal of one side of an account.
pub fn inspect(account: &str, side: SideName, pieces: &Pieces) -> SealStatus {
    let Some(namespace) = &pieces.namespace else {
        let problem = format!("namespace {} does not exist", side.namespace(account));
        return status(&[problem]);
    };
    let problems: Vec<String> = labels(account, side, namespace)
        .into_iter()
        .chain(announcement(namespace))
        .chain(quota(&pieces.quotas))
        .chain(network(&pieces.network_policies))
        .chain(service_account(&pieces.service_accounts))
        .chain(rights(&pieces.roles, &pieces.role_bindings))
        .collect();
    status(&problems)
}

fn status(problems: &[String]) -> SealStatus {
    SealStatus {
        whole: problems.is_empty(),
        problems: problems
            .iter()
            .take(MOST_PROBLEMS)
            .map(|problem| text::at_most(&text::one_line(problem), LONGEST_PROBLEM))
            .collect(),
    }
}

fn labels(account: &str, side: SideName, namespace: &Namespace) -> Vec<String> {
    let empty = BTreeMap::new();
    let labels = namespace.metadata.labels.as_ref().unwrap_or(&empty);
    [
        ("triptych.trading/account", account),
        ("triptych.trading/side", side.as_str()),
        POD_SECURITY,
    ]
    .into_iter()
    .filter(|(key, expected)| labels.get(*key).map(String::as_str) != Some(*expected))
    .map(|(key, expected)| {
        let found = labels.get(key).map_or("absent", String::as_str);
        format!("namespace label {key} is {found}, expected {expected}")
    })
    .collect()
}

/// No trader starts where everything is about to go.
fn announcement(namespace: &Namespace) -> Option<String> {
    let annotations = namespace.metadata.annotations.as_ref()?;
    annotations.contains_key(annotation::DECOMMISSION).then(|| {
        format!(
            "namespace annotation {} announces its deletion: delete it, or take the annotation off",
            annotation::DECOMMISSION
        )
    })
}

/// `pods: 1` would stop counting a pod that is stuck; `count/pods` counts objects.
fn quota(quotas: &[ResourceQuota]) -> Option<String> {
    let named = |quota: &&ResourceQuota| quota.metadata.name.as_deref() == Some(QUOTA);
    let Some(quota) = quotas.iter().find(named) else {
        return Some(format!("ResourceQuota {QUOTA} is missing"));
    };
    let spec = quota.spec.as_ref();
    if spec.is_some_and(|spec| spec.scopes.is_some() || spec.scope_selector.is_some()) {
        return Some(format!(
            "ResourceQuota {QUOTA} has a scope: it does not count every pod"
        ));
    }
    let hard = spec.and_then(|spec| spec.hard.as_ref()?.get("count/pods"));
    match hard {
        Some(hard) if quantity::compare(&hard.0, "1") == Some(std::cmp::Ordering::Equal) => None,
        Some(hard) => Some(format!(
            "ResourceQuota {QUOTA} has count/pods {}, expected 1",
            hard.0
        )),
        None => Some(format!(
            "ResourceQuota {QUOTA} has no count/pods, expected 1"
        )),
    }
}

fn network(policies: &[NetworkPolicy]) -> Vec<String> {
    let name = |policy: &NetworkPolicy| policy.metadata.name.clone().unwrap_or_default();
    let denies_all = |policy: &NetworkPolicy| {
        let spec = policy.spec.clone().unwrap_or_default();
        let types = spec.policy_types.unwrap_or_default();
        let selector = spec.pod_selector.unwrap_or_default();
        selector.match_labels.is_none_or(|labels| labels.is_empty())
            && selector
                .match_expressions
                .is_none_or(|expressions| expressions.is_empty())
            && ["Ingress", "Egress"]
                .iter()
                .all(|one| types.iter().any(|kind| kind == one))
            && spec.ingress.is_none_or(|rules| rules.is_empty())
            && spec.egress.is_none_or(|rules| rules.is_empty())
    };
    let mut problems = Vec::new();
    match policies.iter().find(|policy| name(policy) == DEFAULT_DENY) {
        None => problems.push(format!("NetworkPolicy {DEFAULT_DENY} is missing")),
        Some(policy) if !denies_all(policy) => problems.push(format!(
            "NetworkPolicy {DEFAULT_DENY} lets something through: expected all pods, Ingress and Egress, no rule"
        )),
        Some(_) => {}
    }
    for hole in HOLES {
        if !policies.iter().any(|policy| name(policy) == hole) {
            problems.push(format!("NetworkPolicy {hole} is missing"));
        }
    }
    let known = |name: &str| name == DEFAULT_DENY || HOLES.contains(&name);
    let added = policies.iter().map(name).filter(|name| !known(name));
    problems.extend(added.map(|name| format!("NetworkPolicy {name} was added")));
    problems
}

fn service_account(accounts: &[ServiceAccount]) -> Option<String> {
    let is_there = accounts
        .iter()
        .any(|account| account.metadata.name.as_deref() == Some(TRADER_SERVICE_ACCOUNT));
    (!is_there).then(|| format!("ServiceAccount {TRADER_SERVICE_ACCOUNT} is missing"))
}

/// Nobody gets more in a sealed namespace than the trader its Lease and the team its view.
fn rights(roles: &[Role], bindings: &[RoleBinding]) -> Vec<String> {
    let mut problems = Vec::new();
    for role in roles {
        let name = role.metadata.name.as_deref().unwrap_or_default();
        let brings_keys = |rule: &PolicyRule| {
            name == CUSTODIANS
                && rule
                    .verbs
                    .iter()
                    .all(|verb| BRINGING.contains(&verb.as_str()))
        };
        let mut given = role.rules.iter().flatten();
        if given.any(|rule| opens(rule) && !brings_keys(rule)) {
            problems.push(format!(
                "Role {name} gives a right on Secrets, or a way into pods"
            ));
        }
    }
    let named = |binding: &RoleBinding| binding.metadata.name.as_deref() == Some(TRADER_BINDING);
    if !bindings.iter().any(named) {
        problems.push(format!("RoleBinding {TRADER_BINDING} is missing"));
    }
    for binding in bindings {
        let name = binding.metadata.name.as_deref().unwrap_or_default();
        let role = &binding.role_ref;
        if ![TRADER_BINDING, VIEW, CUSTODIANS].contains(&name) {
            problems.push(format!(
                "RoleBinding {name} was added ({} {})",
                role.kind, role.name
            ));
        } else if role.kind != "Role" || role.name != name {
            problems.push(format!(
                "RoleBinding {name} refers to {} {}, expected Role {name}",
                role.kind, role.name
            ));
        }
    }
    problems
}

/// Whether a rule reaches Secrets, tokens, or the inside of a pod.
fn opens(rule: &PolicyRule) -> bool {
    const RESOURCES: [&str; 9] = [
        "*",
        "secrets",
        "pods/exec",
        "pods/attach",
        "pods/portforward",
        "pods/proxy",
        "pods/ephemeralcontainers",
        "serviceaccounts/token",
        "*/*",
    ];
    let mut resources = rule.resources.iter().flatten();
    resources.any(|resource| RESOURCES.contains(&resource.as_str()))
        || rule
            .verbs
            .iter()
            .any(|verb| verb == "*" || verb == "impersonate")
}
