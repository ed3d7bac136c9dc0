//! A checker of graphs that takes its time.

use std::sync::{Condvar, Mutex};

use selvedge_core::JobGraph;
use selvedge_runtime::connector::{ConnectorError, GraphChecker};

/// Checks when it is told to.
#[derive(Debug, Default)]
pub(crate) struct HeldChecker {
    released: Mutex<bool>,
    told: Condvar,
}

impl HeldChecker {
    pub(crate) fn release(&self) {
        *self.released.lock().unwrap() = true;
        self.told.notify_all();
    }
}

impl GraphChecker for HeldChecker {
    fn check(&self, graph: JobGraph) -> Result<JobGraph, ConnectorError> {
        let released = self.released.lock().unwrap();
        drop(self.told.wait_while(released, |released| !*released).unwrap());
        Ok(graph)
    }
}
