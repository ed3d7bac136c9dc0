//! Options of what happens when a task fails.

use std::time::Duration;

use super::super::ConfigOption;

/// Whether and how.
pub const TYPE: ConfigOption<String> = ConfigOption::new(
    "restart-strategy.type",
    "Whether and how a failed job is restarted; a job without checkpoints is not, where nothing is set.",
)
.with_deprecated_keys(&["restart-strategy"])
.one_of(&[
    "none",
    "off",
    "disable",
    "fixed-delay",
    "fixeddelay",
    "failure-rate",
    "failurerate",
    "exponential-delay",
    "exponentialdelay",
]);
/// How often, with a fixed delay.
pub const FIXED_DELAY_ATTEMPTS: ConfigOption<i32> =
    ConfigOption::new("restart-strategy.fixed-delay.attempts", "How often a job is restarted.")
        .with_default("1")
        .at_least("0");
/// That delay.
pub const FIXED_DELAY_DELAY: ConfigOption<Duration> =
    ConfigOption::new("restart-strategy.fixed-delay.delay", "The pause before each restart.").with_default("1 s");
/// How many failures an interval may have.
pub const FAILURE_RATE_MAX_FAILURES: ConfigOption<i32> = ConfigOption::new(
    "restart-strategy.failure-rate.max-failures-per-interval",
    "How many failures an interval may have.",
)
.with_default("1")
.at_least("1");
/// The length of that interval.
pub const FAILURE_RATE_INTERVAL: ConfigOption<Duration> = ConfigOption::new(
    "restart-strategy.failure-rate.failure-rate-interval",
    "The length of that interval.",
)
.with_default("1 min")
.at_least("1 ms");
/// The pause before each restart.
pub const FAILURE_RATE_DELAY: ConfigOption<Duration> =
    ConfigOption::new("restart-strategy.failure-rate.delay", "The pause before each restart.").with_default("1 s");
/// The first pause.
pub const EXPONENTIAL_INITIAL_BACKOFF: ConfigOption<Duration> = ConfigOption::new(
    "restart-strategy.exponential-delay.initial-backoff",
    "The first pause; at most the longest one.",
)
.with_default("1 s")
.at_least("1 ms");
/// The longest pause.
pub const EXPONENTIAL_MAX_BACKOFF: ConfigOption<Duration> =
    ConfigOption::new("restart-strategy.exponential-delay.max-backoff", "The longest pause.")
        .with_default("1 min")
        .at_least("1 ms");
/// By how much the pause grows.
pub const EXPONENTIAL_MULTIPLIER: ConfigOption<f64> = ConfigOption::new(
    "restart-strategy.exponential-delay.backoff-multiplier",
    "By how much the pause grows with each failure; more than 1.",
)
.with_default("1.5");
/// After how long the pause is the first one again.
pub const EXPONENTIAL_RESET_THRESHOLD: ConfigOption<Duration> = ConfigOption::new(
    "restart-strategy.exponential-delay.reset-backoff-threshold",
    "After how long without a failure the pause is the first one again.",
)
.with_default("1 h")
.at_least("1 ms");
/// By which part the pause varies.
pub const EXPONENTIAL_JITTER: ConfigOption<f64> = ConfigOption::new(
    "restart-strategy.exponential-delay.jitter-factor",
    "By which part the pause varies at random.",
)
.with_default("0.1")
.fraction();
/// How often, before the pause is the first one again.
pub const EXPONENTIAL_ATTEMPTS: ConfigOption<i32> = ConfigOption::new(
    "restart-strategy.exponential-delay.attempts-before-reset-backoff",
    "How often a job is restarted before it fails.",
)
.with_default("2147483647")
.at_least("1");

area! {
    "restart-strategy", "What happens when a task fails";
    options {
        TYPE, FIXED_DELAY_ATTEMPTS, FIXED_DELAY_DELAY, FAILURE_RATE_MAX_FAILURES, FAILURE_RATE_INTERVAL,
        FAILURE_RATE_DELAY, EXPONENTIAL_INITIAL_BACKOFF, EXPONENTIAL_MAX_BACKOFF, EXPONENTIAL_MULTIPLIER,
        EXPONENTIAL_RESET_THRESHOLD, EXPONENTIAL_JITTER, EXPONENTIAL_ATTEMPTS,
    }
}
