//! The attacks of the catalogue on a cluster of their own: each request is first shown to come past
//! admission without the policies, and then to be refused with them, while no operator runs and while
//! one does.

#![allow(clippy::too_many_lines, reason = "tables, one row an attack")]

mod account_use;
mod actor;
mod attack;
mod availability;
mod break_glass;
mod cluster_wide_storage;
mod declared;
mod demo_pods;
mod ground;
mod journal;
mod key_secrets;
mod lab;
mod legitimate;
mod lifecycle;
mod live_pod_contents;
mod live_pods;
mod node_objects;
mod operator_namespace;
mod operator_up;
mod platform_and_custodians;
mod pods;
mod policies;
mod removal;
mod rendered_pods;
mod request;
mod rows;
mod running_traders;
mod schema;
mod sealed_namespace_contents;
mod sealed_namespaces;
mod secret_references;
mod stolen_kubelets;
mod threat_model;
mod tokens;
mod unrelated;
mod w_nodes;
mod workloads;
