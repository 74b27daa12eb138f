//! The two sides of an account, and what follows from a side.

use triptych_crds::{
    Tier,
    trading_account::{AccountSide, SideStatus, TradingAccountSpec, TradingAccountStatus},
};

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideName {
    /// The live side: W's.
    Live,
    /// The demo side: R's.
    Demo,
}

impl SideName {
    /// Both, in the order in which they are told of.
    pub const BOTH: [Self; 2] = [Self::Live, Self::Demo];

    /// The side that a tier trades; ABH trades none.
    pub fn of(tier: Tier) -> Option<Self> {
        match tier {
            Tier::W => Some(Self::Live),
            Tier::R => Some(Self::Demo),
            Tier::Abh => None,
        }
    }

    /// The side as it stands in names and labels: `live` or `demo`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Demo => "demo",
        }
    }

    /// The sealed namespace of this side.
    pub fn namespace(self, account: &str) -> String {
        format!("trading-{}-{account}", self.as_str())
    }

    /// The account whose side a sealed namespace is.
    pub fn account_of(namespace: &str) -> Option<&str> {
        let rest = namespace.strip_prefix("trading-")?;
        let account = |side: Self| rest.strip_prefix(side.as_str())?.strip_prefix('-');
        Self::BOTH.into_iter().find_map(account)
    }

    /// Name of the Secret that holds the key of this side.
    pub fn key(self, account: &str) -> String {
        format!("{}-{account}", self.as_str())
    }

    /// What an account declares of this side.
    pub fn declared(self, spec: &TradingAccountSpec) -> Option<&AccountSide> {
        match self {
            Self::Live => spec.live.as_ref(),
            Self::Demo => spec.demo.as_ref(),
        }
    }

    /// What was reported of this side.
    pub fn reported(self, status: &TradingAccountStatus) -> Option<&SideStatus> {
        match self {
            Self::Live => status.live.as_ref(),
            Self::Demo => status.demo.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_namespace_leads_back_to_its_account_and_no_other_namespace_to_any() {
        for side in SideName::BOTH {
            for account in ["main", "live-2", "a"] {
                let namespace = side.namespace(account);
                assert_eq!(SideName::account_of(&namespace), Some(account));
            }
        }
        for other in [
            "team",
            "trading",
            "trading-lively-main",
            "x-trading-live-main",
        ] {
            assert_eq!(SideName::account_of(other), None, "{other}");
        }
    }
}
