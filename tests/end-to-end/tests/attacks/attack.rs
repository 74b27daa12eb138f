//! One row of the catalogue: who asks for what, and which policy refuses it.

use crate::{actor::Actor, request::Request};

/// A request that must be refused, and by which policy.
#[derive(Clone, Debug)]
pub(crate) struct Attack {
    /// What is attempted, in words.
    pub(crate) what: String,
    /// Who attempts it.
    pub(crate) actor: Actor,
    /// The attempt.
    pub(crate) request: Request,
    /// Policies of which the first that refuses is named; where two guard the same, either.
    pub(crate) policies: &'static [&'static str],
    /// What the refusal must say.
    pub(crate) saying: &'static str,
}

/// An attempt, still without who refuses it.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    what: String,
    actor: Actor,
    request: Request,
}

/// Begins a row.
pub(crate) fn attempt(what: impl Into<String>, actor: Actor, request: Request) -> Attempt {
    Attempt {
        what: what.into(),
        actor,
        request,
    }
}

impl Attempt {
    /// Ends a row: who refuses it, and with which words.
    pub(crate) fn refused_by(
        self,
        policies: &'static [&'static str],
        saying: &'static str,
    ) -> Attack {
        Attack {
            what: self.what,
            actor: self.actor,
            request: self.request,
            policies,
            saying,
        }
    }
}

/// Names of the policies.
pub(crate) mod policy {
    pub(crate) const ACCOUNTS_IN_USE: &str = "triptych-accounts-in-use";
    pub(crate) const ACCOUNT_USE: &str = "triptych-account-use";
    pub(crate) const BINDINGS: &str = "triptych-bindings";
    pub(crate) const BREAK_GLASS: &str = "triptych-break-glass";
    pub(crate) const DEMO_PODS: &str = "triptych-demo-pods";
    pub(crate) const JOURNAL_CLAIMS: &str = "triptych-journal-claims";
    pub(crate) const KEY_SECRETS: &str = "triptych-key-secrets";
    pub(crate) const LIVE_PODS: &str = "triptych-live-pods";
    pub(crate) const LIVE_SECRET_REFERENCES: &str = "triptych-live-secret-references";
    pub(crate) const OPERATOR_NAMESPACE: &str = "triptych-operator-namespace";
    pub(crate) const OPERATOR_PODS: &str = "triptych-operator-pods";
    pub(crate) const RUNNING_TRADERS: &str = "triptych-running-traders";
    pub(crate) const SEAL: &str = "triptych-sealed-namespace-contents";
    pub(crate) const SEALED_NAMESPACES: &str = "triptych-sealed-namespaces";
    pub(crate) const VOLUMES: &str = "triptych-volumes";
    pub(crate) const W_NODES: &str = "triptych-w-nodes";
    pub(crate) const W_NODE_TOLERATIONS: &str = "triptych-w-node-tolerations";
    pub(crate) const W_TIER_PODS: &str = "triptych-w-tier-pods";

    /// All of them.
    pub(crate) const ALL: [&str; 18] = [
        ACCOUNTS_IN_USE,
        ACCOUNT_USE,
        BINDINGS,
        BREAK_GLASS,
        DEMO_PODS,
        JOURNAL_CLAIMS,
        KEY_SECRETS,
        LIVE_PODS,
        LIVE_SECRET_REFERENCES,
        OPERATOR_NAMESPACE,
        OPERATOR_PODS,
        RUNNING_TRADERS,
        SEAL,
        SEALED_NAMESPACES,
        VOLUMES,
        W_NODES,
        W_NODE_TOLERATIONS,
        W_TIER_PODS,
    ];
}
