//! What Roles allow, one verb on one resource at a time.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::manifests::strings;

/// A row of a table of rights: group, resource, name of the object or nothing, verbs.
pub type Row = (&'static str, &'static str, &'static str, &'static str);

/// One verb on one resource: group, resource, name of the object or nothing, verb.
pub type Right = (String, String, String, String);

/// Every right that a Role or a ClusterRole gives.
///
/// # Panics
/// When it has no rules.
pub fn rights_of(role: &Value) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for rule in role["rules"].as_array().expect("a role has rules") {
        let mut names = strings(&rule["resourceNames"]);
        if names.is_empty() {
            names.push("");
        }
        for group in strings(&rule["apiGroups"]) {
            for resource in strings(&rule["resources"]) {
                for named in &names {
                    for verb in strings(&rule["verbs"]) {
                        let right = [group, resource, named, verb].map(str::to_owned);
                        rights.insert(right.into());
                    }
                }
            }
        }
    }
    rights
}

/// Every right that a table lists.
pub fn table(rows: &[Row]) -> BTreeSet<Right> {
    let rights = rows.iter().flat_map(|(group, resource, named, verbs)| {
        let verbs = verbs.split(' ');
        verbs.map(move |verb| [*group, *resource, *named, verb].map(str::to_owned))
    });
    rights.map(Right::from).collect()
}
