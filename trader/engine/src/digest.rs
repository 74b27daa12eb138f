//! All decisions of a run in one hash, to compare runs.

use std::fmt::{self, Write};

use sha2::{Digest, Sha256};

use crate::candidate::Candidate;

/// SHA-256 over every candidate's identity, market, proposal, verdicts, stated portfolios and outcome, in
/// order. Equal
/// digests mean equal decisions, to the last decimal; floating-point features are left out.
#[derive(Debug, Clone, Default)]
pub struct DecisionDigest(Sha256);

impl DecisionDigest {
    /// Adds the next candidate.
    pub fn add(&mut self, candidate: &Candidate) {
        // Writing into a hash never fails.
        let _ = self.write_candidate(candidate);
    }

    fn write_candidate(&mut self, candidate: &Candidate) -> fmt::Result {
        let Candidate {
            id,
            round,
            ts_decision,
            top,
            proposal,
            ..
        } = candidate;
        writeln!(
            self,
            "{id} {round} {} {}",
            ts_decision.nanoseconds(),
            top.update_id
        )?;
        writeln!(
            self,
            "{} {} {}",
            top.bid.price, top.ask.price, proposal.quantity
        )?;
        for verdict in &candidate.verdicts {
            writeln!(self, "{verdict:?}")?;
        }
        for verdict in &candidate.verdicts_all_taken {
            writeln!(self, "{verdict:?}")?;
        }
        if let Some(portfolios) = &candidate.portfolios {
            writeln!(self, "{portfolios:?}")?;
        }
        writeln!(self, "{:?}", candidate.enforcement)
    }

    /// The digest, 64 hexadecimal digits.
    pub fn finish(self) -> String {
        let digest = self.0.finalize();
        digest.iter().fold(String::with_capacity(64), |text, byte| {
            text + &format!("{byte:02x}")
        })
    }
}

impl Write for DecisionDigest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}
