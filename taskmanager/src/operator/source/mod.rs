//! Operators in which records enter a job.

mod decode;
mod file;
mod generator;
mod lines;

pub(super) use file::FileSourceOperator;
pub(super) use generator::GeneratorSourceOperator;
