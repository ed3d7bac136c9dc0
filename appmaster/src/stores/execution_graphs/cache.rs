//! The ended jobs that are in memory: those that were asked for last, up to a number of bytes. Pure.

use std::sync::Arc;

use indexmap::IndexMap;
use selvedge_core::JobId;

use crate::jobmaster::ArchivedExecutionGraph;

#[derive(Debug)]
pub(super) struct Cache {
    capacity: u64,
    bytes: u64,
    /// The one that was used last comes last.
    graphs: IndexMap<JobId, (Arc<ArchivedExecutionGraph>, u64)>,
    /// Those that are nowhere else.
    pinned: IndexMap<JobId, Arc<ArchivedExecutionGraph>>,
}

impl Cache {
    pub(super) fn new(capacity: u64) -> Self {
        Self {
            capacity,
            bytes: 0,
            graphs: IndexMap::new(),
            pinned: IndexMap::new(),
        }
    }

    /// Keeps a graph of so many bytes, which is on disk too, while it fits.
    pub(super) fn insert(&mut self, job: JobId, graph: Arc<ArchivedExecutionGraph>, bytes: u64) {
        self.remove(&job);
        self.graphs.insert(job, (graph, bytes));
        self.bytes += bytes;
        while self.bytes > self.capacity {
            let Some((_, (_, bytes))) = self.graphs.shift_remove_index(0) else {
                return;
            };
            self.bytes -= bytes;
        }
    }

    /// Keeps a graph that is nowhere else.
    pub(super) fn pin(&mut self, job: JobId, graph: Arc<ArchivedExecutionGraph>) {
        self.remove(&job);
        self.pinned.insert(job, graph);
    }

    pub(super) fn get(&mut self, job: &JobId) -> Option<Arc<ArchivedExecutionGraph>> {
        if let Some(graph) = self.pinned.get(job) {
            return Some(graph.clone());
        }
        let entry = self.graphs.shift_remove(job)?;
        let graph = entry.0.clone();
        self.graphs.insert(*job, entry);
        Some(graph)
    }

    pub(super) fn remove(&mut self, job: &JobId) {
        self.pinned.shift_remove(job);
        if let Some((_, bytes)) = self.graphs.shift_remove(job) {
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use selvedge_runtime::clock::Timestamp;

    use super::*;
    use crate::jobmaster::ExecutionGraph;
    use crate::testing::word_count;

    #[test]
    fn what_was_not_asked_for_longest_goes_first_and_what_is_nowhere_else_stays() {
        let mut cache = Cache::new(20);
        let job = |number| JobId::from_bytes([number; 16]);
        let graph =
            |number| ExecutionGraph::new(job(number), Arc::new(word_count(1)), Timestamp::default()).into_archived();
        cache.pin(job(9), graph(9));
        cache.insert(job(1), graph(1), 10);
        cache.insert(job(2), graph(2), 10);
        assert!(cache.get(&job(1)).is_some());
        cache.insert(job(3), graph(3), 5);
        let kept = [1, 2, 3, 9].map(|number| cache.get(&job(number)).is_some());
        assert_eq!(kept, [true, false, true, true]);
        cache.insert(job(4), graph(4), 30);
        assert!(cache.get(&job(4)).is_none(), "larger than all that there is room for");
        assert_eq!(cache.bytes, 0);
    }
}
