//! Comparing what a command printed with what the page shows.

use std::collections::BTreeMap;

/// What differs from run to run, within a line; alone on a line, any number of lines.
const ANYTHING: char = '…';

/// Values that a page shows by name, as they were printed first.
type Values = BTreeMap<String, String>;

/// Compares output after output of one run of the page.
///
/// A page shows `{name}` for a value that must be the same wherever that name stands. Blanks count as
/// one space, and blank lines do not count.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    values: Values,
}

impl Comparison {
    /// Whether the output is what the page shows. Where it is, its values are remembered.
    pub fn agrees(&mut self, shown: &str, printed: &str) -> bool {
        let shown: Vec<Vec<Token>> = lines(shown).iter().map(|line| tokens(line)).collect();
        match match_lines(&shown, &lines(printed), &self.values) {
            Some(values) => {
                self.values = values;
                true
            }
            None => false,
        }
    }

    /// What the page shows, with the values that are known by now.
    pub fn filled_in(&self, shown: &str) -> String {
        self.values
            .iter()
            .fold(shown.to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{name}}}"), value)
            })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Text(String),
    Anything,
    Value(String),
}

fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect()
}

fn tokens(line: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let (token, length) = next_token(rest);
        match (tokens.last_mut(), token) {
            (Some(Token::Text(before)), Token::Text(more)) => before.push_str(&more),
            (_, token) => tokens.push(token),
        }
        rest = &rest[length..];
    }
    tokens
}

fn next_token(text: &str) -> (Token, usize) {
    if text.starts_with(ANYTHING) {
        return (Token::Anything, ANYTHING.len_utf8());
    }
    if let Some((name, _)) = text.strip_prefix('{').and_then(|text| text.split_once('}'))
        && is_name(name)
    {
        return (Token::Value(name.to_owned()), name.len() + 2);
    }
    let first: String = text.chars().take(1).collect();
    let length = first.len();
    (Token::Text(first), length)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|one| one.is_ascii_lowercase() || one == '-')
}

fn match_lines(shown: &[Vec<Token>], printed: &[String], values: &Values) -> Option<Values> {
    match (shown, printed) {
        ([], []) => Some(values.clone()),
        ([gap, behind @ ..], _) if *gap == [Token::Anything] => {
            match_lines(behind, printed, values)
                .or_else(|| match_lines(shown, printed.get(1..)?, values))
        }
        ([first, behind @ ..], [line, further @ ..]) => {
            let values = match_line(first, line, values)?;
            match_lines(behind, further, &values)
        }
        _ => None,
    }
}

fn match_line(shown: &[Token], line: &str, values: &Values) -> Option<Values> {
    let Some((first, behind)) = shown.split_first() else {
        return line.is_empty().then(|| values.clone());
    };
    match first {
        Token::Text(text) => match_line(behind, line.strip_prefix(text.as_str())?, values),
        Token::Anything => (0..=line.len())
            .filter_map(|skipped| line.get(skipped..))
            .find_map(|rest| match_line(behind, rest, values)),
        Token::Value(name) => {
            let (value, rest) = value_of(name, line, values)?;
            let mut values = values.clone();
            values.insert(name.clone(), value.to_owned());
            match_line(behind, rest, &values)
        }
    }
}

/// The value with which a line begins, and what stands behind it.
fn value_of<'a>(name: &str, line: &'a str, values: &Values) -> Option<(&'a str, &'a str)> {
    let length = match values.get(name) {
        Some(value) => line.starts_with(value.as_str()).then_some(value.len())?,
        None => line
            .find(|one: char| !is_of_a_value(one))
            .unwrap_or(line.len()),
    };
    (length > 0).then(|| line.split_at(length))
}

fn is_of_a_value(one: char) -> bool {
    one.is_ascii_alphanumeric() || "-.".contains(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_what_must_be_printed() {
        for (shown, printed, agree) in [
            ("created", "created\n", true),
            ("created", "configured\n", false),
            ("a   b", "a b\n\n", true),
            ("one\ntwo", "one\n", false),
            ("one", "one\ntwo\n", false),
            ("…\ntwo", "two\n", true),
            ("…\ntwo", "zero\none\ntwo\n", true),
            ("…\ntwo", "two\nthree\n", false),
            ("live … True …", "live  W  first  True  3s\n", true),
            ("live … True …", "live  W  first  False  3s\n", false),
            (r#"{"id":"{halt}"}"#, r#"{"id":"halt-01"}"#, true),
            ("declares {hash}:", "declares 0ae4e0ca214f:", true),
            ("declares {hash}:", "declares :", false),
        ] {
            let agrees = Comparison::default().agrees(shown, printed);
            assert_eq!(agrees, agree, "{shown:?} and {printed:?}");
        }
    }

    #[test]
    fn a_value_is_the_same_wherever_its_name_stands() {
        let mut comparison = Comparison::default();
        assert!(comparison.agrees("demo {first}\nlive {first}", "demo 4b4e\nlive 4b4e"));
        assert!(comparison.agrees("declares {first}…", "declares 4b4eeb57"));
        assert!(!comparison.agrees("live {first}", "live 0ae4"));
        assert_eq!(
            comparison.filled_in("live {first} {other}"),
            "live 4b4e {other}"
        );
    }

    #[test]
    fn an_output_that_disagrees_gives_no_value() {
        let mut comparison = Comparison::default();
        assert!(!comparison.agrees("{first} ready", "4b4e pending"));
        assert!(comparison.agrees("{first} ready", "0ae4 ready"));
    }
}
