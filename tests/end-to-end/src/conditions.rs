//! What the conditions of an instance say.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use triptych_crds::trading_instance::TradingInstanceStatus;

/// The condition of a kind.
pub fn find<'a>(status: &'a TradingInstanceStatus, kind: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|one| one.type_ == kind)
}

/// Status and reason of a condition: `True SealWhole`. Empty where there is no such condition.
pub fn says(status: &TradingInstanceStatus, kind: &str) -> String {
    find(status, kind).map_or_else(String::new, |one| format!("{} {}", one.status, one.reason))
}

/// Message of a condition. Empty where there is no such condition.
pub fn message(status: &TradingInstanceStatus, kind: &str) -> String {
    find(status, kind).map_or_else(String::new, |one| one.message.clone())
}
