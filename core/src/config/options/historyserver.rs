//! Options of the history server.

area! {
    "historyserver", "The history server";
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
        /// The address that it binds to.
        "historyserver.web.address": Text;
        /// Its port.
        "historyserver.web.port": Integer = "8082";
        /// How often its pages ask.
        "historyserver.web.refresh-interval": Duration = "10 s";
        /// Whether its pages are encrypted.
        "historyserver.web.ssl.enabled": Boolean = "false";
        /// Where it unpacks archives.
        "historyserver.web.tmpdir": Text;
    }
}
