//! Options of external resources. Those of one resource have its name in their key: `external-resource.<name>.amount`, its
//! number in a worker, and `external-resource.<name>.yarn.config-key`, what YARN calls it.

use super::super::ConfigOption;

/// The names of the external resources of a worker.
pub const EXTERNAL_RESOURCES: ConfigOption<Vec<String>> = ConfigOption::new(
    "external-resources",
    "The names of the external resources of a worker, or none.",
)
.with_default("");
/// What the keys of one resource start with; its name and a dot follow.
pub const PREFIX: &str = "external-resource.";
