//! Images without a registry: Debian with a JRE, made once and kept in the cache, and Hadoop's jars from the bed's.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use super::engine::Engine;
use super::error::{DockerError, NoEngine, Step};
use super::{programs, sweep};
use crate::bed::HadoopVersion;
use crate::bed::distribution::{Distribution, cache_folder};

const DEBIAN: &str = "bookworm";
/// procps: Hadoop's NodeManager looks at the processes of its containers.
const PACKAGES: &str = "openjdk-17-jre-headless,procps";
/// What making a Debian takes, each with Debian's package.
const TOOLS: [(&str, &str); 2] = [("debootstrap", "debootstrap"), ("unshare", "util-linux")];
/// What only a package manager needs.
const UNUSED: [&str; 4] = ["usr/share/doc", "usr/share/man", "var/lib/apt/lists", "var/cache/apt"];
const COMMAND: &str = include_str!("hadoop-command.sh");
const COMMANDS: [&str; 3] = ["hdfs", "yarn", "zkServer.sh"];
const LOG4J: &str = include_str!("../../../docker/hadoop/log4j.properties");
const REPOSITORY: &str = "selvedge-it/hadoop";
const PATH: &str = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/hadoop/bin";

/// What the compose file is told of images, as variables of its environment.
#[derive(Clone, Debug)]
pub struct Images {
    variables: Vec<(&'static str, String)>,
    /// Made by us in an engine that is not ours.
    guest: Option<String>,
}

impl Images {
    /// Those that the environment names, if it does; else new ones with this version of Hadoop.
    ///
    /// # Errors
    ///
    /// [`NoEngine`] inside where nobody here can make or pull any.
    pub fn make(engine: &Engine, version: HadoopVersion) -> Result<Result<Self, NoEngine>, DockerError> {
        if std::env::var_os("HADOOP_IMAGE").is_some() {
            if engine.is_own() {
                return Ok(Err(NoEngine::NoRegistry));
            }
            return Ok(Ok(Self {
                variables: Vec::new(),
                guest: None,
            }));
        }
        if !geteuid().is_root() {
            return Ok(Err(NoEngine::NoImages));
        }
        let base = match base()? {
            Ok(base) => base,
            Err(reason) => return Ok(Err(reason)),
        };
        let hadoop = Distribution::fetch(version)?;
        let tree = tempfile::tempdir().step(|| "making a scratch folder".to_owned())?;
        lay_out(&hadoop, tree.path())?;
        // Another run may be in the same engine: it must not find this one's image, nor take it away.
        let process = std::process::id();
        let image = name(process);
        import(engine, &base, tree.path(), &image)?;
        Ok(Ok(Self {
            variables: vec![
                ("HADOOP_IMAGE", REPOSITORY.to_owned()),
                ("HADOOP_VERSION", process.to_string()),
                ("ZOOKEEPER_IMAGE", image.clone()),
            ],
            guest: (!engine.is_own()).then_some(image),
        }))
    }

    pub(super) fn variables(&self) -> &[(&'static str, String)] {
        &self.variables
    }

    /// Takes away what is not to stay in an engine of somebody else.
    pub(super) fn remove(&self, engine: &Engine) {
        if let Some(image) = &self.guest {
            remove(engine, image);
        }
    }
}

/// The image that a process makes: its id is the tag.
pub(super) fn name(process: u32) -> String {
    format!("{REPOSITORY}:{process}")
}

/// Takes an image away, if it is there.
pub(super) fn remove(engine: &Engine, image: &str) {
    engine.docker().args(["rmi", image]).output().ok();
}

/// The root of a Debian with a JRE. Blocks while another process makes it.
fn base() -> Result<Result<PathBuf, NoEngine>, DockerError> {
    let cache = cache_folder()?;
    let name = format!("debian-{DEBIAN}-jre-17");
    let folder = cache.join(&name);
    fs::create_dir_all(&cache).step(|| format!("making {}", cache.display()))?;
    let lock_path = cache.join(format!("{name}.lock"));
    let lock = File::create(&lock_path).step(|| format!("making {}", lock_path.display()))?;
    lock.lock().step(|| format!("locking {}", lock_path.display()))?;
    if folder.is_dir() {
        return Ok(Ok(folder));
    }
    if let Some(missing) = programs::missing(&TOOLS) {
        return Ok(Err(missing));
    }
    let unfinished = cache.join(format!("{name}.unfinished"));
    if unfinished.exists() {
        sweep::remove_tree(&unfinished).step(|| format!("removing {}", unfinished.display()))?;
    }
    let mut debootstrap = debootstrap_command();
    debootstrap
        .args(["--variant=minbase", &format!("--include={PACKAGES}"), DEBIAN])
        .arg(&unfinished);
    run(&mut debootstrap, "debootstrap")?;
    for unused in UNUSED.map(|unused| unfinished.join(unused)) {
        fs::remove_dir_all(&unused).step(|| format!("removing {}", unused.display()))?;
    }
    // Hadoop's own place, which an archive must not name twice.
    let own = unfinished.join("opt");
    fs::remove_dir(&own).step(|| format!("removing {}", own.display()))?;
    fs::rename(&unfinished, &folder).step(|| format!("naming {}", folder.display()))?;
    Ok(Ok(folder))
}

/// It mounts below its target. In a namespace of its own that ends with it, even where it is killed; in a container, whose
/// root may make none, it does not mount.
fn debootstrap_command() -> Command {
    if !programs::succeeds(programs::command("unshare").args(["--mount", "true"])) {
        return programs::command("debootstrap");
    }
    let mut command = programs::command("unshare");
    command.args(["--mount", "debootstrap"]);
    command
}

/// Hadoop as the images have it: `opt/hadoop/{bin,conf,lib,www}`.
fn lay_out(hadoop: &Distribution, tree: &Path) -> Result<(), DockerError> {
    let home = tree.join("opt/hadoop");
    for folder in ["bin", "conf"].map(|name| home.join(name)) {
        fs::create_dir_all(&folder).step(|| format!("making {}", folder.display()))?;
    }
    for name in COMMANDS {
        let file = home.join("bin").join(name);
        write_executable(&file).step(|| format!("writing {}", file.display()))?;
    }
    let log4j = home.join("conf/log4j.properties");
    fs::write(&log4j, LOG4J).step(|| format!("writing {}", log4j.display()))?;
    for (name, from) in [("lib", hadoop.jars()), ("www", hadoop.web_pages())] {
        let mut copy = Command::new("cp");
        copy.arg("-r").arg(from).arg(home.join(name));
        run(&mut copy, "copying Hadoop")?;
    }
    Ok(())
}

fn write_executable(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o755);
    options.open(file)?.write_all(COMMAND.as_bytes())
}

/// An archive of both folders, imported: no builder is needed, which engines differ in.
fn import(engine: &Engine, base: &Path, tree: &Path, image: &str) -> Result<(), DockerError> {
    let mut tar = Command::new("tar")
        .arg("-c")
        .arg("-C")
        .arg(base)
        .arg(".")
        .arg("-C")
        .arg(tree)
        .arg("./opt")
        .stdout(Stdio::piped())
        .spawn()
        .step(|| "starting tar".to_owned())?;
    let archive = tar.stdout.take().expect("its output was asked for");
    let mut docker = engine.docker();
    docker
        .args(["import", "--change", PATH, "--change", "ENV JAVA_HOME=/usr", "-", image])
        .stdin(archive);
    let imported = run(&mut docker, "docker import");
    let status = tar.wait().step(|| "waiting for tar".to_owned())?;
    imported?;
    if status.success() {
        return Ok(());
    }
    Err(DockerError::Failed {
        step: "tar".to_owned(),
        status,
        said: "(see above)".to_owned(),
    })
}

fn run(command: &mut Command, step: &str) -> Result<(), DockerError> {
    let output = command.output().step(|| format!("starting {step}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(DockerError::Failed {
        step: step.to_owned(),
        status: output.status,
        said: String::from_utf8_lossy(&said).into_owned(),
    })
}
