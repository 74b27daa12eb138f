//! The terminal of whoever watches: what is said, what is run, what is answered.

use std::io::{IsTerminal, stdout};

use anyhow::Result;
use triptych_cluster::progress::Progress;

/// Where the story is told. It uses colours on a terminal, unless `NO_COLOR` is set.
#[derive(Clone, Debug)]
pub struct Stage {
    progress: Progress,
    colours: bool,
    pause: bool,
}

/// How a line looks on a terminal.
#[derive(Clone, Copy)]
enum Look {
    Plain,
    Bold,
    Command,
    Faint,
    Problem,
}

impl Stage {
    /// On standard output. With `pause`, a person says when it goes on.
    pub fn new(progress: Progress, pause: bool) -> Self {
        let colours = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            progress,
            colours,
            pause,
        }
    }

    /// Begins a part of the story.
    pub(super) fn heading(&self, text: &str) {
        let seconds = self.progress.elapsed().as_secs();
        let heading = format!("{text}  ({}:{:02})", seconds / 60, seconds % 60);
        let rule = "-".repeat(heading.len());
        self.say(Look::Bold, &format!("\n{heading}\n{rule}\n"));
    }

    /// Says why.
    pub(super) fn prose(&self, text: &str) {
        self.say(Look::Plain, &format!("{}\n", text.trim_end()));
    }

    /// Shows what is run, as a terminal would have it.
    pub(super) fn command(&self, text: &str) {
        let marks = std::iter::once("$").chain(std::iter::repeat(" "));
        for (line, mark) in text.lines().zip(marks) {
            self.say(Look::Command, &format!("{mark} {line}"));
        }
    }

    /// Shows a line of an answer.
    pub(super) fn answer(&self, line: &str) {
        self.say(Look::Plain, line);
    }

    /// Says what happens meanwhile.
    pub(super) fn meanwhile(&self, text: &str) {
        self.say(Look::Faint, &format!("  . {text}"));
    }

    /// Says that something is not as it should be.
    pub(super) fn problem(&self, text: &str) {
        self.say(Look::Problem, text);
    }

    /// Ends a command with what it answered.
    pub(super) fn blank(&self) {
        self.say(Look::Plain, "");
    }

    /// Waits until the person wants to go on.
    pub(super) async fn pause(&self) -> Result<()> {
        if self.pause {
            self.say(Look::Faint, "  Enter goes on");
            let read = || std::io::stdin().read_line(&mut String::new());
            tokio::task::spawn_blocking(read).await??;
        }
        Ok(())
    }

    fn say(&self, look: Look, text: &str) {
        let code = match look {
            Look::Bold => "1",
            Look::Command => "1;36",
            Look::Faint => "2",
            Look::Problem => "1;31",
            Look::Plain => "",
        };
        if self.colours && !code.is_empty() {
            println!("\x1b[{code}m{text}\x1b[0m");
        } else {
            println!("{text}");
        }
    }
}
