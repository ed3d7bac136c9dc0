//! Options of how cleaning up after a job is tried again.

use std::time::Duration;

use super::super::ConfigOption;

/// Whether and how.
pub const TYPE: ConfigOption<String> = ConfigOption::new(
    "cleanup-strategy.type",
    "Whether and how cleaning up after a job is tried again.",
)
.with_default("exponential-delay")
.with_deprecated_keys(&["cleanup-strategy"])
.one_of(&["none", "disable", "off", "fixed-delay", "exponential-delay"]);
/// How often, with a fixed delay.
pub const FIXED_DELAY_ATTEMPTS: ConfigOption<i32> =
    ConfigOption::new("cleanup-strategy.fixed-delay.attempts", "How often it is tried again.")
        .with_default("2147483647")
        .at_least("1");
/// That delay.
pub const FIXED_DELAY_DELAY: ConfigOption<Duration> =
    ConfigOption::new("cleanup-strategy.fixed-delay.delay", "The pause before each try.").with_default("1 min");
/// How often, with a growing delay.
pub const EXPONENTIAL_ATTEMPTS: ConfigOption<i32> = ConfigOption::new(
    "cleanup-strategy.exponential-delay.attempts",
    "How often it is tried again.",
)
.with_default("2147483647")
.at_least("1");
/// The first pause.
pub const EXPONENTIAL_INITIAL_BACKOFF: ConfigOption<Duration> =
    ConfigOption::new("cleanup-strategy.exponential-delay.initial-backoff", "The first pause.")
        .with_default("1 s")
        .at_least("1 ms");
/// The longest pause.
pub const EXPONENTIAL_MAX_BACKOFF: ConfigOption<Duration> = ConfigOption::new(
    "cleanup-strategy.exponential-delay.max-backoff",
    "The longest pause; not below the first one.",
)
.with_default("1 h")
.at_least("1 ms");

area! {
    "cleanup-strategy", "How cleaning up after a job is tried again";
    options {
        TYPE, FIXED_DELAY_ATTEMPTS, FIXED_DELAY_DELAY, EXPONENTIAL_ATTEMPTS, EXPONENTIAL_INITIAL_BACKOFF,
        EXPONENTIAL_MAX_BACKOFF,
    }
}
