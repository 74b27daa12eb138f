//! What the instances do while a command waits for them.

use std::collections::BTreeMap;

use kube::{Api, Client, ResourceExt, api::ListParams};
use triptych_crds::TradingInstance;

/// What was told of each instance last.
pub(super) struct Changes {
    instances: Api<TradingInstance>,
    told: BTreeMap<String, String>,
}

impl Changes {
    pub(super) fn of(client: &Client) -> Self {
        Self {
            instances: Api::all(client.clone()),
            told: BTreeMap::new(),
        }
    }

    /// A line for each instance that does something else than it did when it was asked before. Before
    /// the kind is installed there are none.
    pub(super) async fn since_last(&mut self) -> Vec<String> {
        let Ok(instances) = self.instances.list(&ListParams::default()).await else {
            return Vec::new();
        };
        let now = instances
            .iter()
            .filter_map(|one| Some((one.name_any(), describe(one)?)));
        now.filter(|(name, line)| {
            self.told.insert(name.clone(), line.clone()).as_ref() != Some(line)
        })
        .map(|(_, line)| line)
        .collect()
    }
}

/// What an instance does, once the operator has looked at it.
fn describe(instance: &TradingInstance) -> Option<String> {
    let status = instance.status.as_ref()?;
    let tier = instance.spec.tier.as_str();
    let mut words = vec![format!("{} ({tier})", instance.name_any())];
    words.extend(status.phase.map(|phase| format!("{phase:?}")));
    let running = status.running.as_ref();
    words.extend(running.map(|running| format!("on {}", running.short_hash)));
    let waiting = status.waiting_for.as_ref();
    words.extend(waiting.map(|what| format!("waits for {what}")));
    Some(words.join(", "))
}
