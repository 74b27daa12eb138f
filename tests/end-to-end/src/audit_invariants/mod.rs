//! Whether the invariants held on the way, read from the audit log: a system may end well and have
//! broken them in between. Pure functions of what the API server answered.

mod halts;
mod history;
mod key_isolation;
mod mirror;
#[cfg(test)]
mod testing;

use std::collections::BTreeSet;

use triptych_cluster::audit::AuditEntry;

use history::History;

/// Whose log it is.
#[derive(Clone, Debug)]
pub struct Parties {
    /// The namespace in which the instances are declared.
    pub team: String,
    /// The account.
    pub account: String,
    /// The nodes that may hold live keys.
    pub w_nodes: BTreeSet<String>,
    /// The operator's user.
    pub operator: String,
}

impl Parties {
    /// The sealed namespace of the live side.
    fn live(&self) -> String {
        format!("trading-live-{}", self.account)
    }

    /// The sealed namespace of the demo side.
    fn demo(&self) -> String {
        format!("trading-demo-{}", self.account)
    }

    /// Name of the Secret that holds the live key.
    fn live_key(&self) -> String {
        format!("live-{}", self.account)
    }
}

/// Everything in the log of one account that breaks K (keys and single writer), M (mirror) or S (halts),
/// in sentences; empty where they held at every moment. Break-glass is a breach here: no log that is
/// looked at has one.
pub fn breaches(entries: &[AuditEntry], parties: &Parties) -> Vec<String> {
    let history = History::of(entries);
    [
        mirror::silences(&history, parties),
        key_isolation::breaches(entries, &history, parties),
        mirror::breaches(&history, parties),
        halts::breaches(&history, parties),
    ]
    .concat()
}
