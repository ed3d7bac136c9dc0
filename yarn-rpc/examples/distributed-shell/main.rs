//! Runs a shell command in many containers: Hadoop's DistributedShell, without a JVM.
//!
//! ```text
//! HADOOP_CONF_DIR=/etc/hadoop/conf distributed-shell -shell_command 'hostname' -num_containers 3
//! ```
//!
//! One program, two roles: on the user's machine it stages itself into HDFS, submits an application and follows it; in
//! the application's first container, told by `--master`, it is the ApplicationMaster.
//!
//! ```text
//! client ─ binary, configuration, script ─► HDFS
//!        ─ submit, poll ─► ResourceManager ─ starts ─► master ─ asks, starts ─► N containers
//! ```
//!
//! `-container_retry_policy` and its like let the NodeManager start a failed command again in its container. Containers
//! that the cluster takes away are asked for anew. `-placement_spec` asks for groups of containers that stand in a relation
//! to each other, where the cluster places such.
//!
//! The exit code is Hadoop's: 0 if all containers ended with 0, 2 if not, 1 if something went wrong on the way. It is
//! for clusters without Kerberos.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

mod amounts;
mod client;
mod master;
mod options;
mod retries;
mod staging;
mod tally;
mod wishes;

use std::error::Error;
use std::process::ExitCode;

use options::Options;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::from_command_line();
    let outcome = match options.master {
        true => master::run(&options).await,
        false => client::run(&options).await,
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(error) => {
            eprintln!("distributed-shell: {error}");
            ExitCode::FAILURE
        }
    }
}
