//! How often the NodeManager starts a command again in the same container, in the options of Hadoop's DistributedShell.

use std::time::Duration;

use clap::{Args, ValueEnum};
use yarn_common::launch::{LaunchError, MIN_RETRY_INTERVAL, RetryContext, RetryWhen};

/// Whether, when and how often a command that failed is started again in its container.
#[derive(Args, Clone, Debug)]
pub(crate) struct Retries {
    /// After which ends a command is started again, in the same container and directory.
    #[arg(long = "container_retry_policy", value_enum, default_value = "0")]
    container_retry_policy: Policy,
    /// The exit codes of policy 2, with commas.
    #[arg(
        long = "container_retry_error_codes",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    container_retry_error_codes: Vec<i32>,
    /// How often a command is started again at most; -1 for ever.
    #[arg(long = "container_max_retries", default_value_t = 0, allow_negative_numbers = true,
          value_parser = clap::value_parser!(i32).range(-1..))]
    container_max_retries: i32,
    /// Milliseconds between an end and the next start; NodeManagers wait for at least a second.
    #[arg(long = "container_retry_interval", default_value_t = 0)]
    container_retry_interval: u32,
    /// Only failures within so many milliseconds count; -1 for all.
    #[arg(long = "container_failures_validity_interval", default_value_t = -1, allow_negative_numbers = true,
          value_parser = clap::value_parser!(i64).range(-1..))]
    container_failures_validity_interval: i64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// Never.
    #[value(name = "0", alias = "NEVER_RETRY")]
    Never,
    /// After any exit code but 0.
    #[value(name = "1", alias = "RETRY_ON_ALL_ERRORS")]
    AnyError,
    /// After those that -container_retry_error_codes names.
    #[value(name = "2", alias = "RETRY_ON_SPECIFIC_ERROR_CODES")]
    ErrorCodes,
}

impl Retries {
    /// `None` where a command is tried once.
    ///
    /// # Errors
    /// Policy 2 without exit codes, or with 0 among them.
    pub(crate) fn context(&self) -> Result<Option<RetryContext>, LaunchError> {
        let when = match self.container_retry_policy {
            Policy::Never => return Ok(None),
            Policy::AnyError => RetryWhen::AnyError,
            Policy::ErrorCodes => RetryWhen::ExitCodes(self.container_retry_error_codes.iter().copied().collect()),
        };
        if self.container_max_retries == 0 {
            return Ok(None);
        }
        // -1 is no number of times.
        let times = u32::try_from(self.container_max_retries).ok();
        let interval = Duration::from_millis(self.container_retry_interval.into());
        let mut context = RetryContext::new(when, times)?.with_interval(interval.max(MIN_RETRY_INTERVAL))?;
        if let Some(within) = u64::try_from(self.container_failures_validity_interval)
            .ok()
            .filter(|within| *within > 0)
        {
            context = context.with_failures_validity_interval(Duration::from_millis(within))?;
        }
        Ok(Some(context))
    }
}
