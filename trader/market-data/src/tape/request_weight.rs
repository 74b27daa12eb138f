//! The venue's limit on REST: a weight for each call, summed for each address and minute.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Weight that an address may use in a minute.
pub(super) const LIMIT: u32 = 6_000;

/// Weight of a depth request for `limit` levels.
pub(super) const fn of_depth(limit: usize) -> u32 {
    match limit {
        0..=100 => 5,
        101..=500 => 25,
        501..=1000 => 50,
        _ => 250,
    }
}

/// Weight used in the running minute.
#[derive(Debug, Default)]
pub(super) struct RequestWeights {
    minute: u64,
    used: HashMap<IpAddr, u32>,
}

/// What a request is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Go on; so much weight is used.
    Granted { used: u32 },
    /// 429; so many whole seconds until the minute ends.
    Refused { retry_after: u64 },
}

impl RequestWeights {
    /// Counts a request of `weight` from `address`, `since_epoch` after the Unix epoch.
    pub(super) fn admit(
        &mut self,
        address: IpAddr,
        weight: u32,
        since_epoch: Duration,
    ) -> Admission {
        let minute = since_epoch.as_secs() / 60;
        if minute != self.minute {
            self.minute = minute;
            self.used.clear();
        }
        let used = self.used.entry(address).or_default();
        *used = used.saturating_add(weight);
        if *used > LIMIT {
            return Admission::Refused {
                retry_after: 60 - since_epoch.as_secs() % 60,
            };
        }
        Admission::Granted { used: *used }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

    #[test]
    fn an_address_is_refused_above_the_limit_until_the_minute_ends() {
        let mut weights = RequestWeights::default();
        let time = Duration::from_secs(600 + 20);
        assert_eq!(
            weights.admit(HERE, 5_999, time),
            Admission::Granted { used: 5_999 }
        );
        assert_eq!(
            weights.admit(HERE, 5, time),
            Admission::Refused { retry_after: 40 }
        );
        assert_eq!(
            weights.admit(THERE, 5, time),
            Admission::Granted { used: 5 }
        );
        let next = Duration::from_mins(11);
        assert_eq!(weights.admit(HERE, 5, next), Admission::Granted { used: 5 });
    }
}
