//! Identity of images: the digest and nothing else.

/// The digest of an image reference, `sha256:` and 64 hexadecimal digits, from
/// `registry/name@sha256:...` (a pod's spec) or from a container's `imageID`.
///
/// `None` where the reference has none: a tag, or an image that was loaded by hand.
pub fn digest(reference: &str) -> Option<&str> {
    let (_, digest) = reference.rsplit_once('@')?;
    let digits = digest.strip_prefix("sha256:")?;
    let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (digits.len() == 64 && digits.bytes().all(hexadecimal)).then_some(digest)
}

/// Whether two references name the same build. References without a digest are equal to nothing.
pub fn same_build(one: &str, other: &str) -> bool {
    digest(one).is_some() && digest(one) == digest(other)
}
