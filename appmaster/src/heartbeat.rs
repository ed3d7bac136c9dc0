//! Asks a worker again and again whether it is alive, until it is not.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use selvedge_runtime::gateway::{GatewayError, GatewayResult, after_reset};
use selvedge_runtime::rpc::ConnectionWatch;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::settings::HeartbeatSettings;

/// How long the last beat before the time-out may take.
const LAST_CHANCE: Duration = Duration::from_secs(1);

/// Why a beat is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beat {
    Regular,
    OutOfTurn,
    /// The connection broke: a process that has ended is known at once.
    AfterReset,
}

/// Beats every interval, and at once when `wake` is notified or the connection breaks; answers become events. Ends with the
/// cause of the loss when the target is lost: it cannot be reached again after a break, too many calls in a row found no
/// connection, too long without an answer, or an answer that it knows us no more.
pub(crate) async fn monitor<P, E, F>(
    settings: HeartbeatSettings,
    wake: Arc<Notify>,
    mut connection: ConnectionWatch,
    events: mpsc::Sender<E>,
    call: impl Fn() -> F,
    answered: impl Fn(P, Instant) -> E,
) -> String
where
    F: Future<Output = GatewayResult<P>>,
{
    let mut last_answer = Instant::now();
    let mut unreached = 0;
    loop {
        let silent_at = last_answer + settings.timeout;
        let beat = tokio::select! {
            biased;
            () = connection.lost() => Beat::AfterReset,
            () = wake.notified() => Beat::OutOfTurn,
            () = tokio::time::sleep(settings.interval) => Beat::Regular,
            () = tokio::time::sleep_until(silent_at) => Beat::Regular,
        };
        let sent = Instant::now();
        let error = match ask(beat, silent_at.max(sent + LAST_CHANCE), &call).await {
            Ok(payload) => {
                last_answer = Instant::now();
                unreached = 0;
                if events.send(answered(payload, sent)).await.is_err() {
                    return "its watcher has ended".to_owned();
                }
                continue;
            }
            Err(GatewayError::Fenced(message)) => return format!("it does not know this master any more: {message}"),
            Err(GatewayError::Unreachable(message)) if beat == Beat::AfterReset => {
                return format!("its connection broke, and there is no other ({message})");
            }
            Err(error) => error,
        };
        // A beat out of turn says little when it fails: several may fall into one short disturbance. One without an answer
        // says nothing before the time-out.
        let is_unreached = matches!(error, GatewayError::Unreachable(_) | GatewayError::Broken(_));
        unreached += u32::from(beat == Beat::Regular && is_unreached);
        let silent = last_answer.elapsed();
        let too_many = settings.failure_threshold.is_some_and(|most| unreached >= most);
        if too_many || silent >= settings.timeout {
            return format!("no heartbeat answer for {:.1} s ({error})", silent.as_secs_f64());
        }
    }
}

async fn ask<P, F>(beat: Beat, until: Instant, call: &impl Fn() -> F) -> GatewayResult<P>
where
    F: Future<Output = GatewayResult<P>>,
{
    let answer = async {
        match beat {
            Beat::AfterReset => after_reset(call).await,
            Beat::Regular | Beat::OutOfTurn => call().await,
        }
    };
    let answer = tokio::time::timeout_at(until, answer).await;
    answer.unwrap_or_else(|_| Err(GatewayError::TimedOut("the heartbeat is not answered".to_owned())))
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
        let connection = ConnectionWatch::in_process();
        let cause = monitor(settings, Arc::default(), connection, events, call, |(), _| ()).await;
        (cause, start.elapsed())
    }

    const WITHOUT_THRESHOLD: HeartbeatSettings = HeartbeatSettings {
        failure_threshold: None,
        ..SETTINGS
    };

    #[tokio::test(start_paused = true)]
    async fn two_failed_calls_in_a_row_are_enough() {
        let (cause, after) = lost_after(SETTINGS, Err(GatewayError::Unreachable("refused".into()))).await;
        assert_eq!(after, 2 * INTERVAL);
        assert!(cause.contains("refused"), "{cause}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_worker_is_lost_at_the_timeout_and_not_by_the_threshold() {
        let timeout = 5 * INTERVAL;
        let settings = HeartbeatSettings { timeout, ..SETTINGS };
        let (_, after) = lost_after(settings, Err(GatewayError::TimedOut("10 s".into()))).await;
        assert_eq!(after, timeout);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_threshold_the_timeout_counts() {
        let timeout = 5 * INTERVAL;
        let settings = HeartbeatSettings {
            timeout,
            ..WITHOUT_THRESHOLD
        };
        let (_, after) = lost_after(settings, Err(GatewayError::Busy("full".into()))).await;
        assert_eq!(after, timeout);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_without_an_end_does_not_outlast_the_timeout_by_much() {
        let settings = HeartbeatSettings {
            timeout: 5 * INTERVAL,
            ..SETTINGS
        };
        let (events, _inbox) = mpsc::channel::<()>(8);
        let start = Instant::now();
        let (call, connection) = (std::future::pending::<GatewayResult<()>>, ConnectionWatch::in_process());
        let cause = monitor(settings, Arc::default(), connection, events, call, |(), _| ()).await;
        assert!(
            start.elapsed() <= settings.timeout + LAST_CHANCE,
            "{:?}",
            start.elapsed()
        );
        assert!(cause.contains("not answered"), "{cause}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_knows_another_master_is_lost_at_once() {
        let (cause, after) = lost_after(WITHOUT_THRESHOLD, Err(GatewayError::Fenced("another leader".into()))).await;
        assert_eq!(after, INTERVAL);
        assert!(cause.contains("another leader"), "{cause}");
    }
}
