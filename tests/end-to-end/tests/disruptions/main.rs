//! What disturbs a whole cluster: nodes drained and lost, etcd restored, the operator away. One test after
//! the other, on a cluster of four nodes of which two are W's.

mod drained_nodes;
mod halting;
mod lost_nodes;
mod many_systems;
mod partitioned_operator;
mod restored_etcd;
