//! A W and its mirror, each on a simulated cluster of its own, that see each other as the operator
//! sees them.

use serde_json::json;
use triptych_crds::{
    ConfigHash, Tier, TradingInstance, trading_account::Writer, trading_instance::Phase,
};
use triptych_decide::{
    attestation, view,
    world::{AccountView, MirrorView, Pairing, Seal, WriterView},
};

use crate::{
    cluster::Cluster,
    examples::{NAMESPACE, says},
};

pub(crate) const ACCOUNT: &str = "main";
pub(crate) const WRITER: &str = "writer";
pub(crate) const MIRROR: &str = "mirror";
/// Rounds after which a desk that does not settle is a failure.
const ROUNDS: usize = 60;

/// A W and an R on one account.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) writer: Cluster,
    pub(crate) mirror: Cluster,
}

impl Desk {
    /// Both declare `r1`. The operator did not look yet.
    pub(crate) fn new() -> Self {
        let mut desk = Self {
            writer: Cluster::of(instance(Tier::W)),
            mirror: Cluster::of(instance(Tier::R)),
        };
        for (cluster, name) in [(&mut desk.writer, WRITER), (&mut desk.mirror, MIRROR)] {
            cluster.trading.account = Some(account(name));
        }
        desk.look();
        desk
    }

    /// Both run `r1`, and nobody has anything to do.
    pub(crate) fn running() -> Self {
        let mut desk = Self::new();
        desk.settle();
        desk.wait(300);
        desk.settle();
        assert_eq!(desk.hashes(), (Some(hash('a')), Some(hash('a'))));
        assert_eq!(says(&desk.writer.plan(), "MirrorInSync"), "True InSync");
        desk
    }

    /// What each sees of the other, as it is now.
    pub(crate) fn look(&mut self) {
        let pod = self.mirror.pod.as_ref();
        let evidence = pod.and_then(|pod| {
            attestation::evidence(&view::pod(&pod.object, pod.answer()), &self.mirror.instance)
        });
        let mirrors = (self.mirror.instance.spec.mirror_of.is_some()).then(|| MirrorView {
            name: MIRROR.to_owned(),
            declares: declares(&self.mirror),
            evidence,
        });
        self.writer.trading.pairing = Pairing::Writer {
            mirrors: mirrors.into_iter().collect(),
        };
        let status = self.writer.instance.status.as_ref();
        let running = status.and_then(|status| status.running.as_ref());
        self.mirror.trading.pairing = Pairing::Mirror {
            writer: Some(WriterView {
                name: WRITER.to_owned(),
                declares: declares(&self.writer),
                running: running.map(|running| running.hash.clone()),
            }),
            others: Vec::new(),
        };
    }

    /// One round of everybody. Returns whether anybody did anything.
    pub(crate) fn round(&mut self) -> bool {
        self.look();
        let mirror = self.mirror.round();
        self.look();
        let writer = self.writer.round();
        mirror || writer
    }

    pub(crate) fn settle(&mut self) {
        for _ in 0..ROUNDS {
            if !self.round() {
                return;
            }
        }
        panic!("the desk is not settled after {ROUNDS} rounds");
    }

    pub(crate) fn wait(&mut self, seconds: i64) {
        self.writer.seconds += seconds;
        self.mirror.seconds += seconds;
        self.look();
    }

    /// One commit that names the same revision on both.
    pub(crate) fn commit(&mut self, revision: &str) {
        for cluster in [&mut self.writer, &mut self.mirror] {
            cluster.edit(|spec| spec.config_revision = revision.into());
        }
    }

    /// The hashes that the pods of W and R attest.
    pub(crate) fn hashes(&self) -> (Option<String>, Option<String>) {
        let of = |cluster: &Cluster| Some(cluster.plan().status.running?.hash);
        (of(&self.writer), of(&self.mirror))
    }

    pub(crate) fn phases(&self) -> (Phase, Phase) {
        (
            self.writer.plan().status.phase,
            self.mirror.plan().status.phase,
        )
    }
}

/// The hash of the example configuration of a letter, as text.
pub(crate) fn hash(letter: char) -> String {
    crate::examples::hash(letter).to_string()
}

/// The hash that an instance declares.
pub(crate) fn declares(cluster: &Cluster) -> Option<ConfigHash> {
    cluster.world().revision.hash().cloned()
}

/// W or R as its author writes it, with what the API server adds.
pub(crate) fn instance(tier: Tier) -> TradingInstance {
    let (name, spec) = match tier {
        Tier::W => (WRITER, json!({ "liveRatio": "0.1" })),
        _ => (MIRROR, json!({ "mirrorOf": WRITER })),
    };
    let mut instance = json!({
        "apiVersion": "triptych.trading/v1alpha1", "kind": "TradingInstance",
        "metadata": { "name": name, "namespace": NAMESPACE, "uid": format!("{name}-uid"), "generation": 1 },
        "spec": { "tier": tier.as_str(), "configRevision": "r1", "account": ACCOUNT }
    });
    for (field, value) in spec.as_object().expect("an object") {
        instance["spec"][field] = value.clone();
    }
    serde_json::from_value(instance).expect("the instance of the tests is valid")
}

/// The account as one of its two writers sees it.
pub(crate) fn account(writer: &str) -> AccountView {
    let spec = json!({
        "venue": "BinanceSpot", "live": {}, "demo": {}, "allowedNamespaces": [NAMESPACE]
    });
    AccountView {
        spec: serde_json::from_value(spec).expect("the account of the tests is valid"),
        writer: Some(Writer {
            namespace: NAMESPACE.to_owned(),
            name: writer.to_owned(),
            uid: format!("{writer}-uid"),
        }),
        seal: Seal::Whole,
    }
}
