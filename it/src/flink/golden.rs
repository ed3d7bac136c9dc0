//! The golden files: written by `cargo xtask flink-golden`, read by tests.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::{FlinkError, Step, folder, memory_cases, output_of, run_java};
use crate::bed::distribution::cache_folder;

/// Every option that the classes of Flink's distribution declare, in order of keys.
pub const OPTIONS_FILE: &str = "options.json";
const MEMORY_FILE: &str = "memory.jsonl.gz";
/// What the golden memory cases were made with.
const SEED: u64 = 1;
const COUNT: usize = 2400;

/// Flink publishes its YARN classes in no Maven artifact, but they are in the distribution that its Python package brings.
const DISTRIBUTION: &str = "apache-flink-libraries==1.20.5";

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

/// Writes `options.json` anew. Fetches Flink's distribution, about 230 MB, with pip.
///
/// # Errors
/// No Java, pip or tar, or a program that fails.
pub fn write_options() -> Result<PathBuf, FlinkError> {
    let cache = cache_folder()?;
    fs::create_dir_all(&cache).step(|| format!("making the cache folder {}", cache.display()))?;
    let work = tempfile::tempdir_in(&cache).step(|| format!("making a folder in {}", cache.display()))?;
    let lib = fetch_distribution(work.path())?;
    let jar = file_starting(&lib, "flink-dist")?;
    let options = run_java("DumpOptions.java", &lib, [jar])?;
    let path = folder().join(OPTIONS_FILE);
    fs::write(&path, options).step(|| format!("writing {}", path.display()))?;
    Ok(path)
}

/// The `lib` folder of the distribution, unpacked below `work`.
fn fetch_distribution(work: &Path) -> Result<PathBuf, FlinkError> {
    let mut pip = Command::new("pip");
    pip.args(["download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest"])
        .args([work.as_os_str(), DISTRIBUTION.as_ref()]);
    output_of("pip", &mut pip)?;
    let archive = file_starting(work, "apache_flink_libraries")?;
    let mut tar = Command::new("tar");
    tar.arg("--extract")
        .args(["--strip-components=1", "--directory"])
        .args([work.as_os_str(), "--file".as_ref(), archive.as_os_str()]);
    output_of("tar", &mut tar)?;
    Ok(work.join("deps/lib"))
}

fn file_starting(folder: &Path, prefix: &str) -> Result<PathBuf, FlinkError> {
    let reading = || format!("looking for {prefix}* in {}", folder.display());
    let entries = fs::read_dir(folder).step(reading)?;
    let found = entries
        .filter_map(Result::ok)
        .find(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
    found.map(|entry| entry.path()).ok_or_else(missing).step(reading)
}
