//! The protocol-buffer messages of Hadoop's RPC layer and of YARN, generated from `proto/*.proto`.
//!
//! The typed clients of this crate turn them into plain types; they are public for callers that need a field which
//! those types leave out, and for simulated servers.

#![allow(missing_docs, reason = "generated; the definitions say what is not obvious")]
#![allow(clippy::large_enum_variant, clippy::doc_markdown, reason = "generated")]

include!(concat!(env!("OUT_DIR"), "/protocol.rs"));

use std::fmt;

pub use self::hadoop::{common, yarn};

impl fmt::Debug for common::TokenProto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenProto")
            .field("kind", &self.kind)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for yarn::ContainerLaunchContextProto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerLaunchContextProto")
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for yarn::RegisterApplicationMasterResponseProto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterApplicationMasterResponseProto")
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}
