//! Options of what happens when a task fails.

area! {
    "restart-strategy", "What happens when a task fails";
    not yet {
        /// Whether and how a failed job is restarted.
        "restart-strategy.type": Choice["none", "off", "disable", "fixed-delay", "fixeddelay", "failure-rate", "failurerate", "exponential-delay", "exponentialdelay"]
            formerly "restart-strategy";
        /// How often a job is restarted.
        "restart-strategy.fixed-delay.attempts": Integer = "1";
        /// The pause before each restart.
        "restart-strategy.fixed-delay.delay": Duration = "1 s";
        /// How many failures an interval may have.
        "restart-strategy.failure-rate.max-failures-per-interval": Integer = "1";
        /// The length of that interval.
        "restart-strategy.failure-rate.failure-rate-interval": Duration = "1 min";
        /// The pause before each restart.
        "restart-strategy.failure-rate.delay": Duration = "1 s";
        /// The first pause.
        "restart-strategy.exponential-delay.initial-backoff": Duration = "1 s";
        /// The longest pause.
        "restart-strategy.exponential-delay.max-backoff": Duration = "1 min";
        /// By how much the pause grows with each failure.
        "restart-strategy.exponential-delay.backoff-multiplier": Number = "1.5";
        /// After how long without a failure the pause is the first one again.
        "restart-strategy.exponential-delay.reset-backoff-threshold": Duration = "1 h";
        /// By which part the pause varies at random.
        "restart-strategy.exponential-delay.jitter-factor": Fraction = "0.1";
        /// How often a job is restarted before it fails.
        "restart-strategy.exponential-delay.attempts-before-reset-backoff": Integer = "2147483647";
    }
}
