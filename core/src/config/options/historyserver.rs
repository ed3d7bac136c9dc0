//! Options of the history server.

use super::super::ConfigOption;

/// Its host.
pub const WEB_ADDRESS: ConfigOption<String> = ConfigOption::new(
    "historyserver.web.address",
    "The host of Flink's history server: an application on YARN that has ended links to it.",
);
/// Its port.
pub const WEB_PORT: ConfigOption<u32> = ConfigOption::new("historyserver.web.port", "Its port.").with_default("8082");
/// Whether its pages are encrypted.
pub const WEB_SSL_ENABLED: ConfigOption<bool> =
    ConfigOption::new("historyserver.web.ssl.enabled", "Whether its pages are encrypted.").with_default("false");

area! {
    "historyserver", "The history server";
    options { WEB_ADDRESS, WEB_PORT, WEB_SSL_ENABLED, }
    not yet {
        /// The directories of archived jobs, separated by commas.
        "historyserver.archive.fs.dir": Text;
        /// How often they are looked into.
        "historyserver.archive.fs.refresh-interval": Duration = "10 s";
        /// Whether jobs that are gone from there vanish from the pages.
        "historyserver.archive.clean-expired-jobs": Boolean = "false";
        /// How many archived jobs are kept; -1 is all.
        "historyserver.archive.retained-jobs": Integer = "-1";
        /// Where the log of a master is found.
        "historyserver.log.jobmanager.url-pattern": Text;
        /// Where the log of a worker is found.
        "historyserver.log.taskmanager.url-pattern": Text;
        /// How often its pages ask.
        "historyserver.web.refresh-interval": Duration = "10 s";
        /// Where it unpacks archives.
        "historyserver.web.tmpdir": Text;
    }
}
