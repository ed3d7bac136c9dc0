//! What a person sees on a terminal.

use selvedge_it::cli::{TERMINAL_COLUMNS, TERMINAL_ROWS};

use super::run;
use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, rebalance, vertex};

/// A screen that shows all that a terminal got, with its lines.
fn screen(output: &str) -> (vt100::Parser, Vec<String>) {
    let mut terminal = vt100::Parser::new(TERMINAL_ROWS, TERMINAL_COLUMNS, 0);
    terminal.process(output.as_bytes());
    let contents = terminal.screen().contents();
    let lines = contents.lines().map(|line| line.trim_end().to_owned()).collect();
    (terminal, lines)
}

#[tokio::test]
async fn on_a_terminal_a_line_for_each_vertex_changes_in_place_and_the_last_state_stays() {
    let folder = Folder::new();
    // Two seconds at least: there is time to draw.
    let job = folder.job(&job(
        &[
            vertex("numbers", &[numbers("make", Some(200), Some(100.0))]),
            vertex("drop", &[blackhole("take")]),
        ],
        &[rebalance("numbers", "drop")],
    ));
    let outcome = run(&folder, 2, &job).on_terminal().run().await.ended_with(0);
    let said = &outcome.stdout;
    assert!(said.contains("RUNNING") && said.contains('\u{1b}'), "{said:?}");
    let (terminal, lines) = screen(said);
    let with = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
    assert_eq!(
        (with("RUNNING"), with("DEPLOYING"), with("CREATED")),
        (0, 0, 0),
        "{lines:#?}"
    );
    for vertex in ["make", "take"] {
        let shown: Vec<_> = lines
            .iter()
            .filter(|line| line.trim_start().starts_with("FINISHED") && line.contains(vertex))
            .collect();
        assert_eq!(shown.len(), 1, "{lines:#?}");
        assert!(
            shown[0].contains("2/2") && shown[0].contains("200 records"),
            "{shown:?}"
        );
    }
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("job a test's job FINISHED after")),
        "{lines:#?}"
    );
    assert_eq!(
        lines.iter().position(|line| line.contains("local cluster at")),
        Some(0),
        "{lines:#?}"
    );
    assert!(!terminal.screen().hide_cursor(), "the cursor is there again");
}
