//! Options of the local disk.

use super::super::ConfigOption;

/// Where temporary files go.
pub const TMP_DIRS: ConfigOption<String> = ConfigOption::new(
    "io.tmp.dirs",
    "Where temporary files go, one directory for each disk; on YARN, where YARN says.",
)
.with_default("/tmp")
.with_deprecated_keys(&["taskmanager.tmp.dirs"]);

area! {
    "io", "The local disk";
    options {
        TMP_DIRS,
    }
}
