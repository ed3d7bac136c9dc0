//! Who speaks: each side of a registration says its version and build, and refuses those of another.
//!
//! The messages of two builds may differ: what one of them sends, the other might read as something else.

use selvedge_core::InstanceId;

use super::convert::WireId;
use super::proto::ProcessIdentity;
use super::{GatewayError, GatewayResult};

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Its build: what `SELVEDGE_BUILD` was when it was compiled, otherwise a fingerprint of its protocol.
pub const BUILD: &str = env!("SELVEDGE_BUILD_ID");

/// What a master says of itself.
pub fn of_master() -> ProcessIdentity {
    ProcessIdentity {
        version: VERSION.to_owned(),
        build: BUILD.to_owned(),
        ..ProcessIdentity::default()
    }
}

/// What a worker says of itself.
pub fn of_worker(instance: InstanceId) -> ProcessIdentity {
    ProcessIdentity {
        instance_id: instance.to_wire(),
        ..of_master()
    }
}

/// Refuses a peer of another version or build; `role` is what the peer is.
///
/// # Errors
/// `Rejected`, with version and build of both.
pub fn check(role: &str, peer: Option<&ProcessIdentity>) -> GatewayResult<()> {
    let unnamed = ProcessIdentity::default();
    let peer = peer.unwrap_or(&unnamed);
    if (peer.version.as_str(), peer.build.as_str()) == (VERSION, BUILD) {
        return Ok(());
    }
    let said = |text: &str| if text.is_empty() { "unknown" } else { text }.to_owned();
    let message = format!(
        "the {role} is version {}, build {}; this process is version {VERSION}, build {BUILD}: all processes of an \
         application must be of one build",
        said(&peer.version),
        said(&peer.build)
    );
    tracing::warn!("{message}");
    Err(GatewayError::Rejected(message))
}
