//! Daemons killed and started again, on a bed of the test's own.

use selvedge_it::bed::{Bed, BedOptions, Daemon, is_alive};

use super::shell::ShellApplication;

#[tokio::test]
async fn containers_outlive_their_node_manager_and_the_resource_manager() {
    let options = BedOptions {
        node_managers: 1,
        ..BedOptions::default()
    }
    .without_inherited("HADOOP_CONF_DIR");
    let bed = Bed::start(options).await.unwrap();
    let node = Daemon::NodeManager(0);
    let release = bed.scratch().join("release");
    let script = format!(
        "echo conf=$HADOOP_CONF_DIR; until [ -e {} ]; do sleep 0.1; done; exit 7",
        release.display()
    );
    let application = ShellApplication::submit(&bed, &script).await;
    let container = application.process(&bed).await;

    let before = bed.pid(node).unwrap();
    bed.kill(node).await.unwrap();
    assert!(!is_alive(before) && is_alive(container));
    assert!(
        bed.pid(node)
            .unwrap_err()
            .to_string()
            .contains("nodemanager-0 is not running")
    );
    bed.restart(node).await.unwrap();
    assert_ne!(bed.pid(node).unwrap(), before);
    bed.restart(Daemon::ResourceManager).await.unwrap();
    assert_eq!(application.process(&bed).await, container);

    std::fs::write(release, "").unwrap();
    let report = application.ended().await;
    assert!(
        report["diagnostics"].as_str().unwrap().contains("exitCode: 7"),
        "{report}"
    );
    // It was off the NodeManager's list of variables to inherit.
    assert_eq!(application.stdout(&bed), "conf=\n");
    let scratch = bed.scratch().to_path_buf();
    bed.stop().await;
    assert!(!scratch.exists());
}
