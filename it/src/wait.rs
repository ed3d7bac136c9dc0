//! Waiting for a condition, with a bound: never for a time.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

const STEP: Duration = Duration::from_millis(50);

/// What was waited for, how long, and what the last look saw.
#[derive(Debug, thiserror::Error)]
#[error("waited {bound:?} for {what}; last seen: {seen}")]
pub struct NotInTime {
    pub what: String,
    pub bound: Duration,
    pub seen: String,
}

/// Calls `probe` until it gives `Ok`, at most for `bound`. Its `Err` says what was seen instead, and the last one
/// stands in the error: a test that waits in vain then shows why.
///
/// A probe that hangs is given up at the bound, too.
pub async fn until<T, E, F, Fut>(what: &str, bound: Duration, mut probe: F) -> Result<T, NotInTime>
where
    E: Display,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let deadline = Instant::now() + bound;
    let mut seen = String::from("nothing: the first look did not return");
    loop {
        match tokio::time::timeout_at(deadline, probe()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => seen = error.to_string(),
            Err(_) => {
                return Err(NotInTime {
                    what: what.to_owned(),
                    bound,
                    seen,
                });
            }
        }
        if Instant::now() + STEP >= deadline {
            return Err(NotInTime {
                what: what.to_owned(),
                bound,
                seen,
            });
        }
        tokio::time::sleep(STEP).await;
    }
}

/// The pause between two looks, for who looks in another way than [`until`] does.
pub async fn pause() {
    tokio::time::sleep(STEP).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_error_says_what_was_seen_last() {
        let error = until("the moon", Duration::ZERO, async || Err::<(), _>("clouds"))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "waited 0ns for the moon; last seen: clouds");
    }

    #[tokio::test]
    async fn what_comes_at_the_third_look_is_waited_for() {
        let mut looks = 0;
        let look = || {
            looks += 1;
            std::future::ready(if looks == 3 { Ok(looks) } else { Err(looks) })
        };
        assert_eq!(until("the third look", Duration::from_secs(60), look).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_probe_that_hangs_is_given_up() {
        let hang = std::future::pending::<Result<(), String>>;
        let error = until("an answer", Duration::from_millis(10), hang).await.unwrap_err();
        assert!(error.seen.contains("did not return"), "{error}");
    }
}
