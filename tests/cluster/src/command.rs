//! Running a command to its end.

use std::ffi::OsStr;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::error::{Error, Result};

/// Runs a command and returns its standard output; it is ended when the future is dropped.
pub(crate) async fn run(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<String> {
    let mut command = Command::new(program);
    command.args(arguments);
    output_of(command, None).await
}

/// Runs a command given as words separated by blanks.
pub(crate) async fn run_words(line: &str) -> Result<String> {
    let mut words = line.split_whitespace();
    let program = words.next().unwrap_or_default();
    run(program, words).await
}

/// Runs a prepared command with this standard input and returns its standard output.
pub(crate) async fn output_of(mut command: Command, input: Option<&[u8]>) -> Result<String> {
    let words: Vec<_> = std::iter::once(command.as_std().get_program())
        .chain(command.as_std().get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let line = words.join(" ");
    command
        .stdin(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .map_err(Error::io(format!("start `{line}`")))?;
    if let (Some(bytes), Some(mut pipe)) = (input, child.stdin.take()) {
        let written = pipe.write_all(bytes).await;
        // A command that ends without reading says why in its exit status.
        drop((written, pipe));
    }
    let output = child
        .wait_with_output()
        .await
        .map_err(Error::io(format!("run `{line}`")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = if output.stderr.is_empty() {
        &output.stdout
    } else {
        &output.stderr
    };
    Err(Error::Command {
        command: line,
        status: output.status.to_string(),
        output: String::from_utf8_lossy(said).trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failed_command_is_quoted_with_its_status_and_words() {
        let error = run("sh", ["-c", "echo not today >&2; exit 3"])
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("sh -c"), "{error}");
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.contains("not today"), "{error}");
    }

    #[tokio::test]
    async fn standard_input_reaches_the_command() {
        let output = output_of(Command::new("cat"), Some(b"rules"))
            .await
            .unwrap();
        assert_eq!(output, "rules");
    }
}
