//! `selvedge memory`.

use selvedge_it::cli::Selvedge;

use crate::folder::Folder;

fn memory(process: &str) -> Selvedge {
    Selvedge::new("memory").arg(process)
}

#[tokio::test]
async fn json_is_flat_and_in_bytes() {
    let worker = memory("taskmanager")
        .args(["--no-conf", "-Dtaskmanager.memory.process.size=1728m", "-o", "json"])
        .run()
        .await
        .ended_with(0);
    let expected = r#"{
  "total_process": 1811939328,
  "total_flink": 1342177280,
  "framework_heap": 134217728,
  "framework_off_heap": 134217728,
  "task_heap": 402653174,
  "task_off_heap": 0,
  "network": 134217730,
  "managed": 536870920,
  "metaspace": 268435456,
  "overhead": 201326592
}
"#;
    assert_eq!(worker.stdout, expected);
    let master = memory("jobmanager")
        .args(["--no-conf", "-D", "jobmanager.memory.process.size=1600m", "-o", "json"])
        .run()
        .await
        .ended_with(0);
    let expected = r#"{
  "total_process": 1677721600,
  "total_flink": 1207959552,
  "heap": 1073741824,
  "off_heap": 134217728,
  "metaspace": 268435456,
  "overhead": 201326592
}
"#;
    assert_eq!(master.stdout, expected);
}

#[tokio::test]
async fn the_table_nests_bars_and_names_options() {
    let outcome = memory("taskmanager")
        .args([
            "--no-conf",
            "-Dtaskmanager.memory.process.size=4g",
            "-Dtaskmanager.numberOfTaskSlots=4",
        ])
        .run()
        .await
        .ended_with(0);
    let expected = include_str!("taskmanager.txt");
    assert_eq!(outcome.stdout, expected, "\n{}", outcome.stdout);
}

#[tokio::test]
async fn the_dynamic_form_gives_the_same_process_again() {
    let folder = Folder::new();
    let file = folder.write(
        "mine.yaml",
        "taskmanager:\n  memory:\n    flink.size: 3g\n  numberOfTaskSlots: 3\n",
    );
    let from_file = |output: &'static str| {
        memory("taskmanager")
            .arg("--conf")
            .arg(file.clone())
            .args(["-o", output])
    };
    let dynamic = from_file("dynamic").run().await.ended_with(0).stdout;
    assert!(
        dynamic.contains("-Dtaskmanager.memory.network.min=322122552b\n"),
        "{dynamic}"
    );
    assert!(dynamic.contains("-Dexternal-resources=none\n"), "{dynamic}");
    let again = memory("taskmanager")
        .args(["--no-conf", "-o", "json"])
        .args(dynamic.lines());
    let expected = from_file("json").run().await.ended_with(0).stdout;
    assert_eq!(again.run().await.ended_with(0).stdout, expected);
}

#[tokio::test]
async fn a_refusal_says_which_options_and_ends_with_one() {
    for (arguments, expected) in [
        (&["--no-conf"][..], "(E0): either the parts"),
        (
            &["--no-conf", "-Dtaskmanager.memory.process.size=512m"],
            "(E3): the sum of framework heap (128.000mb (134217728 bytes))",
        ),
        (
            &["--no-conf", "-Dtaskmanager.memory.process.size=lots"],
            "taskmanager.memory.process.size: 'lots' is not a memory size",
        ),
        (
            &["--conf", "/nowhere/config.yaml"],
            "cannot read the configuration file /nowhere/config.yaml",
        ),
    ] {
        let outcome = memory("taskmanager").args(arguments).run().await.ended_with(1);
        outcome.assert_says(&["error: ", expected]);
        assert_eq!(outcome.stdout, "");
    }
    memory("taskmanager")
        .args(["--no-conf", "--conf", "x"])
        .run()
        .await
        .ended_with(2);
}
