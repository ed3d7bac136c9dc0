//! What a task runs on.

use std::io;
use std::sync::Arc;
use std::thread;

use tokio::runtime::Handle;

use super::Task;
use crate::operator::TaskIo;

/// Runs tasks. The simulation has a form of its own.
pub trait TaskRunner: Send + Sync + std::fmt::Debug {
    /// Starts a task and returns at once.
    fn start(&self, task: Task) -> io::Result<()>;

    /// How its tasks wait for what happens on the worker's runtime.
    fn io(&self, runtime: Handle) -> Arc<dyn TaskIo> {
        Arc::new(runtime)
    }
}

/// A thread for each task.
#[derive(Debug, Clone, Copy)]
pub struct ThreadRunner {
    stack_bytes: usize,
}

impl Default for ThreadRunner {
    /// 2 MiB of stack: planning an expression recurses over its depth, which the parser bounds.
    fn default() -> Self {
        Self { stack_bytes: 2 << 20 }
    }
}

impl TaskRunner for ThreadRunner {
    fn start(&self, task: Task) -> io::Result<()> {
        let name = format!("{} ({})", task.context.attempt, task.context.task_name);
        thread::Builder::new()
            .name(name.replace('\0', " "))
            .stack_size(self.stack_bytes)
            .spawn(move || task.run())
            .map(drop)
    }
}
