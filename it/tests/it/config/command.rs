//! `selvedge config`.

use selvedge_it::cli::Selvedge;
use serde_json::Value;

use crate::folder::Folder;

/// `selvedge config ARGUMENTS`, with this file.
fn with_file(folder: &Folder, text: &str, arguments: &[&str]) -> Selvedge {
    folder.write("conf/config.yaml", text);
    Selvedge::new("config")
        .args(arguments.iter().copied())
        .arg("--configDir")
        .arg(folder.path("conf"))
}

async fn json(command: Selvedge, code: i32) -> Value {
    let outcome = command.args(["-o", "json"]).run().await.ended_with(code);
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn entry<'a>(list: &'a Value, key: &str) -> &'a Value {
    let settings = list["settings"].as_array().unwrap();
    settings
        .iter()
        .find(|setting| setting["key"] == key)
        .unwrap_or_else(|| panic!("{key}: {list}"))
}

#[tokio::test]
async fn list_says_that_the_shipped_settings_are_used_where_no_directory_is_named() {
    let outcome = Selvedge::new("config").arg("list").run().await.ended_with(0);
    outcome.assert_says(&["compiled in", "SELVEDGE_CONF_DIR", "taskmanager.numberOfTaskSlots"]);
}

#[tokio::test]
async fn list_tells_each_value_and_who_set_it_and_masks_secrets() {
    let folder = Folder::new();
    let file = "parallelism.default: 2\ns3.secret-key: hunter2\nslot.request.timeout: 5 min\n";
    let list = with_file(&folder, file, &["list", "--changed", "-Drest.bind-port=8090"]);
    let list = list.env("SELVEDGE_TASKMANAGER_NUMBEROFTASKSLOTS", "4");
    let list = json(list, 0).await;
    assert_eq!(entry(&list, "parallelism.default")["value"], "2");
    let from = entry(&list, "parallelism.default")["from"].as_str().unwrap();
    assert!(from.ends_with("config.yaml, line 1"), "{from}");
    assert_eq!(entry(&list, "rest.bind-port")["from"], "the command line");
    assert_eq!(
        entry(&list, "taskmanager.numberOfTaskSlots")["from"],
        "$SELVEDGE_TASKMANAGER_NUMBEROFTASKSLOTS"
    );
    assert_eq!(entry(&list, "s3.secret-key")["value"], "******");
    let keys = list["settings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|setting| &setting["key"]);
    assert!(
        !keys.into_iter().any(|key| key == "slot.request.timeout"),
        "it has its default: {list}"
    );
}

#[tokio::test]
async fn get_shows_a_map_whose_entries_are_set_one_by_one() {
    let folder = Folder::new();
    let file = "taskmanager.memory.managed.consumer-weights: {OPERATOR: 3, PYTHON: 1}\n\
                pipeline.global-job-parameters: {password: hunter2}\n";
    for (key, value) in [
        ("taskmanager.memory.managed.consumer-weights", "OPERATOR:3,PYTHON:1"),
        ("pipeline.global-job-parameters", "password:******"),
    ] {
        let shown = json(with_file(&folder, file, &["get", key]), 0).await;
        assert_eq!(
            (&shown["value"], &shown["from"]),
            (&value.into(), &"its entries".into())
        );
    }
}

#[tokio::test]
async fn list_shows_one_area_and_names_all_where_it_does_not_know_it() {
    let list = json(Selvedge::new("config").args(["list", "--area", "heartbeat"]), 0).await;
    assert_eq!(entry(&list, "heartbeat.interval")["value"], "10 s");
    assert_eq!(list["settings"].as_array().unwrap().len(), 3, "{list}");
    let outcome = Selvedge::new("config").args(["list", "--area", "weather"]).run().await;
    outcome.ended_with(3).assert_says(&["weather", "heartbeat", "yarn"]);
}

#[tokio::test]
async fn get_prints_the_value_that_holds_also_under_a_former_name() {
    let folder = Folder::new();
    for key in ["pekko.ask.timeout", "akka.ask.timeout"] {
        let outcome = with_file(&folder, "pekko.ask.timeout: 7 s\n", &["get", key])
            .run()
            .await
            .ended_with(0);
        assert_eq!(outcome.stdout, "7 s\n");
    }
    let unset = Selvedge::new("config")
        .args(["get", "yarn.application.queue"])
        .run()
        .await;
    unset.ended_with(1).assert_says(&["yarn.application.queue", "not set"]);
    let unknown = Selvedge::new("config").args(["get", "paralelism.default"]).run().await;
    unknown
        .ended_with(3)
        .assert_says(&["paralelism.default", "did you mean parallelism.default?"]);
}

#[tokio::test]
async fn explain_tells_all_about_a_key_and_what_is_overridden() {
    let folder = Folder::new();
    let explain = || {
        with_file(
            &folder,
            "heartbeat.timeout: 20 s\n",
            &["explain", "heartbeat.timeout", "-Dheartbeat.timeout=30 s"],
        )
    };
    explain().run().await.ended_with(0).assert_says(&[
        "30 s (the command line)",
        "default   50 s",
        "duration",
        "SELVEDGE_HEARTBEAT_TIMEOUT",
        "line 1: heartbeat.timeout = 20 s",
    ]);
    let told = json(explain(), 0).await;
    assert_eq!((&told["value"], &told["in_effect"]), (&"30 s".into(), &true.into()));
    assert_eq!(told["set"].as_array().unwrap().len(), 2, "{told}");
}

#[tokio::test]
async fn check_finds_every_mistake_of_a_file_with_its_line() {
    let folder = Folder::new();
    let text = "taskmanager.numberOfTaskSlot: 2\nheartbeat.timeout: soon\njobmanager.heap.size: 1g\nblob.client.connect.timeout: 9\n";
    let file = folder.write("some.yaml", text);
    let check = || Selvedge::new("config").arg("check").arg(&file);
    check().run().await.ended_with(1).assert_says(&[
        "some.yaml, line 1: taskmanager.numberOfTaskSlot",
        "did you mean taskmanager.numberOfTaskSlots?",
        "line 2: heartbeat.timeout: 'soon'",
        "warning: ",
        "a former name of jobmanager.memory.process.size",
        "not in effect yet",
        "2 errors, 2 warnings",
    ]);
    let told = json(check(), 1).await;
    assert_eq!(told["usable"], false);
    assert_eq!(told["findings"][1]["nearest"], Value::Null);
    assert_eq!(told["findings"].as_array().unwrap().len(), 4, "{told}");
}

#[tokio::test]
async fn check_finds_memory_that_does_not_add_up_and_a_file_that_is_none() {
    let folder = Folder::new();
    let small = "jobmanager.memory.process.size: 1600m\ntaskmanager.memory.process.size: 200m\n";
    let small = folder.write("small.yaml", small);
    let check = |file| Selvedge::new("config").arg("check").arg(file);
    check(small)
        .run()
        .await
        .ended_with(1)
        .assert_says(&["TaskManager memory"]);
    let twice = folder.write("flink-conf.yaml", "a.b: 1\na.b: 2\n");
    let outcome = check(twice.clone()).run().await.ended_with(1);
    outcome.assert_says(&["line 1 and again in line 2"]).assert_no_stack();
    assert_eq!(json(check(twice), 1).await["usable"], false);
    let outcome = Selvedge::new("config").arg("check").run().await.ended_with(0);
    outcome.assert_says(&["0 errors, 0 warnings"]);
}

#[tokio::test]
async fn docs_are_the_page_in_the_repository() {
    let outcome = Selvedge::new("config").arg("docs").run().await.ended_with(0);
    assert!(
        outcome.stdout == include_str!("../../../../docs/configuration.md"),
        "docs/configuration.md is stale"
    );
    let areas = json(Selvedge::new("config").arg("docs"), 0).await;
    let options = areas
        .as_array()
        .unwrap()
        .iter()
        .map(|area| area["options"].as_array().unwrap().len());
    assert!(options.sum::<usize>() > 400, "{areas}");
}
