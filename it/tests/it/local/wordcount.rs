//! The words of a text, counted here and by `tr | sort | uniq -c`.

use std::path::Path;

use selvedge_it::cli::{Outcome, example_binary};
use selvedge_it::data::{MEGABYTE, WordCounts, counts_in_csv, merge, reference_counts, zipf_text};

use super::{run, run_with};
use crate::folder::{Folder, parts};
use crate::jobs;

async fn count(folder: &Folder, parallelism: u32, input: &Path) -> (Outcome, WordCounts) {
    let output = folder.path("out");
    let outcome = run(folder, parallelism, &jobs::wordcount())
        .args([
            "--input".as_ref(),
            input.as_os_str(),
            "--output".as_ref(),
            output.as_os_str(),
        ])
        .run()
        .await
        .ended_with(0);
    let parts = parts(&output);
    (outcome, counts_in_csv(parts.iter().map(String::as_str)))
}

async fn assert_equals_reference(parallelism: u32) {
    let folder = Folder::new();
    let text = zipf_text(20 * MEGABYTE, 1);
    let (outcome, counted) = count(&folder, parallelism, &text).await;
    assert!(
        counted == reference_counts(&text),
        "the counts differ: {}",
        outcome.said()
    );
    assert_eq!(parts(&folder.path("out")).len(), parallelism as usize);
    // The place of the result, and how long it took.
    outcome.assert_says(&["FINISHED", folder.path("out").to_str().unwrap()]);
}

#[tokio::test]
async fn one_subtask_counts_the_words_of_20_mb_as_tr_sort_uniq_do() {
    assert_equals_reference(1).await;
}

#[tokio::test]
async fn two_subtasks_count_the_words_of_20_mb_as_tr_sort_uniq_do() {
    assert_equals_reference(2).await;
}

#[tokio::test]
async fn four_subtasks_count_the_words_of_20_mb_as_tr_sort_uniq_do() {
    assert_equals_reference(4).await;
}

#[tokio::test]
async fn deployments_that_travel_as_blobs_are_run_like_all_others() {
    let folder = Folder::new();
    let (text, output, blobs) = (zipf_text(MEGABYTE, 4), folder.path("out"), folder.path("blobs"));
    let settings = [
        ("blob.offload.minsize", "0"),
        ("blob.storage.directory", blobs.to_str().unwrap()),
    ];
    let outcome = run_with(&folder, 2, &settings, &jobs::wordcount())
        .args([
            "--input".as_ref(),
            text.as_os_str(),
            "--output".as_ref(),
            output.as_os_str(),
        ])
        .run()
        .await
        .ended_with(0);
    let counted = counts_in_csv(parts(&output).iter().map(String::as_str));
    assert!(
        counted == reference_counts(&text),
        "the counts differ: {}",
        outcome.said()
    );
    assert_eq!(
        std::fs::read_dir(&blobs).unwrap().count(),
        0,
        "the store goes with its cluster"
    );
}

#[tokio::test]
async fn the_words_of_two_texts_are_counted_together() {
    let folder = Folder::new();
    let (left, right) = (zipf_text(MEGABYTE, 2), zipf_text(2 * MEGABYTE, 3));
    let output = folder.path("out");
    let outcome = run(&folder, 2, &jobs::union())
        .args([
            "--left".as_ref(),
            left.as_os_str(),
            "--right".as_ref(),
            right.as_os_str(),
        ])
        .args(["--output".as_ref(), output.as_os_str()])
        .run()
        .await
        .ended_with(0);
    let parts = parts(&output);
    let counted = counts_in_csv(parts.iter().map(String::as_str));
    let expected = merge(reference_counts(&left), reference_counts(&right));
    assert!(counted == expected, "the counts differ: {}", outcome.said());
}

#[tokio::test]
async fn files_that_are_split_in_the_middle_of_lines_lose_and_repeat_no_line() {
    let folder = Folder::new();
    let text = zipf_text(MEGABYTE, 2);
    let job = std::fs::read_to_string(jobs::wordcount()).unwrap();
    let job = job.replace(
        "\"format\": {\"type\": \"text\"}",
        "\"format\": {\"type\": \"text\"}, \"split_size\": \"10kb\"",
    );
    assert!(job.contains("split_size"), "{job}");
    let outcome = run(&folder, 2, &folder.write("split.json", job))
        .args([
            "--input".as_ref(),
            text.as_os_str(),
            "--output".as_ref(),
            folder.path("out").as_os_str(),
        ])
        .run()
        .await
        .ended_with(0);
    let parts = parts(&folder.path("out"));
    let counted = counts_in_csv(parts.iter().map(String::as_str));
    assert!(
        counted == reference_counts(&text),
        "the counts differ: {}",
        outcome.said()
    );
}

#[tokio::test]
async fn an_empty_text_gives_an_empty_result() {
    let folder = Folder::new();
    let text = folder.write("empty.txt", "");
    let (_, counted) = count(&folder, 2, &text).await;
    assert!(counted.is_empty());
}

#[tokio::test]
async fn a_glob_names_several_texts() {
    let folder = Folder::new();
    folder.write("in/a.txt", "one two");
    folder.write("in/b.txt", "two three\n");
    folder.write("in/c.log", "four\n");
    let (_, counted) = count(&folder, 2, &folder.path("in/*.txt")).await;
    let expected = [("one", 1), ("three", 1), ("two", 2)].map(|(word, count)| (word.to_owned(), count));
    assert_eq!(counted, expected.into());
}

/// The job that `client/examples/word_count.rs` builds with JobGraphBuilder.
#[tokio::test]
async fn the_job_of_the_builders_example_runs_from_its_program_and_as_the_file_that_it_prints() {
    let folder = Folder::new();
    let text = zipf_text(MEGABYTE, 4);
    let example = |arguments: &[&Path]| {
        let output = std::process::Command::new(example_binary("word_count"))
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    let counted = |output: &Path| counts_in_csv(parts(output).iter().map(String::as_str));

    let built_here = folder.path("built-here");
    example(&[&text, &built_here, Path::new("2")]);
    assert_eq!(parts(&built_here).len(), 2);
    assert!(counted(&built_here) == reference_counts(&text));

    let job = folder.write("printed.json", example(&[]));
    let from_a_file = folder.path("from-a-file");
    run(&folder, 2, &job)
        .args([
            "--input".as_ref(),
            text.as_os_str(),
            "--output".as_ref(),
            from_a_file.as_os_str(),
        ])
        .run()
        .await
        .ended_with(0);
    assert!(counted(&from_a_file) == reference_counts(&text));
}
