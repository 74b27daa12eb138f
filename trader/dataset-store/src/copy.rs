//! Everything that a store has of a dataset, as it is, for a look at what is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use triptych_dataset::layout::{MANIFEST, temporary};
use triptych_dataset::manifest::{RunManifest, current_files, replaced_paths};

use crate::mirror::{MirrorError, at, local_path, write_file};
use crate::push::AT_ONCE;
use crate::store::{Listed, Store};

/// The age from which an object that nothing lists is nobody's any more who is at work.
pub(crate) const UNFINISHED: Duration = Duration::from_hours(24);

/// Copies a dataset into an empty folder: what is wrong in the store is wrong there too, and `verify` finds it.
/// What nothing lists yet, and is younger than a day, may be somebody's at work: in the folder it has the name
/// of a file that is being written.
pub async fn copy_as_it_is(store: &Store, directory: &Path) -> Result<(), MirrorError> {
    // Files first: one that is published meanwhile is listed then.
    let objects = store.list_tables().await?;
    let manifests = copy_manifests(store, directory).await?;
    let replaced = replaced_paths(&manifests);
    let current: BTreeMap<&str, u64> = current_files(&manifests)
        .map(|file| (&*file.path, file.bytes))
        .collect();
    let found: BTreeSet<&str> = objects.iter().map(|object| &*object.name).collect();
    let at_work = |object: &&Listed| {
        object.age < UNFINISHED
            && !current.contains_key(&*object.name)
            && !replaced.contains(&*object.name)
    };
    for object in objects.iter().filter(at_work) {
        let path = temporary(&local_path(directory, &object.name)?);
        write_file(&path, b"")?;
    }
    let whole = objects
        .iter()
        .filter(|object| !at_work(object))
        .map(|object| (&*object.name, object.size));
    let late = current.iter().filter(|(name, _)| !found.contains(**name));
    let late = late.map(|(name, size)| (*name, *size));
    let mut copying = futures::stream::iter(whole.chain(late))
        .map(|(name, size)| async move {
            let path = local_path(directory, name)?;
            match store.get(name, size).await? {
                Some(content) => write_file(&path, &content.bytes),
                None => Ok(()),
            }
        })
        .buffer_unordered(AT_ONCE);
    while copying.try_next().await?.is_some() {}
    Ok(())
}

async fn copy_manifests(store: &Store, directory: &Path) -> Result<Vec<RunManifest>, MirrorError> {
    let folder = directory.join(MANIFEST);
    std::fs::create_dir_all(&folder).map_err(at(&folder))?;
    let mut manifests = Vec::new();
    for object in store.list(MANIFEST).await? {
        if let Some(content) = store.get(&object.name, object.size).await? {
            let path = local_path(directory, &object.name)?;
            write_file(&path, &content.bytes)?;
            manifests.push(RunManifest::parse(&path, &content.bytes));
        }
    }
    if manifests.is_empty() {
        return Err(MirrorError::NoDataset(store.location().to_string()));
    }
    Ok(manifests)
}
