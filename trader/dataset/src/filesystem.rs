//! The few things that the dataset does to a disk, as a trait: tests put failures in between.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use crate::layout::temporary;

/// Changes of a directory tree. Reading needs no trait: it changes nothing.
pub trait FileSystem: Send {
    /// Creates a folder and its parents; the entries are durable on return.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Creates a file with these bytes, durable on return. Fails where one exists.
    fn create_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Gives a file its final name in the same folder, durable on return.
    fn publish(&self, temporary: &Path, published: &Path) -> io::Result<()>;

    /// Writes bytes at `offset` of a file, which ends behind them; creates it where there is none.
    /// Durable on return.
    fn write_end(&self, path: &Path, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
}

/// The operating system's.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalFileSystem;

impl FileSystem for LocalFileSystem {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = parent_of(path) {
            self.create_folder(parent)?;
        }
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            created => created.and_then(|()| sync_parent(path)),
        }
    }

    fn create_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn publish(&self, temporary: &Path, published: &Path) -> io::Result<()> {
        fs::rename(temporary, published)?;
        sync_parent(published)
    }

    fn write_end(&self, path: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let existed = path.exists();
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)?;
        file.set_len(offset + bytes.len() as u64)?;
        file.sync_all()?;
        if existed { Ok(()) } else { sync_parent(path) }
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// A relative path of one part stands in the current folder.
fn parent_of(path: &Path) -> Option<&Path> {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
}

/// A name is durable once its folder is.
fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(parent_of(path).unwrap_or(Path::new(".")))?.sync_all()
}

/// Writes a whole file, so that readers see all of it or nothing: temporary name, sync, rename, sync.
/// Leaves nothing behind on failure, where the disk lets it.
pub fn put(filesystem: &dyn FileSystem, path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = parent_of(path) {
        filesystem.create_folder(folder)?;
    }
    let temporary = temporary(path);
    let created = filesystem.create_file(&temporary, bytes);
    let written = created.and_then(|()| filesystem.publish(&temporary, path));
    if written.is_err() {
        let _ = filesystem.remove_file(&temporary);
    }
    written
}
