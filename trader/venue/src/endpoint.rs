//! One address, read strictly.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::hosts::Purpose;

/// Where something of a venue is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub(crate) scheme: &'static str,
    pub(crate) is_encrypted: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Endpoint {
    /// Reads `scheme://host` or `scheme://host:port`, with one `/` behind it at most, and nothing else.
    ///
    /// Stricter than the standards: what two readers could read in two ways is no address.
    pub(crate) fn parse(url: &str, purpose: Purpose) -> Result<Self, String> {
        let schemes = purpose.schemes();
        let (scheme, rest) = url
            .split_once("://")
            .ok_or("it has no scheme")
            .map_err(str::to_owned)?;
        let index = schemes
            .iter()
            .position(|known| scheme.eq_ignore_ascii_case(known))
            .ok_or_else(|| format!("its scheme is neither {} nor {}", schemes[0], schemes[1]))?;
        let is_encrypted = index == 1;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if let Some(stranger) = rest.chars().find(|&character| !is_of_authority(character)) {
            return Err(format!("{stranger:?} belongs into no host and no port"));
        }
        let (host, port) = split_port(rest)?;
        let port = match port {
            None if is_encrypted => 443,
            None => 80,
            Some(text) => read_port(text)?,
        };
        Ok(Self {
            scheme: schemes[index],
            is_encrypted,
            host: read_host(&host.to_ascii_lowercase())?,
            port,
        })
    }

    /// The host, in lower case; an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether TLS is spoken there.
    pub const fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Host and port as the `Host` header has them: without the scheme's own port.
    pub(crate) fn host_header(&self) -> String {
        let authority = self.authority();
        let own = if self.is_encrypted { ":443" } else { ":80" };
        authority.strip_suffix(own).unwrap_or(&authority).to_owned()
    }

    /// Host and port.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority())
    }
}

/// Letters, digits and what stands in host names, addresses and before ports.
const fn is_of_authority(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | ':' | '[' | ']')
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, behind) = rest.split_once(']').ok_or("a bracket is not closed")?;
        return match behind {
            "" => Ok((host, None)),
            _ => behind
                .strip_prefix(':')
                .map(|port| (host, Some(port)))
                .ok_or_else(|| "something other than a port stands behind the bracket".to_owned()),
        };
    }
    Ok(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

fn read_port(text: &str) -> Result<u16, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse()
        .ok()
        .filter(|_| is_plain)
        .ok_or_else(|| format!("{text:?} is no port from 1 to 65535"))
}

fn read_host(host: &str) -> Result<String, String> {
    if host.contains(':') {
        let address: Ipv6Addr = host
            .parse()
            .map_err(|_| format!("{host:?} is no IPv6 address"))?;
        return Ok(address.to_string());
    }
    if host.is_empty() {
        return Err("it has no host".to_owned());
    }
    if host.ends_with('.') {
        return Err("a point stands behind its host".to_owned());
    }
    let mut last = "";
    for label in host.split('.') {
        let is_word = (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && !label.contains(['[', ']']);
        if !is_word {
            return Err(format!("{label:?} is no part of a host name"));
        }
        if label.starts_with("xn--") {
            return Err(format!(
                "{label:?} is punycode, which may look like another name"
            ));
        }
        last = label;
    }
    // Some readers take 127.1, 2130706433 and 0x7f000001 for addresses.
    if last.starts_with(|first: char| first.is_ascii_digit()) {
        let address: Ipv4Addr = host
            .parse()
            .map_err(|_| format!("{host:?} is neither a name nor an address in four parts"))?;
        return Ok(address.to_string());
    }
    Ok(host.to_owned())
}

/// Whether an address is of this machine or of a private network, where no venue is.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            // 100.64.0.0/10 (RFC 6598) is where some clusters have their pods.
            address.is_loopback()
                || address.is_private()
                || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}
