//! Leadership: elections in a real ZooKeeper, and masters that take over from each other.

mod adaptive;
mod election;
mod nodes;
mod profiler;
mod standalone;
mod yarn;
