//! The account's keys, as files of one mounted Secret.
//!
//! Each file is read once, into memory that is overwritten when it is given back; of the halt token only a digest
//! stays. No content ever stands in an error.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use triptych_trader_runtime::variables::{EnvironmentError, invalid};
use triptych_venue::Credentials;
use zeroize::Zeroizing;

/// The variable that names the folder.
const VARIABLE: &str = "TRIPTYCH_KEYS_DIR";

/// Key and secret of the venue's API.
const VENUE_KEYS: [&str; 2] = ["api-key", "api-secret"];
/// The token of the halt endpoint; without it there is no endpoint.
const HALT_TOKEN: &str = "halt-token";

/// Lengths of a venue's key, in bytes.
const VENUE_KEY_LENGTHS: std::ops::RangeInclusive<usize> = 1..=512;
/// Lengths of a halt token, in bytes.
const HALT_TOKEN_LENGTHS: std::ops::RangeInclusive<usize> = 32..=128;

/// Others than owner and group: no permission at all.
const OTHERS: u32 = 0o007;

/// The token that may halt, as a digest: the token itself is forgotten.
#[derive(Clone)]
pub struct HaltToken([u8; 32]);

impl HaltToken {
    /// The digest of a token.
    pub fn new(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Whether this is the token. The time that it takes says nothing about the token.
    pub fn is(&self, given: &[u8]) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        self.0[..].ct_eq(&given[..]).into()
    }
}

/// What the folder holds, checked.
pub struct Keys {
    /// The key of the venue's API.
    pub credentials: Credentials,
    /// The token of the halt endpoint, where the account has one.
    pub halt_token: Option<HaltToken>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("halt_endpoint", &self.halt_token.is_some())
            .finish_non_exhaustive()
    }
}

/// Reads and checks the keys in a folder.
pub fn read(folder: &Path) -> Result<Keys, EnvironmentError> {
    let wrong = |why: String| {
        let expected = format!(
            "a folder with the files {} and, optionally, {HALT_TOKEN}, readable by owner and group \
             only: {why}",
            VENUE_KEYS.join(" and ")
        );
        invalid(VARIABLE, &folder.display().to_string(), &expected)
    };
    let names = names_in(folder).map_err(|error| wrong(format!("the folder: {error}")))?;
    let is_known = |name: &&String| VENUE_KEYS.contains(&&***name) || **name == HALT_TOKEN;
    if let Some(stranger) = names.iter().find(|name| !is_known(name)) {
        return Err(wrong(format!(
            "it holds {stranger:?}, so this Secret has another purpose"
        )));
    }
    let venue_key = |name: &str| {
        if names.iter().any(|known| known == name) {
            read_key(folder, name, VENUE_KEY_LENGTHS).map_err(&wrong)
        } else {
            Err(wrong(format!("{name} is missing")))
        }
    };
    let [key, secret] = VENUE_KEYS;
    let credentials = Credentials::new(&venue_key(key)?, &venue_key(secret)?)
        .map_err(|error| wrong(error.to_string()))?;
    let halt_token = names
        .iter()
        .any(|name| name == HALT_TOKEN)
        .then(|| read_key(folder, HALT_TOKEN, HALT_TOKEN_LENGTHS))
        .transpose()
        .map_err(&wrong)?
        .map(|token| HaltToken::new(&token));
    Ok(Keys {
        credentials,
        halt_token,
    })
}

/// Names of the keys. What begins with two points belongs to the kubelet, which replaces a volume's
/// files through it.
fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with("..") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// A key's content, checked. The error says what is wrong and nothing of the content.
fn read_key(
    folder: &Path,
    name: &str,
    lengths: std::ops::RangeInclusive<usize>,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let failed = |error: io::Error| format!("{name}: {error}");
    let file = File::open(folder.join(name)).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.permissions().mode() & 0o777;
    if !metadata.is_file() {
        return Err(format!("{name} is no file"));
    }
    if mode & OTHERS != 0 {
        return Err(format!("{name} has mode {mode:04o}, so others may use it"));
    }
    // Room for everything that is read: a vector that grows would leave copies behind.
    let most = *lengths.end() + 1;
    let mut content = Zeroizing::new(Vec::with_capacity(2 * most));
    file.take(most as u64)
        .read_to_end(&mut content)
        .map_err(failed)?;
    if !lengths.contains(&content.len()) {
        let (least, most) = lengths.into_inner();
        return Err(format!("{name} has not between {least} and {most} bytes"));
    }
    if !content.iter().all(u8::is_ascii_graphic) {
        return Err(format!(
            "{name} has a byte that is no printable ASCII character, such as a space or a line break"
        ));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use tempfile::TempDir;

    use super::*;

    const MARKER: &str = "do-not-show-me";

    fn put(folder: &TempDir, name: &str, content: &str, mode: u32) {
        let path = folder.path().join(name);
        // A file that only its group may read cannot be written again.
        let _ = fs::remove_file(&path);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }

    fn secret() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        put(&folder, "api-key", MARKER, 0o440);
        put(&folder, "api-secret", MARKER, 0o400);
        folder
    }

    #[test]
    fn keys_with_and_without_a_halt_token_are_accepted() {
        let folder = secret();
        assert!(read(folder.path()).unwrap().halt_token.is_none());
        let token = "t".repeat(32);
        put(&folder, "halt-token", &token, 0o440);
        let found = read(folder.path()).unwrap().halt_token.unwrap();
        assert!(found.is(token.as_bytes()));
        for other in ["", "t", &"t".repeat(31), &"t".repeat(33), &"T".repeat(32)] {
            assert!(!found.is(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn what_the_kubelet_adds_to_a_volume_is_passed_over() {
        let folder = secret();
        fs::create_dir(folder.path().join("..2026_01_01")).unwrap();
        read(folder.path()).unwrap();
    }

    #[test]
    fn a_wrong_folder_is_refused_with_the_variable_and_the_file_and_without_content() {
        type Spoil = fn(&TempDir);
        let table: [(Spoil, &str); 11] = [
            (
                |f| fs::remove_file(f.path().join("api-key")).unwrap(),
                "api-key is missing",
            ),
            (
                |f| fs::remove_file(f.path().join("api-secret")).unwrap(),
                "api-secret is missing",
            ),
            (|f| put(f, "tls.key", MARKER, 0o400), "tls.key"),
            (|f| put(f, "api-key", MARKER, 0o444), "mode 0444"),
            (|f| put(f, "api-secret", MARKER, 0o441), "mode 0441"),
            (
                |f| put(f, "api-key", "", 0o400),
                "api-key has not between 1 and 512",
            ),
            (
                |f| put(f, "api-key", &MARKER.repeat(50), 0o400),
                "api-key has not between",
            ),
            (
                |f| put(f, "api-secret", "do-not-show-me\n", 0o400),
                "line break",
            ),
            (
                |f| put(f, "halt-token", MARKER, 0o400),
                "halt-token has not between 32 and 128",
            ),
            (
                |f| {
                    fs::remove_file(f.path().join("api-key")).unwrap();
                    fs::create_dir(f.path().join("api-key")).unwrap();
                },
                "api-key is no file",
            ),
            (|f| fs::remove_dir_all(f.path()).unwrap(), "No such file"),
        ];
        for (spoil, expected) in table {
            let folder = secret();
            spoil(&folder);
            let error = read(folder.path()).unwrap_err().to_string();
            assert!(
                error.contains(VARIABLE) && error.contains(expected),
                "{error}"
            );
            assert!(!error.contains(MARKER), "{error}");
        }
    }

    #[test]
    fn no_debug_output_shows_a_token() {
        let folder = secret();
        put(&folder, "halt-token", &MARKER.repeat(3), 0o440);
        let text = format!("{:?}", read(folder.path()).unwrap());
        assert_eq!(text, "Keys { halt_endpoint: true, .. }");
    }
}
