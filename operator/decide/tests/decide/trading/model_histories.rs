//! Random histories of the model (`tests/model`), lived through by the operator's real decisions on a
//! simulated cluster, step by step: what each look decides, what each write does, and what the status
//! says are the same on both sides.

use proptest::prelude::*;
use serde_json::json;
use triptych_crds::{TradingState, trading_instance::Phase};
use triptych_decide::{
    instance,
    plan::{Action as Written, InstancePlan},
};
use triptych_model::{
    desk::{Action, Desk as Model, Scope},
    operator::Write,
    phase, scopes,
    state::{Ceiling, Configuration, Configurations, Half, Pair, Revision, State, Status},
    trader::Level,
};

use super::desk::{Desk, hash};
use crate::cluster::Cluster;

/// A desk that lives through a history of the model.
struct Replay {
    model: Model,
    state: State,
    desk: Desk,
    /// What the operator decided and has not written yet.
    in_hand: Pair<Option<InstancePlan>>,
}

fn letter(configuration: Configuration) -> char {
    match configuration {
        Configuration::A => 'a',
        Configuration::B => 'B',
        Configuration::C => 'C',
    }
}

fn name(revision: Revision) -> &'static str {
    match revision {
        Revision::First => "r1",
        Revision::Second => "r2",
    }
}

/// The hash that a cluster's StatefulSet is to run.
fn template(cluster: &Cluster) -> Option<String> {
    let spec = cluster.stateful_set.as_ref()?.spec.as_ref()?;
    hash_of(spec.template.metadata.as_ref()?)
}

fn hash_of(
    metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
) -> Option<String> {
    let annotations = metadata.annotations.as_ref()?;
    annotations.get("triptych.trading/config-hash").cloned()
}

/// The template that a plan gives, where that runs another configuration.
fn new_template(plan: &InstancePlan, cluster: &Cluster) -> Option<String> {
    let given = plan.actions.iter().find_map(|action| match action {
        Written::ApplyStatefulSet(set) => hash_of(set.spec.as_ref()?.template.metadata.as_ref()?),
        _ => None,
    });
    given.filter(|given| Some(given) != template(cluster).as_ref())
}

fn deletes_pod(plan: &InstancePlan) -> bool {
    let mut actions = plan.actions.iter();
    actions.any(|action| matches!(action, Written::DeletePod { .. }))
}

/// What is proven and bounded, in the model's words.
fn status_in_model(plan: &InstancePlan) -> Status {
    let proven = plan.status.proven.iter();
    let proven = proven.filter_map(|proven| configuration(&proven.config_hash));
    let ceiling = plan.status.ceiling.as_ref();
    Status {
        proven: proven.fold(Configurations::default(), Configurations::with),
        ceiling: ceiling.and_then(|ceiling| {
            Some(Ceiling {
                level: match ceiling.state {
                    TradingState::Active => return None,
                    TradingState::Reducing => Level::Reducing,
                    TradingState::Halted => Level::Halted,
                },
                configuration: configuration(&ceiling.config_hash)?,
            })
        }),
    }
}

fn configuration(of: &str) -> Option<Configuration> {
    let all = [Configuration::A, Configuration::B, Configuration::C];
    all.into_iter().find(|one| hash(letter(*one)) == of)
}

fn reported(phase: phase::Phase) -> Phase {
    match phase {
        phase::Phase::Pending => Phase::Pending,
        phase::Phase::Starting => Phase::Starting,
        phase::Phase::Running => Phase::Running,
        phase::Phase::Promoting => Phase::Promoting,
        phase::Phase::Rolling => Phase::Rolling,
        phase::Phase::Halted => Phase::Halted,
        phase::Phase::Degraded => Phase::Degraded,
    }
}

impl Replay {
    fn new(scope: Scope) -> Self {
        let state = scope.start;
        let desk = if state.sides.w.pod.is_some() {
            Desk::running()
        } else {
            Desk::new()
        };
        Self {
            model: Model {
                scope,
                without: None,
            },
            state,
            desk,
            in_hand: Pair::default(),
        }
    }

    fn cluster(&mut self, half: Half) -> &mut Cluster {
        match half {
            Half::W => &mut self.desk.writer,
            Half::R => &mut self.desk.mirror,
        }
    }

    /// One step of both, where it is possible.
    fn step(&mut self, action: Action) {
        let Some(next) = self.model.after(&self.state, action) else {
            self.look_in_vain(action);
            return;
        };
        let before = std::mem::replace(&mut self.state, next);
        self.live(&before, action);
        self.compare(action);
    }

    /// Where the model has nothing to do, the operator has nothing to do.
    fn look_in_vain(&mut self, action: Action) {
        if let Action::Look(half) = action
            && self.state.plans.of(half).is_none()
            && (half == Half::W || self.state.specs.has_mirror)
        {
            self.look(half);
            *self.in_hand.of_mut(half) = None;
        }
    }

    fn live(&mut self, before: &State, action: Action) {
        match action {
            Action::Look(half) => self.look(half),
            Action::Write(half) => self.write(before, half),
            Action::OperatorCrashes => self.in_hand = Pair::default(),
            Action::PodLost(half) => self.cluster(half).pod = None,
            Action::PodFails(half) => {
                let pod = self.cluster(half).pod.as_mut();
                pod.expect("a pod that fails").object.status = None;
            }
            Action::PodMade(half) => {
                self.cluster(half).stateful_set_controller();
            }
            Action::PodReady(half) | Action::PodGone(half) => {
                self.cluster(half).kubelet();
            }
            Action::MirrorSoaked => self.desk.wait(300),
            Action::MirrorCleared => {
                let mirror = &mut self.desk.mirror;
                mirror.delete_stateful_set(false);
                mirror.instance.status = None;
            }
            deed => self.person(deed),
        }
        self.desk.look();
    }

    fn person(&mut self, deed: Action) {
        let specs = self.state.specs;
        match deed {
            Action::Declare(half, revision) => {
                self.cluster(half)
                    .edit(|spec| spec.config_revision = name(revision).into());
            }
            Action::Commit(revision) => self.desk.commit(name(revision)),
            Action::ReuseName => {
                let stands_for = letter(specs.configuration(Revision::First));
                for half in Half::BOTH {
                    self.cluster(half).create_revision("r1", stands_for);
                }
            }
            Action::RemoveMirror => self.desk.mirror.edit(|spec| spec.mirror_of = None),
            Action::ReturnMirror => {
                let writer = Some(super::desk::WRITER.into());
                self.desk.mirror.edit(|spec| spec.mirror_of = writer);
            }
            Action::Revoke(_) | Action::Allow(_) => self.revoke(),
            Action::BreakGlass(of) => {
                let promotion = json!({ "breakGlass": {
                    "configHash": hash(letter(of)), "reason": "the demo venue is down",
                    "expiresAt": "2200-01-01T00:00:00Z"
                }});
                let promotion = serde_json::from_value(promotion).expect("a promotion");
                self.desk
                    .writer
                    .edit(|spec| spec.promotion = Some(promotion));
            }
            Action::GlassExpires => self.desk.writer.edit(|spec| spec.promotion = None),
            // Halts are the trader's: tests/model/tests/halts.rs.
            _ => {}
        }
    }

    fn revoke(&mut self) {
        let revoked = self.state.specs.revoked;
        let all = [Configuration::A, Configuration::B, Configuration::C];
        let list = all.into_iter().filter(|one| revoked.has(*one));
        let list =
            list.map(|one| json!({ "configHash": hash(letter(one)), "reason": "it buys tops" }));
        let list = json!(list.collect::<Vec<_>>());
        for half in Half::BOTH {
            let account = self.cluster(half).trading.account.as_mut();
            let revoked = serde_json::from_value(list.clone()).expect("revocations");
            account.expect("an account").spec.revoked = revoked;
        }
    }

    /// The operator looks: it decides what the model decides.
    fn look(&mut self, half: Half) {
        let expected = *self.state.plans.of(half);
        let status = self.state.status;
        let cluster = self.cluster(half);
        let plan = instance::decide(&cluster.world());
        let template = expected.and_then(|plan| plan.template);
        assert_eq!(
            new_template(&plan, cluster),
            template.map(|taken| hash(letter(taken.configuration))),
            "the template of {half:?}"
        );
        assert_eq!(
            deletes_pod(&plan),
            expected.is_some_and(|plan| plan.deletes_pod),
            "the deletion of the pod of {half:?}"
        );
        if half == Half::W {
            let written = expected.and_then(|plan| plan.status).unwrap_or(status);
            assert_eq!(status_in_model(&plan), written, "the status of W");
        }
        *self.in_hand.of_mut(half) = Some(plan);
    }

    /// The operator carries out the next of its writes, and those that the model passes over.
    fn write(&mut self, before: &State, half: Half) {
        let planned = before.plans.of(half).expect("a plan of the model");
        let is_last = self.state.plans.of(half).is_none();
        let is_refused = planned.deletes_pod
            && planned.template.is_none()
            && planned.pod_is_gone
            && before.sides.of(half).pod.is_some();
        let mut plan = self.in_hand.of_mut(half).take().expect("a plan");
        let is_of = |action: &Written| match planned.next() {
            Some(Write::Template(_)) => matches!(action, Written::ApplyStatefulSet(_)),
            Some(Write::PodDeletion) => matches!(action, Written::DeletePod { .. }),
            Some(Write::Status(_)) | None => false,
        };
        let cluster = self.cluster(half);
        let done = plan.actions.iter().position(is_of);
        let count = done.map_or(plan.actions.len(), |last| last + 1);
        for action in plan.actions.drain(..count) {
            cluster.apply(&action);
        }
        if is_refused {
            return;
        }
        if is_last {
            let now = cluster.now();
            let previous = cluster.instance.status.as_ref();
            let status = plan.status.status(previous, &now);
            cluster.instance.status = Some(status);
        } else {
            *self.in_hand.of_mut(half) = Some(plan);
        }
    }

    /// Both are at the same point.
    fn compare(&mut self, action: Action) {
        for half in Half::BOTH {
            let side = *self.state.sides.of(half);
            let view = self.state.view(half);
            let is_there = half == Half::W || self.state.specs.has_mirror;
            let cluster = self.cluster(half);
            let expected = side.template.map(|taken| hash(letter(taken.configuration)));
            assert_eq!(template(cluster), expected, "{half:?} after {action:?}");
            let pod = cluster.pod.as_ref();
            let runs = pod.and_then(|pod| hash_of(&pod.object.metadata));
            let expected = side.pod.map(|pod| hash(letter(pod.configuration)));
            assert_eq!(runs, expected, "{half:?} after {action:?}");
            if is_there {
                let status = instance::decide(&cluster.world()).status;
                assert_eq!(
                    status.phase,
                    reported(view.phase(false)),
                    "{half:?} after {action:?}"
                );
            }
        }
    }
}

/// Those in which the operator has something to do. The simulated cluster's watches show everything at
/// once, and its R rolls step by step.
fn scopes() -> Vec<Scope> {
    let all = scopes::all().into_iter();
    let scopes = all.filter(|scope| scope.name != scopes::HALTS);
    scopes
        .map(|scope| Scope {
            watches_lag: false,
            mirror_rolls_at_once: false,
            ..scope
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn each_step_of_the_model_is_a_step_of_the_operator(
        scope in prop::sample::select(scopes()),
        choices in prop::collection::vec(any::<u16>(), 100..300)
    ) {
        let steps: Vec<Action> = choices.iter().map(|choice| scope.step(*choice)).collect();
        let mut replay = Replay::new(scope);
        for step in steps {
            replay.step(step);
        }
    }
}
