//! Where the objects of an instance are: those of an ABH beside it, those of W and R in the sealed
//! namespace of their account's side.

use triptych_crds::TradingInstance;

use crate::{names, side::SideName};

/// Namespace and names of the objects of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Namespace of the objects.
    pub namespace: String,
    /// Name of the StatefulSet.
    pub stateful_set: String,
    /// Name of the claim of the trader's volume.
    pub claim: String,
}

impl Place {
    /// The place of an instance. A W or R that names no account is refused; what it may have is looked
    /// for beside it.
    pub fn of(instance: &TradingInstance) -> Self {
        let spec = &instance.spec;
        if let (Some(side), Some(account)) = (SideName::of(spec.tier), &spec.account) {
            return Self {
                namespace: side.namespace(account),
                stateful_set: names::SEALED_TRADER.to_owned(),
                claim: names::journal_claim(account),
            };
        }
        let name = instance.metadata.name.clone().unwrap_or_default();
        Self {
            namespace: instance.metadata.namespace.clone().unwrap_or_default(),
            claim: names::dataset_claim(&name),
            stateful_set: name,
        }
    }
}
