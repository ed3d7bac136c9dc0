//! How each side is started.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use selvedge_it::bed::Bed;
use selvedge_it::figure::pairs::Side;
use tempfile::TempDir;

/// What the Rust side is told first.
pub(crate) const ROLE: &str = "--side";

/// The Java program, compiled against the bed's jars, and a copy of this one: pages that it shared with the process that
/// measures would count half.
pub(crate) struct Sides {
    scratch: TempDir,
    java: PathBuf,
    class_path: OsString,
    conf_dir: PathBuf,
    user: String,
}

impl Sides {
    pub(crate) fn prepare(bed: &Bed) -> anyhow::Result<Self> {
        let scratch = tempfile::tempdir()?;
        fs::copy(env::current_exe()?, scratch.path().join("toolkit"))?;
        let sources = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/java"));
        let classes = scratch.path().join("classes");
        fs::create_dir(&classes)?;
        fs::copy(sources.join("log4j.properties"), classes.join("log4j.properties"))?;
        let jars = bed.hadoop_jars().join("*");
        let output = Command::new(bed.java_home().join("bin/javac"))
            .args(["-nowarn", "-d"])
            .arg(&classes)
            .arg("-cp")
            .arg(&jars)
            .arg(sources.join("ToolkitBench.java"))
            .output()
            .context("starting javac: a JDK is needed, not only a runtime")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // The classes come first: their log4j.properties keeps standard output clear.
        let mut class_path = classes.into_os_string();
        for part in [bed.hadoop_conf_dir().as_os_str(), jars.as_os_str()] {
            class_path.push(":");
            class_path.push(part);
        }
        Ok(Self {
            scratch,
            java: bed.java_home().join("bin/java"),
            class_path,
            conf_dir: bed.hadoop_conf_dir().to_path_buf(),
            user: bed.user().to_owned(),
        })
    }

    /// A process of one side, in the environment of a client of the bed.
    pub(crate) fn command(&self, side: Side, role: &[&str]) -> Command {
        let mut command = match side {
            Side::Ours => {
                let mut command = Command::new(self.scratch.path().join("toolkit"));
                command.arg(ROLE);
                command
            }
            Side::Java => {
                // The heap of Hadoop's own ApplicationMasters, else the JVM's defaults.
                let mut command = Command::new(&self.java);
                command.args(["-Xmx768m", "-Djava.net.preferIPv4Stack=true", "-cp"]);
                command.arg(&self.class_path).arg("ToolkitBench");
                command
            }
        };
        command.args(role);
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HADOOP_")) {
            command.env_remove(name);
        }
        command
            .env("HADOOP_CONF_DIR", &self.conf_dir)
            .env("HADOOP_USER_NAME", &self.user);
        command
    }
}
