//! How calls are repeated.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use selvedge_runtime::gateway::{GatewayError, GatewayResult};

/// Repeats a call until it is answered; a refusal is an answer.
pub(super) async fn answered<T, F>(mut call: impl FnMut() -> F) -> GatewayResult<T>
where
    F: Future<Output = GatewayResult<T>>,
{
    (|| call())
        .retry(back_off())
        .when(|error| error.retryable() || matches!(error, GatewayError::Internal(_)))
        .await
}

fn back_off() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(5))
        .without_max_times()
        .with_jitter()
}

/// How registrations are repeated, as in Flink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationPauses {
    /// `cluster.registration.initial-timeout`: how long the first attempt may take. It doubles with each one that does.
    pub initial_timeout: Duration,
    /// `cluster.registration.max-timeout`: how long an attempt may take at most.
    pub max_timeout: Duration,
    /// `cluster.registration.error-delay`: the pause after an attempt that failed.
    pub error_delay: Duration,
    /// `cluster.registration.refused-registration-delay`: the pause after one that was declined for now.
    pub refused_delay: Duration,
}

impl RegistrationPauses {
    /// Repeats a registration until it is accepted or refused for good; `note` is told what stands against it meanwhile.
    pub(super) async fn registered<T, F>(&self, call: impl Fn() -> F, note: impl Fn(&GatewayError)) -> GatewayResult<T>
    where
        F: Future<Output = GatewayResult<T>>,
    {
        let mut timeout = self.initial_timeout;
        loop {
            // One who is busy wants to be asked again soon; one whose connection broke may have another.
            let attempt = (|| call())
                .retry(back_off())
                .when(|error| matches!(error, GatewayError::Busy(_) | GatewayError::Broken(_)))
                .notify(|error, _| note(error));
            let answer = within(timeout, attempt).await;
            let error = match answer {
                Err(error) if !matches!(error, GatewayError::Rejected(_) | GatewayError::Unauthorised(_)) => error,
                decided => return decided,
            };
            note(&error);
            match error {
                GatewayError::TimedOut(_) => timeout = (timeout * 2).min(self.max_timeout),
                GatewayError::Fenced(_) => tokio::time::sleep(self.refused_delay).await,
                _ => tokio::time::sleep(self.error_delay).await,
            }
        }
    }
}

async fn within<T>(timeout: Duration, attempt: impl Future<Output = GatewayResult<T>>) -> GatewayResult<T> {
    let late = || GatewayError::TimedOut(format!("the registration is not answered within {timeout:?}"));
    tokio::time::timeout(timeout, attempt)
        .await
        .unwrap_or_else(|_| Err(late()))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tokio::time::Instant;

    use super::*;

    const PAUSES: RegistrationPauses = RegistrationPauses {
        initial_timeout: Duration::from_millis(100),
        max_timeout: Duration::from_millis(400),
        error_delay: Duration::from_secs(10),
        refused_delay: Duration::from_secs(30),
    };

    /// When each attempt begins, in milliseconds, until one is accepted; `None` is silence.
    async fn attempts(answers: Vec<Option<GatewayError>>) -> (Vec<u128>, GatewayResult<()>) {
        let (start, begun) = (Instant::now(), RefCell::new(Vec::new()));
        let answers = RefCell::new(answers.into_iter());
        let call = || {
            begun.borrow_mut().push(start.elapsed().as_millis());
            let answer = answers.borrow_mut().next();
            async {
                match answer {
                    Some(Some(error)) => Err(error),
                    Some(None) => std::future::pending().await,
                    None => Ok(()),
                }
            }
        };
        let outcome = PAUSES.registered(call, |_| {}).await;
        (begun.into_inner(), outcome)
    }

    fn why() -> String {
        "why".to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_without_an_answer_is_repeated_with_twice_the_time_up_to_the_most() {
        let (begun, outcome) = attempts(vec![None, None, None, None]).await;
        assert_eq!(begun, [0, 100, 300, 700, 1100]);
        assert_eq!(outcome, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_and_a_decline_are_waited_out_and_a_refusal_is_final() {
        let answers = vec![
            Some(GatewayError::Unreachable(why())),
            Some(GatewayError::Fenced(why())),
            Some(GatewayError::Rejected(why())),
        ];
        let (begun, outcome) = attempts(answers).await;
        assert_eq!(begun, [0, 10_000, 40_000]);
        assert_eq!(outcome, Err(GatewayError::Rejected(why())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_master_is_asked_again_soon() {
        let (begun, outcome) = attempts(vec![Some(GatewayError::Busy(why()))]).await;
        assert!(begun[1] <= 400, "{begun:?}");
        assert_eq!(outcome, Ok(()));
    }
}
