//! What there is at a moment: what people declared, what the cluster holds, what the operator is about
//! to write, and what the trader of W knows.

use crate::operator::{Caches, Plan};
use crate::trader::{Level, Resume, Trader};

/// A configuration, as its hash names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "they are names")]
pub enum Configuration {
    A,
    B,
    C,
}

/// A set of configurations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Configurations(u8);

impl Configurations {
    /// Those of a list.
    pub fn of(list: &[Configuration]) -> Self {
        list.iter().fold(Self::default(), |set, one| set.with(*one))
    }

    /// The set and this one.
    #[must_use]
    pub const fn with(self, configuration: Configuration) -> Self {
        Self(self.0 | (1 << configuration as u8))
    }

    /// The set without this one.
    #[must_use]
    pub const fn without(self, configuration: Configuration) -> Self {
        Self(self.0 & !(1 << configuration as u8))
    }

    /// Whether this one is in it.
    pub const fn has(self, configuration: Configuration) -> bool {
        self.0 & (1 << configuration as u8) != 0
    }
}

/// The name of a ConfigRevision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Revision {
    /// Its name may be used again for another configuration: [`Specs::reused`].
    First,
    /// It is always configuration B.
    Second,
}

/// One of the two halves of a mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Half {
    /// The writer.
    W,
    /// The mirror.
    R,
}

impl Half {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::W, Self::R];

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::W => Self::R,
            Self::R => Self::W,
        }
    }
}

/// Something of W and the same of R.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pair<T> {
    /// W's.
    pub w: T,
    /// R's.
    pub r: T,
}

impl<T> Pair<T> {
    /// That of a half.
    pub const fn of(&self, half: Half) -> &T {
        match half {
            Half::W => &self.w,
            Half::R => &self.r,
        }
    }

    /// That of a half, to be changed.
    pub const fn of_mut(&mut self, half: Half) -> &mut T {
        match half {
            Half::W => &mut self.w,
            Half::R => &mut self.r,
        }
    }
}

/// What people declared, as far as the operator decides by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Specs {
    /// `spec.configRevision`.
    pub declared: Pair<Revision>,
    /// Whether the TradingInstance of R is there.
    pub has_mirror: bool,
    /// Whether the first revision's name stands for C now, instead of A.
    pub reused: bool,
    /// The configuration that an unexpired `spec.promotion.breakGlass` of W names.
    pub glass: Option<Configuration>,
    /// The configurations that the account revokes.
    pub revoked: Configurations,
}

impl Specs {
    /// The configuration that a revision stands for.
    pub const fn configuration(&self, revision: Revision) -> Configuration {
        match (revision, self.reused) {
            (Revision::First, false) => Configuration::A,
            (Revision::First, true) => Configuration::C,
            (Revision::Second, _) => Configuration::B,
        }
    }

    /// What a half declares.
    pub const fn declares(&self, half: Half) -> Taken {
        let revision = *self.declared.of(half);
        Taken {
            revision,
            configuration: self.configuration(revision),
        }
    }
}

/// A configuration and the revision by whose name it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Taken {
    /// The name.
    pub revision: Revision,
    /// What it stood for then.
    pub configuration: Configuration,
}

/// The StatefulSet of a half, and its pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Side {
    /// What the template of the StatefulSet runs; `None` while there is no StatefulSet.
    pub template: Option<Taken>,
    /// The pod.
    pub pod: Option<Pod>,
}

/// A pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pod {
    /// What it runs: a pod keeps what it was made for.
    pub configuration: Configuration,
    /// How far it is.
    pub stage: Stage,
    /// Whether its deletion has begun.
    pub is_stopping: bool,
}

/// How far a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Not ready.
    Starting,
    /// Ready.
    Ready,
    /// Ready for as long as the gate asks for (R).
    Soaked,
}

impl Pod {
    /// One that was just made.
    pub const fn made(configuration: Configuration) -> Self {
        Self {
            configuration,
            stage: Stage::Starting,
            is_stopping: false,
        }
    }

    /// Whether it is ready, and so attests what it runs.
    pub fn is_ready(self) -> bool {
        self.stage >= Stage::Ready
    }
}

/// The status of W, as far as a later decision depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Status {
    /// `status.proven`.
    pub proven: Configurations,
    /// `status.ceiling`.
    pub ceiling: Option<Ceiling>,
}

/// The most that the operator lets W do with a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ceiling {
    /// Reducing or Halted.
    pub level: Level,
    /// The configuration that it is meant for.
    pub configuration: Configuration,
}

/// Where people ask for a halt, and how they answer one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Asks {
    /// `spec.tradingState: Halted`.
    pub spec: bool,
    /// The annotation `triptych.trading/halt`.
    pub annotation: bool,
    /// `spec.resume`.
    pub resume: Resume,
}

/// What really happened so far. Nobody acts by it: the properties judge by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Record {
    /// The configurations on which R was ready for as long as the gate asks for.
    pub soaked: Configurations,
    /// The latched halt whose identifier nobody named in `spec.resume` since.
    pub unanswered: Option<Level>,
}

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// What people declared.
    pub specs: Specs,
    /// What people ask W's trader for.
    pub asks: Asks,
    /// StatefulSets and pods.
    pub sides: Pair<Side>,
    /// Status of W.
    pub status: Status,
    /// What the operator's watches have shown it.
    pub caches: Caches,
    /// What the operator decided and has not written yet.
    pub plans: Pair<Option<Plan>>,
    /// The halt on W's volume.
    pub latch: Option<Level>,
    /// The process in W's pod.
    pub trader: Option<Trader>,
    /// What really happened.
    pub record: Record,
}

impl State {
    /// Nothing runs, both halves declare the first revision, and nobody has done anything yet.
    pub fn new() -> Self {
        let specs = Specs {
            declared: Pair {
                w: Revision::First,
                r: Revision::First,
            },
            has_mirror: true,
            reused: false,
            glass: None,
            revoked: Configurations::default(),
        };
        Self {
            specs,
            asks: Asks::default(),
            sides: Pair::default(),
            status: Status::default(),
            caches: Caches {
                specs,
                evidence: None,
            },
            plans: Pair::default(),
            latch: None,
            trader: None,
            record: Record::default(),
        }
    }

    /// Both halves run configuration A, R has for long, and W is proven on it.
    pub fn running() -> Self {
        let taken = Taken {
            revision: Revision::First,
            configuration: Configuration::A,
        };
        let side = |stage| Side {
            template: Some(taken),
            pod: Some(Pod {
                stage,
                ..Pod::made(Configuration::A)
            }),
        };
        let mut state = Self::new();
        state.sides = Pair {
            w: side(Stage::Ready),
            r: side(Stage::Soaked),
        };
        state.status.proven = Configurations::of(&[Configuration::A]);
        state.record.soaked = state.status.proven;
        state.trader = Some(Trader::at_work());
        state.caches.evidence = state.evidence();
        state
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}
