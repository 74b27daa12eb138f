//! Which configuration an instance may run now.

use triptych_crds::{ConfigHash, hash::CanonicalConfig};

use crate::{objects::stateful_set::Kept, pod_template::Configuration, world::Revision};

use super::{permission::Hold, problem::Problem};

/// The configuration that the StatefulSet is to have.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target<'a> {
    /// The declared one.
    Declared {
        configuration: Configuration,
        canonical: &'a CanonicalConfig,
    },
    /// The one that it has: the declared one cannot be taken.
    Kept {
        configuration: Configuration,
        obstacle: Obstacle,
    },
    /// None: the declared one cannot be taken, and none was taken before.
    Nothing { obstacle: Obstacle },
}

/// Why the declared configuration cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    NotFound {
        revision: String,
        runs_same_name: bool,
    },
    Invalid {
        revision: String,
        error: String,
    },
    /// The name stands for another configuration now than the one that it stood for when it was
    /// taken: nobody rolls by that.
    Replaced {
        revision: String,
        runs: ConfigHash,
        declared: ConfigHash,
    },
    /// W and R: something around it says not now.
    Held(Hold),
}

impl<'a> Target<'a> {
    /// `permit` says whether a configuration may be taken that is not the one that was taken last.
    pub(super) fn of(
        name: &str,
        revision: &'a Revision,
        kept: Option<&Kept>,
        permit: impl FnOnce(&ConfigHash) -> Result<(), Hold>,
    ) -> Self {
        let taken = kept.and_then(|kept| kept.configuration.as_ref());
        let obstacle = match revision {
            Revision::Missing => Obstacle::NotFound {
                revision: name.to_owned(),
                runs_same_name: taken.is_some_and(|taken| taken.revision == name),
            },
            Revision::Invalid { error } => Obstacle::Invalid {
                revision: name.to_owned(),
                error: error.clone(),
            },
            Revision::Found(found) => {
                let declared = &found.canonical.hash;
                let replaced =
                    taken.filter(|taken| taken.revision == name && taken.hash != *declared);
                let is_taken = taken.is_some_and(|taken| taken.hash == *declared);
                let permitted = if is_taken { Ok(()) } else { permit(declared) };
                match (replaced, permitted) {
                    (Some(replaced), _) => Obstacle::Replaced {
                        revision: name.to_owned(),
                        runs: replaced.hash.clone(),
                        declared: declared.clone(),
                    },
                    (None, Err(hold)) => Obstacle::Held(hold),
                    (None, Ok(())) => {
                        let configuration = Configuration {
                            revision: name.to_owned(),
                            hash: declared.clone(),
                            image: found.image.clone(),
                        };
                        return Self::Declared {
                            configuration,
                            canonical: &found.canonical,
                        };
                    }
                }
            }
        };
        match taken {
            Some(taken) => Self::Kept {
                configuration: taken.clone(),
                obstacle,
            },
            None => Self::Nothing { obstacle },
        }
    }

    pub(super) fn configuration(&self) -> Option<&Configuration> {
        match self {
            Self::Declared { configuration, .. } | Self::Kept { configuration, .. } => {
                Some(configuration)
            }
            Self::Nothing { .. } => None,
        }
    }

    pub(super) fn obstacle(&self) -> Option<&Obstacle> {
        match self {
            Self::Declared { .. } => None,
            Self::Kept { obstacle, .. } | Self::Nothing { obstacle } => Some(obstacle),
        }
    }
}

impl Obstacle {
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "RevisionNotFound",
            Self::Invalid { .. } => "RevisionInvalid",
            Self::Replaced { .. } => "RevisionReplaced",
            Self::Held(hold) => hold.why.reason,
        }
    }

    pub(super) fn message(&self) -> String {
        match self {
            Self::NotFound { revision, .. } => format!(
                "spec.configRevision: there is no ConfigRevision '{revision}' in this namespace; what runs goes on: create the revision, or name another"
            ),
            Self::Invalid { revision, error } => format!(
                "ConfigRevision '{revision}' cannot be used: {error}; what runs goes on: create a corrected revision under another name"
            ),
            Self::Replaced {
                revision,
                runs,
                declared,
            } => format!(
                "ConfigRevision '{revision}' was {runs} when it was taken and is {declared} now; nothing rolls: create the new configuration under another name and declare that"
            ),
            Self::Held(hold) => hold.why.message.clone(),
        }
    }

    pub(super) fn waiting_for(&self) -> String {
        match self {
            Self::NotFound { revision, .. } => format!("revision {revision}"),
            Self::Invalid { revision, .. } => format!("a valid revision instead of {revision}"),
            Self::Replaced { revision, .. } => format!("another name than {revision}"),
            Self::Held(hold) => hold.why.waiting_for.clone(),
        }
    }

    /// What a person has to correct. A revision that is not there may still come.
    pub(super) fn problem(&self) -> Option<Problem> {
        match self {
            Self::NotFound { .. } => None,
            Self::Invalid { .. } | Self::Replaced { .. } => Some(Problem::new(
                self.reason(),
                self.message(),
                self.waiting_for(),
            )),
            Self::Held(hold) => hold.is_problem.then(|| hold.why.clone()),
        }
    }
}
