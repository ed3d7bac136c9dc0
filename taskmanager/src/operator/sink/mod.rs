//! Operators in which records leave a job.

mod blackhole;
mod encode;
mod file;
mod print;

pub(super) use blackhole::BlackholeSinkOperator;
pub(super) use file::FileSinkOperator;
pub(super) use print::PrintSinkOperator;
