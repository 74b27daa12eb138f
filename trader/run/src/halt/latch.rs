//! The latch: one small file on the trader's volume that outlives process, pod and node.
//!
//! It is written whole under another name, synced and renamed, and the folder synced: a crash leaves
//! the old content or the new one. What cannot be read, or is no latch, is never taken for an empty one.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use triptych_crds::TradingState;
use triptych_dataset::filesystem::{FileSystem, LocalFileSystem};

use super::{Halt, Source};

/// Name of the file.
pub const FILE: &str = "halt.json";

/// Where a file that is no latch is kept.
pub const SET_ASIDE: &str = "halt.json.unreadable";

/// The only version of its content.
const VERSION: u32 = 1;

/// A latch has some hundred bytes; more is none.
const LARGEST: u64 = 64 * 1024;

/// What is in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    /// Written out where there is none: what is cut off is no cleared latch.
    #[serde(deserialize_with = "Option::deserialize")]
    halt: Option<Halt>,
}

/// Why the latch is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LatchError {
    /// The volume does not give the file: it may do so the next time.
    Unreadable(String),
    /// What is in the file is no latch, and will be none the next time.
    NoLatch(String),
}

/// The file.
#[derive(Debug, Clone)]
pub struct LatchFile<F = LocalFileSystem> {
    path: PathBuf,
    filesystem: F,
}

impl LatchFile {
    /// The latch in a data directory.
    pub fn new(data_directory: &Path) -> Self {
        Self::on(LocalFileSystem, data_directory)
    }
}

impl<F: FileSystem> LatchFile<F> {
    /// The latch in a data directory of another file system.
    pub fn on(filesystem: F, data_directory: &Path) -> Self {
        Self {
            path: data_directory.join(FILE),
            filesystem,
        }
    }

    /// The latched halt; `None` where there never was one, or it was cleared.
    ///
    /// The error says which file is wrong, why, and what to do.
    pub fn read(&self) -> Result<Option<Halt>, LatchError> {
        let path = self.path.display();
        let bytes = match bytes_of(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| {
                LatchError::Unreadable(format!(
                    "the latch {path} cannot be read: {error}; the trader stays halted and reads it \
                     again every second: repair the volume"
                ))
            })?,
        };
        halt_in(&bytes).map_err(|reason| {
            LatchError::NoLatch(format!(
                "{path} is no latch of this build: {reason}; it is kept as {SET_ASIDE}, and whatever it \
                 held, a halt holds now"
            ))
        })
    }

    /// Keeps a copy of a file that is no latch, before another takes its place; durable on return.
    pub fn set_aside(&self) -> io::Result<()> {
        let bytes = bytes_of(&self.path)?;
        self.publish(&bytes, &self.path.with_file_name(SET_ASIDE))
    }

    /// Makes the file hold this; durable on return.
    pub fn write(&self, halt: Option<&Halt>) -> io::Result<()> {
        let content = Content {
            version: VERSION,
            halt: halt.cloned(),
        };
        self.publish(&serde_json::to_vec(&content)?, &self.path)
    }

    fn publish(&self, bytes: &[u8], path: &Path) -> io::Result<()> {
        let temporary = self.path.with_extension("json.tmp");
        match self.filesystem.remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.filesystem.create_file(&temporary, bytes)?;
        self.filesystem.publish(&temporary, path)
    }
}

/// The beginning of the file: one byte more than a latch may have, at most.
fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn halt_in(bytes: &[u8]) -> Result<Option<Halt>, String> {
    if bytes.len() as u64 > LARGEST {
        return Err(format!("larger than {LARGEST} bytes"));
    }
    let content: Content = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if content.version != VERSION {
        let version = content.version;
        return Err(format!(
            "its version is {version}, this build knows {VERSION}"
        ));
    }
    match content.halt {
        Some(halt) if halt.state == TradingState::Active || halt.source == Source::Start => {
            Err(format!(
                "a halt of state {:?} and source {} is never latched",
                halt.state, halt.source
            ))
        }
        halt => Ok(halt),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;

    use triptych_crds::text::HaltId;

    use super::*;

    fn halt(id: &str) -> Halt {
        Halt {
            id: HaltId(id.to_owned()),
            state: TradingState::Halted,
            source: Source::Endpoint,
            reason: "märket \"broken\"".to_owned(),
            since: "2026-01-02T03:04:05Z".parse().unwrap(),
        }
    }

    /// A disk on which the process dies at a step, before the step or in the middle of it.
    struct Crashing {
        steps_left: Cell<usize>,
    }

    impl Crashing {
        fn step(&self) -> io::Result<()> {
            match self.steps_left.get() {
                0 => Err(io::Error::other("crashed")),
                left => {
                    self.steps_left.set(left - 1);
                    Ok(())
                }
            }
        }
    }

    impl FileSystem for Crashing {
        fn create_folder(&self, path: &Path) -> io::Result<()> {
            LocalFileSystem.create_folder(path)
        }

        fn create_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
            self.step()?;
            fs::write(path, &bytes[..bytes.len() / 2])?;
            self.step()?;
            fs::remove_file(path)?;
            LocalFileSystem.create_file(path, bytes)
        }

        fn publish(&self, temporary: &Path, published: &Path) -> io::Result<()> {
            self.step()?;
            fs::rename(temporary, published)?;
            self.step()
        }

        fn write_end(&self, path: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
            LocalFileSystem.write_end(path, offset, bytes)
        }

        fn remove_file(&self, path: &Path) -> io::Result<()> {
            self.step()?;
            LocalFileSystem.remove_file(path)
        }
    }

    #[test]
    fn a_latched_halt_is_read_back_and_a_cleared_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let latch = LatchFile::new(folder.path());
        assert_eq!(latch.read(), Ok(None), "a fresh volume has no halt");
        latch.write(Some(&halt("a"))).unwrap();
        assert_eq!(latch.read(), Ok(Some(halt("a"))));
        latch.write(None).unwrap();
        assert_eq!(latch.read(), Ok(None));
    }

    #[test]
    fn a_crash_at_any_step_of_a_write_leaves_the_old_content_or_the_new_one() {
        for (before, after) in [
            (None, Some(halt("new"))),
            (Some(halt("old")), Some(halt("new"))),
            (Some(halt("old")), None),
        ] {
            let mut outcomes = Vec::new();
            for steps in 0..6 {
                let folder = tempfile::tempdir().unwrap();
                let healthy = LatchFile::new(folder.path());
                healthy.write(before.as_ref()).unwrap();
                let disk = Crashing {
                    steps_left: Cell::new(steps),
                };
                let written = LatchFile::on(disk, folder.path()).write(after.as_ref());
                let found = healthy.read().unwrap();
                assert!(found == before || found == after, "{steps}: {found:?}");
                if written.is_ok() {
                    assert_eq!(found, after);
                }
                outcomes.push(written.is_ok());
                // What the crash left behind does not stop the next write.
                healthy.write(after.as_ref()).unwrap();
                assert_eq!(healthy.read().unwrap(), after);
            }
            assert_eq!(outcomes, [false, false, false, false, false, true]);
        }
    }

    #[test]
    fn what_is_no_latch_is_an_error_with_the_file_and_can_be_set_aside() {
        let good = serde_json::json!({ "version": 1, "halt": halt("a") });
        let with = |pointer: &str, value: serde_json::Value| {
            let mut changed = good.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            changed.to_string()
        };
        for (content, expected) in [
            (String::new(), "EOF"),
            ("{\"version\":1,\"ha".to_owned(), "EOF"),
            ("\0\0\0\0".to_owned(), "expected value"),
            ("null".to_owned(), "invalid type"),
            ("{\"version\":1}".to_owned(), "missing field `halt`"),
            (with("/version", 2.into()), "this build knows 1"),
            (with("/halt/state", "Active".into()), "never latched"),
            (with("/halt/source", "Start".into()), "never latched"),
            (with("/halt/source", "Moon".into()), "unknown variant"),
            (with("/halt/since", "soon".into()), "year"),
            ("x".repeat(70_000), "larger than"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(FILE), &content).unwrap();
            let latch = LatchFile::new(folder.path());
            let Err(LatchError::NoLatch(error)) = latch.read() else {
                panic!("{content}: it is no latch");
            };
            for part in [expected, FILE, SET_ASIDE] {
                assert!(error.contains(part), "{part}: {error}");
            }
            latch.set_aside().unwrap();
            let kept = fs::read(folder.path().join(SET_ASIDE)).unwrap();
            assert!(content.as_bytes().starts_with(&kept));
            assert!(latch.read().is_err(), "it is still in its place");
        }
    }

    #[test]
    fn a_volume_that_does_not_give_the_file_is_asked_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(FILE)).unwrap();
        let Err(LatchError::Unreadable(error)) = LatchFile::new(folder.path()).read() else {
            panic!("a folder cannot be read");
        };
        assert!(error.contains("repair the volume"), "{error}");
    }
}
