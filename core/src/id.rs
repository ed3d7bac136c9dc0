//! Identities: a newtype for each, with one text form that logs, REST and the wire share.

use std::fmt;
use std::str::FromStr;

use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A text that is not 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{value}' is not a {kind}: expected 32 hexadecimal digits")]
pub struct ParseIdError {
    /// What was expected, such as `JobId`.
    pub kind: &'static str,
    /// The text as given.
    pub value: String,
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name([u8; 16]);

        impl $name {
            /// A random id from the given generator, so that one seed gives one history.
            pub fn random(rng: &mut impl Rng) -> Self {
                let mut bytes = [0; 16];
                rng.fill_bytes(&mut bytes);
                Self(bytes)
            }

            /// The id with exactly these bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The sixteen bytes of the id.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut bytes = [0; 16];
                hex::decode_to_slice(text, &mut bytes)
                    .map_err(|_| ParseIdError { kind: stringify!($name), value: text.to_owned() })?;
                Ok(Self(bytes))
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

hex_id! {
    /// A job, as Flink writes it: 32 hexadecimal digits.
    JobId
}
hex_id! {
    /// A slot given to a job: made by the SlotManager, kept by TaskExecutor and JobMaster.
    AllocationId
}
hex_id! {
    /// One run of a worker's process: a worker that was started again under the same name is another instance.
    InstanceId
}
hex_id! {
    /// The fencing token of a leader: a message that carries another one is stale.
    LeaderSessionId
}

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    };
}

name_id! {
    /// A vertex of a JobGraph, by the name that the graph's author gave it; unique in the graph.
    VertexId
}
name_id! {
    /// An operator in a vertex's chain; unique in the graph, stable over versions of it.
    OperatorId
}
name_id! {
    /// A process of the cluster. On YARN, a TaskManager's is its container id.
    ResourceId
}

impl VertexId {
    /// The 32 hexadecimal digits under which REST knows the vertex: the id itself where it has that form, else the first
    /// 16 bytes of a stable hash (FNV-1a, 128 bits) of it.
    pub fn rest_id(&self) -> String {
        const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        if self.0.len() == 32 && self.0.bytes().all(|b| b.is_ascii_hexdigit()) {
            return self.0.to_ascii_lowercase();
        }
        let hash = self
            .0
            .bytes()
            .fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
        format!("{hash:032x}")
    }
}

/// One run of one subtask: vertex × subtask × attempt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ExecutionAttemptId {
    /// The vertex of the JobGraph.
    pub vertex: VertexId,
    /// The subtask's index, from 0.
    pub subtask: u32,
    /// How many runs of this subtask came before.
    pub attempt: u32,
}

impl fmt::Display for ExecutionAttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}_{}", self.vertex, self.subtask, self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_form() {
        let id = JobId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string(), "ab".repeat(16));
        assert_eq!(id.to_string().parse::<JobId>(), Ok(id));
    }

    #[test]
    fn a_short_id_is_refused_with_its_text() {
        let error = "12ab".parse::<JobId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "'12ab' is not a JobId: expected 32 hexadecimal digits"
        );
    }

    #[test]
    fn a_vertex_named_in_hex_keeps_its_name_in_rest() {
        let hex = "bc764cd8ddf7a0cff126f51c16239658";
        assert_eq!(VertexId::from(hex).rest_id(), hex);
        assert_eq!(VertexId::from("source").rest_id().len(), 32);
        assert_ne!(VertexId::from("source").rest_id(), VertexId::from("sink").rest_id());
    }
}
