//! The fair scheduler, on a bed of its own.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use selvedge_it::bed::{Bed, BedOptions, Properties};

use super::rest::resource_manager;

#[tokio::test]
async fn the_queues_of_the_fair_scheduler_are_told() {
    let class = "org.apache.hadoop.yarn.server.resourcemanager.scheduler.fair.FairScheduler";
    let mut queues = tempfile::NamedTempFile::with_suffix(".xml").unwrap();
    write!(queues, "<allocations><queue name='prod'/></allocations>").unwrap();
    // The bed's daemons may be of another user.
    let readable = std::fs::Permissions::from_mode(0o644);
    queues.as_file().set_permissions(readable).unwrap();
    let file = queues.path().to_str().unwrap().to_owned();
    let options = BedOptions {
        node_managers: 1,
        yarn_site: Properties::from([
            ("yarn.resourcemanager.scheduler.class".to_owned(), class.to_owned()),
            ("yarn.scheduler.fair.allocation.file".to_owned(), file),
        ]),
        ..BedOptions::default()
    };
    let bed = Bed::start(options).await.unwrap();
    let rm = resource_manager(&bed, bed.user());
    let scheduler = rm.scheduler().await.unwrap();
    assert_eq!(
        (scheduler.kind.as_str(), scheduler.root.path.as_str()),
        ("fairScheduler", "root")
    );
    let queue = scheduler.find("root.prod");
    let queue = queue.unwrap_or_else(|| panic!("{scheduler:?}"));
    assert!(queue.children.is_empty(), "{queue:?}");
    assert!(queue.extra.contains_key("fairResources"), "{queue:?}");
    let none = rm.scheduler_configuration().await.unwrap_err();
    assert!(!none.is_transient(), "it has no configuration that changes: {none}");
    bed.stop().await;
}
