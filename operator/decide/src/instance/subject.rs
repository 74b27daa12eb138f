//! The instance that is decided on, with its spec checked again.
//!
//! The API server refuses what is checked here. It is checked nevertheless: an object may have been
//! stored under an older schema, and a wrong one must not reach a pod.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use triptych_crds::{
    GROUP, Tier, TradingInstance, TradingState, VERSION,
    config_revision::Venue,
    text::AccountName,
    trading_account::AccountSide,
    trading_instance::{Storage, TradingInstanceSpec, WhenDeleted},
};

use crate::{
    names,
    objects::{claim::Declaration, stateful_set::Placement},
    place::Place,
    pod_template::{Environment, Identity, Knobs, Side},
    resources,
    side::SideName,
    world::{AccountView, InstanceWorld},
};

/// Size of a journal where the account names none.
const JOURNAL_SIZE: &str = "1Gi";

/// An instance whose spec holds what its tier needs.
#[derive(Clone, Debug)]
pub(super) struct Trader<'a> {
    pub(super) identity: Identity<'a>,
    pub(super) place: Place,
    pub(super) spec: &'a TradingInstanceSpec,
    pub(super) role: Role<'a>,
    pub(super) wanted: Wanted,
}

/// What the tier makes of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role<'a> {
    /// ABH.
    Observer {
        /// The dataset's volume.
        storage: &'a Storage,
    },
    /// R or W.
    Trading(Station<'a>),
}

/// The side of an account on which W or R is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Station<'a> {
    /// The side: W's or R's.
    pub(super) side: SideName,
    /// Name of the account, as the instance names it.
    pub(super) account: &'a AccountName,
    /// The account, where it is there.
    pub(super) view: Option<&'a AccountView>,
    /// What it declares of the side, where it has that side.
    pub(super) declared: Option<&'a AccountSide>,
}

/// Whether there is to be a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// One pod. That of a halted W or R stays: it watches its positions.
    Active,
    /// No pod (a halted ABH).
    Halted,
}

/// Why an instance is not acted on: its spec contradicts the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InvalidSpec(pub(super) String);

impl<'a> Trader<'a> {
    pub(super) fn of(world: &'a InstanceWorld) -> Result<Self, InvalidSpec> {
        let instance = &world.instance;
        let spec = &instance.spec;
        let identity = identity(instance)?;
        let (role, wanted) = match SideName::of(spec.tier) {
            None => observer(spec)?,
            Some(side) => (trading(spec, side, world)?, Wanted::Active),
        };
        match resources::contradiction(spec.resources.as_ref()) {
            Some(contradiction) => Err(InvalidSpec(contradiction)),
            None => Ok(Self {
                identity,
                place: Place::of(instance),
                spec,
                role,
                wanted,
            }),
        }
    }

    /// Where W or R trades; nothing of an ABH.
    pub(super) fn station(&self) -> Option<&Station<'a>> {
        match &self.role {
            Role::Observer { .. } => None,
            Role::Trading(station) => Some(station),
        }
    }

    /// Whether it is a W.
    pub(super) fn is_writer(&self) -> bool {
        self.station()
            .is_some_and(|station| station.side == SideName::Live)
    }

    /// The environment is made from the role alone: which keys and which nodes follow from it.
    pub(super) fn environment(&self) -> Environment<'a> {
        let station = match self.role {
            Role::Observer { .. } => {
                return Environment::Observe {
                    claim: names::dataset_claim(self.identity.instance),
                    market_data_url: self.spec.market_data.as_ref().map(|source| &*source.url),
                };
            }
            Role::Trading(station) => station,
        };
        let account = station.view.map(|view| &view.spec);
        let side = Side {
            account: station.account,
            venue: account.map_or(Venue::BinanceSpot, |account| account.venue),
            is_simulated: account.is_some_and(|account| account.simulated == Some(true)),
            endpoints: station.declared.and_then(|side| side.endpoints.as_ref()),
            ledger: self.spec.ledger.unwrap_or_default(),
        };
        match station.side {
            SideName::Demo => Environment::Demo(side),
            SideName::Live => Environment::Live(side),
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

    /// Where its objects are, and whose they are.
    pub(super) fn placement(&self) -> Placement<'a> {
        let is_beside_the_instance = matches!(self.role, Role::Observer { .. });
        Placement {
            namespace: self.place.namespace.clone(),
            name: self.place.stateful_set.clone(),
            identity: self.identity,
            tier: self.spec.tier,
            owner: is_beside_the_instance.then(|| self.owner(true)),
        }
    }

    /// The claim of its volume.
    pub(super) fn claim(&self) -> Declaration<'a> {
        let (namespace, name) = (self.place.namespace.clone(), self.place.claim.clone());
        match self.role {
            Role::Observer { storage } => Declaration {
                namespace,
                name,
                labels: names::instance_labels(&self.identity, Tier::Abh, "dataset"),
                storage: Cow::Borrowed(storage),
                declared_by: "spec.storage",
                access_mode: "ReadWriteOnce",
                owner: (storage.when_deleted == Some(WhenDeleted::Delete))
                    .then(|| self.owner(false)),
            },
            Role::Trading(station) => Declaration {
                namespace,
                name,
                labels: names::journal_labels(self.spec.tier),
                storage: Cow::Owned(station.journal()),
                declared_by: match station.side {
                    SideName::Live => "the account's spec.live.journal",
                    SideName::Demo => "the account's spec.demo.journal",
                },
                // One trader at a time mounts a journal.
                access_mode: "ReadWriteOncePod",
                owner: None,
            },
        }
    }

    /// The reference that ties an object's life to the instance.
    fn owner(&self, controls: bool) -> OwnerReference {
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

    /// The trading state that is declared.
    pub(super) fn trading_state(&self) -> TradingState {
        self.spec.trading_state.unwrap_or_default()
    }
}

fn observer(spec: &TradingInstanceSpec) -> Result<(Role<'_>, Wanted), InvalidSpec> {
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
    match &spec.account {
        Some(account) => Err(invalid(&format!(
            "spec.account: '{account}' is refused on ABH: it never trades and holds no key; leave it out"
        ))),
        None => Ok((Role::Observer { storage }, wanted)),
    }
}

fn trading<'a>(
    spec: &'a TradingInstanceSpec,
    side: SideName,
    world: &'a InstanceWorld,
) -> Result<Role<'a>, InvalidSpec> {
    let account = spec.account.as_ref().ok_or_else(|| {
        invalid("spec.account: it is absent: W and R trade on a side of a TradingAccount")
    })?;
    let view = world.trading.account.as_ref();
    Ok(Role::Trading(Station {
        side,
        account,
        view,
        declared: view.and_then(|view| side.declared(&view.spec)),
    }))
}

impl Station<'_> {
    /// The volume for journal, ledger and halt latch.
    fn journal(&self) -> Storage {
        let declared = self.declared.and_then(|side| side.journal.as_ref());
        Storage {
            size: declared.map_or_else(|| JOURNAL_SIZE.into(), |journal| journal.size.clone()),
            storage_class_name: declared.and_then(|journal| journal.storage_class_name.clone()),
            when_deleted: Some(WhenDeleted::Retain),
        }
    }
}

fn identity(instance: &TradingInstance) -> Result<Identity<'_>, InvalidSpec> {
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

fn invalid(message: &str) -> InvalidSpec {
    InvalidSpec(message.to_owned())
}
