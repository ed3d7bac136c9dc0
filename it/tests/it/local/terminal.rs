//! What a person sees on a terminal.

use selvedge_it::cli::{BOUND, TERMINAL_COLUMNS, TERMINAL_ROWS};

use super::pressure::Job;
use super::run;
use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, rebalance, vertex};

/// A screen that shows all that a terminal got, with its lines.
fn screen(output: &str) -> (vt100::Parser, Vec<String>) {
    let mut terminal = vt100::Parser::new(TERMINAL_ROWS, TERMINAL_COLUMNS, 0);
    terminal.process(output.as_bytes());
    let rows = terminal.screen().rows(0, TERMINAL_COLUMNS);
    let lines = rows.map(|line| line.trim_end().to_owned()).collect();
    (terminal, lines)
}

#[tokio::test]
async fn on_a_terminal_a_line_for_each_vertex_changes_in_place_and_the_last_state_stays() {
    let folder = Folder::new();
    let job = folder.job(&job(
        &[
            vertex("numbers", &[numbers("make", None, Some(100.0))]),
            vertex("drop", &[blackhole("take")]),
        ],
        &[rebalance("numbers", "drop")],
    ));
    let mut running = run(&folder, 2, &job).on_terminal().start();
    let job = Job::of(&mut running).await;
    let both_run = |said: &str| {
        let (_, lines) = screen(said);
        let run = |vertex: &str| {
            lines
                .iter()
                .any(|line| line.contains("RUNNING") && line.contains(vertex))
        };
        (run("make") && run("take")).then_some(())
    };
    running.until_says("that both vertices run", BOUND, both_run).await;
    job.cancel().await;
    let outcome = running.ended_within(BOUND).await.ended_with(7);
    assert!(outcome.stdout.contains('\u{1b}'), "{:?}", outcome.stdout);
    let (terminal, lines) = screen(&outcome.stdout);
    let with = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
    for passed in ["RUNNING", "DEPLOYING", "CREATED", "CANCELING"] {
        assert_eq!(with(passed), 0, "{passed} in {lines:#?}");
    }
    for vertex in ["make", "take"] {
        let is_it = |line: &&String| line.trim_start().starts_with("CANCELED") && line.contains(vertex);
        let shown: Vec<_> = lines.iter().filter(is_it).collect();
        assert_eq!(shown.len(), 1, "{lines:#?}");
        assert!(shown[0].contains("2/2"), "{shown:?}");
    }
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("job a test's job CANCELED after")),
        "{lines:#?}"
    );
    assert!(lines[0].contains("local cluster at"), "{lines:#?}");
    assert!(!terminal.screen().hide_cursor(), "the cursor is there again");
}
