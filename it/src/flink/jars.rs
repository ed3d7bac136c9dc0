//! The jars of Flink's memory model, fetched once by Maven into a cache outside the clone.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use sha2::{Digest, Sha256};

use super::{FlinkError, Step, output_of};
use crate::bed::distribution::cache_folder;

const POM: &str = include_str!("../../flink/pom.xml");

/// The folder of the jars. Whoever fetches at the same time fetches for himself; the first to be ready gives the name.
pub(super) fn fetch() -> Result<PathBuf, FlinkError> {
    let cache = cache_folder()?;
    fs::create_dir_all(&cache).step(|| format!("making the cache folder {}", cache.display()))?;
    let folder = cache.join(format!("flink-{}", &hex::encode(Sha256::digest(POM))[..16]));
    if folder.is_dir() {
        return Ok(folder);
    }
    let unfinished = tempfile::tempdir_in(&cache).step(|| format!("making a folder in {}", cache.display()))?;
    let pom = unfinished.path().join("pom.xml");
    let jars = unfinished.path().join("lib");
    fs::write(&pom, POM).step(|| format!("writing {}", pom.display()))?;
    let mut maven = Command::new("mvn");
    maven
        .args([
            "--batch-mode",
            "--no-transfer-progress",
            "-Dstyle.color=never",
            "--file",
        ])
        .arg(&pom)
        .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", jars.display()));
    output_of("mvn", &mut maven)?;
    match fs::rename(&jars, &folder) {
        Err(_) if folder.is_dir() => Ok(folder),
        named => named
            .map(|()| folder)
            .step(|| "naming the folder of Flink's jars".to_owned()),
    }
}
