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

area! {
    "external-resource", "Resources besides memory and cores, such as GPUs";
    options {
        EXTERNAL_RESOURCES,
    }
    families {
        /// How much of a resource each worker asks for.
        "external-resource.<name>.amount": Integer;
        /// YARN's name of a resource.
        "external-resource.<name>.yarn.config-key": Text;
        /// A program on each node that gets the amount as its first argument and prints that many indices, with commas.
        "external-resource.<name>.param.discovery-script.path": Text;
        /// Further arguments of that program, separated by blanks.
        "external-resource.<name>.param.discovery-script.args": Text;
    }
    families not yet {
        /// Kubernetes' name of a resource.
        "external-resource.<name>.kubernetes.config-key": Text;
        /// The class that finds a resource on a node; without a JVM a discovery script does.
        "external-resource.<name>.driver-factory.class": Text;
        /// Parameters of that class.
        "external-resource.<name>.param.*": Text;
    }
}
