//! Puts the manifests of the table together from their bases and changes.

use serde_json::{Value, json};

use super::{Case, Change};

impl Change {
    pub(super) fn apply_to(&self, base: &Value) -> Value {
        let mut manifest = base.clone();
        for path in &self.remove {
            remove(&mut manifest, &steps(path));
        }
        for (path, value) in &self.set {
            *place(&mut manifest, &steps(path)) = value.clone();
        }
        if let Some(repeat) = &self.repeat {
            let items = (0..repeat.count).map(|number| numbered(&repeat.item, number));
            *place(&mut manifest, &steps(&repeat.path)) = if repeat.item.is_object() {
                items.collect()
            } else {
                items
                    .enumerate()
                    .map(|(number, item)| (format!("item-{number}"), item))
                    .collect()
            };
        }
        if let Some(fill) = &self.fill {
            *place(&mut manifest, &steps(&fill.path)) = fill.text.repeat(fill.count).into();
        }
        manifest
    }

    fn wrote(&self) -> Vec<String> {
        let mut lines: Vec<_> = self
            .set
            .iter()
            .map(|(path, value)| format!("{path}: {value}"))
            .collect();
        lines.extend(self.remove.iter().map(|path| format!("{path} left out")));
        lines.extend(
            self.repeat
                .iter()
                .map(|repeat| format!("{} with {} entries", repeat.path, repeat.count)),
        );
        lines.extend(
            self.fill
                .iter()
                .map(|fill| format!("{}: {:?}, {} times", fill.path, fill.text, fill.count)),
        );
        lines
    }
}

/// What a case writes, as lines.
pub(super) fn wrote(change: &Change, then: Option<&Change>) -> String {
    let mut lines = change.wrote();
    if let Some(then) = then {
        lines.extend(
            then.wrote()
                .into_iter()
                .map(|line| format!("{line} (on an object that exists)")),
        );
    }
    lines.join("\n")
}

/// The largest revision that the bounds allow in instruments and strategies: its rules have to stay
/// within what the API server spends on one object.
pub(super) fn largest_revision(base: &Value) -> Case {
    let symbols: Vec<String> = (0..256)
        .map(|number| format!("SYMBOL{number:03}USDTPERPETU"))
        .collect();
    let mut manifest = base.clone();
    manifest["spec"]["instruments"] = symbols
        .iter()
        .map(|symbol| json!({ "symbol": symbol, "priceIncrement": "0.00000001", "quantityIncrement": "0.00000001" }))
        .collect();
    // The last symbols: a search through the list finds them last.
    manifest["spec"]["strategies"] = (0..32)
        .map(|number| {
            json!({
                "name": format!("strategy-{number}"),
                "instruments": symbols[192..],
                "orderQuantity": "1",
                "orderType": "Limit",
                "algorithm": { "orderBookImbalance": { "levels": 5, "threshold": "0.5", "cooldownMilliseconds": 0 } }
            })
        })
        .collect();
    Case {
        name: "as many instruments and strategies as there may be".into(),
        kind: "ConfigRevision",
        manifest,
        update: None,
        refused: Vec::new(),
        hash_refused: None,
        wrote: String::new(),
        remedy: None,
    }
}

enum Step<'path> {
    Field(&'path str),
    Index(usize),
}

/// `spec.files["a.txt"]` and `spec.riskRules[1].precision` as steps.
fn steps(path: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(quoted) = rest.strip_prefix("[\"") {
            let (name, after) = quoted
                .split_once("\"]")
                .expect("a quoted name ends with \"]");
            steps.push(Step::Field(name));
            rest = after;
        } else if let Some(bracketed) = rest.strip_prefix('[') {
            let (index, after) = bracketed.split_once(']').expect("an index ends with ]");
            steps.push(Step::Index(index.parse().expect("an index is a number")));
            rest = after;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            steps.push(Step::Field(&rest[..end]));
            rest = &rest[end..];
        }
    }
    steps
}

fn place<'value>(value: &'value mut Value, steps: &[Step<'_>]) -> &'value mut Value {
    steps.iter().fold(value, |value, step| match step {
        Step::Field(name) => &mut value[*name],
        Step::Index(index) => {
            if value.is_null() {
                *value = json!([]);
            }
            let items = value.as_array_mut().expect("an index follows a list");
            if items.len() <= *index {
                items.resize(index + 1, Value::Null);
            }
            &mut items[*index]
        }
    })
}

fn remove(value: &mut Value, steps: &[Step<'_>]) {
    let (last, before) = steps.split_last().expect("a path has a step");
    let parent = place(value, before);
    match last {
        Step::Field(name) => {
            parent
                .as_object_mut()
                .and_then(|fields| fields.remove(*name))
                .expect("what is removed is there");
        }
        Step::Index(index) => {
            parent
                .as_array_mut()
                .expect("an index follows a list")
                .remove(*index);
        }
    }
}

fn numbered(item: &Value, number: usize) -> Value {
    match item {
        Value::String(text) => text.replace("{n}", &number.to_string()).into(),
        Value::Array(items) => items.iter().map(|item| numbered(item, number)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (name.clone(), numbered(field, number)))
            .collect(),
        other => other.clone(),
    }
}
