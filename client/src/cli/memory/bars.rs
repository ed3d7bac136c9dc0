//! The parts of a process as nested bars: a part's bar stands where it lies in the whole.

use selvedge_core::config::options::{jobmanager, taskmanager};
use selvedge_core::{JobManagerProcessSpec, MemorySize, TaskExecutorProcessSpec};

/// How wide the bar of the whole is.
const WIDTH: u64 = 40;

/// A part of the process.
pub(super) struct Part {
    /// How deep it is nested.
    depth: usize,
    name: &'static str,
    size: MemorySize,
    /// The option that states it.
    option: &'static str,
}

const fn part(depth: usize, name: &'static str, size: MemorySize, option: &'static str) -> Part {
    Part {
        depth,
        name,
        size,
        option,
    }
}

/// The parts of a worker, each after the one that holds it.
pub(super) fn worker(spec: &TaskExecutorProcessSpec) -> Vec<Part> {
    use taskmanager as key;
    vec![
        part(
            0,
            "total process",
            spec.total_process(),
            key::TOTAL_PROCESS_MEMORY.key(),
        ),
        part(1, "total Flink", spec.total_flink(), key::TOTAL_FLINK_MEMORY.key()),
        part(2, "framework heap", spec.framework_heap, key::FRAMEWORK_HEAP.key()),
        part(
            2,
            "framework off-heap",
            spec.framework_off_heap,
            key::FRAMEWORK_OFF_HEAP.key(),
        ),
        part(2, "task heap", spec.task_heap, key::TASK_HEAP.key()),
        part(2, "task off-heap", spec.task_off_heap, key::TASK_OFF_HEAP.key()),
        part(
            2,
            "network",
            spec.network,
            "taskmanager.memory.network.{min,max,fraction}",
        ),
        part(2, "managed", spec.managed, "taskmanager.memory.managed.{size,fraction}"),
        part(1, "JVM metaspace", spec.jvm_metaspace, key::JVM_METASPACE.key()),
        part(
            1,
            "JVM overhead",
            spec.jvm_overhead,
            "taskmanager.memory.jvm-overhead.{min,max,fraction}",
        ),
    ]
}

/// The parts of the master.
pub(super) fn master(spec: &JobManagerProcessSpec) -> Vec<Part> {
    use jobmanager as key;
    vec![
        part(
            0,
            "total process",
            spec.total_process(),
            key::TOTAL_PROCESS_MEMORY.key(),
        ),
        part(1, "total Flink", spec.total_flink(), key::TOTAL_FLINK_MEMORY.key()),
        part(2, "heap", spec.heap, key::HEAP.key()),
        part(2, "off-heap", spec.off_heap, key::OFF_HEAP.key()),
        part(1, "JVM metaspace", spec.jvm_metaspace, key::JVM_METASPACE.key()),
        part(
            1,
            "JVM overhead",
            spec.jvm_overhead,
            "jobmanager.memory.jvm-overhead.{min,max,fraction}",
        ),
    ]
}

/// One line for each part: name, bar, bytes, size, option.
pub(super) fn draw(title: &str, parts: &[Part]) -> String {
    let whole = parts.first().map_or(0, |part| part.size.bytes()).max(1);
    let digits = whole.to_string().len();
    // Where the next part of each depth begins.
    let mut begins = [0_u64; 4];
    let mut lines = vec![format!("{title} memory")];
    for (index, part) in parts.iter().enumerate() {
        let begin = begins[part.depth];
        begins[part.depth] = begin + part.size.bytes();
        begins[part.depth + 1] = begin;
        lines.push(format!(
            "{:<24} {} {:>digits$}  {:>10}  {}",
            format!("{}{}", branch(parts, index), part.name),
            bar(begin, part.size.bytes(), whole),
            part.size.bytes(),
            part.size.rounded(),
            part.option
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// What is there has a cell at least.
fn bar(begin: u64, size: u64, whole: u64) -> String {
    let cell = |bytes: u64| {
        let scaled = u128::from(bytes) * u128::from(WIDTH);
        usize::try_from((scaled + u128::from(whole) / 2) / u128::from(whole)).unwrap_or(usize::MAX)
    };
    let width = WIDTH as usize;
    let least = usize::from(size > 0);
    let start = cell(begin).min(width - least);
    let end = cell(begin + size).clamp(start + least, width);
    format!(
        "{}{}{}",
        " ".repeat(start),
        "█".repeat(end - start),
        " ".repeat(width - end)
    )
}

/// The lines of a tree: whether another part of the same or a lesser depth follows.
fn branch(parts: &[Part], index: usize) -> String {
    let depth = parts[index].depth;
    let goes_on = |level: usize| {
        let mut later = parts[index + 1..].iter();
        later
            .find(|part| part.depth <= level)
            .is_some_and(|part| part.depth == level)
    };
    let mut branch: String = (1..depth)
        .map(|level| if goes_on(level) { "│  " } else { "   " })
        .collect();
    if depth > 0 {
        branch.push_str(if goes_on(depth) { "├─ " } else { "└─ " });
    }
    branch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_stands_where_its_part_lies_and_is_never_lost() {
        for (begin, size, expected) in [
            (0, 100, (0, 40)),
            (50, 50, (20, 20)),
            (0, 1, (0, 1)),
            (100, 0, (40, 0)),
            (99, 1, (39, 1)),
        ] {
            let drawn = bar(begin, size, 100);
            let blank = drawn.chars().take_while(|cell| *cell == ' ').count();
            let filled = drawn.chars().filter(|cell| *cell == '█').count();
            assert_eq!((blank.min(40), filled), expected, "{begin}+{size}: [{drawn}]");
            assert_eq!(drawn.chars().count(), 40);
        }
    }
}
