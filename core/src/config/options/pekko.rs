//! Options of calls between components.

use std::time::Duration;

use super::super::ConfigOption;

/// The deadline of calls between components.
pub const ASK_TIMEOUT: ConfigOption<Duration> =
    ConfigOption::new("pekko.ask.timeout", "How long a call to another component may take.")
        .with_default("10 s")
        .with_deprecated_keys(&["akka.ask.timeout"]);

area! {
    "pekko", "Calls between components";
    options {
        ASK_TIMEOUT,
    }
    not yet {
        /// The largest message between components.
        "pekko.framesize": Text = "10485760b" formerly "akka.framesize";
        /// Whether calls are encrypted where internal encryption is on.
        "pekko.ssl.enabled": Boolean = "true" formerly "akka.ssl.enabled";
        /// How long connecting may take.
        "pekko.tcp.timeout": Duration = "20 s" formerly "akka.tcp.timeout";
    }
}
