//! What follows when a connection breaks.

use super::{GatewayError, GatewayResult};

/// Asks the callee at once over a new connection. Where it cannot be reached, it has ended; where it answers, nothing has
/// happened; where it is silent, others decide how long to wait.
pub async fn after_reset<T, F>(call: impl Fn() -> F) -> GatewayResult<T>
where
    F: Future<Output = GatewayResult<T>>,
{
    match call().await {
        // The call may have been put on the connection that was just breaking.
        Err(GatewayError::Unreachable(_)) => call().await,
        answer => answer,
    }
}
