//! Options of the client.

area! {
    "client", "The client";
    not yet {
        /// How often a client tells that it is there.
        "client.heartbeat.interval": Duration = "30 s";
        /// After how long without it the job is cancelled.
        "client.heartbeat.timeout": Duration = "3 min";
        /// The pause before a client tries again.
        "client.retry-period": Duration = "2 s";
        /// How long a client waits for an answer.
        "client.timeout": Duration = "1 min" formerly "akka.client.timeout";
    }
}
