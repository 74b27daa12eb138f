//! Rendered manifests, as plain values.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// The objects of one rendering, sorted by kind, name and namespace.
#[derive(Clone, Debug)]
pub struct Manifests(Vec<Value>);

impl Manifests {
    /// Parses the documents of a YAML stream; empty documents are left out.
    ///
    /// # Panics
    /// When a document is not YAML, or is no object with a kind and a name.
    pub fn parse(text: &str) -> Self {
        let mut objects: Vec<Value> = serde_yaml_ng::Deserializer::from_str(text)
            .map(|document| {
                Value::deserialize(document)
                    .unwrap_or_else(|error| panic!("rendered YAML is broken: {error}\n{text}"))
            })
            .filter(|object: &Value| !object.is_null())
            .collect();
        objects.sort_by_cached_key(|object| {
            [kind(object), name(object), namespace(object)].map(str::to_owned)
        });
        Self(objects)
    }

    /// Every object.
    pub fn all(&self) -> &[Value] {
        &self.0
    }

    /// The objects of a kind.
    pub fn of_kind<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = &'a Value> {
        self.0.iter().filter(move |object| kind(object) == wanted)
    }

    /// The object of a kind with a name.
    pub fn find(&self, wanted: &str, named: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|object| kind(object) == wanted && name(object) == named)
    }

    /// As [`Self::find`], of an object that must be there.
    ///
    /// # Panics
    /// When it is not.
    pub fn get(&self, wanted: &str, named: &str) -> &Value {
        self.find(wanted, named)
            .unwrap_or_else(|| panic!("no {wanted} {named} was rendered"))
    }

    /// The object of a kind in a namespace, which must be there.
    ///
    /// # Panics
    /// When it is not.
    pub fn get_in(&self, home: &str, wanted: &str, named: &str) -> &Value {
        let wanted_here = |object: &&Value| {
            kind(object) == wanted && namespace(object) == home && name(object) == named
        };
        self.0
            .iter()
            .find(wanted_here)
            .unwrap_or_else(|| panic!("no {wanted} {named} was rendered in {home}"))
    }

    /// All objects as one YAML stream, always in the same order.
    ///
    /// # Panics
    /// Never in practice: plain values can be written as YAML.
    pub fn to_yaml(&self) -> String {
        let documents = self.0.iter().map(|object| {
            serde_yaml_ng::to_string(object).expect("plain values can be written as YAML")
        });
        documents.collect::<Vec<_>>().join("---\n")
    }
}

/// The kind of an object.
///
/// # Panics
/// When it has none.
pub fn kind(object: &Value) -> &str {
    object["kind"]
        .as_str()
        .unwrap_or_else(|| panic!("an object without a kind: {object}"))
}

/// The name of an object.
///
/// # Panics
/// When it has none.
pub fn name(object: &Value) -> &str {
    let name = &object["metadata"]["name"];
    name.as_str()
        .unwrap_or_else(|| panic!("an object without a name: {object}"))
}

/// The namespace of an object; empty where it belongs to none.
pub fn namespace(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or_default()
}

/// The strings of a list; none where it is absent.
///
/// # Panics
/// When something else than a string is in it.
pub fn strings(list: &Value) -> Vec<&str> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .map(|item| item.as_str().expect("a list of strings"))
        .collect()
}

/// Where two values differ first, as a JSON pointer with both sides; nothing where they are equal.
pub fn first_difference(left: &Value, right: &Value) -> Option<String> {
    if left == right {
        return None;
    }
    let nested = match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            left.keys().chain(right.keys()).find_map(|key| {
                let [left, right] = [left, right].map(|side| side.get(key).unwrap_or(&Value::Null));
                first_difference(left, right).map(|rest| format!("/{key}{rest}"))
            })
        }
        (Value::Array(left), Value::Array(right)) => {
            let pairs = left.iter().zip(right).enumerate();
            pairs.into_iter().find_map(|(index, (left, right))| {
                first_difference(left, right).map(|rest| format!("/{index}{rest}"))
            })
        }
        _ => None,
    };
    nested.or_else(|| Some(format!(": {left} is not {right}")))
}

/// An object as it is after it went through its type: a field that Kubernetes does not know is lost.
///
/// # Panics
/// When the type refuses the object.
pub fn as_kubernetes_reads_it<T: Serialize + DeserializeOwned>(object: &Value) -> Value {
    let typed: T = serde_json::from_value(object.clone())
        .unwrap_or_else(|error| panic!("{} {}: {error}", kind(object), name(object)));
    serde_json::to_value(typed).expect("a typed object can be written as JSON")
}
