//! The instance that is decided on, with its spec checked again.
//!
//! The API server refuses what is checked here. It is checked nevertheless: an object may have been
//! stored under an older schema, and a wrong one must not reach a pod.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use triptych_crds::{
    GROUP, Tier, TradingInstance, TradingState, VERSION,
    text::AccountName,
    trading_account::AccountSide,
    trading_instance::{Storage, TradingInstanceSpec, WhenDeleted},
};

use crate::{
    names,
    objects::{claim::Declaration, stateful_set::Placement},
    pod_template::{Environment, Identity, Knobs, Side},
    resources,
    world::{AccountView, InstanceWorld},
};

/// Size of a journal where the account names none.
const JOURNAL_SIZE: &str = "1Gi";

/// An instance whose spec holds what its tier needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trader<'a> {
    pub(super) identity: Identity<'a>,
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
    /// R.
    Demo(Station<'a>),
    /// W.
    Live(Station<'a>),
}

/// The side of an account on which W or R is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Station<'a> {
    /// Name of the account, as the instance names it.
    pub(super) account: &'a AccountName,
    /// The account, where it is there.
    pub(super) view: Option<&'a AccountView>,
    /// The tier's side of it, where it has one.
    pub(super) side: Option<&'a AccountSide>,
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
        let (role, wanted) = match spec.tier {
            Tier::Abh => observer(spec)?,
            Tier::R | Tier::W => (trading(spec, world)?, Wanted::Active),
        };
        match resources::contradiction(spec.resources.as_ref()) {
            Some(contradiction) => Err(InvalidSpec(contradiction)),
            None => Ok(Self {
                identity,
                spec,
                role,
                wanted,
            }),
        }
    }

    pub(super) fn station(&self) -> Option<&Station<'a>> {
        match &self.role {
            Role::Observer { .. } => None,
            Role::Demo(station) | Role::Live(station) => Some(station),
        }
    }

    /// The environment is made from the role alone: which keys and which nodes follow from it.
    pub(super) fn environment(&self) -> Environment<'a> {
        let side = |station: Station<'a>| Side {
            account: station.account,
            market_data_url: station
                .side
                .and_then(|side| side.endpoints.as_ref())
                .map(|endpoints| &*endpoints.market_streams),
            ledger: self.spec.ledger.unwrap_or_default(),
        };
        match self.role {
            Role::Observer { .. } => Environment::Observe {
                claim: names::dataset_claim(self.identity.instance),
                market_data_url: self.spec.market_data.as_ref().map(|source| &*source.url),
            },
            Role::Demo(station) => Environment::Demo(side(station)),
            Role::Live(station) => Environment::Live(side(station)),
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

    /// Where its objects are.
    pub(super) fn placement(&self) -> Placement<'a> {
        let sealed = |namespace: String| Placement {
            namespace,
            name: names::SEALED_TRADER,
            identity: self.identity,
            tier: self.spec.tier,
            owner: None,
        };
        match self.role {
            Role::Observer { .. } => Placement {
                namespace: self.identity.namespace.to_owned(),
                name: self.identity.instance,
                identity: self.identity,
                tier: self.spec.tier,
                owner: Some(self.owner(true)),
            },
            Role::Demo(station) => sealed(names::demo_namespace(station.account)),
            Role::Live(station) => sealed(names::live_namespace(station.account)),
        }
    }

    /// The claim of its volume.
    pub(super) fn claim(&self) -> Declaration<'a> {
        match self.role {
            Role::Observer { storage } => Declaration {
                namespace: self.identity.namespace.into(),
                name: names::dataset_claim(self.identity.instance),
                labels: names::instance_labels(&self.identity, Tier::Abh, "dataset"),
                storage: Cow::Borrowed(storage),
                declared_by: "spec.storage",
                access_mode: "ReadWriteOnce",
                owner: (storage.when_deleted == Some(WhenDeleted::Delete))
                    .then(|| self.owner(false)),
            },
            Role::Demo(station) => {
                let namespace = names::demo_namespace(station.account);
                journal(
                    station,
                    namespace,
                    Tier::R,
                    "the account's spec.demo.journal",
                )
            }
            Role::Live(station) => {
                let namespace = names::live_namespace(station.account);
                journal(
                    station,
                    namespace,
                    Tier::W,
                    "the account's spec.live.journal",
                )
            }
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
    world: &'a InstanceWorld,
) -> Result<Role<'a>, InvalidSpec> {
    let account = spec.account.as_ref().ok_or_else(|| {
        invalid("spec.account: it is absent: W and R trade on a side of a TradingAccount")
    })?;
    let view = world.trading.account.as_ref();
    let station = |side: Option<&'a AccountSide>| Station {
        account,
        view,
        side,
    };
    Ok(if spec.tier == Tier::W {
        Role::Live(station(view.and_then(|view| view.spec.live.as_ref())))
    } else {
        Role::Demo(station(view.and_then(|view| view.spec.demo.as_ref())))
    })
}

/// One trader at a time mounts a journal.
fn journal<'a>(
    station: Station<'a>,
    namespace: String,
    tier: Tier,
    declared_by: &'static str,
) -> Declaration<'a> {
    let declared = station.side.and_then(|side| side.journal.as_ref());
    let storage = Storage {
        size: declared.map_or_else(|| JOURNAL_SIZE.into(), |journal| journal.size.clone()),
        storage_class_name: declared.and_then(|journal| journal.storage_class_name.clone()),
        when_deleted: Some(WhenDeleted::Retain),
    };
    Declaration {
        namespace,
        name: names::journal_claim(station.account),
        labels: names::journal_labels(tier),
        storage: Cow::Owned(storage),
        declared_by,
        access_mode: "ReadWriteOncePod",
        owner: None,
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
