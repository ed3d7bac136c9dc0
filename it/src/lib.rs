//! What Selvedge's integration tests and benchmarks stand on: the [`bed`], real Hadoop daemons on this machine;
//! [`cli`], the real `selvedge` command; [`session`], session clusters that are killed; [`flink`], Flink's own classes;
//! [`docker`], a cluster whose hosts are containers; [`data`], texts and the counts of their words by other tools; [`wait`], waiting for a condition with a bound;
//! [`figure`] and [`bench`](mod@bench), what benches measure and measure with; [`sim`], a whole cluster on a simulated network and clock; and [`skip`], tests that a machine cannot run.

pub mod bed;
pub mod bench;
pub mod cli;
pub mod data;
pub mod docker;
pub mod figure;
pub mod flink;
pub mod session;
pub mod sim;
pub mod skip;
pub mod wait;
