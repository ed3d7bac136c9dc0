//! What a client has in its file and on its command line is what master and workers run with.

use std::os::unix::fs::PermissionsExt;

use selvedge_it::cli::BOUND;
use selvedge_it::wait;
use serde_json::{Value, json};

use crate::folder::Folder;
use crate::yarn::support::{Cluster, Endless};

fn value_of<'a>(shown: &'a Value, key: &str) -> Option<&'a str> {
    let mut all = shown.as_array().unwrap().iter();
    all.find(|setting| setting["key"] == key)?["value"].as_str()
}

/// A program that answers with its arguments, the amount that it was asked for and what else it was given, and with the
/// length of a variable that is a secret.
fn script(folder: &Folder) -> String {
    let path = folder.write("find.sh", "#!/bin/sh\necho \"$1,$2,${#UNIT_TOKEN}\"\n");
    for (path, mode) in [(folder.root(), 0o755), (path.as_path(), 0o755)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    path.display().to_string()
}

#[tokio::test]
async fn master_and_workers_run_with_the_clients_file_and_the_settings_over_it_and_show_no_secret() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let file = json!({
        "heartbeat": {"interval": "7 s"},
        "parallelism.default": 3,
        "s3.secret-key": "hunter2",
        "external-resources": ["unit"],
        "external-resource.unit": {"amount": 1, "param.discovery-script.path": script(&folder)},
    });
    // JSON is YAML.
    folder.write("conf/config.yaml", file.to_string());
    let directory = format!("--configDir={}", folder.path("conf").display());
    let options = [
        directory.as_str(),
        "-Dexternal-resource.unit.amount=2",
        "-Dexternal-resource.unit.param.discovery-script.args=north",
        "-Dtaskmanager.numberOfTaskSlots=2",
        "-Dcontainerized.taskmanager.env.UNIT_TOKEN=hunter2",
    ];
    let endless = Endless::start(&cluster, &folder, &options).await;
    let get = async |path: &str| cluster.proxied(&endless.application, path).await;
    let shown = get("/jobmanager/config").await.unwrap();
    for (key, value) in [
        ("heartbeat.interval", "7 s"),
        ("external-resource.unit.amount", "2"),
        ("external-resource.unit.param.discovery-script.args", "north"),
        ("taskmanager.numberOfTaskSlots", "2"),
        ("jobmanager.memory.process.size", "1600m"),
        ("parallelism.default", "1"),
        ("s3.secret-key", "******"),
    ] {
        assert_eq!(value_of(&shown, key), Some(value), "{key}: {shown}");
    }
    let workers = get("/taskmanagers").await.unwrap();
    let [worker] = &workers["taskmanagers"].as_array().unwrap()[..] else {
        panic!("{workers}");
    };
    assert_eq!(worker["slotsNumber"], 2, "{worker}");
    let id = worker["id"].as_str().unwrap();
    let details = get(&format!("/taskmanagers/{id}")).await.unwrap();
    assert_eq!(
        details["externalResources"],
        json!({"unit": ["2", "north", "7"]}),
        "{details}"
    );
    assert_eq!(details["totalResource"]["extendedResources"]["unit"], 2.0, "{details}");
    let told = async || {
        let path = format!("/proxy/{}/taskmanagers/{id}/log", endless.application);
        let log = cluster.get_text(&path).await?;
        let all = ["setting heartbeat.interval: 7 s", "setting s3.secret-key: ******"];
        if all.iter().all(|line| log.contains(line)) {
            Ok(log)
        } else {
            Err(log)
        }
    };
    let log = wait::until("the worker's log to tell its settings", BOUND, told)
        .await
        .unwrap();
    assert!(
        !log.contains("hunter2") && !shown.to_string().contains("hunter2"),
        "{log}"
    );
    endless
        .end(&cluster)
        .await
        .assert_says(&["external resource unit", "yarn.config-key"]);
}
