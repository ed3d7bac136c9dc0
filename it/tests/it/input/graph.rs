//! Graphs that are no jobs.

use selvedge_it::cli::Selvedge;
use serde_json::{Value, json};

use crate::folder::{Folder, files_below};
use crate::jobs::{blackhole, file_sink, job, numbers, rebalance, text_source, vertex};

fn sound(folder: &Folder) -> Value {
    let output = folder.path("out");
    job(
        &[
            vertex("source", &[numbers("make", Some(10), None)]),
            vertex(
                "middle",
                &[json!({"id": "keep", "operator": "filter", "predicate": "n > 5"})],
            ),
            vertex("sink", &[file_sink("write", output.to_str().unwrap(), "csv")]),
        ],
        &[rebalance("source", "middle"), rebalance("middle", "sink")],
    )
}

struct Fault {
    what: &'static str,
    change: fn(&mut Value),
    says: &'static [&'static str],
}

const FAULTS: &[Fault] = &[
    Fault {
        what: "unknown operator",
        change: |job| job["vertices"][1]["chain"][0]["operator"] = json!("fliter"),
        says: &["'keep'", "unknown operator 'fliter'", "did you mean 'filter'"],
    },
    Fault {
        what: "unknown column",
        change: |job| job["vertices"][1]["chain"][0]["predicate"] = json!("nn > 5"),
        says: &["'keep'", "nn", "did you mean", "'n'"],
    },
    Fault {
        what: "unknown function",
        change: |job| job["vertices"][1]["chain"][0]["predicate"] = json!("lowwer('A') = 'a'"),
        says: &["'keep'", "lowwer"],
    },
    Fault {
        what: "type error",
        change: |job| job["vertices"][1]["chain"][0]["predicate"] = json!("n + interval '1 day' > true"),
        says: &["'keep'"],
    },
    Fault {
        what: "predicate that is no Boolean",
        change: |job| job["vertices"][1]["chain"][0]["predicate"] = json!("n + 1"),
        says: &["'keep'", "Boolean", "Int64"],
    },
    Fault {
        what: "expression that does not parse",
        change: |job| job["vertices"][1]["chain"][0]["predicate"] = json!("n > (5"),
        says: &["'keep'", "n > (5"],
    },
    Fault {
        what: "unknown hash key",
        change: |job| job["edges"][0]["partitioner"] = json!({"type": "hash", "keys": ["m"]}),
        says: &["source", "middle", "'m'"],
    },
    Fault {
        what: "cycle",
        change: |job| job["edges"].as_array_mut().unwrap().push(rebalance("middle", "middle")),
        says: &["cycle", "middle -> middle"],
    },
    Fault {
        what: "edge to a missing vertex",
        change: |job| job["edges"][0]["target"] = json!("midle"),
        says: &["'midle'", "does not exist", "did you mean 'middle'"],
    },
    Fault {
        what: "duplicate vertex ids",
        change: |job| job["vertices"][1]["id"] = json!("source"),
        says: &["two vertices", "'source'"],
    },
    Fault {
        what: "duplicate operator ids",
        change: |job| job["vertices"][1]["chain"][0]["id"] = json!("make"),
        says: &["two operators", "'make'"],
    },
    Fault {
        what: "parallelism 0",
        change: |job| job["vertices"][1]["parallelism"] = json!(0),
        says: &["'middle'", "parallelism 0"],
    },
    Fault {
        what: "parallelism over the maximum",
        change: |job| {
            job["vertices"][1]["parallelism"] = json!(5);
            job["vertices"][1]["max_parallelism"] = json!(4);
        },
        says: &["'middle'", "parallelism 5", "max_parallelism 4"],
    },
    Fault {
        what: "unknown field",
        change: |job| job["vertices"][1]["paralelism"] = json!(2),
        says: &["paralelism", "schema job-graph"],
    },
    Fault {
        what: "two sources with different columns into one vertex",
        change: |job| {
            let text = vertex("text", &[text_source("read", "/dev/null")]);
            job["vertices"].as_array_mut().unwrap().push(text);
            job["edges"].as_array_mut().unwrap().push(rebalance("text", "middle"));
        },
        says: &["middle", "line"],
    },
];

async fn assert_refused(folder: &Folder, what: &str, job: &Value, says: &[&str]) {
    let file = folder.job(job);
    for command in ["run", "info"] {
        let outcome = Selvedge::new(command).arg(&file).run().await;
        assert_eq!(outcome.code, Some(3), "{what}, {command}: {}", outcome.said());
        outcome.assert_says(says).assert_no_stack();
        outcome.assert_does_not_say(&["RUNNING"]);
    }
    assert_eq!(files_below(folder.root()), [file], "{what}");
    assert!(!folder.path("out").exists(), "{what}");
}

#[tokio::test]
async fn a_graph_that_is_no_job_is_refused_before_anything_starts() {
    let folder = Folder::new();
    for Fault { what, change, says } in FAULTS {
        let mut job = sound(&folder);
        change(&mut job);
        assert_refused(&folder, what, &job, says).await;
    }
}

#[tokio::test]
async fn the_graph_without_these_faults_runs() {
    let folder = Folder::new();
    let job = folder.job(&sound(&folder));
    Selvedge::new("run")
        .arg(job)
        .run()
        .await
        .ended_with(0)
        .assert_says(&["FINISHED"]);
}

#[tokio::test]
async fn a_parallelism_on_the_command_line_is_checked_too() {
    let folder = Folder::new();
    let job = folder.job(&job(
        &[vertex("all", &[numbers("make", Some(1), None), blackhole("drop")])],
        &[],
    ));
    let run = |parallelism: &str| Selvedge::new("run").args(["-p", parallelism]).arg(&job);
    run("0").run().await.ended_with(2).assert_says(&["0 is not in 1.."]);
    run("40000").run().await.ended_with(3).assert_says(&["40000", "32768"]);
    run("many").run().await.ended_with(2).assert_says(&["many"]);
}

#[tokio::test]
async fn a_file_that_is_no_job_is_refused_with_its_name() {
    let folder = Folder::new();
    let no_json = folder.write("no.json", "{\"name\": ");
    let missing = folder.path("missing.json");
    let run = |file: &std::path::Path| Selvedge::new("run").arg(file);
    run(&no_json)
        .run()
        .await
        .ended_with(3)
        .assert_says(&["no.json", "JSON", "line 1"]);
    run(&missing)
        .run()
        .await
        .ended_with(3)
        .assert_says(&["missing.json", "No such file"]);
    let newer = folder.write("newer.json", r#"{"version": 2, "name": "j", "novelty": 1}"#);
    run(&newer)
        .run()
        .await
        .ended_with(3)
        .assert_says(&["newer.json", "is of version 2", "newer selvedge"]);
    Selvedge::new("run")
        .args(["-t", "mesos"])
        .arg(&no_json)
        .run()
        .await
        .ended_with(3)
        .assert_says(&["'mesos' is no target", "yarn-session"]);
    run(folder.root()).run().await.ended_with(3).assert_says(&["directory"]);
}
