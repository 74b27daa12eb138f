//! Playing the page: each command as a reader would type it, and the cluster's own words.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::time::{Instant, interval, timeout_at};

use super::{changes::Changes, ground::Ground, stage::Stage};
use crate::tutorial::{Command, Comparison, Event, PAGE, Page, Piece, Section, Session};

/// Longest time that a command of the page may take.
const PATIENCE: Duration = Duration::from_mins(5);
/// After this time without a word of a command, what happens meanwhile is told.
const SILENCE: Duration = Duration::from_secs(1);
/// How often something is told, even if nothing happens.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// Plays docs/tutorial.md from its first command to its last.
///
/// # Errors
/// When a command fails, or one that must be refused is not. When only an output is another than the
/// page shows, the story goes on, and this is said at the end.
pub async fn play(ground: &Ground, stage: Stage) -> Result<()> {
    let page = Page::parse(PAGE)?;
    let mut player = Player {
        session: Session::start(&ground.environment, &ground.folder).await?,
        changes: Changes::of(&ground.client),
        comparison: Comparison::default(),
        differences: Vec::new(),
        stage,
    };
    player.stage.heading(&page.introduction.heading);
    player.prose(&page.introduction);
    for section in &page.sections {
        player.stage.heading(&section.heading);
        player.section(section).await?;
        player.stage.pause().await?;
    }
    ensure!(
        player.differences.is_empty(),
        "docs/tutorial.md shows another output at {}: correct the page, or what it shows",
        player.differences.join(", ")
    );
    Ok(())
}

struct Player {
    session: Session,
    changes: Changes,
    comparison: Comparison,
    differences: Vec<String>,
    stage: Stage,
}

impl Player {
    fn prose(&self, section: &Section) {
        for piece in &section.pieces {
            if let Piece::Prose(prose) = piece {
                self.stage.prose(prose);
            }
        }
    }

    async fn section(&mut self, section: &Section) -> Result<()> {
        for piece in &section.pieces {
            match piece {
                Piece::Prose(prose) => self.stage.prose(prose),
                Piece::Command(command) => self.command(command).await?,
            }
        }
        Ok(())
    }

    async fn command(&mut self, command: &Command) -> Result<()> {
        let line = command.line;
        let mut printed = String::new();
        for step in &command.steps {
            self.stage.command(step);
            self.session.begin(step, command.refused).await?;
            let status = self.answer(&mut printed).await;
            let status = status.with_context(|| format!("line {line} of docs/tutorial.md"))?;
            match (command.refused, status) {
                (false, 0) | (true, 1..) => {}
                (false, _) => bail!(
                    "line {line} of docs/tutorial.md: a command failed with exit status {status}"
                ),
                (true, _) => bail!(
                    "line {line} of docs/tutorial.md: a command was carried out that must be refused"
                ),
            }
        }
        self.stage.blank();
        if let Some(shown) = &command.shown {
            self.compare(line, shown, &printed);
        }
        Ok(())
    }

    fn compare(&mut self, line: usize, shown: &str, printed: &str) {
        if !self.comparison.agrees(shown, printed) {
            let shown = self.comparison.filled_in(shown);
            let problem = format!("This is not what docs/tutorial.md shows, which is:\n{shown}");
            self.stage.problem(&problem);
            self.differences.push(format!("line {line}"));
        }
    }

    /// Shows what a command prints until it ends, and while it is silent what the instances do. Returns
    /// its exit status.
    async fn answer(&mut self, printed: &mut String) -> Result<i32> {
        let began = Instant::now();
        let mut told = began;
        let mut ticks = interval(SILENCE);
        ticks.reset();
        loop {
            tokio::select! {
                event = timeout_at(began + PATIENCE, self.session.next()) => match event {
                    Ok(Ok(Event::Line(line))) => {
                        self.stage.answer(&line);
                        printed.push_str(&line);
                        printed.push('\n');
                        told = Instant::now();
                        ticks.reset();
                    }
                    Ok(Ok(Event::Ended(status))) => return Ok(status),
                    Ok(Err(error)) => return Err(error),
                    Err(_) => bail!("a command has not ended within {PATIENCE:?}"),
                },
                _ = ticks.tick() => {
                    let changes = self.changes.since_last().await;
                    for change in &changes {
                        self.stage.meanwhile(change);
                    }
                    if !changes.is_empty() {
                        told = Instant::now();
                    } else if told.elapsed() >= SIGN_OF_LIFE {
                        self.stage.meanwhile(&format!("{} s", began.elapsed().as_secs()));
                        told = Instant::now();
                    }
                }
            }
        }
    }
}
