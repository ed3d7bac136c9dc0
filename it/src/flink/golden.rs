//! The golden files: written by `cargo xtask flink-golden`, read by tests.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::PathBuf;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::{Flink, FlinkError, Step, folder, memory_cases, run_java};

/// Every option that the classes of Flink's distribution declare, in order of keys.
pub const OPTIONS_FILE: &str = "options.json";
const MEMORY_FILE: &str = "memory.jsonl.gz";
/// What the golden memory cases were made with.
const SEED: u64 = 1;
const COUNT: usize = 2400;

/// Writes `memory.jsonl.gz` anew.
///
/// # Errors
/// No Java or Maven, or a program that fails.
pub fn write_memory_cases() -> Result<PathBuf, FlinkError> {
    let path = folder().join(MEMORY_FILE);
    let cases = memory_cases(SEED, COUNT)?;
    let file = File::create(&path).step(|| format!("making {}", path.display()))?;
    let mut packed = GzEncoder::new(file, Compression::best());
    let written = packed.write_all(cases.as_bytes()).and_then(|()| packed.finish());
    written.step(|| format!("writing {}", path.display()))?;
    Ok(path)
}

/// The golden memory cases, one JSON object a line.
///
/// # Errors
/// The file cannot be read.
pub fn read_memory_cases() -> Result<String, FlinkError> {
    let path = folder().join(MEMORY_FILE);
    let file = File::open(&path).step(|| format!("opening {}", path.display()))?;
    let mut cases = String::new();
    let read = GzDecoder::new(file).read_to_string(&mut cases);
    read.step(|| format!("reading {}", path.display()))?;
    Ok(cases)
}

/// Writes `options.json` anew. Fetches Flink's distribution, about 230 MB, where it is not in the cache.
///
/// # Errors
/// No Java, pip or tar, or a program that fails.
pub fn write_options() -> Result<PathBuf, FlinkError> {
    let flink = Flink::fetch()?;
    let options = run_java("DumpOptions.java", &flink.lib(), [flink.jar()?])?;
    let path = folder().join(OPTIONS_FILE);
    fs::write(&path, options).step(|| format!("writing {}", path.display()))?;
    Ok(path)
}
