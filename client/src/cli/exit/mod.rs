//! The exit codes of the command, in one table: scripts tell by them what kind of end it was.

mod kinds;

use std::fmt::Write as _;
use std::process::ExitCode;

pub(super) use kinds::kind_of;

/// How a command can end, as a script sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitKind {
    /// It did what was asked.
    Done,
    /// The job FAILED, or there was an error of no other kind.
    Failed,
    /// The command line cannot be understood.
    Usage,
    /// What was given cannot be used: a setting, a job, a path.
    Input,
    /// Nobody answers there.
    Unreachable,
    /// Whoever answers does not allow it, or has no room for it.
    Refused,
    /// What was asked for is not there, or not the user's.
    NotThere,
    /// The job, or its cluster, was cancelled by somebody else.
    Canceled,
    /// A program took longer than it may.
    TimedOut,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

/// Each kind with its code and its meaning. 124 is that of `timeout`, 130 and 143 are those of shells.
const TABLE: [(ExitKind, u8, &str); 11] = [
    (ExitKind::Done, 0, "the job FINISHED, or the command did what it should"),
    (
        ExitKind::Failed,
        1,
        "the job, the application or the program FAILED, or there was an error of no other kind",
    ),
    (ExitKind::Usage, 2, "the command line cannot be understood"),
    (
        ExitKind::Input,
        3,
        "what was given cannot be used: a setting, the Hadoop configuration, the job, a path in it",
    ),
    (
        ExitKind::Unreachable,
        4,
        "the cluster cannot be reached: YARN, HDFS, ZooKeeper or a master",
    ),
    (
        ExitKind::Refused,
        5,
        "it is refused: a queue, a permission, a limit, too little room or too few slots",
    ),
    (
        ExitKind::NotThere,
        6,
        "the application, session or job is not there, has ended, or is not yours",
    ),
    (
        ExitKind::Canceled,
        7,
        "the job or its own application was cancelled or killed by somebody else",
    ),
    (
        ExitKind::TimedOut,
        124,
        "the program took longer than it may (--program-timeout); 1 where the ApplicationMaster runs it",
    ),
    (
        ExitKind::Interrupted,
        130,
        "Ctrl-C: the job was cancelled, or the session ended",
    ),
    (ExitKind::Terminated, 143, "SIGTERM: the same"),
];

impl ExitKind {
    /// The exit code of the process.
    pub fn code(self) -> u8 {
        let row = TABLE.iter().find(|(kind, ..)| *kind == self);
        row.expect("every kind has a row").1
    }
}

impl From<ExitKind> for ExitCode {
    fn from(kind: ExitKind) -> Self {
        Self::from(kind.code())
    }
}

/// The table as the help and the manual show it.
pub(super) fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (_, code, meaning) in TABLE {
        let _ = writeln!(text, "  {code:<4} {meaning}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_stands_for_one_kind_and_the_documentation_has_the_same_table() {
        let codes: BTreeSet<_> = TABLE.iter().map(|(_, code, _)| code).collect();
        assert_eq!(codes.len(), TABLE.len());
        let page = include_str!("../../../../docs/cli.md");
        for (kind, code, meaning) in TABLE {
            assert_eq!(kind.code(), code);
            assert!(page.contains(&format!("| {code} | {meaning} |")), "{code} {meaning}");
        }
    }
}
