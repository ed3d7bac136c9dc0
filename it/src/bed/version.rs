//! The versions of Hadoop that the bed can run.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A release of Hadoop: the newest of its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HadoopVersion {
    /// The last of Hadoop 2. Its daemons run on JDK 17, too.
    #[serde(rename = "2.10.2")]
    V2_10,
    #[serde(rename = "3.3.6")]
    V3_3,
    #[default]
    #[serde(rename = "3.4.3")]
    V3_4,
    #[serde(rename = "3.5.0")]
    V3_5,
}

impl HadoopVersion {
    pub const ALL: [Self; 4] = [Self::V2_10, Self::V3_3, Self::V3_4, Self::V3_5];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2_10 => "2.10.2",
            Self::V3_3 => "3.3.6",
            Self::V3_4 => "3.4.3",
            Self::V3_5 => "3.5.0",
        }
    }

    /// Whether Maven's central repository has the distributed shell, its parent included, and HttpFS in a version that
    /// runs on it.
    pub(super) fn has_shell_and_httpfs(self) -> bool {
        self == Self::V3_4
    }
}

impl fmt::Display for HadoopVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for HadoopVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == text)
            .ok_or_else(|| {
                let known = Self::ALL.map(Self::as_str).join(", ");
                format!("the bed does not run Hadoop {text}, only {known}")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_survives_its_name_and_an_unknown_one_is_told_the_known() {
        for version in HadoopVersion::ALL {
            assert_eq!(version.to_string().parse(), Ok(version));
            assert_eq!(serde_json::to_value(version).unwrap(), version.as_str());
        }
        let error = "3.2.1".parse::<HadoopVersion>().unwrap_err();
        assert!(error.contains("3.2.1") && error.contains("3.4.3"), "{error}");
    }
}
