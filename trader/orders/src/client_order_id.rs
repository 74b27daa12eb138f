//! Names of orders: the same order gets the same name, whoever asks and however often.
//!
//! 36 digits of base 32 (Crockford's, lowercase): `t`, eight of the owner, six of the epoch, one of purpose and part,
//! twenty of the candidate. A name so tells whose order it is, by whom it was sent and what it carries out, to
//! a person in the venue's list of orders too.

use sha2::{Digest as _, Sha256};
use thiserror::Error;
use triptych_account::OrderKey;
use triptych_engine::portfolio::CloseReason;
use triptych_venue::ClientOrderId;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const BITS_PER_DIGIT: u32 = 5;
/// What every name begins with.
const MARK: char = 't';
const OWNER_DIGITS: usize = 8;
const EPOCH_DIGITS: usize = 6;
const CANDIDATE_DIGITS: usize = 20;
const PURPOSES: u128 = 3;

/// Orders of one purpose of a candidate that a name can tell apart.
pub const MOST_PARTS: u8 = 10;

/// Who sends orders on an account: one instance in one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner(String);

impl Owner {
    /// The owner for a cluster (UID of the namespace `kube-system`) and a TradingInstance (its UID).
    pub fn new(cluster_uid: &str, instance_uid: &str) -> Self {
        let digest = Sha256::digest(format!("triptych-owner-v1\n{cluster_uid}\n{instance_uid}"));
        Self(digits(first_bits(&digest), OWNER_DIGITS))
    }

    /// The owner that a client order id names; `None` where it is no name of this kind.
    pub fn of(client_order_id: &str) -> Option<Self> {
        let rest = client_order_id.strip_prefix(MARK)?;
        let is_digit = |byte: u8| ALPHABET.contains(&byte);
        let is_name =
            client_order_id.len() == ClientOrderId::MAX_LENGTH && rest.bytes().all(is_digit);
        is_name.then(|| Self(rest[..OWNER_DIGITS].to_owned()))
    }
}

/// Which holder of the right to trade the account it is, counted by the Lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(u32);

/// An epoch beyond what a name has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("epoch {0}: expected at most {max}: the Lease was taken over more often than names of orders can say", max = Epoch::MAX)]
pub struct EpochError(pub u64);

impl Epoch {
    /// The last one, 2³⁰ - 1.
    pub const MAX: u32 = (1 << (BITS_PER_DIGIT * 6)) - 1;

    /// The epoch of that number.
    pub fn new(number: u64) -> Result<Self, EpochError> {
        match u32::try_from(number) {
            Ok(number) if number <= Self::MAX => Ok(Self(number)),
            _ => Err(EpochError(number)),
        }
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0 as u64
    }
}

/// The name of an order. Parts from [`MOST_PARTS`] on have none of their own.
pub fn client_order_id(
    owner: &Owner,
    epoch: Epoch,
    OrderKey {
        candidate,
        purpose,
        part,
    }: OrderKey,
) -> ClientOrderId {
    let purpose = match purpose {
        CloseReason::Signal => 0,
        CloseReason::Stop => 1,
        CloseReason::Target => 2,
    };
    let use_of_candidate = purpose + PURPOSES * u128::from(part.min(MOST_PARTS - 1));
    let text = [
        MARK.to_string(),
        owner.0.clone(),
        digits(u128::from(epoch.0) << (128 - 30), EPOCH_DIGITS),
        digits(use_of_candidate << (128 - 5), 1),
        digits(u128::from_be_bytes(candidate.bytes()), CANDIDATE_DIGITS),
    ]
    .concat();
    ClientOrderId::new(&text).unwrap_or_else(|error| unreachable!("36 digits: {error}"))
}

fn first_bits(digest: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    u128::from_be_bytes(bytes)
}

/// The first `count` digits of a number of 128 bits, the highest first.
fn digits(number: u128, count: usize) -> String {
    let mut rest = number;
    let mut text = String::with_capacity(count);
    for _ in 0..count {
        let digit = rest >> (u128::BITS - BITS_PER_DIGIT);
        text.push(char::from(ALPHABET[digit as usize]));
        rest <<= BITS_PER_DIGIT;
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use triptych_engine::candidate::CandidateId;

    use super::*;

    fn candidate(number: u128) -> CandidateId {
        format!("{number:032x}").parse().unwrap()
    }

    /// Every order that a candidate may have.
    fn keys(candidate: CandidateId) -> impl Iterator<Item = OrderKey> {
        let purposes = [CloseReason::Signal, CloseReason::Stop, CloseReason::Target];
        purposes.into_iter().flat_map(move |purpose| {
            (0..MOST_PARTS).map(move |part| OrderKey {
                candidate,
                purpose,
                part,
            })
        })
    }

    #[test]
    fn one_order_has_one_name_and_every_part_counts() {
        let (ours, theirs) = (Owner::new("cluster", "w"), Owner::new("cluster", "x"));
        let (first, second) = (Epoch::new(1).unwrap(), Epoch::new(2).unwrap());
        let (one, other) = (candidate(1 << 127), candidate(1 << 28));
        let mut names = BTreeSet::new();
        for owner in [&ours, &theirs] {
            for epoch in [first, second] {
                for candidate in [one, other] {
                    for key in keys(candidate) {
                        let name = client_order_id(owner, epoch, key);
                        assert_eq!(name, client_order_id(owner, epoch, key));
                        assert_eq!(Owner::of(name.as_str()).as_ref(), Some(owner));
                        names.insert(name);
                    }
                }
            }
        }
        assert_eq!(names.len(), 8 * 30);
    }

    #[test]
    fn a_name_is_written_as_it_always_was() {
        let name = client_order_id(
            &Owner::new("a-cluster", "an-instance"),
            Epoch::new(33).unwrap(),
            OrderKey {
                candidate: candidate(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
                purpose: CloseReason::Target,
                part: 1,
            },
        );
        assert_eq!(name.as_str(), "t5qqrwgj9000011504hmasw9nf6yy0938nkr");
    }

    #[test]
    fn somebody_elses_order_is_not_ours() {
        for name in [
            "",
            "web_1",
            "x-R4BD3S82e9",
            "t",
            &"t".repeat(35),
            &"ü".repeat(18),
            &"T".repeat(36),
        ] {
            assert_eq!(Owner::of(name), None, "{name}");
        }
    }

    #[test]
    fn an_epoch_that_no_name_can_say_is_refused() {
        assert!(Epoch::new(u64::from(Epoch::MAX)).is_ok());
        let error = Epoch::new(u64::from(Epoch::MAX) + 1)
            .unwrap_err()
            .to_string();
        assert!(error.contains("1073741823"), "{error}");
    }
}
