//! The hash against fixed vectors, whose canonical forms an independent implementation confirms.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use serde::Deserialize;
use serde_json::Value;
use triptych_crds::hash::{ConfigHash, canonical_config};

#[derive(Deserialize)]
struct Vectors {
    accepted: Vec<Accepted>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Accepted {
    name: String,
    input: String,
    canonical: String,
    hash: String,
}

#[derive(Deserialize)]
struct Refused {
    name: String,
    input: String,
    reason: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/hash.json")).unwrap()
}

fn value(input: &str) -> Value {
    serde_json::from_str(input).unwrap()
}

#[test]
fn accepted_vectors_have_their_canonical_form_and_hash() {
    let accepted = vectors().accepted;
    assert!(accepted.len() >= 20);
    for vector in accepted {
        let config = canonical_config(&value(&vector.input)).unwrap();
        assert_eq!(
            String::from_utf8(config.bytes).unwrap(),
            vector.canonical,
            "{}",
            vector.name
        );
        assert_eq!(config.hash.as_str(), vector.hash, "{}", vector.name);
    }
}

#[test]
fn refused_vectors_say_where_and_why() {
    let refused = vectors().refused;
    assert!(refused.len() >= 10);
    for vector in refused {
        let error = canonical_config(&value(&vector.input)).unwrap_err();
        assert_eq!(error.to_string(), vector.reason, "{}", vector.name);
    }
}

#[test]
fn names_of_vectors_are_unique() {
    let vectors = vectors();
    let names = vectors.accepted.iter().map(|vector| &vector.name);
    let mut names: Vec<_> = names
        .chain(vectors.refused.iter().map(|vector| &vector.name))
        .collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn a_config_map_is_named_by_the_first_half_of_the_hash() {
    let hash = ConfigHash::of_canonical_bytes(b"{}");
    assert_eq!(
        hash.as_str(),
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    );
    assert_eq!(hash.short(), "44136fa355b3");
    assert_eq!(
        hash.config_map_name(),
        "config-44136fa355b3678a1146ad16f7e8649e"
    );
}

#[test]
fn only_64_lowercase_hexadecimal_digits_are_a_hash() {
    let digits = "0123456789abcdef".repeat(4);
    assert_eq!(ConfigHash::parse(&digits).unwrap().as_str(), digits);
    let upper = digits.to_uppercase();
    let short = &digits[1..];
    let long = format!("{digits}0");
    let other = digits.replace('f', "g");
    for text in ["", short, long.as_str(), upper.as_str(), other.as_str()] {
        assert_eq!(ConfigHash::parse(text), None, "{text}");
    }
}

/// An implementation of RFC 8785 from PyPI, pinned, agrees on the vectors and on every example.
#[cfg(feature = "independent-checks")]
#[test]
fn an_independent_implementation_agrees_on_vectors_and_examples() {
    use std::{fs, path::Path, process::Command};
    use triptych_crds::{manifest, validate::config_of};

    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let quickstart =
        fs::read_to_string(crate_folder.join("../examples/quickstart/revisions.yaml")).unwrap();
    let examples: Vec<_> = manifest::read(&quickstart)
        .unwrap()
        .iter()
        .map(|revision| {
            let config = config_of(revision).unwrap();
            serde_json::json!({
                "name": revision["metadata"]["name"],
                "input": revision["spec"].to_string(),
                "canonical": String::from_utf8(config.bytes).unwrap(),
                "hash": config.hash.as_str(),
            })
        })
        .collect();
    assert_eq!(examples.len(), 2);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let of_examples = folder.join("hash-of-examples.json");
    fs::write(
        &of_examples,
        serde_json::json!({ "accepted": examples }).to_string(),
    )
    .unwrap();

    let status = Command::new("python3")
        .arg(crate_folder.join("vectors/check.py"))
        .args([crate_folder.join("vectors/hash.json"), of_examples])
        .status()
        .expect("python3 runs crds/vectors/check.py");
    assert!(status.success(), "{status}");
}
