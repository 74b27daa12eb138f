//! Which template the StatefulSet is to have (invariant U1).
//!
//! A template that differs from the one that was given last is taken only when the pod is replaced
//! anyway or is not there: with another configuration, on request, or while halted. Until then the
//! difference is reported.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use triptych_crds::ConfigHash;

use crate::{
    image,
    objects::stateful_set::{self, Kept},
    pod_template::{self, Configuration, Environment},
    template_bounds,
    template_difference::Difference,
};

use super::subject::{Trader, Wanted};

/// The template for the StatefulSet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) template: PodTemplateSpec,
    /// Name of the revision that the template stands for.
    pub(super) revision: Option<String>,
    pub(super) taken: Taken,
}

/// Why it is this template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Taken {
    /// The newest, for the first pod.
    First,
    /// The newest, because another configuration is to run.
    Configuration { from: Option<ConfigHash> },
    /// The newest, because `spec.restart` asks for it.
    Restart,
    /// The newest, because there is no pod that it could restart.
    WithoutPod,
    /// The newest, because the one that was there may not run.
    Repaired,
    /// The one that it has. `pending` is what the newest would change.
    Unchanged { pending: Vec<Difference> },
    /// The one that it has, although another is due: something that the pod needs is not ready.
    Held,
}

/// Chooses the template. `ready` says whether the configuration's ConfigMap and the claim can be
/// mounted, `restart` which restart may be carried out. `None`: the StatefulSet has to wait.
pub(super) fn choose(
    trader: &Trader<'_>,
    restart: Option<&str>,
    configuration: &Configuration,
    kept: Option<&Kept>,
    has_pod: bool,
    ready: bool,
) -> Option<Choice> {
    let kept_restart = kept.and_then(|kept| stateful_set::restart(&kept.template));
    // A request that was withdrawn again is no request to restart.
    let restart = restart.or(kept_restart);
    let environment = trader.environment();
    let newest = pod_template::render(
        &trader.identity,
        configuration,
        &environment,
        &trader.knobs(restart),
    );
    let due = due(trader, configuration, kept, &newest, has_pod);
    let takes_newest = !matches!(due, Taken::Unchanged { .. });
    match kept {
        None if !ready => None,
        Some(kept) if !ready && !may_stay(kept, configuration, &environment) => None,
        Some(kept) if takes_newest && !ready => Some(Choice {
            template: kept.template.clone(),
            revision: kept.revision.clone(),
            taken: Taken::Held,
        }),
        Some(kept) if !takes_newest => Some(Choice {
            template: kept.template.clone(),
            revision: Some(configuration.revision.clone()),
            taken: due,
        }),
        _ => Some(Choice {
            template: newest,
            revision: Some(configuration.revision.clone()),
            taken: due,
        }),
    }
}

fn due(
    trader: &Trader<'_>,
    configuration: &Configuration,
    kept: Option<&Kept>,
    newest: &PodTemplateSpec,
    has_pod: bool,
) -> Taken {
    let Some(kept) = kept else {
        return Taken::First;
    };
    let had = kept.configuration.as_ref().map(|had| &had.hash);
    if had != Some(&configuration.hash) {
        return Taken::Configuration { from: had.cloned() };
    }
    if stateful_set::restart(&kept.template) != stateful_set::restart(newest) {
        return Taken::Restart;
    }
    let pending = kept.differences_to(newest);
    let may_stay = may_stay(kept, configuration, &trader.environment());
    if !may_stay || (pending.is_empty() && !kept.is_rendered) {
        Taken::Repaired
    } else if trader.wanted == Wanted::Halted && !has_pod && !pending.is_empty() {
        Taken::WithoutPod
    } else {
        Taken::Unchanged { pending }
    }
}

/// Whether a template may be left in place. One that does not say what it runs, that was edited
/// beyond what its tier may have, or that names another build under the same hash, was not rendered by
/// any operator.
fn may_stay(kept: &Kept, configuration: &Configuration, environment: &Environment<'_>) -> bool {
    let Some(had) = &kept.configuration else {
        return false;
    };
    template_bounds::is_within(&kept.template, environment)
        && (had.hash != configuration.hash || image::same_build(&had.image, &configuration.image))
}

/// A sentence on what the newest template would change.
pub(super) fn restart_message(changes: &str) -> String {
    format!(
        "the pod goes on with its older template; taken at the next roll, while halted, or with a new value of spec.restart: {changes}"
    )
}
