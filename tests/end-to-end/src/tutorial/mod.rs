//! docs/tutorial.md as something that can be played: its prose, its commands, and what they print.

mod expected;
mod session;

use anyhow::{Context, Result, bail, ensure};

pub use expected::Comparison;
pub use session::{Event, Session};

/// The page itself.
pub const PAGE: &str = include_str!("../../../../docs/tutorial.md");

/// The page, section by section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What stands above the first section.
    pub introduction: Section,
    /// The sections that have commands to run, in order.
    pub sections: Vec<Section>,
}

/// A section of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// Its heading.
    pub heading: String,
    /// What stands in it, in order.
    pub pieces: Vec<Piece>,
}

/// A part of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Lines for a reader.
    Prose(String),
    /// Something to run.
    Command(Command),
}

/// A block of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Line of the page at which it begins.
    pub line: usize,
    /// What bash runs, one after the other.
    pub steps: Vec<String>,
    /// Whether the page says that it is refused. Then it is a single step.
    pub refused: bool,
    /// What the page shows of its output.
    pub shown: Option<String>,
}

impl Page {
    /// Reads a page. Blocks of `bash` are run, `bash refused` must fail; a block of `text` behind one of
    /// them is what it prints. Blocks of `sh` are for readers alone.
    pub fn parse(markdown: &str) -> Result<Self> {
        let mut sections = vec![Section::default()];
        let mut lines = markdown.lines().zip(1..);
        while let Some((line, number)) = lines.next() {
            let last = sections.len() - 1;
            let section = &mut sections[last];
            if let Some(language) = line.strip_prefix("```") {
                let block = block(&mut lines)
                    .with_context(|| format!("line {number}: this block has no end"))?;
                section
                    .take_block(language, block, number)
                    .with_context(|| format!("line {number}"))?;
            } else if let Some(heading) = line.strip_prefix("## ") {
                sections.push(Section::titled(heading));
            } else if let Some(title) = line.strip_prefix("# ") {
                title.clone_into(&mut section.heading);
            } else {
                section.take_prose(line);
            }
        }
        let introduction = sections.remove(0);
        sections.retain(|section| section.commands().next().is_some());
        Ok(Self {
            introduction,
            sections,
        })
    }
}

impl Section {
    fn titled(heading: &str) -> Self {
        Self {
            heading: heading.to_owned(),
            pieces: Vec::new(),
        }
    }

    /// Its commands, in order.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Command(command) => Some(command),
            Piece::Prose(_) => None,
        })
    }

    fn take_block(&mut self, language: &str, block: String, line: usize) -> Result<()> {
        match language {
            "bash" | "bash refused" => {
                let command = Command {
                    line,
                    steps: steps(&block),
                    refused: language == "bash refused",
                    shown: None,
                };
                ensure!(
                    !command.refused || command.steps.len() == 1,
                    "a block that is refused is one command, so that it is known which"
                );
                self.pieces.push(Piece::Command(command));
            }
            "text" => match self.pieces.last_mut() {
                Some(Piece::Command(command)) if command.shown.is_none() => {
                    command.shown = Some(block);
                }
                _ => bail!("a block of text shows the output of the block of bash right above it"),
            },
            "sh" => {}
            other => bail!("a block is bash, bash refused, text or sh, and not {other:?}"),
        }
        Ok(())
    }

    /// Lines without a blank one between them are one paragraph.
    fn take_prose(&mut self, line: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Prose(prose)) => {
                prose.push('\n');
                prose.push_str(line);
            }
            _ if line.is_empty() => {}
            _ => self.pieces.push(Piece::Prose(line.to_owned())),
        }
    }
}

/// The lines up to the end of a block.
fn block<'a>(lines: &mut impl Iterator<Item = (&'a str, usize)>) -> Option<String> {
    let mut block = String::new();
    for (line, _) in lines {
        if line == "```" {
            return Some(block);
        }
        block.push_str(line);
        block.push('\n');
    }
    None
}

/// Splits a block into its commands: each is a line, those that it goes on with after a backslash, and
/// the document behind it up to the word that ends it.
fn steps(block: &str) -> Vec<String> {
    let mut steps = Vec::new();
    let mut step = String::new();
    let mut document: Option<&str> = None;
    for line in block.lines() {
        step.push_str(line);
        step.push('\n');
        match document {
            Some(end) if line != end => continue,
            Some(_) => document = None,
            None => document = line.split_once("<<").map(|(_, end)| end),
        }
        if document.is_none() && !line.ends_with('\\') {
            steps.push(std::mem::take(&mut step));
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only_section(markdown: &str) -> Section {
        let page = Page::parse(markdown).expect("a page");
        assert_eq!(page.sections.len(), 1, "{page:?}");
        page.sections.into_iter().next().expect("a section")
    }

    #[test]
    fn a_command_has_the_output_that_stands_right_below_it() {
        let section = only_section(
            "# T\n## S\nWhy.\n\n```bash\nfirst\nsecond\n```\n\n```text\nout\n```\n```bash refused\nthird\n```\n",
        );
        let expected = [
            Command {
                line: 5,
                steps: vec!["first\n".into(), "second\n".into()],
                refused: false,
                shown: Some("out\n".into()),
            },
            Command {
                line: 13,
                steps: vec!["third\n".into()],
                refused: true,
                shown: None,
            },
        ];
        assert!(section.commands().eq(&expected), "{section:?}");
    }

    #[test]
    fn a_command_goes_on_after_a_backslash_and_in_its_document() {
        let block = "one\ntwo \\\n  more\ncat <<END\na\nb\nEND\nlast\n";
        let expected = [
            "one\n",
            "two \\\n  more\n",
            "cat <<END\na\nb\nEND\n",
            "last\n",
        ];
        assert_eq!(steps(block), expected);
    }

    #[test]
    fn sections_without_commands_are_not_played() {
        let page =
            Page::parse("# T\nIntro.\n## A\n```sh\nls\n```\n## B\n```bash\nls\n```\n## C\nEnd.\n")
                .expect("a page");
        assert_eq!(page.introduction.heading, "T");
        let headings: Vec<&str> = page
            .sections
            .iter()
            .map(|section| section.heading.as_str())
            .collect();
        assert_eq!(headings, ["B"]);
    }

    #[test]
    fn a_page_that_cannot_be_played_says_at_which_line() {
        for (markdown, problem) in [
            ("# T\n```bash\nls\n", "line 2: this block has no end"),
            (
                "# T\n\n```text\nout\n```\n",
                "line 3: a block of text shows",
            ),
            ("# T\n```python\n```\n", "line 2: a block is bash"),
            (
                "# T\n```bash refused\nls\nls\n```\n",
                "line 2: a block that is refused is one command",
            ),
        ] {
            let error = format!("{:#}", Page::parse(markdown).expect_err(markdown));
            assert!(error.contains(problem), "{markdown:?}: {error}");
        }
    }

    #[test]
    fn every_command_of_the_tutorial_is_bash() {
        let page = Page::parse(PAGE).expect("the tutorial");
        assert!(page.sections.len() >= 9, "{}", page.sections.len());
        let commands = page.sections.iter().flat_map(Section::commands);
        for step in commands.flat_map(|command| &command.steps) {
            let checked = std::process::Command::new("bash")
                .args(["-n", "-c", step])
                .output()
                .expect("bash runs");
            let said = String::from_utf8_lossy(&checked.stderr);
            assert!(checked.status.success() && said.is_empty(), "{step}{said}");
        }
    }
}
