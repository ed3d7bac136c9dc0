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
        let outcome = memory("taskmanager").args(arguments).run().await.ended_with(3);
        outcome.assert_says(&["error: ", expected]);
        assert_eq!(outcome.stdout, "");
    }
    for two_sources in [
        ["--no-conf", "--conf=x"],
        ["--no-conf", "--configDir=x"],
        ["--configDir=x", "--conf=x"],
    ] {
        memory("taskmanager").args(two_sources).run().await.ended_with(2);
    }
}

#[tokio::test]
async fn a_file_is_judged_as_by_every_other_command_and_the_environment_stands_over_it() {
    let folder = Folder::new();
    let mistyped = folder.write("mine.yaml", "# mine\ntaskmanager.memory.proces.size: 1g\n");
    let outcome = memory("taskmanager")
        .arg("--conf")
        .arg(&mistyped)
        .run()
        .await
        .ended_with(3);
    outcome.assert_says(&[
        "mine.yaml, line 2: taskmanager.memory.proces.size",
        "did you mean taskmanager.memory.process.size?",
        "(E0)",
    ]);
    let refused = memory("taskmanager").args(["--no-conf", "-Dtaskmanager.memory.proces.size=1g"]);
    let refused = refused.run().await.ended_with(3);
    refused.assert_says(&["the command line: taskmanager.memory.proces.size", "(E0)"]);
    let legacy = folder.write(
        "old/flink-conf.yaml",
        "taskmanager.heap.size: 1g # once\nblob.client.connect.timeout: 9\n",
    );
    let json = |command: Selvedge| command.args(["-o", "json"]);
    let outcome = json(memory("taskmanager").arg("--conf").arg(&legacy))
        .run()
        .await
        .ended_with(0);
    assert!(
        outcome.stdout.contains("\"total_process\": 1073741824,"),
        "{}",
        outcome.stdout
    );
    for told in [
        "warning: ",
        "line 1: taskmanager.heap.size: it is a former name",
        "blob.client.connect.timeout: it is not in effect",
    ] {
        assert!(outcome.stderr.contains(told), "{told}: {}", outcome.stderr);
    }
    let same = json(memory("taskmanager").arg("--configDir").arg(folder.path("old")))
        .run()
        .await;
    assert_eq!(same.ended_with(0).stdout, outcome.stdout);
    let over = json(memory("taskmanager").arg("--conf").arg(&legacy));
    for (name, size) in [
        ("FLINK_TM_HEAP", "2g"),
        ("SELVEDGE_TASKMANAGER_MEMORY_PROCESS_SIZE", "2048m"),
    ] {
        let outcome = over.clone().env(name, size).run().await.ended_with(0);
        assert!(
            outcome.stdout.contains("\"total_process\": 2147483648,"),
            "{name}: {}",
            outcome.stdout
        );
        let nothing = memory("taskmanager")
            .arg("--no-conf")
            .env(name, size)
            .run()
            .await
            .ended_with(3);
        nothing.assert_says(&["(E0)"]);
    }
}
