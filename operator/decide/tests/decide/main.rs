//! The operator's decisions, tested as rules, over random worlds, and on a small simulated cluster.

mod cluster;
mod configuration_rules;
mod convergence;
mod dependencies;
mod examples;
mod instance_rules;
mod invariants;
mod random_worlds;
mod rendered_pod;
mod restart_rules;
mod revision_rules;
mod tampering_rules;
mod trading;
