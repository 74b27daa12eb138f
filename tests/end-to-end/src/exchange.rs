//! What the traders of a test's account are connected to, in a pod of the test's own.

use triptych_venue_sim::Personas;

/// A server in the place of the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// The generator's market for both sides, and nobody who takes orders.
    Tape,
    /// A venue that takes orders, with a persona for each side.
    Venue,
}

impl Exchange {
    /// Name of its Service, and of its pods in the label `app.kubernetes.io/name`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tape => "tape",
            Self::Venue => "venue",
        }
    }

    /// The only port that a side has to reach.
    pub(crate) fn port(self, side: &str) -> u16 {
        match (self, side) {
            (Self::Tape, _) => 9443,
            (Self::Venue, "live") => 9001,
            (Self::Venue, _) => 9002,
        }
    }

    /// Key and secret of a side's account there: documented ones, on which nobody's money depends.
    pub(crate) fn key(self, side: &str) -> [String; 2] {
        if self == Self::Tape {
            return ["a-key", "a-secret"].map(|what| format!("{what}-of-a-simulated-venue"));
        }
        let Personas { live, demo } = Personas::documented();
        let persona = if side == "live" { live } else { demo };
        let account = persona.accounts.into_iter().next();
        account.map_or_else(Default::default, |account| {
            [account.api_key, account.secret]
        })
    }
}
