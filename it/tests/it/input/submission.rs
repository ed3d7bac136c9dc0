//! Requests that a real cluster cannot fulfil.

use selvedge_it::bed::{Bed, BedOptions};

use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, vertex};
use crate::yarn::faults::{self, LOOM, LOOMS};
use crate::yarn::session::short_job;
use crate::yarn::support::{Cluster, hdfs_admin};

async fn assert_refused(cluster: &Cluster, settings: &[&str], code: i32, says: &[&str]) {
    let folder = Folder::new();
    let job = folder.job(&job(
        &[vertex("all", &[numbers("make", Some(1), None), blackhole("drop")])],
        &[],
    ));
    let before = cluster.traces().await;
    let outcome = cluster
        .run(1)
        .args(settings.iter().copied())
        .arg(job)
        .run()
        .await
        .ended_with(code);
    outcome.assert_says(says).assert_no_stack();
    assert_eq!(cluster.traces().await, before, "{}", outcome.said());
}

#[tokio::test]
async fn an_unknown_queue_is_told_with_those_that_there_are() {
    let cluster = Cluster::shared().await;
    assert_refused(
        &cluster,
        &["-Dyarn.application.queue=nightly"],
        5,
        &["nightly", "default"],
    )
    .await;
}

#[tokio::test]
async fn a_container_that_is_larger_than_the_clusters_maximum_is_told_with_both_and_the_remedy() {
    let cluster = Cluster::shared().await;
    for option in ["jobmanager.memory.process.size", "taskmanager.memory.process.size"] {
        assert_refused(&cluster, &[&format!("-D{option}=7000m")], 5, &["7000", "6144", option]).await;
    }
    let vcores = ["-Dtaskmanager.numberOfTaskSlots=99", "-Dyarn.containers.vcores=99"];
    assert_refused(&cluster, &vcores, 5, &["99", "8", "vcores"]).await;
}

#[tokio::test]
async fn what_no_worker_can_have_is_told_with_key_value_and_limit_and_nothing_is_staged() {
    let cluster = faults::cluster().await;
    let (named, one) = ("-Dexternal-resources=loom", "-Dexternal-resource.loom.amount=1");
    let kind = format!("-Dexternal-resource.loom.yarn.config-key={LOOM}");
    let too_many = format!("-Dexternal-resource.loom.amount={}", LOOMS + 1);
    let needs = format!(
        "a TaskManager needs {} {LOOM} (external-resource.loom.amount)",
        LOOMS + 1
    );
    let has = format!("the largest container of the cluster has {LOOMS}: lower external-resource.loom.amount");
    for (settings, code, says) in [
        (&[named, &kind, &too_many][..], 5, &[needs.as_str(), &has][..]),
        (
            &[
                named,
                one,
                "-Dexternal-resource.loom.yarn.config-key=example.org/spindle",
            ],
            5,
            &[
                "a TaskManager needs 1 example.org/spindle (external-resource.loom.amount)",
                "the cluster knows no resource of that name",
                "external-resource.loom.yarn.config-key",
            ],
        ),
        (
            &[named, &kind, "-Dexternal-resource.loom.amount=-1"],
            3,
            &["external-resource.loom.amount: '-1' is less than nothing"],
        ),
        (
            &[
                named,
                &kind,
                one,
                "-Dexternal-resource.loom.param.discovery-script.path=find-looms.sh",
            ],
            3,
            &[
                "external-resource.loom.param.discovery-script.path: 'find-looms.sh' is not among the files",
                "yarn.ship-files",
            ],
        ),
        (
            &["-Dyarn.containers.vcores=65"],
            5,
            &[
                "a TaskManager needs 65 virtual cores (yarn.containers.vcores",
                "the largest container of the cluster has 64",
            ],
        ),
        (
            &["-Dyarn.appmaster.vcores=65"],
            5,
            &[
                "the ApplicationMaster needs 65 virtual cores (yarn.appmaster.vcores)",
                "the largest container of the cluster has 64",
            ],
        ),
        (
            &[
                "-Dtaskmanager.numberOfTaskSlots=8",
                "-Dslotmanager.number-of-slots.max=4",
            ],
            3,
            &[
                "taskmanager.numberOfTaskSlots: '8' makes a single TaskManager larger than the cluster may be by \
                 slotmanager.number-of-slots.max (4)",
            ],
        ),
        (
            &[
                "-Dslotmanager.number-of-slots.min=5",
                "-Dslotmanager.number-of-slots.max=4",
            ],
            3,
            &["slotmanager.number-of-slots.min: '5' is more than slotmanager.number-of-slots.max, which is 4"],
        ),
    ] {
        assert_refused(&cluster, settings, code, says).await;
    }
}

#[tokio::test]
async fn reactive_mode_is_refused_on_yarn_with_key_value_and_remedy() {
    let cluster = Cluster::shared().await;
    let says = [
        "scheduler-mode",
        "'REACTIVE' is not for a cluster on YARN",
        "jobmanager.scheduler: Adaptive",
    ];
    assert_refused(&cluster, &["-Dscheduler-mode=reactive"], 3, &says).await;
}

#[tokio::test]
async fn a_job_that_can_never_have_its_slots_is_told_which_setting_to_raise() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let job = folder.job(&short_job(10));
    let before = cluster.traces().await;
    for (limit, says) in [
        (
            "slotmanager.number-of-slots.max=3",
            "slotmanager.number-of-slots.max (3)",
        ),
        (
            "slotmanager.max-total-resource.cpu=3",
            "slotmanager.max-total-resource.cpu (3)",
        ),
    ] {
        let outcome = cluster
            .run(4)
            .arg(format!("-D{limit}"))
            .arg(&job)
            .run()
            .await
            .ended_with(5);
        outcome
            .assert_says(&["needs 4 slots at once", "no more than 3", says, "-p"])
            .assert_no_stack();
    }
    assert_eq!(cluster.traces().await, before);
}

#[tokio::test]
async fn an_input_or_output_in_hdfs_that_does_not_fit_is_refused_before_an_application_is_made() {
    let cluster = Cluster::shared().await;
    let before = cluster.traces().await;
    let run = |input: String, output: String| {
        cluster
            .run(1)
            .arg(crate::jobs::wordcount())
            .args(["--input".to_owned(), input, "--output".to_owned(), output])
    };
    let hdfs = cluster.bed.hdfs_uri();
    let outcome = run(
        format!("{hdfs}/user/alice/missing.txt"),
        format!("{hdfs}/user/alice/bad-out"),
    )
    .run()
    .await
    .ended_with(3);
    outcome.assert_says(&["/user/alice/missing.txt"]).assert_no_stack();
    let home = format!("{hdfs}/user/alice");
    let outcome = run("/tmp".to_owned(), home).run().await.ended_with(3);
    outcome.assert_says(&["/user/alice", "exists"]).assert_no_stack();
    assert_eq!(cluster.traces().await, before, "{}", outcome.said());
}

#[tokio::test]
async fn a_user_without_a_place_in_hdfs_is_told_what_to_set() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let all = [vertex("all", &[numbers("make", Some(1), None), blackhole("drop")])];
    let before = cluster.traces().await;
    let run = cluster
        .run(1)
        .env("HADOOP_USER_NAME", "homeless")
        .arg(folder.job(&job(&all, &[])));
    let outcome = run.run().await.ended_with(5);
    outcome
        .assert_says(&["permission denied", "user=homeless", "yarn.staging-directory"])
        .assert_no_stack();
    assert_eq!(cluster.traces().await, before, "{}", outcome.said());
}

#[tokio::test]
async fn hdfs_in_safe_mode_is_told_and_no_application_is_made() {
    let options = BedOptions {
        node_managers: 1,
        ..BedOptions::default()
    };
    let cluster = Cluster::of(Bed::start(options).await.unwrap()).await;
    hdfs_admin(&cluster.bed, &["-safemode", "enter"]).await;
    assert_refused(&cluster, &[], 5, &["safe mode"]).await;
    hdfs_admin(&cluster.bed, &["-safemode", "leave"]).await;
}
