//! Options of where processes work.

area! {
    "process", "Where processes work";
    not yet {
        /// The directory that processes work in.
        "process.working-dir": Text;
        /// The master's own, where it is another.
        "process.jobmanager.working-dir": Text or "process.working-dir";
        /// The workers' own, where it is another.
        "process.taskmanager.working-dir": Text or "process.working-dir";
    }
}
