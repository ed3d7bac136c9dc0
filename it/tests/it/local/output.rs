//! What the command writes where: for people, for scripts, and for nobody.

use selvedge_it::cli::Selvedge;
use serde_json::{Value, json};

use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, vertex};

/// `selvedge run WORD… JOB`; the job has so many records, and one that divides by zero fails.
fn run(folder: &Folder, words: &[&str], rows: u64, fails: bool) -> Selvedge {
    let divisor = if fails { "n - n" } else { "n + 1" };
    let divide = json!({"id": "divide", "operator": "filter", "predicate": format!("1 / ({divisor}) >= 0")});
    let chain = [numbers("make", Some(rows), None), divide, blackhole("drop")];
    let job = folder.job(&job(&[vertex("all", &chain)], &[]));
    Selvedge::new("run")
        .current_dir(folder.root())
        .args(words.iter().copied())
        .arg(job)
}

/// Whether a terminal is told to change how it writes (SGR); what moves its cursor is not meant.
fn has_colors(output: &str) -> bool {
    output.split("\u{1b}[").skip(1).any(|sequence| {
        let end = sequence.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        end.starts_with('m')
    })
}

#[tokio::test]
async fn a_quiet_command_says_nothing_of_a_job_that_finishes_and_the_error_of_one_that_fails() {
    let folder = Folder::new();
    let outcome = run(&folder, &["-q"], 10, false).run().await.ended_with(0);
    assert_eq!(outcome.said(), "");
    let outcome = run(&folder, &["--quiet"], 10, true).run().await.ended_with(1);
    outcome
        .assert_says(&["FAILED", "error: ", "divide by zero"])
        .assert_does_not_say(&["local cluster at", ": RUNNING"]);
}

#[tokio::test]
async fn a_program_is_told_all_of_a_jobs_end_in_one_object() {
    let folder = Folder::new();
    let outcome = run(&folder, &["-q", "-o", "json"], 10, false).run().await.ended_with(0);
    assert_eq!(outcome.stderr, "");
    let told: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (&told["status"], &told["exit-code"]),
        (&json!("SUCCEEDED"), &json!(0)),
        "{told}"
    );
    let job = &told["jobs"][0];
    assert_eq!(
        (&job["name"], &job["state"]),
        (&json!("a test's job"), &json!("FINISHED")),
        "{told}"
    );
    assert_eq!(job["accumulators"]["drop.records"], 10, "{told}");
    assert!(
        job["net-runtime"].is_u64() && job["id"].as_str().unwrap().len() == 32,
        "{told}"
    );

    let outcome = run(&folder, &["-o", "json"], 10, true).run().await.ended_with(1);
    assert!(outcome.stderr.contains("local cluster at"), "{}", outcome.stderr);
    let told: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (&told["status"], &told["exit-code"]),
        (&json!("FAILED"), &json!(1)),
        "{told}"
    );
    let failure = told["jobs"][0]["failure"].as_str().unwrap().to_lowercase();
    assert!(failure.contains("divide by zero"), "{told}");

    let missing = Selvedge::new("run").current_dir(folder.root());
    let outcome = missing.args(["-o", "json", "missing.json"]).run().await;
    let told: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_ne!(outcome.code, Some(0));
    assert_eq!(told["exit-code"], json!(outcome.code), "{told}");
    assert!(told["failure"].as_str().unwrap().contains("missing.json"), "{told}");
}

#[tokio::test]
async fn a_program_is_told_of_each_job_that_it_was_asked_to_run() {
    let folder = Folder::new();
    let chain = [numbers("make", Some(3), None), blackhole("out")];
    let graph = folder.job(&job(&[vertex("all", &chain)], &[]));
    let submits = format!(
        "for n in 1 2; do \"$SELVEDGE_COMMAND\" run -d -m \"${{SELVEDGE_REST_URL#http://}}\" {} >&2; done",
        graph.display()
    );
    let command = Selvedge::new("run").current_dir(folder.root()).args(["-o", "json"]);
    let outcome = command
        .arg(folder.program("two.sh", &submits))
        .run()
        .await
        .ended_with(0);
    let told: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let jobs = told["jobs"].as_array().unwrap();
    assert_eq!((&told["status"], jobs.len()), (&json!("SUCCEEDED"), 2), "{told}");
    for job in jobs {
        assert_eq!(
            (&job["state"], &job["accumulators"]["out.records"]),
            (&json!("FINISHED"), &json!(3)),
            "{told}"
        );
    }
}

#[tokio::test]
async fn the_graph_that_a_program_is_told_is_a_job_that_is_drawn_alike() {
    let folder = Folder::new();
    let chain = [numbers("make", Some(3), None), blackhole("out")];
    let written = folder.job(&job(&[vertex("all", &chain)], &[]));
    let info = |words: &[&str], job: &std::path::Path| Selvedge::new("info").args(words.iter().copied()).arg(job);
    let told = info(&["-p", "2", "-o", "json"], &written)
        .run()
        .await
        .ended_with(0)
        .stdout;
    let drawn = info(&["-p", "2"], &written).run().await.ended_with(0).stdout;
    let again = info(&[], &folder.write("told.json", told))
        .run()
        .await
        .ended_with(0)
        .stdout;
    assert_eq!(again, drawn);
}

#[tokio::test]
async fn the_version_is_told_in_one_way_to_people_and_in_another_to_programs() {
    let asked = |words: &[&str]| Selvedge::default().args(words.iter().copied());
    let option = asked(&["--version"]).run().await.ended_with(0).stdout;
    let command = asked(&["version"]).run().await.ended_with(0).stdout;
    assert_eq!(command, option);
    let json = asked(&["version", "-o", "json"]).run().await.ended_with(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        option,
        format!(
            "{} {}\n",
            json["name"].as_str().unwrap(),
            json["version"].as_str().unwrap()
        )
    );
}

#[tokio::test]
async fn on_a_terminal_nothing_is_coloured_where_the_user_does_not_wish_it() {
    let folder = Folder::new();
    let help = |words: &[&str], variable: &str| {
        let help = Selvedge::default().args(words.iter().copied()).arg("--help");
        help.env("NO_COLOR", variable).on_terminal()
    };
    for (words, variable, expected) in [
        (&["run"][..], "", true),
        (&["run"], "1", false),
        (&["--no-color", "run"], "", false),
        (&["run", "--no-color"], "", false),
    ] {
        let outcome = help(words, variable).run().await.ended_with(0);
        assert_eq!(has_colors(&outcome.stdout), expected, "{words:?} {:?}", outcome.stdout);
    }
    let outcome = run(&folder, &["--no-color"], 10, false).on_terminal().run().await;
    let shown = outcome.ended_with(0).stdout;
    assert!(shown.contains("FINISHED") && shown.contains('\u{1b}'), "{shown:?}");
    assert!(!has_colors(&shown), "{shown:?}");
}
