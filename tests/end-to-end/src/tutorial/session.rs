//! One bash in which the commands of a page run one after the other, as in a reader's terminal.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout},
    sync::mpsc,
};

use crate::installation;

/// Stands before the exit status of a command; no program prints it.
const END_OF_COMMAND: char = '\u{1e}';

/// What happens while a command runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It printed a line, on standard output or standard error.
    Line(String),
    /// It came to its end with this exit status.
    Ended(i32),
}

/// A bash that runs in the root of the checkout. It ends with the first command that fails and is not
/// expected to.
pub struct Session {
    bash: Child,
    commands: ChildStdin,
    events: mpsc::UnboundedReceiver<Event>,
    folder: PathBuf,
}

impl Session {
    /// Starts bash with the variables that a file exports. Scripts and temporary files are kept in a
    /// folder.
    pub async fn start(environment: &Path, folder: &Path) -> Result<Self> {
        let mut bash = tokio::process::Command::new("bash")
            .args(["--noprofile", "--norc"])
            .current_dir(installation::workspace())
            .env("TMPDIR", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("start bash")?;
        let mut commands = bash.stdin.take().context("bash has no standard input")?;
        let output = bash.stdout.take().context("bash has no standard output")?;
        let begin = format!(
            "exec 2>&1\nset -euo pipefail\nsource '{}'\n",
            environment.display()
        );
        commands.write_all(begin.as_bytes()).await?;
        Ok(Self {
            bash,
            commands,
            events: read(output),
            folder: folder.to_owned(),
        })
    }

    /// Begins a command; [`Self::next`] says what becomes of it. One that is refused runs in a shell of
    /// its own, because its failure would end this one.
    pub async fn begin(&mut self, command: &str, refused: bool) -> Result<()> {
        let script = self.folder.join("command.bash");
        tokio::fs::write(&script, command).await?;
        let script = script.display();
        let run = if refused {
            format!(
                "_status=0; (source '{script}') </dev/null || _status=$?; printf '\\036%s\\n' \"$_status\"\n"
            )
        } else {
            format!("source '{script}' </dev/null; printf '\\036%s\\n' 0\n")
        };
        let sent = self.commands.write_all(run.as_bytes()).await;
        sent.context("bash has ended before this command")
    }

    /// Waits for what happens next. It may be cancelled.
    pub async fn next(&mut self) -> Result<Event> {
        if let Some(event) = self.events.recv().await {
            return Ok(event);
        }
        let status = self.bash.wait().await?;
        Ok(Event::Ended(status.code().unwrap_or(1)))
    }
}

/// Reads lines as they come.
fn read(output: ChildStdout) -> mpsc::UnboundedReceiver<Event> {
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while let Ok(1..) = output.read_until(b'\n', &mut line).await {
            for event in events(&line) {
                if sender.send(event).is_err() {
                    return;
                }
            }
            line.clear();
        }
    });
    receiver
}

/// What a line tells. The end of a command stands behind a last line that has no end of its own.
fn events(line: &[u8]) -> Vec<Event> {
    let line = String::from_utf8_lossy(line);
    let printed = |text: &str| Event::Line(text.trim_end().to_owned());
    match line.split_once(END_OF_COMMAND) {
        None => vec![printed(&line)],
        Some((before, status)) => {
            let ended = Event::Ended(status.trim().parse().unwrap_or(1));
            let before = (!before.is_empty()).then(|| printed(before));
            before.into_iter().chain([ended]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_command_is_seen_behind_a_line_without_an_end() {
        let line = |text: &str| Event::Line(text.to_owned());
        for (read, expected) in [
            ("ready \n", vec![line("ready")]),
            ("\u{1e}0\n", vec![Event::Ended(0)]),
            ("{}\u{1e}7\n", vec![line("{}"), Event::Ended(7)]),
        ] {
            assert_eq!(events(read.as_bytes()), expected, "{read:?}");
        }
    }
}
