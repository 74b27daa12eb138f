//! The numbers on which a strategy decided.

/// Features that a signal holds at most.
pub const MAX_FEATURES: usize = 12;

/// Named numbers, in the order in which they were added, without allocation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Features {
    entries: [(&'static str, f64); MAX_FEATURES],
    used: usize,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            entries: [("", 0.0); MAX_FEATURES],
            used: 0,
        }
    }
}

impl Features {
    /// Features of these entries; those beyond [`MAX_FEATURES`] are left out.
    pub fn of(entries: &[(&'static str, f64)]) -> Self {
        let mut features = Self {
            used: entries.len().min(MAX_FEATURES),
            ..Self::default()
        };
        features.entries[..features.used].copy_from_slice(&entries[..features.used]);
        features
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        self.entries[..self.used].iter().copied()
    }

    /// The value of a feature.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }
}
