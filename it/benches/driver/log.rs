//! The times in the log of a master.

use std::time::{Duration, SystemTime};

use anyhow::Context;

/// The time between the first line with `begin` and the first line with `end` after it.
pub(crate) fn between(log: &str, begin: &str, end: &str) -> anyhow::Result<Duration> {
    let mut lines = log.lines();
    let mut find = |what: &str| {
        let line = lines.find(|line| line.contains(what));
        line.and_then(time)
            .with_context(|| format!("the master does not log '{what}'"))
    };
    let begun = find(begin)?;
    Ok(find(end)?.duration_since(begun)?)
}

/// What a log has more than it had.
pub(crate) fn since<'a>(log: &'a str, before: &str) -> &'a str {
    log.get(before.len()..).unwrap_or_default()
}

fn time(line: &str) -> Option<SystemTime> {
    humantime::parse_rfc3339(line.split(' ').next()?).ok()
}
