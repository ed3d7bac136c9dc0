//! Container logs: from the node where the container runs, and after that from a history server.
//!
//! ```no_run
//! use futures::TryStreamExt;
//! use yarn_common::id::ContainerId;
//! use yarn_rest::logs::ContainerLogs;
//! use yarn_rest::nm::NmClient;
//! use yarn_rest::transport::Transport;
//!
//! # async fn example(container: ContainerId) -> Result<(), Box<dyn std::error::Error>> {
//! let node = NmClient::new("http://node-7:8042", &Transport::new())?;
//! let mut log = Box::pin(ContainerLogs::new(node, None).follow(container, "stdout", Default::default()));
//! while let Some(bytes) = log.try_next().await? {
//!     print!("{}", String::from_utf8_lossy(&bytes));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A server puts a block of headers before a log and a line after it; both are taken off, and the length in the header
//! tells where the log ends, whatever the log says itself.

mod follow;
mod frame;
mod reader;
mod source;

pub use follow::{ContainerLogs, Follow};
pub use reader::LogReader;
pub(crate) use source::LogSource;

/// A part of a log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPart {
    /// The length of the whole file in bytes, where the server told.
    pub file_length: Option<u64>,
    /// The text of the part; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// Which part of a log file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogRange {
    /// The first so many bytes.
    First(u64),
    /// The last so many bytes.
    Last(u64),
    /// From this offset in bytes to the end.
    From(u64),
    /// So many bytes from an offset.
    Slice {
        /// The offset of the first byte.
        offset: u64,
        /// How many bytes.
        length: u64,
    },
    /// All of it.
    All,
}
