//! L1: an account, its seal, a revision, W and R may come in any order, and the end is the same. Keys and ABH
//! are left out: the operator sees no Secret, and nothing between an ABH and the others.

use k8s_openapi::api::{apps::v1::StatefulSetSpec, core::v1::PersistentVolumeClaimSpec};
use triptych_decide::world::{AccountView, Pairing, Seal};

use super::desk::{Desk, MIRROR, WRITER, account, hash};
use crate::cluster::Cluster;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Document {
    Account,
    /// The inspector found it whole.
    Seal,
    Revision,
    Writer,
    Mirror,
}

const DOCUMENTS: [Document; 5] = [
    Document::Account,
    Document::Seal,
    Document::Revision,
    Document::Writer,
    Document::Mirror,
];

/// What is compared at the end, of W and of R.
type End = [(
    Vec<String>,
    Option<StatefulSetSpec>,
    Option<PersistentVolumeClaimSpec>,
); 2];

#[test]
fn l1_whole_systems_applied_in_every_order_end_the_same() {
    let orders = permutations(&DOCUMENTS);
    assert_eq!(orders.len(), 120);
    let expected = end_of(&DOCUMENTS, Pace::AllAtOnce);
    for order in &orders {
        for pace in [Pace::AllAtOnce, Pace::OneByOne] {
            assert_eq!(end_of(order, pace), expected, "{order:?}, {pace:?}");
        }
    }
}

/// Whether the operator looks between two documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    AllAtOnce,
    OneByOne,
}

fn end_of(order: &[Document], pace: Pace) -> End {
    let mut example = Example::empty();
    for document in order {
        example.apply(*document);
        if pace == Pace::OneByOne {
            example.settle();
        }
    }
    example.settle();
    let desk = &example.desk;
    assert_eq!(desk.hashes(), (None, Some(hash('a'))), "{order:?}: R first");
    assert!(
        desk.writer.stateful_set.is_none(),
        "{order:?}: W waits for its mirror"
    );
    example.desk.wait(300);
    example.settle();
    assert_eq!(
        example.desk.hashes(),
        (Some(hash('a')), Some(hash('a'))),
        "{order:?}"
    );
    [&example.desk.writer, &example.desk.mirror].map(|cluster| {
        let conditions = cluster.plan().status.conditions.into_iter();
        let said = conditions.map(|one| {
            format!(
                "{} {} {}",
                one.kind.as_str(),
                one.holds.as_str(),
                one.reason
            )
        });
        let set = cluster
            .stateful_set
            .as_ref()
            .and_then(|set| set.spec.clone());
        let claim = cluster.claim.as_ref().and_then(|claim| claim.spec.clone());
        (said.collect(), set, claim)
    })
}

/// A desk of which only what was applied is there.
struct Example {
    desk: Desk,
    applied: Vec<Document>,
}

impl Example {
    fn empty() -> Self {
        let mut desk = Desk::new();
        desk.writer.revisions.clear();
        desk.mirror.revisions.clear();
        Self {
            desk,
            applied: Vec::new(),
        }
    }

    fn apply(&mut self, document: Document) {
        if document == Document::Revision {
            self.desk.writer.create_revision("r1", 'a');
            self.desk.mirror.create_revision("r1", 'a');
        }
        self.applied.push(document);
    }

    fn has(&self, document: Document) -> bool {
        self.applied.contains(&document)
    }

    /// What each sees, of what is there.
    fn look(&mut self) {
        self.desk.look();
        let accounts = [WRITER, MIRROR].map(|name| self.account_of(name));
        let [of_writer, of_mirror] = accounts;
        self.desk.writer.trading.account = of_writer;
        self.desk.mirror.trading.account = of_mirror;
        if !self.has(Document::Mirror) {
            let mirrors = Vec::new();
            self.desk.writer.trading.pairing = Pairing::Writer { mirrors };
        }
        if let Pairing::Mirror { writer, .. } = &mut self.desk.mirror.trading.pairing
            && !self.applied.contains(&Document::Writer)
        {
            *writer = None;
        }
    }

    fn account_of(&self, name: &str) -> Option<AccountView> {
        let seal = if self.has(Document::Seal) {
            Seal::Whole
        } else {
            Seal::Unknown
        };
        let view = AccountView {
            seal,
            ..account(name)
        };
        self.has(Document::Account).then_some(view)
    }

    fn settle(&mut self) {
        for _ in 0..60 {
            let mut worked = false;
            for (document, side) in [
                (
                    Document::Mirror,
                    Self::mirror as fn(&mut Self) -> &mut Cluster,
                ),
                (Document::Writer, Self::writer),
            ] {
                self.look();
                worked |= self.has(document) && side(self).round();
            }
            // One clock for both, also while one of them is not there.
            let now = self.desk.writer.seconds.max(self.desk.mirror.seconds);
            self.desk.writer.seconds = now;
            self.desk.mirror.seconds = now;
            if !worked {
                return;
            }
        }
        panic!("{:?} does not settle", self.applied);
    }

    fn mirror(&mut self) -> &mut Cluster {
        &mut self.desk.mirror
    }

    fn writer(&mut self) -> &mut Cluster {
        &mut self.desk.writer
    }
}

/// Every order of some things.
fn permutations(things: &[Document]) -> Vec<Vec<Document>> {
    if things.is_empty() {
        return vec![Vec::new()];
    }
    let begun_with = |(at, first): (usize, &Document)| {
        let others = [&things[..at], &things[at + 1..]].concat();
        let rest = permutations(&others).into_iter();
        rest.map(|rest| [&[*first][..], &rest].concat())
            .collect::<Vec<_>>()
    };
    things.iter().enumerate().flat_map(begun_with).collect()
}
