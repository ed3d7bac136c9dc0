//! Notices at once when a master has ended: the kernel closes its connections.

use selvedge_runtime::gateway::{GatewayError, GatewayResult, after_reset};
use selvedge_runtime::rpc::ConnectionWatch;

/// Waits until the connection to a master breaks and cannot be made again, or leads to another master; tells which. A master
/// that is merely silent is left to its heartbeats.
pub(super) async fn gone<F>(mut connection: ConnectionWatch, confirm: impl Fn() -> F) -> GatewayError
where
    F: Future<Output = GatewayResult<()>>,
{
    loop {
        connection.lost().await;
        match after_reset(&confirm).await {
            Ok(()) => tracing::info!("a connection to the master broke and is there again"),
            Err(error) if error.retryable() && !matches!(error, GatewayError::Unreachable(_)) => {
                tracing::warn!(%error, "a connection to the master broke, and the master is silent");
            }
            Err(error) => return error,
        }
    }
}
