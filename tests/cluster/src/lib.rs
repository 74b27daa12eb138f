//! A real Kubernetes cluster on one machine, the images that run in it and the faults that befall
//! it.
//!
//! [`up::up`] starts etcd, an API server and its controllers on a bridge of the host, and nodes
//! that are network namespaces with a containerd, a kubelet and a kube-proxy each.

pub mod address_plan;
pub mod audit;
mod certificates;
mod cgroups;
pub mod client;
pub mod cluster;
pub mod cni_plugin;
mod command;
mod control_plane;
mod device_plugins;
mod digest;
pub mod directory;
pub mod down;
pub mod error;
mod etcd_backup;
pub mod existing_cluster;
mod faults;
pub mod image;
mod kubeconfig;
pub mod local_cluster;
pub mod local_volumes;
mod mounts;
pub mod name;
mod network;
pub mod network_policy;
mod node;
pub mod parts;
pub mod probe;
pub mod processes;
pub mod progress;
pub mod readiness;
pub mod registry;
pub mod requirements;
pub mod status;
mod system_objects;
pub mod up;
