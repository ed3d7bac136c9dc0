//! Flink's distribution, fetched once for a machine into a cache outside the clone, and its commands.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{FlinkError, Step, file_starting, output_of};
use crate::bed::Bed;
use crate::bed::distribution::{cache_folder, java_home};

/// Flink publishes its YARN classes in no Maven artifact, but they are in the distribution that its Python package brings.
const PACKAGE: &str = "apache-flink-libraries==1.20.5";
const FOLDER: &str = "flink-1.20.5";
/// The examples of 1.20.5 are not published; these run on it.
const EXAMPLES: &str = "org.apache.flink:flink-examples-streaming:1.20.0:jar";
const MAVEN_COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy";
/// What the configuration that Flink ships opens of Java 17.
const JAVA_OPTIONS: &str = include_str!("../../flink/java.options");

/// `lib`, `plugins` and `examples` in one folder, complete once it has its name.
#[derive(Debug)]
pub struct Flink {
    folder: PathBuf,
}

impl Flink {
    /// Fetches about 230 MB with pip, and two examples with Maven, if they are not there yet. Blocks while another process
    /// does so.
    ///
    /// # Errors
    /// No pip, tar or Maven, or one that fails.
    pub fn fetch() -> Result<Self, FlinkError> {
        let cache = cache_folder()?;
        fs::create_dir_all(&cache).step(|| format!("making the cache folder {}", cache.display()))?;
        let folder = cache.join(FOLDER);
        let lock_path = cache.join(format!("{FOLDER}.lock"));
        let lock = File::create(&lock_path).step(|| format!("making {}", lock_path.display()))?;
        lock.lock().step(|| format!("locking {}", lock_path.display()))?;
        if !folder.is_dir() {
            let work = tempfile::tempdir_in(&cache).step(|| format!("making a folder in {}", cache.display()))?;
            unpack(work.path())?;
            for example in ["WordCount", "TopSpeedWindowing"] {
                copy_example(example, &work.path().join("deps/examples"))?;
            }
            fs::rename(work.path().join("deps"), &folder).step(|| format!("naming {}", folder.display()))?;
        }
        Ok(Self { folder })
    }

    /// The folder of the jars that every process of Flink's has on its class path.
    #[must_use]
    pub fn lib(&self) -> PathBuf {
        self.folder.join("lib")
    }

    /// The folder of the plugins, each in a folder of its own.
    #[must_use]
    pub fn plugins(&self) -> PathBuf {
        self.folder.join("plugins")
    }

    /// The jar that holds all of Flink but its tables.
    ///
    /// # Errors
    /// It is not there.
    pub fn jar(&self) -> Result<PathBuf, FlinkError> {
        file_starting(&self.lib(), "flink-dist")
    }

    /// The jar of `WordCount` (ends at once) or `TopSpeedWindowing` (does not end).
    #[must_use]
    pub fn example(&self, name: &str) -> PathBuf {
        let version = EXAMPLES.split(':').nth(2).expect("a version");
        self.folder
            .join(format!("examples/flink-examples-streaming-{version}-{name}.jar"))
    }

    /// `config.yaml` as Flink ships it, as far as it says more than the defaults: the sizes of its processes and what it
    /// needs of Java; then these lines.
    #[must_use]
    pub fn configuration(more: &[String]) -> String {
        let options = java_options().collect::<Vec<_>>().join(" ");
        let shipped = format!(
            "env.java.opts.all: {options}\njobmanager.memory.process.size: 1600m\n\
             taskmanager.memory.process.size: 1728m\ntaskmanager.numberOfTaskSlots: 1\nparallelism.default: 1\n"
        );
        shipped + &more.join("\n") + "\n"
    }

    /// A command of Flink's on a bed, typed by the bed's user, as Flink's scripts start it: `main` is its class.
    ///
    /// # Errors
    /// There is no Java.
    pub fn command(&self, bed: &Bed, conf_dir: &Path, main: &str) -> Result<Command, FlinkError> {
        let mut class_path = OsString::from(self.lib().join("*"));
        for part in [bed.hadoop_conf_dir().to_path_buf(), bed.hadoop_jars().join("*")] {
            class_path.push(":");
            class_path.push(part);
        }
        let mut command = Command::new(java_home()?.join("bin/java"));
        command
            .args(java_options())
            .arg("-cp")
            .arg(class_path)
            .arg(main)
            .env("FLINK_CONF_DIR", conf_dir)
            .env("FLINK_LIB_DIR", self.lib())
            .env("FLINK_PLUGINS_DIR", self.plugins())
            .env("HADOOP_CONF_DIR", bed.hadoop_conf_dir())
            .env("HADOOP_USER_NAME", bed.user());
        Ok(command)
    }
}

fn java_options() -> impl Iterator<Item = &'static str> {
    JAVA_OPTIONS.lines()
}

/// The package's folder `deps` below `work`.
fn unpack(work: &Path) -> Result<(), FlinkError> {
    let mut pip = Command::new("pip");
    pip.args(["download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest"])
        .args([work.as_os_str(), PACKAGE.as_ref()]);
    output_of("pip", &mut pip)?;
    let archive = file_starting(work, "apache_flink_libraries")?;
    let mut tar = Command::new("tar");
    tar.arg("--extract")
        .args(["--strip-components=1", "--directory"])
        .args([work.as_os_str(), "--file".as_ref(), archive.as_os_str()]);
    output_of("tar", &mut tar).map(drop)
}

fn copy_example(name: &str, folder: &Path) -> Result<(), FlinkError> {
    let mut maven = Command::new("mvn");
    maven
        .args([
            "--batch-mode",
            "--no-transfer-progress",
            "-Dstyle.color=never",
            MAVEN_COPY,
        ])
        .arg(format!("-Dartifact={EXAMPLES}:{name}"))
        .arg(format!("-DoutputDirectory={}", folder.display()));
    output_of("mvn", &mut maven).map(drop)
}
