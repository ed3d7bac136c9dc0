//! A session with its user in front of it: what is typed, Ctrl-C, and the session's own end.

use std::time::Duration;

use selvedge_runtime::connector::report;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader, Lines};
use tokio::time::Instant;

use crate::cli::error::{CommandError, Ended};
use crate::cli::interrupt::{Interruption, Interrupts};
use crate::cli::report::Report;
use crate::cli::terminal::say_end;
use crate::cli::{say, say_always};
use crate::cluster::JobObserver;
use crate::yarn::{PropertiesFile, SessionEnd, YarnError, YarnSession};

/// How often YARN is asked whether the session is there.
const LOOK: Duration = Duration::from_secs(1);
/// For how long YARN may leave that unanswered.
const SILENCE: Duration = Duration::from_secs(15);

const HELP: &str = "stop, quit  end the session with all its jobs\nhelp        show this\nCtrl-C      as stop\n\
                    Ctrl-D      leave; the session goes on";

/// What is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Typed {
    Stop,
    Help,
    Nothing,
    Unknown,
}

impl Typed {
    fn read(line: &str) -> Self {
        match line.trim().to_lowercase().as_str() {
            "" => Self::Nothing,
            "stop" | "quit" | "exit" => Self::Stop,
            "help" => Self::Help,
            _ => Self::Unknown,
        }
    }
}

/// Why the session is attended no more.
enum Left {
    Stop,
    Interrupted(Interruption),
    EndOfInput,
    Ended(Result<SessionEnd, YarnError>),
}

/// How a person stops the session later.
pub(super) fn how_to_stop(session: &YarnSession) -> String {
    let id = session.application_id();
    format!(
        "to end it: echo stop | selvedge yarn-session -id {id}; to kill it, with its staging directory left for a later \
         client: yarn application -kill {id}"
    )
}

/// Attends the session until its end, or the user's leave.
pub(super) async fn attend(
    session: &YarnSession,
    file: &PropertiesFile,
    observer: &mut dyn JobObserver,
    mut interrupts: Interrupts,
    report: &mut Report,
) -> Result<Ended, CommandError> {
    say("type stop, or press Ctrl-C, to end the session; help shows more");
    let lines = BufReader::new(tokio::io::stdin()).lines();
    let left = tokio::select! {
        biased;
        interruption = interrupts.next() => Left::Interrupted(interruption),
        ended = until_ended(session) => Left::Ended(ended),
        left = typed(lines) => left,
    };
    interrupts.end_process_on_next();
    let interruption = match left {
        Left::EndOfInput => {
            say(format_args!(
                "end of input: the session goes on; {}",
                how_to_stop(session)
            ));
            return Ok(Ended::Done);
        }
        Left::Ended(ended) => {
            let ended = ended?;
            forget(session, file);
            report.cluster_ended(ended.status, &ended.told);
            session.clean_up().await?;
            say_end(ended.status, format_args!("the session has ended: {}", ended.told));
            return Ok(Ended::of(ended.status));
        }
        Left::Stop => None,
        Left::Interrupted(interruption) => Some(interruption),
    };
    say("ending the session; Ctrl-C leaves at once");
    let ended = session.shut_down(observer).await?;
    forget(session, file);
    report.cluster_ended(ended.status, &ended.told);
    say_end(ended.status, &ended.told);
    Ok(match interruption {
        Some(interruption) => Ended::Interrupted(interruption),
        None => Ended::Done,
    })
}

/// Answers what is typed until it is more than a question.
async fn typed(mut lines: Lines<impl AsyncBufRead + Unpin>) -> Left {
    // An input that cannot be read has ended.
    while let Ok(Some(line)) = lines.next_line().await {
        match Typed::read(&line) {
            Typed::Stop => return Left::Stop,
            Typed::Nothing => {}
            // Who asks is answered.
            Typed::Help => say_always(HELP),
            Typed::Unknown => say_always(format_args!("'{}' is unknown:\n{HELP}", line.trim())),
        }
    }
    Left::EndOfInput
}

async fn until_ended(session: &YarnSession) -> Result<SessionEnd, YarnError> {
    let mut heard = Instant::now();
    loop {
        match session.ended().await {
            Ok(Some(end)) => return Ok(end),
            Ok(None) => heard = Instant::now(),
            Err(error) if heard.elapsed() > SILENCE => return Err(error),
            Err(error) => tracing::debug!(%error, "YARN is asked again"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The file names a session that has ended.
fn forget(session: &YarnSession, file: &PropertiesFile) {
    if let Err(error) = file.remove_if_of(session.application_id()) {
        say_always(format_args!("warning: {}", report(&error)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_stop_ends_the_session_and_the_end_of_the_input_leaves_it() {
        for (typed_text, stops) in [
            ("stop\n", true),
            ("help\n\n what?\n QUIT ", true),
            ("help\n", false),
            ("", false),
        ] {
            let left = typed(BufReader::new(typed_text.as_bytes()).lines()).await;
            assert_eq!(matches!(left, Left::Stop), stops, "{typed_text:?}");
            assert_eq!(matches!(left, Left::EndOfInput), !stops, "{typed_text:?}");
        }
    }
}
