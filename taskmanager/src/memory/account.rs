//! What the parts of a worker take now.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use selvedge_runtime::connector::report;
use selvedge_runtime::gateway::proto::MemoryUse;
use selvedge_runtime::memory::HeapReading;
use selvedge_runtime::process;

use super::MemoryManager;
use crate::exchange::NetworkUse;

/// Reads what the worker takes: reservations and exchange buffers from their own books, the rest from the allocator and
/// the system. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MemoryAccount {
    managed: MemoryManager,
    network: Arc<NetworkUse>,
    /// `None` where the process is not the worker's alone: its memory says nothing of the worker then.
    framework: Option<Arc<AtomicU64>>,
}

impl MemoryAccount {
    /// The account of a worker with these books. `own_process`: it has its process for itself.
    pub fn new(managed: MemoryManager, network: Arc<NetworkUse>, own_process: bool) -> Self {
        Self {
            managed,
            network,
            framework: own_process.then(Arc::default),
        }
    }

    /// What is taken now. Blocks for as long as the system counts pages: a millisecond for each few hundred MiB.
    pub fn read(&self) -> MemoryUse {
        let books = MemoryUse {
            managed: self.managed.reserved(),
            network: self.network.bytes(),
            ..MemoryUse::default()
        };
        let Some(framework) = &self.framework else {
            return books;
        };
        match process::memory() {
            Ok(process) => {
                let heap = HeapReading::now().map_or(books.managed + books.network, |heap| heap.in_use);
                let idle = !self.managed.has_tasks();
                divide(books, &process, heap, idle, framework)
            }
            Err(error) => {
                tracing::debug!("the memory of this process is not known: {}", report(&error));
                books
            }
        }
    }
}

/// Divides the heap among the books, tasks and the framework: what it takes without tasks is the framework's.
fn divide(
    books: MemoryUse,
    process: &process::MemoryReading,
    heap: u64,
    idle: bool,
    framework: &AtomicU64,
) -> MemoryUse {
    let rest = heap.saturating_sub(books.managed + books.network);
    if idle {
        framework.store(rest, Ordering::Relaxed);
    }
    let framework = framework.load(Ordering::Relaxed).min(rest);
    MemoryUse {
        task: rest - framework,
        framework,
        code: process.pss.saturating_sub(process.anonymous),
        slack: process.anonymous.saturating_sub(heap),
        process: process.pss,
        virtual_size: process.virtual_size,
        ..books
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::{AllocationId, MemorySize};

    use super::*;
    use crate::memory::testing::of_managed;

    const MIB: u64 = 1 << 20;

    fn process(pss: u64, anonymous: u64) -> process::MemoryReading {
        process::MemoryReading {
            pss: pss * MIB,
            anonymous: anonymous * MIB,
            resident: pss * MIB,
            virtual_size: 500 * MIB,
            virtual_peak: 500 * MIB,
        }
    }

    #[test]
    fn what_the_heap_holds_without_tasks_is_the_frameworks() {
        let framework = AtomicU64::default();
        let idle = divide(MemoryUse::default(), &process(22, 10), 6 * MIB, true, &framework);
        assert_eq!(
            (idle.framework, idle.task, idle.code, idle.slack),
            (6 * MIB, 0, 12 * MIB, 4 * MIB)
        );
        let books = MemoryUse {
            managed: 60 * MIB,
            network: 5 * MIB,
            ..MemoryUse::default()
        };
        let loaded = divide(books, &process(120, 108), 90 * MIB, false, &framework);
        assert_eq!(
            (loaded.framework, loaded.task, loaded.slack),
            (6 * MIB, 19 * MIB, 18 * MIB)
        );
        let parts = [
            loaded.managed,
            loaded.network,
            loaded.task,
            loaded.framework,
            loaded.code,
            loaded.slack,
        ];
        assert_eq!(parts.iter().sum::<u64>(), loaded.process);
    }

    #[test]
    fn a_worker_that_shares_its_process_shows_its_books_only() {
        let manager = of_managed(MemorySize::from_mebibytes(1));
        let mut held = manager.task(AllocationId::from_bytes([1; 16])).reservation("count");
        held.resize(1000).unwrap();
        let shared = MemoryAccount::new(manager.clone(), Arc::default(), false).read();
        assert_eq!((shared.managed, shared.task, shared.process), (1000, 0, 0));
        let own = MemoryAccount::new(manager, Arc::default(), true).read();
        assert_eq!(own.managed, 1000);
        assert!(own.process > 0 && own.code > 0, "{own:?}");
    }
}
