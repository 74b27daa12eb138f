//! What a reconciliation is about.

use std::fmt;

/// Name of an object within its namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespacedName {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl NamespacedName {
    /// `namespace/name`.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What is reconciled: the key of the work queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A TradingInstance.
    Instance(NamespacedName),
    /// A ConfigRevision.
    Revision(NamespacedName),
    /// A TradingAccount, which is in no namespace.
    Account(String),
    /// The rendered configurations of a namespace that nobody may need any more.
    Collection(String),
}

impl Subject {
    /// The kind, as metrics and logs name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Instance(_) => "TradingInstance",
            Self::Revision(_) => "ConfigRevision",
            Self::Account(_) => "TradingAccount",
            Self::Collection(_) => "Collection",
        }
    }

    /// The namespace; empty for an account.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Instance(name) | Self::Revision(name) => &name.namespace,
            Self::Account(_) => "",
            Self::Collection(namespace) => namespace,
        }
    }

    /// The name; empty for a collection.
    pub fn name(&self) -> &str {
        match self {
            Self::Instance(name) | Self::Revision(name) => &name.name,
            Self::Account(name) => name,
            Self::Collection(_) => "",
        }
    }
}
