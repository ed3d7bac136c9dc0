//! Hadoop's jars, fetched once for each version by Maven into a cache outside the clone.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::error::{BedError, Step};
use super::version::HadoopVersion;

const POM: &str = include_str!("pom.xml");
/// hadoop-hdfs's jar holds no web pages, and its daemons refuse to start without these folders.
const WEBAPPS: [&str; 3] = ["hdfs", "datanode", "static"];
const TAIL_LINES: usize = 30;

/// A folder with `lib/*.jar` and `www/webapps/`, complete once it has its name.
#[derive(Debug)]
pub(crate) struct Distribution {
    folder: PathBuf,
}

impl Distribution {
    /// The folder in the cache, filled if it is not there yet. Blocks while another process fills it.
    pub(crate) fn fetch(version: HadoopVersion) -> Result<Self, BedError> {
        let cache = cache_folder()?;
        fs::create_dir_all(&cache).step(|| format!("making the cache folder {}", cache.display()))?;
        let name = format!("hadoop-{version}-{}", &hex::encode(Sha256::digest(POM))[..16]);
        let folder = cache.join(&name);
        if folder.is_dir() {
            return Ok(Self { folder });
        }
        let lock_path = cache.join(format!("{name}.lock"));
        let lock = File::create(&lock_path).step(|| format!("making {}", lock_path.display()))?;
        lock.lock().step(|| format!("locking {}", lock_path.display()))?;
        if !folder.is_dir() {
            announce(version, &folder);
            fill(version, &cache, &name, &folder)?;
        }
        Ok(Self { folder })
    }

    pub(crate) fn jars(&self) -> PathBuf {
        self.folder.join("lib")
    }

    /// The folder that stands on the class path for the sake of its `webapps`.
    pub(crate) fn web_pages(&self) -> PathBuf {
        self.folder.join("www")
    }

    /// `conf` comes first: the daemons read their site files from the class path.
    pub(super) fn class_path(&self, conf: &Path) -> OsString {
        let mut path = OsString::from(conf);
        path.push(":");
        path.push(self.web_pages());
        path.push(":");
        // The JVM expands this star, no shell does.
        path.push(self.jars().join("*"));
        path
    }
}

#[expect(
    clippy::print_stderr,
    reason = "whoever starts the first bed of a machine waits half a minute for this"
)]
fn announce(version: HadoopVersion, folder: &Path) {
    eprintln!(
        "fetching the jars of Hadoop {version} with Maven into {}",
        folder.display()
    );
}

/// Maven works in a folder of its own, which gets its name only when complete. The caller holds the lock, so a folder
/// that is there already was left by a process that was killed.
fn fill(version: HadoopVersion, cache: &Path, name: &str, folder: &Path) -> Result<(), BedError> {
    let unfinished = cache.join(format!("{name}.unfinished"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).step(|| format!("removing {}", unfinished.display()))?;
    }
    for webapp in WEBAPPS {
        let path = unfinished.join("www/webapps").join(webapp);
        fs::create_dir_all(&path).step(|| format!("making {}", path.display()))?;
    }
    let pom = unfinished.join("pom.xml");
    fs::write(&pom, POM).step(|| format!("writing {}", pom.display()))?;
    copy_dependencies(version, &pom, &unfinished.join("lib"))?;
    fs::rename(&unfinished, folder).step(|| format!("naming {}", folder.display()))
}

fn copy_dependencies(version: HadoopVersion, pom: &Path, lib: &Path) -> Result<(), BedError> {
    let mut output_directory = OsString::from("-DoutputDirectory=");
    output_directory.push(lib);
    let mut command = Command::new("mvn");
    command
        .args([
            "--batch-mode",
            "--no-transfer-progress",
            "-Dstyle.color=never",
            "-Dmaven.wagon.http.retryHandler.count=3",
        ])
        .arg("--file")
        .arg(pom)
        .arg(format!("-Dhadoop.version={version}"))
        .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
        .arg(output_directory);
    if version.has_shell_and_httpfs() {
        command.arg("dependency:copy");
    }
    let output = command.output().map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => BedError::MissingTool {
            tool: "mvn",
            remedy: "install Maven (Debian: apt-get install maven)",
        },
        _ => BedError::Io {
            step: "starting mvn".to_owned(),
            source,
        },
    })?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Err(BedError::Maven {
        status: output.status,
        output: super::logs::last_lines(&text, TAIL_LINES),
    })
}

/// `$SELVEDGE_CACHE`, else `$XDG_CACHE_HOME/selvedge`, else `~/.cache/selvedge`.
pub(crate) fn cache_folder() -> Result<PathBuf, BedError> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("SELVEDGE_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("selvedge")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/selvedge")))
        .ok_or(BedError::MissingTool {
            tool: "cache folder",
            remedy: "set SELVEDGE_CACHE, XDG_CACHE_HOME or HOME",
        })
}

/// `$JAVA_HOME`, else where the `java` of the path lies.
pub(crate) fn java_home() -> Result<PathBuf, BedError> {
    let missing = || BedError::MissingTool {
        tool: "java",
        remedy: "install a JDK 17 (Debian: apt-get install openjdk-17-jdk-headless)",
    };
    if let Some(home) = std::env::var_os("JAVA_HOME").map(PathBuf::from)
        && home.join("bin/java").is_file()
    {
        return Ok(home);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let java = std::env::split_paths(&path)
        .map(|folder| folder.join("java"))
        .find(|java| java.is_file())
        .ok_or_else(missing)?;
    let java = java.canonicalize().step(|| format!("resolving {}", java.display()))?;
    java.ancestors().nth(2).map(Path::to_path_buf).ok_or_else(missing)
}
