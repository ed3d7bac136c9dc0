//! Cleaning up after jobs: what is to be removed, and how it is tried again.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ConstantBuilder, ExponentialBuilder, Retryable};
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::cleanup_strategy;
use selvedge_core::{Configuration, JobId};
use selvedge_runtime::connector::report;

use crate::stores::{JobGraphStore, StoreError};

/// Something that is kept for a job and goes with it.
#[async_trait]
pub(crate) trait JobResource: Send + Sync + std::fmt::Debug {
    /// What it is, for the log.
    fn name(&self) -> &'static str;

    /// The job has ended for good: nobody needs it any more. May be repeated.
    async fn clean_up(&self, job: JobId) -> Result<(), StoreError>;
}

/// The graph for the next master.
#[derive(Debug)]
pub(crate) struct PersistedGraph(pub(crate) Arc<dyn JobGraphStore>);

#[async_trait]
impl JobResource for PersistedGraph {
    fn name(&self) -> &'static str {
        "the persisted job graph"
    }

    async fn clean_up(&self, job: JobId) -> Result<(), StoreError> {
        self.0.remove(job).await
    }
}

/// Whether and how a step is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CleanupStrategy {
    /// Not at all.
    Once,
    /// After the same pause each time.
    FixedDelay { attempts: usize, delay: Duration },
    /// After pauses that double.
    ExponentialDelay {
        attempts: usize,
        initial: Duration,
        longest: Duration,
    },
}

impl CleanupStrategy {
    /// Reads `cleanup-strategy.*`.
    pub(crate) fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let attempts = |count: i32| usize::try_from(count).unwrap_or(usize::MAX);
        Ok(
            match configuration
                .get(&cleanup_strategy::TYPE)?
                .to_ascii_lowercase()
                .as_str()
            {
                "fixed-delay" => Self::FixedDelay {
                    attempts: attempts(configuration.get(&cleanup_strategy::FIXED_DELAY_ATTEMPTS)?),
                    delay: configuration.get(&cleanup_strategy::FIXED_DELAY_DELAY)?,
                },
                "exponential-delay" => {
                    let initial = configuration.get(&cleanup_strategy::EXPONENTIAL_INITIAL_BACKOFF)?;
                    let longest = configuration.get(&cleanup_strategy::EXPONENTIAL_MAX_BACKOFF)?;
                    if longest < initial {
                        return Err(ConfigError::Invalid {
                            key: cleanup_strategy::EXPONENTIAL_MAX_BACKOFF.key().to_owned(),
                            reason: format!(
                                "{longest:?} is below the first pause, {} ({initial:?})",
                                cleanup_strategy::EXPONENTIAL_INITIAL_BACKOFF.key()
                            ),
                        });
                    }
                    Self::ExponentialDelay {
                        attempts: attempts(configuration.get(&cleanup_strategy::EXPONENTIAL_ATTEMPTS)?),
                        initial,
                        longest,
                    }
                }
                _ => Self::Once,
            },
        )
    }

    /// Takes a step until it has succeeded, or no try is left; then with its last error.
    pub(super) async fn retry<S, F>(self, job: JobId, what: &str, step: S) -> Result<(), String>
    where
        S: FnMut() -> F,
        F: Future<Output = Result<(), StoreError>>,
    {
        let again = |error: &StoreError, pause: Duration| {
            tracing::warn!(%job, "{what}: {}; it is tried again in {pause:?}", report(error));
        };
        let retried = step.retry(self.pauses()).when(StoreError::retryable).notify(again);
        let outcome = retried.await;
        outcome.map_err(|error| format!("{what}: {}", report(&error)))
    }

    /// The pauses before the tries that follow the first one.
    fn pauses(self) -> Box<dyn Iterator<Item = Duration> + Send + Sync + Unpin> {
        match self {
            Self::Once => Box::new(std::iter::empty()),
            Self::FixedDelay { attempts, delay } => Box::new(
                ConstantBuilder::default()
                    .with_delay(delay)
                    .with_max_times(attempts)
                    .build(),
            ),
            Self::ExponentialDelay {
                attempts,
                initial,
                longest,
            } => Box::new(
                ExponentialBuilder::default()
                    .with_min_delay(initial)
                    .with_max_delay(longest)
                    .with_max_times(attempts)
                    .build(),
            ),
        }
    }
}

/// Removes everything that is kept for a job, each thing as often as it takes.
pub(super) async fn clean_up(
    job: JobId,
    resources: &[Arc<dyn JobResource>],
    strategy: CleanupStrategy,
) -> Result<(), String> {
    let each = resources.iter().map(|resource| {
        let what = format!("{} cannot be removed", resource.name());
        async move { strategy.retry(job, &what, || resource.clean_up(job)).await }
    });
    let failures: Vec<_> = futures::future::join_all(each)
        .await
        .into_iter()
        .filter_map(Result::err)
        .collect();
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn strategy(entries: &[(&str, &str)]) -> Result<CleanupStrategy, ConfigError> {
        CleanupStrategy::read(&Configuration::from_iter(entries.iter().copied()))
    }

    #[test]
    fn pauses_are_as_the_settings_say() {
        let pauses = |entries: &[(&str, &str)]| -> Vec<u64> {
            let pauses = strategy(entries).unwrap().pauses();
            pauses.take(14).map(|pause| pause.as_secs()).collect()
        };
        let default = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600];
        assert_eq!(pauses(&[]), default);
        assert_eq!(pauses(&[("cleanup-strategy", "off")]), [0; 0]);
        let fixed = [
            ("cleanup-strategy.type", "fixed-delay"),
            ("cleanup-strategy.fixed-delay.attempts", "3"),
        ];
        assert_eq!(pauses(&fixed), [60, 60, 60]);
        let error = strategy(&[("cleanup-strategy.exponential-delay.max-backoff", "10 ms")]).unwrap_err();
        assert!(
            error.to_string().contains("max-backoff") && error.to_string().contains("10ms"),
            "{error}"
        );
    }

    /// Refuses so many times.
    #[derive(Debug)]
    struct Stubborn(AtomicU32);

    #[async_trait]
    impl JobResource for Stubborn {
        fn name(&self) -> &'static str {
            "the blob"
        }

        async fn clean_up(&self, _job: JobId) -> Result<(), StoreError> {
            let left = self.0.load(Ordering::Relaxed);
            if left == 0 {
                return Ok(());
            }
            self.0.store(left - 1, Ordering::Relaxed);
            Err(StoreError::Corrupt {
                file: "f".into(),
                reason: format!("{left} more"),
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_is_repeated_until_it_succeeds_or_no_try_is_left() {
        let job = JobId::from_bytes([1; 16]);
        let resources: [Arc<dyn JobResource>; 2] = [
            Arc::new(Stubborn(AtomicU32::new(12))),
            Arc::new(Stubborn(AtomicU32::new(0))),
        ];
        clean_up(job, &resources, strategy(&[]).unwrap()).await.unwrap();
        let stubborn: [Arc<dyn JobResource>; 1] = [Arc::new(Stubborn(AtomicU32::new(12)))];
        let error = clean_up(job, &stubborn, CleanupStrategy::Once).await.unwrap_err();
        assert_eq!(
            error,
            "the blob cannot be removed: f cannot be read: 12 more; it stays where it is"
        );
    }
}
