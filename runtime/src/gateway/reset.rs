//! What follows when a connection breaks.

use std::time::Duration;

use super::{GatewayError, GatewayResult};

/// A call may be put on the connection that is just breaking, or on one that an ending process still took: so often it is
/// made again.
const ATTEMPTS: usize = 10;
const PAUSE: Duration = Duration::from_millis(5);

/// Asks the callee at once over a new connection. Where it cannot be reached, it has ended; where it answers, nothing has
/// happened; where it is silent, others decide how long to wait.
///
/// # Errors
/// As the call; `Unreachable` where each new connection breaks too.
pub async fn after_reset<T, F>(call: impl Fn() -> F) -> GatewayResult<T>
where
    F: Future<Output = GatewayResult<T>>,
{
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        match call().await {
            Err(GatewayError::Broken(message)) => last = message,
            answer => return answer,
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(GatewayError::Unreachable(last))
}
