//! Who may trade a side of an account.

use serde_json::json;
use triptych_crds::trading_account::{SealStatus, SideStatus, TradingAccountStatus};
use triptych_decide::account::{self, AccountWorld, Claimant, SealedTrader, SideWorld};

use crate::examples::{at, in_short};

fn claimant(namespace: &str, uid: &str, created: i64) -> Claimant {
    Claimant {
        namespace: namespace.to_owned(),
        name: "writer".to_owned(),
        uid: uid.to_owned(),
        created_at: Some(at(created)),
    }
}

fn world(claimants: Vec<Claimant>) -> AccountWorld {
    let spec = json!({ "venue": "BinanceSpot", "live": {}, "allowedNamespaces": ["team", "desk"] });
    AccountWorld {
        name: "main".to_owned(),
        generation: Some(1),
        spec: serde_json::from_value(spec).expect("a valid account"),
        status: None,
        live: SideWorld {
            claimants,
            ..SideWorld::default()
        },
        demo: SideWorld::default(),
    }
}

/// UID of the writer of the live side, as the status has it after the decision.
fn writer(world: &mut AccountWorld) -> Option<String> {
    let status = account::decide(world)
        .status
        .status(world.status.as_ref(), &at(9));
    let writer = status.live.clone().and_then(|side| side.writer);
    world.status = Some(status);
    writer.map(|writer| writer.uid)
}

#[test]
fn k2_the_first_writer_keeps_the_side_and_the_next_one_gets_it_when_it_is_gone() {
    let mut world = world(vec![
        claimant("desk", "second", 20),
        claimant("team", "first", 10),
    ]);
    assert_eq!(writer(&mut world).as_deref(), Some("first"));
    world.live.claimants.push(claimant("team", "older", 1));
    assert_eq!(
        writer(&mut world).as_deref(),
        Some("first"),
        "it is recorded"
    );
    world
        .live
        .claimants
        .retain(|claimant| claimant.uid != "first");
    assert_eq!(writer(&mut world).as_deref(), Some("older"));
    world.live.claimants.clear();
    assert_eq!(writer(&mut world), None);
}

#[test]
fn an_instance_of_a_namespace_that_is_not_allowed_never_gets_the_side() {
    let mut world = world(vec![
        claimant("elsewhere", "stranger", 1),
        claimant("team", "ours", 2),
    ]);
    assert_eq!(writer(&mut world).as_deref(), Some("ours"));
    world.live.claimants.pop();
    assert_eq!(writer(&mut world), None);
}

#[test]
fn after_a_lost_status_the_instance_whose_trader_runs_keeps_the_side() {
    let mut world = world(vec![
        claimant("team", "older", 1),
        claimant("team", "runs", 2),
    ]);
    world.live.trader = Some(SealedTrader {
        uid: "set".into(),
        instance_uid: Some("runs".into()),
        deleting: false,
    });
    assert_eq!(writer(&mut world).as_deref(), Some("runs"));
}

#[test]
fn a_trader_goes_once_its_instance_is_gone_and_only_then() {
    let set = |instance: Option<&str>, deleting| SealedTrader {
        uid: "set".into(),
        instance_uid: instance.map(str::to_owned),
        deleting,
    };
    let table = [
        (set(Some("first"), false), vec![]),
        (
            set(Some("gone"), false),
            vec!["delete StatefulSet: InstanceGone"],
        ),
        (set(Some("gone"), true), vec![]),
        (set(None, false), vec![]),
    ];
    for (trader, expected) in table {
        let mut world = world(vec![claimant("team", "first", 1)]);
        world.live.trader = Some(trader.clone());
        assert_eq!(
            in_short(&account::decide(&world).actions),
            expected,
            "{trader:?}"
        );
    }
}

#[test]
fn k2_a_writer_that_cannot_be_read_keeps_the_side() {
    let mut world = world(vec![claimant("team", "first", 1)]);
    assert_eq!(writer(&mut world).as_deref(), Some("first"));
    world.live.claimants = vec![claimant("desk", "second", 2)];
    world.live.unreadable = vec!["first".into()];
    assert_eq!(writer(&mut world).as_deref(), Some("first"));
}

#[test]
fn a_trader_whose_account_is_gone_goes_with_its_instance_and_not_before() {
    let trader = SealedTrader {
        uid: "set".into(),
        instance_uid: Some("first".into()),
        deleting: false,
    };
    let side = SideWorld {
        trader: Some(trader),
        ..SideWorld::default()
    };
    let kept = SideWorld {
        claimants: vec![claimant("team", "first", 1)],
        ..side.clone()
    };
    let unreadable = SideWorld {
        unreadable: vec!["first".into()],
        ..side.clone()
    };
    let of = |live| account::orphans("main", live, &SideWorld::default());
    assert_eq!(in_short(&of(&side)), ["delete StatefulSet: InstanceGone"]);
    assert_eq!(of(&kept), []);
    assert_eq!(of(&unreadable), [], "it is there, and may trade");
}

#[test]
fn key_isolated_names_what_is_missing_on_each_side() {
    let mut world = world(vec![]);
    world.spec.demo = world.spec.live.clone();
    let seals = |live: Option<SealStatus>| {
        let whole = SealStatus {
            whole: true,
            problems: vec![],
        };
        let side = |seal| {
            Some(SideStatus {
                seal,
                ..SideStatus::default()
            })
        };
        Some(TradingAccountStatus {
            live: side(live),
            demo: side(Some(whole)),
            ..TradingAccountStatus::default()
        })
    };
    world.status = seals(Some(SealStatus {
        whole: false,
        problems: vec!["ResourceQuota seal is missing".into()],
    }));
    let says = |world: &AccountWorld| {
        let conditions = account::decide(world).status.conditions;
        let one = |kind: &str| {
            let found = conditions.iter().find(|one| one.kind.as_str() == kind);
            let found = found.expect("both conditions are reported");
            (found.holds.as_str(), found.reason, found.message.clone())
        };
        (one("KeyIsolated"), one("Ready"))
    };
    let (isolated, ready) = says(&world);
    assert_eq!((isolated.0, isolated.1), ("False", "SealBroken"));
    assert_eq!(
        isolated.2,
        "trading-live-main: ResourceQuota seal is missing"
    );
    assert_eq!((ready.0, ready.1), ("False", "NotSealed"));
    world.status = seals(None);
    assert_eq!(says(&world).0.0, "Unknown");
    world.status = seals(Some(SealStatus {
        whole: true,
        problems: vec![],
    }));
    assert_eq!((says(&world).0.0, says(&world).1.0), ("True", "True"));
}

#[test]
fn l2_a_settled_account_has_the_status_that_it_has() {
    let mut world = world(vec![claimant("team", "first", 1)]);
    writer(&mut world);
    let before: Option<TradingAccountStatus> = world.status.clone();
    writer(&mut world);
    assert_eq!(world.status, before);
}
