//! The last plugin of a pod's network: it lets the pod start once its network policy is enforced.
//!
//! Written to the Container Network Interface specification 1.0; the executable is this one, called
//! by the plugin's name.

use std::env;
use std::io::Read;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::network_policy::{Announcement, announce};

/// Name of the plugin, and of the link to this executable.
pub const PLUGIN: &str = "await-network-policy";

/// Key of the plugin's configuration: the enforcer's socket.
pub(crate) const SOCKET: &str = "socket";

/// The specification's code for a failure that may pass: try again later.
const TRY_AGAIN_LATER: u32 = 11;

/// Answers as the plugin if this executable was called by its name.
pub fn run_if_called() -> Option<ExitCode> {
    let program = env::args_os().next()?;
    if Path::new(&program).file_name()? != PLUGIN {
        return None;
    }
    let mut configuration = String::new();
    let read = std::io::stdin().read_to_string(&mut configuration);
    let command = env::var("CNI_COMMAND").unwrap_or_default();
    let arguments = env::var("CNI_ARGS").unwrap_or_default();
    let answer = read
        .map_err(|error| error.to_string())
        .and_then(|_| answer(&command, &arguments, &configuration));
    Some(match answer {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(value)) => {
            println!("{value}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            println!(
                "{}",
                json!({ "cniVersion": "1.0.0", "code": TRY_AGAIN_LATER, "msg": message })
            );
            ExitCode::FAILURE
        }
    })
}

fn answer(command: &str, arguments: &str, configuration: &str) -> Result<Option<Value>, String> {
    match command {
        "VERSION" => Ok(Some(json!({
            "cniVersion": "1.0.0",
            "supportedVersions": ["0.4.0", "1.0.0", "1.1.0"],
        }))),
        "ADD" => {
            let configuration: Value =
                serde_json::from_str(configuration).map_err(|error| error.to_string())?;
            let (socket, announcement) = announcement(arguments, &configuration)?;
            announce(&socket, &announcement).map_err(|error| error.to_string())?;
            Ok(Some(configuration["prevResult"].clone()))
        }
        // Nothing of a pod's is kept here.
        _ => Ok(None),
    }
}

fn announcement(arguments: &str, configuration: &Value) -> Result<(PathBuf, Announcement), String> {
    let pod = arguments
        .split(';')
        .find_map(|pair| pair.strip_prefix("K8S_POD_UID="))
        .ok_or_else(|| format!("CNI_ARGS {arguments:?}: expected K8S_POD_UID"))?;
    let socket = configuration[SOCKET]
        .as_str()
        .ok_or_else(|| format!("expected the key {SOCKET:?} in the plugin's configuration"))?;
    let mut addresses = configuration["prevResult"]["ips"]
        .as_array()
        .into_iter()
        .flatten();
    let address: Ipv4Addr = addresses
        .find_map(|entry| entry["address"].as_str()?.split('/').next()?.parse().ok())
        .ok_or_else(|| "expected an IPv4 address in prevResult".to_owned())?;
    Ok((
        PathBuf::from(socket),
        Announcement {
            pod: pod.to_owned(),
            address,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARGUMENTS: &str = "IgnoreUnknown=1;K8S_POD_NAMESPACE=team;K8S_POD_UID=u-1";

    fn configuration() -> Value {
        json!({
            "cniVersion": "1.0.0",
            "socket": "/run/socket",
            "prevResult": { "ips": [{ "address": "10.77.65.2/24" }] },
        })
    }

    #[test]
    fn the_pod_and_its_address_are_announced() {
        let (socket, found) = announcement(ARGUMENTS, &configuration()).unwrap();
        assert_eq!(socket, PathBuf::from("/run/socket"));
        let address = Ipv4Addr::new(10, 77, 65, 2);
        assert_eq!(
            found,
            Announcement {
                pod: "u-1".into(),
                address
            }
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(
            announcement("", &configuration())
                .unwrap_err()
                .contains("K8S_POD_UID")
        );
        assert!(
            announcement(ARGUMENTS, &json!({}))
                .unwrap_err()
                .contains("socket")
        );
        let without_address = json!({ "socket": "/run/socket" });
        assert!(
            announcement(ARGUMENTS, &without_address)
                .unwrap_err()
                .contains("prevResult")
        );
    }

    #[test]
    fn a_pods_end_needs_no_enforcer() {
        assert_eq!(answer("DEL", ARGUMENTS, "{}"), Ok(None));
        assert_eq!(answer("CHECK", ARGUMENTS, "{}"), Ok(None));
    }
}
