//! Selvedge's worker: slots, tasks, operators and the exchange between tasks.

pub mod connector;
pub mod exchange;
pub mod executor;
pub mod function;
pub mod memory;
pub mod operator;
pub mod planner;
pub mod slot;
pub mod task;
