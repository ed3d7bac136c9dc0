//! What jobs read and must give: generated texts, and the counts of their words by other tools.
//!
//! Both are made once and kept beside the build, so that a second test run does not make them again.

mod reference;
mod text;
mod words;

pub use reference::reference_counts;
pub use text::{MEGABYTE, zipf_text};
pub use words::{WordCounts, counts_in_csv, merge};
