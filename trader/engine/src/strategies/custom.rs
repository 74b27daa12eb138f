//! Algorithms that a crate outside the engine brings.
//!
//! A revision names one as `algorithm: { custom: { name, parameters } }`. Which there are is decided
//! where an executable is linked: its `main` hands [`Algorithms`] on. docs/engine.md shows it whole.

use std::fmt;

use super::parameters::Parameters;
use super::{Signal, Strategy};
use crate::event::Event;
use crate::market::{Instrument, Market};

/// An algorithm of a crate of your own, on one instrument.
///
/// What [`Strategy`] says of determinism holds here as well: the state depends on the events alone.
pub trait CustomAlgorithm: Send + Sized + 'static {
    /// The name in a manifest: lower-case letters, digits and `-`, as a Kubernetes name.
    const NAME: &'static str;

    /// Raised whenever the same events would give other signals than before: it is part of every
    /// candidate's identity.
    const VERSION: u32;

    /// Builds it from the parameters of a revision.
    ///
    /// A parameter that is missing or wrong is noted, and read as the lowest value that is allowed:
    /// so that everything that is wrong is said at once. What is built then is never used.
    fn new(parameters: &mut Parameters<'_>, instrument: &Instrument) -> Self;

    /// Takes an event that `market` has taken already.
    fn on_event(&mut self, event: &Event, market: &Market) -> Option<Signal>;
}

type Build = fn(&mut Parameters<'_>, &Instrument) -> Box<dyn Strategy>;

/// The algorithms that an executable has besides the engine's own.
#[derive(Clone, Default)]
pub struct Algorithms {
    linked: Vec<(&'static str, Build)>,
}

impl Algorithms {
    /// These and `A`.
    ///
    /// # Panics
    ///
    /// Where a revision cannot hold the name, or another algorithm has it: the executable is wrong,
    /// whatever revision it is given.
    #[must_use]
    pub fn with<A: CustomAlgorithm>(mut self) -> Self {
        let name = A::NAME;
        assert!(
            can_stand_in_a_revision(name),
            "algorithm {name:?}: expected 1 to 63 lower-case letters, digits and inner '-'"
        );
        assert!(
            self.find(name).is_none(),
            "algorithm {name:?} is linked twice"
        );
        self.linked.push((name, |parameters, instrument| {
            Box::new(Linked(A::new(parameters, instrument)))
        }));
        self
    }

    /// The names, in the order in which they were linked.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.linked.iter().map(|(name, _)| *name)
    }

    pub(crate) fn find(&self, name: &str) -> Option<Build> {
        let known = self.linked.iter().find(|(known, _)| *known == name);
        known.map(|(_, build)| *build)
    }
}

impl fmt::Debug for Algorithms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// The pattern of [`triptych_crds::text::ObjectName`].
fn can_stand_in_a_revision(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let ends = bytes.first().zip(bytes.last());
    ends.is_some_and(|(first, last)| plain(*first) && plain(*last))
        && bytes.len() <= 63
        && bytes.iter().all(|byte| plain(*byte) || *byte == b'-')
}

/// A custom algorithm as the engine runs it.
struct Linked<A>(A);

impl<A: CustomAlgorithm> Strategy for Linked<A> {
    fn algorithm(&self) -> &'static str {
        A::NAME
    }

    fn version(&self) -> u32 {
        A::VERSION
    }

    fn on_event(&mut self, event: &Event, market: &Market) -> Option<Signal> {
        self.0.on_event(event, market)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Named<const PLACE: usize>;

    const NAMES: [&str; 4] = ["of-a-desk", "OfADesk", "-edge", ""];

    impl<const PLACE: usize> CustomAlgorithm for Named<PLACE> {
        const NAME: &'static str = NAMES[PLACE];
        const VERSION: u32 = 1;

        fn new(_: &mut Parameters<'_>, _: &Instrument) -> Self {
            Self
        }

        fn on_event(&mut self, _: &Event, _: &Market) -> Option<Signal> {
            None
        }
    }

    #[test]
    fn an_algorithm_is_found_by_its_name() {
        let algorithms = Algorithms::default().with::<Named<0>>();
        assert!(algorithms.find("of-a-desk").is_some());
        assert!(algorithms.find("another").is_none());
        assert_eq!(algorithms.names().collect::<Vec<_>>(), ["of-a-desk"]);
    }

    #[test]
    #[should_panic(expected = "is linked twice")]
    fn a_name_is_linked_once() {
        let _ = Algorithms::default().with::<Named<0>>().with::<Named<0>>();
    }

    #[test]
    fn a_name_that_no_revision_can_hold_is_refused() {
        for refused in [
            Algorithms::with::<Named<1>>,
            Algorithms::with::<Named<2>>,
            Algorithms::with::<Named<3>>,
        ] {
            assert!(std::panic::catch_unwind(|| refused(Algorithms::default())).is_err());
        }
    }
}
