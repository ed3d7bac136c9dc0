//! Job parameters and settings that are missing, unknown or malformed.

use selvedge_it::cli::{Outcome, Selvedge};

use crate::folder::{Folder, files_below};
use crate::jobs;

/// A WordCount whose input is there and whose output must not appear.
async fn refused(options: &[&str], parameters: &[&str]) -> Outcome {
    let folder = Folder::new();
    let input = folder.write("in.txt", "a b\n");
    let replace = |text: &&str| {
        text.replace("IN", input.to_str().unwrap())
            .replace("OUT", folder.path("out").to_str().unwrap())
    };
    let outcome = Selvedge::new("run")
        .args(options.iter().map(replace))
        .arg(jobs::wordcount())
        .args(parameters.iter().map(replace))
        .run()
        .await;
    let what = format!("{options:?} {parameters:?}: {}", outcome.said());
    assert_eq!(files_below(folder.root()), [input], "{what}");
    assert!(matches!(outcome.code, Some(2 | 3)), "{what}");
    outcome.assert_no_stack();
    outcome
}

#[tokio::test]
async fn a_parameter_that_is_missing_unknown_twice_or_without_a_value_is_named() {
    for (parameters, says) in [
        (&["--input", "IN"][..], &["output", "--output VALUE"][..]),
        (
            &["--input", "IN", "--output", "OUT", "--inputt", "x"],
            &["inputt", "did you mean '--input'"],
        ),
        (
            &["--input", "IN", "--output", "OUT", "--input", "IN"],
            &["--input", "twice"],
        ),
        (&["--input", "IN", "--output"], &["--output", "no value"]),
        (&["IN", "OUT"], &["after the job", "--NAME VALUE"]),
    ] {
        refused(&[], parameters).await.assert_says(says);
    }
}

#[tokio::test]
async fn a_setting_that_is_malformed_or_of_the_wrong_type_is_named() {
    for (option, says) in [
        ("-Dparallelism.default", &["KEY=VALUE"][..]),
        ("-Dparallelism.default=two", &["parallelism.default", "two"]),
        (
            "-Dtaskmanager.memory.process.size=lots",
            &["taskmanager.memory.process.size", "lots"],
        ),
        (
            "-Dtaskmanager.memory.process.size=1k",
            &["taskmanager.memory.process.size"],
        ),
        ("-Dexecution.target=moon", &["moon", "local", "yarn-per-job"]),
        ("-tmoon", &["moon", "local", "yarn-per-job"]),
    ] {
        refused(&[option], &["--input", "IN", "--output", "OUT"])
            .await
            .assert_says(says);
    }
}

#[tokio::test]
async fn a_configuration_file_that_cannot_be_read_is_named() {
    let folder = Folder::new();
    folder.write("broken/config.yaml", "parallelism: [1\n");
    let with = |directory: &str| {
        Selvedge::new("run")
            .arg("--configDir")
            .arg(folder.path(directory))
            .arg(jobs::wordcount())
            .args(["--input", "x", "--output", "y"])
    };
    with("broken")
        .run()
        .await
        .ended_with(3)
        .assert_says(&["broken", "config.yaml"])
        .assert_no_stack();
    with("missing").run().await.ended_with(3).assert_says(&["missing"]);
}
