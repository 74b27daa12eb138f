//! Which of two answers about the TradingInstance is the newer one: readings and a watch arrive side
//! by side, and a late answer must not bring back what was overtaken.

/// What becomes of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Counts,
    /// The watch told of something newer while it was under way.
    Overtaken,
    /// It counts although it is older than what was known: the API server's store was restored. A
    /// watch that began before tells nothing any more.
    WentBack,
}

/// The newest version that was taken in. Versions are numbers that grow, unless a store is restored.
#[derive(Debug, Default)]
pub struct Order {
    newest: Option<u64>,
}

impl Order {
    /// To be kept when a reading is asked for, and given back with its answer.
    pub fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// Takes in the version of a reading that was asked for when `newest_then` was the newest.
    pub fn reading(&mut self, version: Option<u64>, newest_then: Option<u64>) -> Verdict {
        let is_older = version < self.newest;
        if is_older && self.newest != newest_then {
            return Verdict::Overtaken;
        }
        self.newest = version;
        if is_older {
            Verdict::WentBack
        } else {
            Verdict::Counts
        }
    }

    /// Takes in the version that a watch tells of; whether it counts.
    pub fn told(&mut self, version: Option<u64>) -> bool {
        let counts = version.is_none() || version > self.newest;
        if counts {
            self.newest = version.or(self.newest);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_counts_once_and_only_forward() {
        let mut order = Order::default();
        assert_eq!(order.reading(Some(10), None), Verdict::Counts);
        for (version, counts) in [(9, false), (10, false), (11, true), (11, false), (13, true)] {
            assert_eq!(order.told(Some(version)), counts, "{version}");
        }
    }

    #[test]
    fn a_late_reading_does_not_bring_back_what_the_watch_overtook() {
        let mut order = Order::default();
        order.reading(Some(10), None);
        let asked = order.newest();
        assert!(order.told(Some(12)));
        assert_eq!(order.reading(Some(11), asked), Verdict::Overtaken);
        assert_eq!(order.newest(), Some(12));
        assert_eq!(order.reading(Some(12), order.newest()), Verdict::Counts);
    }

    #[test]
    fn a_reading_that_overtakes_the_watch_counts_and_the_watch_then_repeats_nothing() {
        let mut order = Order::default();
        order.reading(Some(10), None);
        assert_eq!(order.reading(Some(12), Some(10)), Verdict::Counts);
        assert!(!order.told(Some(11)) && !order.told(Some(12)) && order.told(Some(13)));
    }

    #[test]
    fn an_older_reading_with_nothing_new_meanwhile_means_a_restored_store() {
        let mut order = Order::default();
        order.reading(Some(100), None);
        assert_eq!(order.reading(Some(7), Some(100)), Verdict::WentBack);
        assert!(order.told(Some(8)), "smaller versions count from here on");
    }

    #[test]
    fn an_object_without_a_numeric_version_always_counts() {
        let mut order = Order::default();
        assert_eq!(order.reading(None, None), Verdict::Counts);
        assert!(order.told(None));
    }
}
