//! Which market the demonstration plays.

use std::path::PathBuf;

use anyhow::{Context, Result};
use triptych_cluster::{cluster::Cluster, local_cluster::LocalCluster};

use crate::{installation::Executables, lab};

/// Where a recording stands in the venue's image.
const RECORDING: &str = "/data/recording.gz";

/// A recording of a real market, or the generator's.
pub enum Market {
    /// A recording.
    Recording(PathBuf),
    /// The generator.
    Generated,
}

impl Market {
    /// The first `*.gz` of the folder that `MARKET_DATA` names, else the generator.
    pub fn from_environment() -> Result<Self> {
        let Some(folder) = std::env::var_os("MARKET_DATA").map(PathBuf::from) else {
            return Ok(Self::Generated);
        };
        let entries = std::fs::read_dir(&folder).with_context(|| {
            format!(
                "MARKET_DATA names {}, which is no folder that can be read",
                folder.display()
            )
        })?;
        let mut recordings: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "gz"))
            .collect();
        recordings.sort();
        let first = recordings.into_iter().next();
        first.map(Self::Recording).with_context(|| {
            format!(
                "MARKET_DATA names {}, which holds no *.gz",
                folder.display()
            )
        })
    }

    /// What is played, for a person.
    pub fn describe(&self) -> String {
        match self {
            Self::Recording(path) => format!("the recording {}, again and again", path.display()),
            Self::Generated => {
                "the generator's (set MARKET_DATA to a folder with a recording to play that)"
                    .to_owned()
            }
        }
    }

    /// Arguments of `venue-sim` that move its market by this one.
    pub fn arguments(&self) -> Vec<&'static str> {
        let source: &[&str] = match self {
            Self::Recording(_) => &["--recording", RECORDING],
            Self::Generated => &["--generate", "7"],
        };
        let listen = [
            "serve",
            "--live",
            "0.0.0.0:9001",
            "--demo",
            "0.0.0.0:9002",
            "--admin",
            "0.0.0.0:9003",
        ];
        listen.iter().chain(source).copied().collect()
    }

    /// Pushes an image of the venue that has this market in it.
    pub async fn push_image(
        &self,
        cluster: &LocalCluster,
        executables: &Executables,
    ) -> Result<String> {
        let recording = match self {
            Self::Recording(path) => Some((path.as_path(), RECORDING)),
            Self::Generated => None,
        };
        let programs = [(&executables.venue, "venue-sim")];
        let image = lab::image("triptych/venue", &programs, recording.as_slice());
        Ok(cluster.push_image(&image).await?.to_string())
    }
}
