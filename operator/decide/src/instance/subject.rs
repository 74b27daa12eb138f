//! The instance that is decided on, with its spec checked again.
//!
//! The API server refuses what is checked here. It is checked nevertheless: an object may have been
//! stored under an older schema, and a wrong one must not reach a pod.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use triptych_crds::{
    GROUP, Tier, TradingInstance, TradingState, VERSION,
    trading_instance::{Storage, TradingInstanceSpec},
};

use crate::{
    names,
    pod_template::{Environment, Identity, Knobs},
    resources,
};

/// An ABH whose spec holds what an ABH needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observer<'a> {
    pub(super) identity: Identity<'a>,
    pub(super) spec: &'a TradingInstanceSpec,
    pub(super) storage: &'a Storage,
    pub(super) wanted: Wanted,
}

/// What is asked of an ABH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// One pod.
    Active,
    /// No pod.
    Halted,
}

/// Why an instance is not acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its tier is not run by this build.
    TierNotSupported(Tier),
    /// Its spec contradicts the API.
    InvalidSpec(String),
}

impl<'a> Observer<'a> {
    pub(super) fn of(instance: &'a TradingInstance) -> Result<Self, Refusal> {
        let spec = &instance.spec;
        if spec.tier != Tier::Abh {
            return Err(Refusal::TierNotSupported(spec.tier));
        }
        let identity = identity(instance)?;
        let storage = spec.storage.as_ref().ok_or_else(|| {
            invalid("spec.storage: it is absent: an ABH needs a volume for its dataset")
        })?;
        let wanted = match spec.trading_state.unwrap_or_default() {
            TradingState::Active => Wanted::Active,
            TradingState::Halted => Wanted::Halted,
            TradingState::Reducing => {
                return Err(invalid(
                    "spec.tradingState: Reducing is refused on ABH: it has no positions; use Active or Halted",
                ));
            }
        };
        if let Some(account) = &spec.account {
            return Err(invalid(&format!(
                "spec.account: '{account}' is refused on ABH: it never trades and holds no key; leave it out"
            )));
        }
        match resources::contradiction(spec.resources.as_ref()) {
            Some(contradiction) => Err(invalid(&contradiction)),
            None => Ok(Self {
                identity,
                spec,
                storage,
                wanted,
            }),
        }
    }

    pub(super) fn environment(&self) -> Environment<'a> {
        Environment::Observe {
            claim: names::dataset_claim(self.identity.instance),
            market_data_url: self.spec.market_data.as_ref().map(|source| &*source.url),
        }
    }

    pub(super) fn knobs(&self, restart: Option<&'a str>) -> Knobs<'a> {
        Knobs {
            resources: self.spec.resources.as_ref(),
            log_level: self.spec.log_level.unwrap_or_default(),
            termination_grace_period_seconds: self.spec.termination_grace_period_seconds,
            node_selector: self.spec.node_selector.as_ref(),
            priority_class_name: self.spec.priority_class_name.as_deref(),
            restart,
        }
    }

    /// The reference that ties an object's life to the instance.
    pub(super) fn owner(&self, controls: bool) -> OwnerReference {
        OwnerReference {
            api_version: format!("{GROUP}/{VERSION}"),
            kind: "TradingInstance".into(),
            name: self.identity.instance.into(),
            uid: self.identity.uid.into(),
            controller: controls.then_some(true),
            // Blocking the owner's deletion would need a right on its finalizers.
            block_owner_deletion: None,
        }
    }

    pub(super) fn replicas(&self) -> i32 {
        match self.wanted {
            Wanted::Active => 1,
            Wanted::Halted => 0,
        }
    }

    pub(super) fn trading_state(&self) -> TradingState {
        match self.wanted {
            Wanted::Active => TradingState::Active,
            Wanted::Halted => TradingState::Halted,
        }
    }
}

fn identity(instance: &TradingInstance) -> Result<Identity<'_>, Refusal> {
    let metadata = &instance.metadata;
    match (&metadata.namespace, &metadata.name, &metadata.uid) {
        (Some(namespace), Some(instance), Some(uid)) => Ok(Identity {
            namespace,
            instance,
            uid,
        }),
        _ => Err(invalid(
            "metadata: namespace, name or uid is absent: it was not read from an API server",
        )),
    }
}

fn invalid(message: &str) -> Refusal {
    Refusal::InvalidSpec(message.to_owned())
}
