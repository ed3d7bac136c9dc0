//! Options of how cleaning up after a job is tried again.

area! {
    "cleanup-strategy", "How cleaning up after a job is tried again";
    not yet {
        /// Whether and how it is tried again.
        "cleanup-strategy.type": Choice["none", "disable", "off", "fixed-delay", "exponential-delay"] = "exponential-delay"
            formerly "cleanup-strategy";
        /// How often it is tried.
        "cleanup-strategy.fixed-delay.attempts": Integer = "2147483647";
        /// The pause before each try.
        "cleanup-strategy.fixed-delay.delay": Duration = "1 min";
        /// How often it is tried.
        "cleanup-strategy.exponential-delay.attempts": Integer = "2147483647";
        /// The first pause.
        "cleanup-strategy.exponential-delay.initial-backoff": Duration = "1 s";
        /// The longest pause.
        "cleanup-strategy.exponential-delay.max-backoff": Duration = "1 h";
    }
}
