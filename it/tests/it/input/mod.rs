//! Bad input: a clear error, at once, and nothing is left behind.

mod files;
mod graph;
mod hadoop;
mod parameters;
mod resource_manager;
mod submission;
