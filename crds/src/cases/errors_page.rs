//! `docs/errors.md`, made from the table.

use std::fmt::Write;

use super::{Case, TABLES, all, files};

const INTRODUCTION: &str = "\
# Errors

What the API server says to a manifest that is wrong, and what to do then. This page is made from the
table of manifests in `crds/tests/manifests` by `make generate`; the same table is run against a real
API server, so the messages are its own.

`trader validate FILE` finds the same errors without a server, in the same words. Two more lines may
stand beside them: *some validation rules were not checked because the object was invalid* means that
rules over several fields run once the listed errors are gone; an *unknown field* is reported alone.
";

const FILES: &str = "\
## Files

`trader hash` and `trader validate` read files as `kubectl apply -f` does, with the truth values and
numbers of YAML 1.1, and refuse what `kubectl` takes in another way than a person reads it.
";

/// The whole page.
pub fn errors_page() -> String {
    let mut page = String::from(INTRODUCTION);
    let cases = all();
    for (kind, _) in TABLES {
        write!(page, "\n## {kind}\n").expect("a text takes all");
        let refused = |case: &&Case| case.kind == kind && case.remedy.is_some();
        cases
            .iter()
            .filter(refused)
            .for_each(|case| write_case(&mut page, case));
    }
    write!(page, "\n{FILES}").expect("a text takes all");
    for file in files() {
        if let (Some(error), Some(remedy)) = (&file.unreadable, &file.remedy) {
            write_entry(&mut page, &file.name, &file.text, "It says:", error, remedy);
        }
    }
    page
}

fn write_case(page: &mut String, case: &Case) {
    let says: Vec<_> = case
        .refused
        .iter()
        .filter(|problem| {
            !problem
                .message
                .contains("some validation rules were not checked")
        })
        .map(ToString::to_string)
        .collect();
    let remedy = case.remedy.as_deref().unwrap_or_default();
    match &case.hash_refused {
        Some(problem) => {
            write_entry(
                page,
                &case.name,
                &case.wrote,
                "`trader hash` says:",
                &problem.to_string(),
                remedy,
            );
        }
        None => write_entry(
            page,
            &case.name,
            &case.wrote,
            "The API server says:",
            &says.join("\n"),
            remedy,
        ),
    }
}

fn write_entry(page: &mut String, name: &str, wrote: &str, who: &str, says: &str, remedy: &str) {
    let heading = heading(name);
    let wrote = wrote.trim_end();
    write!(
        page,
        "\n### {heading}\n\n```yaml\n{wrote}\n```\n\n{who}\n\n```text\n{says}\n```\n\n{remedy}\n"
    )
    .expect("a text takes all");
}

/// The name with a capital at its start, unless it starts with the name of a field.
fn heading(name: &str) -> String {
    let first_word = name.split(' ').next().unwrap_or_default();
    if first_word.chars().any(char::is_uppercase) {
        return name.to_owned();
    }
    let mut letters = name.chars();
    letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect()
}
