//! Writes the golden files of `it/flink` anew: `cargo xtask flink-golden [memory|options]…`.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use anyhow::bail;
use selvedge_it::flink;

fn main() -> anyhow::Result<()> {
    let mut wanted: Vec<_> = std::env::args().skip(1).collect();
    if wanted.is_empty() {
        wanted = vec!["memory".to_owned(), "options".to_owned()];
    }
    for name in wanted {
        let path = match name.as_str() {
            "memory" => flink::write_memory_cases()?,
            "options" => flink::write_options()?,
            other => bail!("no golden file {other}; there are memory and options"),
        };
        println!("{} is written", path.display());
    }
    Ok(())
}
