//! The last lines of what a container wrote, from its node: they are told with the cause of its end.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use yarn_common::id::ContainerId;

use super::ending::{YARN_SAYS, printable};

/// How much of a file is read, and how much of that is told.
const BYTES: u64 = 8192;
const LINES: usize = 10;
const LONGEST_LINE: usize = 300;
/// How long the news of a container's end may wait for its log: it is news only for a few seconds after the connection broke.
const PATIENCE: Duration = Duration::from_millis(400);
/// What a worker writes; the most telling comes last.
const FILES: [&str; 2] = ["taskmanager.err", "taskmanager.log"];

/// A container whose log is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerLogPlace {
    /// The web address of its NodeManager, with the scheme.
    pub node_url: String,
    /// The container.
    pub container: ContainerId,
    /// Who owns it, and asks.
    pub user: String,
}

/// Reads what containers wrote from their nodes, also of containers that have ended.
#[async_trait]
pub trait ContainerLogs: Send + Sync + std::fmt::Debug + 'static {
    /// The last `bytes` of a file; `None` where the node does not give them.
    async fn end_of(&self, place: &ContainerLogPlace, file: &str, bytes: u64) -> Option<String>;
}

/// The last lines of a worker that ended, each on a line of its own below a title, without what `cause` says already.
/// Nothing where they cannot be had in time.
pub(super) async fn last_words(logs: Arc<dyn ContainerLogs>, place: ContainerLogPlace, cause: &str) -> String {
    let read = FILES.map(|file| {
        let (logs, place) = (&logs, &place);
        async move {
            let text = tokio::time::timeout(PATIENCE, logs.end_of(place, file, BYTES)).await;
            let lines = last_lines(&text.ok().flatten()?, cause)?;
            Some(format!("\nlast lines of {file} of {}:\n{lines}", place.container))
        }
    });
    futures::future::join_all(read).await.into_iter().flatten().collect()
}

fn last_lines(text: &str, known: &str) -> Option<String> {
    let known: Vec<_> = known
        .split(" | ")
        .flat_map(|part| part.split(YARN_SAYS))
        .map(str::trim)
        .collect();
    let is_new = |line: &String| !line.trim().is_empty() && !known.contains(&line.trim());
    let lines: Vec<_> = text.lines().map(printable).filter(is_new).collect();
    let shown = lines.get(lines.len().saturating_sub(LINES)..)?.iter();
    let shown: Vec<_> = shown
        .map(|line| format!("  {}", line.chars().take(LONGEST_LINE).collect::<String>()))
        .collect();
    (!shown.is_empty()).then(|| shown.join("\n"))
}

#[cfg(test)]
mod tests {
    use yarn_common::id::ApplicationId;

    use super::*;

    /// Gives a log, and never an error file.
    #[derive(Debug)]
    struct OneFile(String);

    #[async_trait]
    impl ContainerLogs for OneFile {
        async fn end_of(&self, place: &ContainerLogPlace, file: &str, bytes: u64) -> Option<String> {
            assert_eq!((place.node_url.as_str(), bytes), ("http://node-7:8042", BYTES));
            if file == "taskmanager.log" {
                return Some(self.0.clone());
            }
            std::future::pending().await
        }
    }

    async fn told(log: &str, cause: &str) -> String {
        let place = ContainerLogPlace {
            node_url: "http://node-7:8042".to_owned(),
            container: ContainerId::from_packed(ApplicationId::new(1, 7).attempt(1), 2),
            user: "alice".to_owned(),
        };
        last_words(Arc::new(OneFile(log.to_owned())), place, cause).await
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_lines_are_told_although_another_file_never_comes() {
        let log: String = (0..40).map(|line| format!("line {line}\n\n")).collect();
        let told = told(&log, "").await;
        let expected = "\nlast lines of taskmanager.log of container_1_0007_01_000002:\n  line 30\n";
        assert!(told.starts_with(expected) && told.ends_with("  line 39"), "{told}");
        assert_eq!(told.lines().count(), 2 + LINES);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_cause_says_is_not_repeated_and_long_lines_are_cut() {
        let log = format!("known\n{}\n", "ä".repeat(1000));
        let said = told(&log, "YARN says: known | x").await;
        assert_eq!(said.lines().last().unwrap().trim(), "ä".repeat(LONGEST_LINE));
        assert_eq!(said.lines().count(), 3);
        assert_eq!(told("known\n\n", "known").await, "");
        let short = told("}\n", "exit status 1: {}; YARN says: {1}").await;
        assert!(short.ends_with("\n  }"), "only whole lines are known: {short}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_would_steer_a_terminal_is_blanked() {
        let said = told("\u{1b}[31mred\u{7}\tbell\rback\n", "").await;
        assert_eq!(said.lines().last().unwrap(), "   [31mred \tbell back");
    }
}
