//! Keeping what is in memory out of files and of other processes.

use rustix::io;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use triptych_trader_runtime::Failure;

/// No core dump is written of this process, and no other process of its user may look into it
/// ([PR_SET_DUMPABLE](https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html)). To be called before keys
/// are read. Whoever is root on the node can look all the same.
pub(crate) fn keep_private() -> Result<(), Failure> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .and_then(|()| setrlimit(Resource::Core, none))
        .map_err(|error: io::Errno| Failure::Internal(format!("core dumps stay on: {error}")))
}
