//! Asks a worker again and again whether it is alive, until it is not.

use std::future::Future;
use std::sync::Arc;

use selvedge_runtime::gateway::{GatewayError, GatewayResult};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::settings::HeartbeatSettings;

/// Beats every interval, and at once when `wake` is notified; answers become events. Ends with the cause of the loss when
/// the target is lost: too many failed calls in a row, too long without an answer, or an answer that it knows us no more.
pub(crate) async fn monitor<P, E, F>(
    settings: HeartbeatSettings,
    wake: Arc<Notify>,
    events: mpsc::Sender<E>,
    call: impl Fn() -> F,
    answered: impl Fn(P, Instant) -> E,
) -> String
where
    F: Future<Output = GatewayResult<P>>,
{
    let mut last_answer = Instant::now();
    let mut failures = 0;
    loop {
        let regular = tokio::select! {
            biased;
            () = wake.notified() => false,
            () = tokio::time::sleep(settings.interval) => true,
        };
        let sent = Instant::now();
        let error = match call().await {
            Ok(payload) => {
                last_answer = Instant::now();
                failures = 0;
                if events.send(answered(payload, sent)).await.is_err() {
                    return "its watcher has ended".to_owned();
                }
                continue;
            }
            Err(GatewayError::Fenced(message)) => return format!("it does not know this master any more: {message}"),
            Err(error) => error,
        };
        // A beat out of turn says little when it fails: several may fall into one short disturbance.
        failures += u32::from(regular);
        let silent = last_answer.elapsed();
        if settings
            .failure_threshold
            .is_some_and(|threshold| failures >= threshold)
            || silent >= settings.timeout
        {
            return format!("no heartbeat answer for {:.1} s ({error})", silent.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const INTERVAL: Duration = Duration::from_millis(20);
    const SETTINGS: HeartbeatSettings = HeartbeatSettings {
        interval: INTERVAL,
        timeout: Duration::from_secs(60),
        failure_threshold: Some(2),
    };

    async fn lost_after(settings: HeartbeatSettings, answer: GatewayResult<()>) -> (String, Duration) {
        let (events, _inbox) = mpsc::channel::<()>(8);
        let start = Instant::now();
        let call = || std::future::ready(answer.clone());
        let cause = monitor(settings, Arc::default(), events, call, |(), _| ()).await;
        (cause, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn two_failed_calls_in_a_row_are_enough() {
        let (cause, after) = lost_after(SETTINGS, Err(GatewayError::Unreachable("refused".into()))).await;
        assert_eq!(after, 2 * INTERVAL);
        assert!(cause.contains("refused"), "{cause}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_threshold_the_timeout_counts() {
        let timeout = 5 * INTERVAL;
        let settings = HeartbeatSettings {
            failure_threshold: None,
            timeout,
            ..SETTINGS
        };
        let (_, after) = lost_after(settings, Err(GatewayError::Busy("full".into()))).await;
        assert_eq!(after, timeout);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_knows_another_master_is_lost_at_once() {
        let settings = HeartbeatSettings {
            failure_threshold: None,
            ..SETTINGS
        };
        let (cause, after) = lost_after(settings, Err(GatewayError::Fenced("another leader".into()))).await;
        assert_eq!(after, INTERVAL);
        assert!(cause.contains("another leader"), "{cause}");
    }
}
