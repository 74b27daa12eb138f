//! What the account has to say before a pod of W or R may exist.

use triptych_decide::world::{AccountView, Seal};

use super::desk::{Desk, WRITER};
use crate::examples::{in_short, message, says};

type Edit = fn(&mut Option<AccountView>);

/// What is wrong with the account, the reason that is given, and a word that helps.
const TABLE: [(Edit, &str, &str); 7] = [
    (
        |account| *account = None,
        "AccountNotFound",
        "platform team",
    ),
    (
        |account| with(account, |account| account.spec.allowed_namespaces.clear()),
        "NamespaceNotAllowed",
        "allowedNamespaces",
    ),
    (
        |account| with(account, |account| account.spec.live = None),
        "AccountSideMissing",
        "spec.live",
    ),
    (
        |account| {
            with(account, |account| {
                account.writer.as_mut().expect("a writer").uid = "another".into();
            });
        },
        "AccountInUse",
        "one writer",
    ),
    (
        |account| with(account, |account| account.writer = None),
        "AccountNotRecorded",
        "does not record",
    ),
    (
        |account| {
            with(account, |account| {
                account.seal = Seal::Broken(vec!["ResourceQuota seal is missing".into()]);
            });
        },
        "SealBroken",
        "ResourceQuota seal is missing",
    ),
    (
        |account| with(account, |account| account.seal = Seal::Unknown),
        "SealNotVerified",
        "not verified",
    ),
];

fn with(account: &mut Option<AccountView>, edit: impl FnOnce(&mut AccountView)) {
    edit(account.as_mut().expect("the desk has an account"));
}

#[test]
fn k1_without_its_account_and_a_whole_seal_nothing_of_w_is_made() {
    for (edit, reason, word) in TABLE {
        let mut desk = Desk::new();
        desk.settle();
        desk.wait(300);
        edit(&mut desk.writer.trading.account);
        let plan = desk.writer.plan();
        assert_eq!(in_short(&plan.actions), Vec::<String>::new(), "{reason}");
        assert_eq!(says(&plan, "Progressing"), format!("False {reason}"));
        assert!(message(&plan, "Progressing").contains(word), "{reason}");
    }
}

#[test]
fn what_runs_goes_on_whatever_becomes_of_its_account() {
    for (edit, reason, _) in TABLE {
        let mut desk = Desk::running();
        edit(&mut desk.writer.trading.account);
        desk.commit("r2");
        let plan = desk.writer.plan();
        assert_eq!(in_short(&plan.actions), Vec::<String>::new(), "{reason}");
        assert!(plan.status.running.is_some(), "{reason}");
        assert_eq!(says(&plan, "Progressing"), format!("False {reason}"));
    }
}

#[test]
fn a_restart_is_not_carried_out_while_the_account_would_not_let_the_pod_come_back() {
    for (edit, reason, _) in TABLE {
        let mut desk = Desk::running();
        edit(&mut desk.writer.trading.account);
        desk.writer.edit(|spec| spec.restart = Some("now".into()));
        assert_eq!(
            in_short(&desk.writer.plan().actions),
            Vec::<String>::new(),
            "{reason}"
        );
    }
}

#[test]
fn a_second_w_of_an_account_learns_who_trades_it_and_touches_nothing() {
    let mut desk = Desk::running();
    desk.writer.instance.metadata.uid = Some("a-second-instance".into());
    let plan = desk.writer.plan();
    assert_eq!(in_short(&plan.actions), Vec::<String>::new());
    assert_eq!(says(&plan, "Progressing"), "False AccountInUse");
    assert_eq!(plan.status.running, None, "what runs is another's");
}

#[test]
fn the_trader_of_a_former_instance_is_not_taken_over() {
    let mut desk = Desk::running();
    desk.writer.instance.metadata.uid = Some("a-new-instance".into());
    let account = desk.writer.trading.account.as_mut().expect("an account");
    account.writer.as_mut().expect("a writer").uid = "a-new-instance".into();
    let plan = desk.writer.plan();
    assert_eq!(in_short(&plan.actions), Vec::<String>::new());
    assert_eq!(says(&plan, "Degraded"), "True FormerTrader");
    assert_eq!(desk.writer.instance.metadata.name.as_deref(), Some(WRITER));
}
