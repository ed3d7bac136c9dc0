//! What runs in a process, in Flink's JSON of a thread dump: entries of its rooms and tasks, and its threads as the kernel
//! counts them. There are no stacks: a compiled program keeps no names of them.

use std::time::Duration;

use procfs::process::Process;
use serde_json::{Value, json};

use crate::process::ProcessError;

/// One entry of a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpEntry {
    /// What it is called.
    pub name: String,
    /// What it does, in lines of their own.
    pub lines: Vec<String>,
}

impl DumpEntry {
    fn json(&self) -> Value {
        let head = std::iter::once(format!("\"{}\"", self.name));
        let lines = self.lines.iter().map(|line| format!("    {line}"));
        let text: Vec<_> = head.chain(lines).collect();
        json!({"threadName": self.name, "stringifiedThreadInfo": text.join("\n") + "\n"})
    }
}

/// These entries, then the threads of this process. Reads files of the system.
///
/// # Errors
/// The system does not tell its threads.
pub fn dump(entries: Vec<DumpEntry>) -> Result<Value, ProcessError> {
    let all = entries.into_iter().chain(own_threads()?);
    let infos: Vec<_> = all.map(|entry| entry.json()).collect();
    Ok(json!({ "threadInfos": infos }))
}

/// The threads of this process by number. One that ends meanwhile is left out.
fn own_threads() -> Result<Vec<DumpEntry>, ProcessError> {
    let failed = |source| ProcessError::Proc {
        process: std::process::id().cast_signed(),
        source,
    };
    let tasks = Process::myself().and_then(|process| process.tasks()).map_err(failed)?;
    let mut threads: Vec<_> = tasks.flatten().filter_map(|task| task.stat().ok()).collect();
    threads.sort_by_key(|stat| stat.pid);
    let ticks = procfs::ticks_per_second().max(1);
    let entry = |stat: procfs::process::Stat| {
        let cpu = Duration::from_millis((stat.utime + stat.stime).saturating_mul(1000) / ticks);
        DumpEntry {
            lines: vec![format!(
                "thread {}, {}, CPU time {cpu:?}",
                stat.pid,
                meaning(stat.state)
            )],
            name: stat.comm,
        }
    };
    Ok(threads.into_iter().map(entry).collect())
}

fn meaning(state: char) -> String {
    match state {
        'R' => "running".to_owned(),
        'S' => "waiting".to_owned(),
        'D' => "waiting for a disk".to_owned(),
        other => format!("in the kernel's state {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_has_what_it_was_given_and_every_thread_by_name() {
        let (told, wait) = std::sync::mpsc::channel::<()>();
        let named = std::sync::Arc::new(std::sync::Barrier::new(2));
        let is_named = named.clone();
        let waiting = std::thread::Builder::new().name("waits".to_owned());
        let waiting = waiting.spawn(move || {
            is_named.wait();
            wait.recv().is_ok()
        });
        let waiting = waiting.unwrap();
        // A thread gives itself its name.
        named.wait();
        let entry = DumpEntry {
            name: "count (1/2)".to_owned(),
            lines: vec!["RUNNING".to_owned()],
        };
        let dump = dump(vec![entry]).unwrap();
        let infos = dump["threadInfos"].as_array().unwrap();
        let first = json!({"threadName": "count (1/2)", "stringifiedThreadInfo": "\"count (1/2)\"\n    RUNNING\n"});
        assert_eq!(infos[0], first);
        let thread = infos.iter().find(|info| info["threadName"] == "waits").unwrap();
        let text = thread["stringifiedThreadInfo"].as_str().unwrap();
        assert!(text.contains("CPU time"), "{text}");
        drop(told);
        waiting.join().unwrap();
    }
}
