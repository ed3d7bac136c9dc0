//! Options of the local disk.

area! {
    "io", "The local disk";
    not yet {
        /// Where temporary files go; on YARN, where YARN says.
        "io.tmp.dirs": Text = "/tmp" formerly "taskmanager.tmp.dirs";
    }
}
