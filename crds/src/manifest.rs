//! Reads manifests as `kubectl apply -f` does, and refuses what it would take silently.
//!
//! `kubectl` reads YAML 1.1: an unquoted `on` is a truth value, `1_000` and `0x10` are integers. It
//! also lets the last of two equal keys win. A hash that is taken from a file has to be the hash of
//! the object that the API server stores, so scalars resolve here by the same rules, and a key that
//! stands twice, a tag, an anchor or a merge key is refused with its line.

use std::collections::HashSet;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::{Map, Number, Value};
use thiserror::Error;

/// Most bytes of one file of manifests: more than the API server takes in one request.
pub const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 64;

/// Why a file is not a list of manifests.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct ManifestError {
    /// Line in the file, from 1.
    pub line: usize,
    /// Column in the line, from 1.
    pub column: usize,
    /// What is wrong and what to write instead.
    pub reason: String,
}

/// The documents of a file of YAML or JSON, in order, without the empty ones.
pub fn read(text: &str) -> Result<Vec<Value>, ManifestError> {
    if text.len() > MAX_FILE_BYTES {
        return Err(ManifestError {
            line: 1,
            column: 1,
            reason: format!(
                "the file has {} bytes, at most {MAX_FILE_BYTES} are read",
                text.len()
            ),
        });
    }
    let mut reader = Reader {
        events: Parser::new_from_str(text),
    };
    let mut documents = Vec::new();
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(documents),
            Event::DocumentStart(_) => {
                let first = reader.next()?;
                let document = reader.node(first, 0)?;
                if !document.is_null() {
                    documents.push(document);
                }
            }
            Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
            other => return Err(error(span, format!("unexpected {other:?}"))),
        }
    }
}

struct Reader<'text> {
    events: Parser<'text, saphyr_parser::StrInput<'text>>,
}

type Located<'text> = (Event<'text>, Span);

impl<'text> Reader<'text> {
    fn next(&mut self) -> Result<Located<'text>, ManifestError> {
        match self.events.next() {
            Some(Ok(located)) => Ok(located),
            Some(Err(problem)) => Err(ManifestError {
                line: problem.marker().line(),
                column: problem.marker().col() + 1,
                reason: problem.info().to_owned(),
            }),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(
        &mut self,
        (event, span): Located<'text>,
        depth: usize,
    ) -> Result<Value, ManifestError> {
        if depth > MAX_DEPTH {
            return Err(error(
                span,
                format!("nested deeper than {MAX_DEPTH} levels"),
            ));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                plain_node(span, anchor, tag.as_deref())?;
                scalar(&text, style, span)
            }
            Event::SequenceStart(anchor, tag) => {
                plain_node(span, anchor, tag.as_deref())?;
                self.sequence(depth)
            }
            Event::MappingStart(anchor, tag) => {
                plain_node(span, anchor, tag.as_deref())?;
                self.mapping(depth)
            }
            Event::Alias(_) => Err(error(
                span,
                "an alias (*name) is not read: write the value out",
            )),
            other => Err(error(span, format!("unexpected {other:?}"))),
        }
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, ManifestError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::Array(items)),
                located => items.push(self.node(located, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, ManifestError> {
        let mut fields = Map::new();
        let mut seen = HashSet::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Object(fields));
            }
            let name = key(event, span)?;
            if !seen.insert(name.clone()) {
                return Err(error(
                    span,
                    format!("key {name:?} stands twice: keep one of them"),
                ));
            }
            let located = self.next()?;
            let value = self.node(located, depth + 1)?;
            fields.insert(name, value);
        }
    }
}

fn key(event: Event<'_>, span: Span) -> Result<String, ManifestError> {
    let Event::Scalar(text, style, anchor, tag) = event else {
        return Err(error(span, "a key is a text"));
    };
    plain_node(span, anchor, tag.as_deref())?;
    if style == ScalarStyle::Plain && text == "<<" {
        return Err(error(
            span,
            "a merge key (<<) is not read: write the fields out",
        ));
    }
    match scalar(&text, style, span)? {
        Value::String(name) => Ok(name),
        _ => Err(error(
            span,
            format!("the key {text} is read as another type than text: put it in quotes"),
        )),
    }
}

/// Neither an anchor nor a tag.
fn plain_node(span: Span, anchor: usize, tag: Option<&Tag>) -> Result<(), ManifestError> {
    match tag {
        _ if anchor != 0 => Err(error(
            span,
            "an anchor (&name) is not read: write the value out",
        )),
        Some(tag) => {
            let written =
                format!("{}{}", tag.handle, tag.suffix).replace("tag:yaml.org,2002:", "!!");
            Err(error(
                span,
                format!("the tag {written} is not read: leave it out"),
            ))
        }
        None => Ok(()),
    }
}

fn scalar(text: &str, style: ScalarStyle, span: Span) -> Result<Value, ManifestError> {
    if style != ScalarStyle::Plain {
        return Ok(text.into());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Ok(Value::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Ok(true.into())
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Ok(false.into())
        }
        _ if is_not_finite(text) => Err(error(span, format!("{text} is no number that JSON has"))),
        _ => match number(text) {
            Some(Unquoted::Number(number)) => Ok(Value::Number(number)),
            Some(Unquoted::NotExact) => Err(error(
                span,
                format!(
                    "{text} is read as a number that does not fit: put it in quotes if it is a text"
                ),
            )),
            None => Ok(text.into()),
        },
    }
}

fn is_not_finite(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

enum Unquoted {
    Number(Number),
    NotExact,
}

/// An unquoted text as a number of YAML 1.1, as far as `kubectl` knows them: underscores are left
/// out; `0x`, `0o`, `0b` and a leading `0` name a base; dates stay texts.
fn number(text: &str) -> Option<Unquoted> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return None;
    }
    let plain = if text.starts_with('.') {
        text.to_owned()
    } else {
        text.replace('_', "")
    };
    if let Some(integer) = integer(&plain) {
        return Some(integer);
    }
    is_float(&plain).then(|| match plain.parse().ok().and_then(as_sent) {
        Some(number) => Unquoted::Number(number),
        None => Unquoted::NotExact,
    })
}

/// `kubectl` sends a whole number as an integer, however it was written.
fn as_sent(number: f64) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        return format!("{number:.0}").parse::<i64>().ok().map(Number::from);
    }
    Number::from_f64(number)
}

fn integer(plain: &str) -> Option<Unquoted> {
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, plain.strip_prefix('+').unwrap_or(plain)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, base).ok();
    let number = if negative {
        magnitude
            .and_then(|magnitude| 0_i64.checked_sub_unsigned(magnitude))
            .map(Number::from)
    } else {
        magnitude.map(Number::from)
    };
    Some(number.map_or(Unquoted::NotExact, Unquoted::Number))
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(plain: &str) -> bool {
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_is_number = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    let exponent_is_number = exponent
        .is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)));
    mantissa_is_number && exponent_is_number
}

fn error(span: Span, reason: impl Into<String>) -> ManifestError {
    ManifestError {
        line: span.start.line(),
        column: span.start.col() + 1,
        reason: reason.into(),
    }
}
