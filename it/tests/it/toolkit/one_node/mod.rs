//! One NodeManager with two queues that take from each other; messages are encrypted.

mod distributed_shell;
mod ends;
mod examples;
mod places;
mod restarts;

use selvedge_it::bed::{BedOptions, RpcProtection};

use super::variant::Variant;

async fn bed() -> Variant {
    let mut options = BedOptions::default()
        .with_one_quick_node()
        .with_two_queues()
        .with_rpc_protection(RpcProtection::Privacy);
    for (key, value) in [
        ("yarn.nodemanager.container-monitor.interval-ms", "500"),
        // So much that only what is meant to reserves more: a JVM reserves gigabytes.
        ("yarn.nodemanager.vmem-pmem-ratio", "30"),
    ] {
        options.yarn_site.insert(key.to_owned(), value.to_owned());
    }
    Variant::of(options).await
}
