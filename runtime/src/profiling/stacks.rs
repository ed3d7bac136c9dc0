//! Equal stacks, counted.

use std::collections::{BTreeMap, HashMap};
use std::fs;

/// By the name of the thread and the addresses on its stack.
#[derive(Debug, Default)]
pub(super) struct Stacks {
    counted: BTreeMap<(String, Vec<u64>), u64>,
    /// Names by number; a thread may be gone when the profile ends.
    threads: HashMap<u64, String>,
}

impl Stacks {
    pub(super) fn add(&mut self, thread: u64, stack: Vec<u64>) {
        let name = self.threads.entry(thread).or_insert_with(|| name_of(thread));
        *self.counted.entry((name.clone(), stack)).or_default() += 1;
    }

    /// The thread's name, the stack from its innermost address on, and how often it was seen.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[u64], u64)> {
        let counted = self.counted.iter();
        counted.map(|((thread, stack), count)| (thread.as_str(), stack.as_slice(), *count))
    }

    /// How many samples there were.
    pub(super) fn samples(&self) -> u64 {
        self.counted.values().sum()
    }
}

fn name_of(thread: u64) -> String {
    let name = fs::read_to_string(format!("/proc/self/task/{thread}/comm"));
    name.map_or_else(|_| format!("thread {thread}"), |name| name.trim_end().to_owned())
}
