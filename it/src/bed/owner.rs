//! Starting a supervisor, joining a bed that another process started, and sweeping up after supervisors that were
//! killed.

use std::fs::{self, File, TryLockError};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::control::StartEvent;
use super::description::Description;
use super::distribution::Distribution;
use super::error::{BedError, Step};
use super::layout::Layout;
use super::logs;
use super::options::BedOptions;
use super::supervisor::cleanup;

const PROGRAM: &str = "selvedge-bed";
const TAIL_LINES: usize = 20;
const KEPT_BEDS: usize = 5;
const END_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A process's part in a bed: as long as this is held, the bed stays.
#[derive(Debug)]
pub(super) struct Membership {
    users: Option<File>,
    started: Option<Started>,
}

/// The supervisor that this process started. The pipe is never written: its end is the sign.
#[derive(Debug)]
struct Started {
    supervisor: Child,
    stdin: Option<ChildStdin>,
}

impl Drop for Membership {
    /// Blocks until the bed is gone if this process started it and no other uses it, at most for half a minute.
    fn drop(&mut self) {
        let Some(mut started) = self.started.take() else { return };
        // Another user of a shared bed keeps it up: then there is nothing to wait for. Asked before the pipe ends, since
        // the supervisor takes this lock then.
        let users = self.users.take();
        let alone = users.as_ref().is_none_or(|users| users.try_lock().is_ok());
        drop(started.stdin.take());
        drop(users);
        let deadline = Instant::now() + END_WITHIN;
        while alone && Instant::now() < deadline && matches!(started.supervisor.try_wait(), Ok(None)) {
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// Starts a bed. It ends when the membership is dropped, or the process ends; a `detached` one has no owner.
pub(super) fn launch(options: &BedOptions, detached: bool) -> Result<(Description, Membership), BedError> {
    // Here, not in the supervisor, so that the supervisor's start is bounded by what the daemons need.
    Distribution::fetch(options.hadoop)?;
    let root = root()?;
    sweep(&root)?;
    let scratch = tempfile::Builder::new()
        .prefix("bed-")
        .tempdir_in(&root)
        .step(|| "making a scratch folder".to_owned())?;
    let layout = Layout::new(scratch.keep());
    let users = prepare(&layout, options)?;
    let (mut supervisor, event) = spawn_supervisor(&layout, detached)?;
    let message = match event {
        Some(StartEvent::Ready { bed }) => {
            let started = Started {
                stdin: supervisor.stdin.take(),
                supervisor,
            };
            return Ok((
                *bed,
                Membership {
                    users: Some(users),
                    started: Some(started).filter(|_| !detached),
                },
            ));
        }
        Some(StartEvent::Failed { message }) => message,
        None => format!(
            "it ended before the bed was ready: {}",
            logs::tail(&layout.log("supervisor"), TAIL_LINES)
        ),
    };
    drop(users);
    drop(supervisor.stdin.take());
    let _ = supervisor.wait();
    Err(BedError::Supervisor {
        message,
        logs: layout.logs(),
    })
}

/// The bed that all processes with the same `selvedge-bed` program share: joined if it is up, else started.
pub(super) fn join_or_launch(options: &BedOptions) -> Result<(Description, Membership), BedError> {
    let root = root()?;
    let program = program()?;
    // A clone's beds are its own: two clones' tests would compete for one cluster.
    let key = &hex::encode(Sha256::digest(program.as_os_str().as_encoded_bytes()))[..12];
    let lock_path = root.join(format!("shared-{key}.lock"));
    let lock = File::create(&lock_path).step(|| format!("making {}", lock_path.display()))?;
    lock.lock().step(|| format!("locking {}", lock_path.display()))?;
    let pointer = root.join(format!("shared-{key}.json"));
    if let Some(joined) = fs::read_to_string(&pointer)
        .ok()
        .and_then(|scratch| join(Path::new(&scratch)))
    {
        return Ok(joined);
    }
    let (bed, membership) = launch(options, false)?;
    fs::write(&pointer, bed.scratch.as_os_str().as_encoded_bytes())
        .step(|| format!("writing {}", pointer.display()))?;
    Ok((bed, membership))
}

/// `None` if the bed has ended or is ending.
fn join(scratch: &Path) -> Option<(Description, Membership)> {
    let layout = Layout::new(scratch);
    let users = File::open(layout.users_lock()).ok()?;
    users.try_lock_shared().ok()?;
    let bed = read(scratch)?;
    Some((
        bed,
        Membership {
            users: Some(users),
            started: None,
        },
    ))
}

/// The bed in a scratch folder, if its supervisor lives and it is ready.
pub(super) fn read(scratch: &Path) -> Option<Description> {
    let layout = Layout::new(scratch);
    if !is_alive(&layout) {
        return None;
    }
    serde_json::from_slice(&fs::read(layout.description()).ok()?).ok()
}

fn is_alive(layout: &Layout) -> bool {
    File::open(layout.alive_lock()).is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
}

fn prepare(layout: &Layout, options: &BedOptions) -> Result<File, BedError> {
    fs::create_dir(layout.logs()).step(|| format!("making {}", layout.logs().display()))?;
    let text = serde_json::to_vec_pretty(options).expect("plain data");
    fs::write(layout.options(), text).step(|| format!("writing {}", layout.options().display()))?;
    let step = || format!("locking {}", layout.users_lock().display());
    let users = File::create(layout.users_lock()).step(step)?;
    users.lock_shared().step(step)?;
    Ok(users)
}

fn spawn_supervisor(layout: &Layout, detached: bool) -> Result<(Child, Option<StartEvent>), BedError> {
    let program = program()?;
    let path = layout.log("supervisor");
    let log = File::create(&path).step(|| format!("making {}", path.display()))?;
    let mut command = Command::new(&program);
    command.arg("supervise").arg("--scratch").arg(layout.scratch());
    if detached {
        command.arg("--detached").stdin(Stdio::null());
    } else {
        command.stdin(Stdio::piped());
    }
    command.current_dir("/").stdout(Stdio::piped()).stderr(log);
    let mut supervisor = command.spawn().step(|| format!("starting {}", program.display()))?;
    let stdout = supervisor.stdout.take().expect("it is piped");
    let mut line = String::new();
    BufReader::new(stdout)
        .read_line(&mut line)
        .step(|| "reading from the bed's supervisor".to_owned())?;
    if line.is_empty() {
        return Ok((supervisor, None));
    }
    let event = serde_json::from_str(&line).map_err(|error| BedError::Answer {
        step: "starting the bed's supervisor".to_owned(),
        body: format!("{line}: {error}"),
    })?;
    Ok((supervisor, Some(event)))
}

/// The program beside this one: itself, or for a test in `target/debug/deps` the one in `target/debug`.
pub(super) fn program() -> Result<PathBuf, BedError> {
    let this = std::env::current_exe().step(|| "finding this program".to_owned())?;
    let folders = this.ancestors().skip(1).take(2);
    folders
        .map(|folder| folder.join(PROGRAM))
        .find(|program| program.is_file())
        .ok_or(BedError::MissingTool {
            tool: PROGRAM,
            remedy: "build it: cargo build --workspace --bins",
        })
}

/// The folder of all beds of this user: short, since a socket's path must be.
pub(super) fn root() -> Result<PathBuf, BedError> {
    let uid = rustix::process::getuid().as_raw();
    let root = std::env::temp_dir().join(format!("selvedge-bed-{uid}"));
    let step = || format!("making the beds' folder {}", root.display());
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&root)
        .step(step)?;
    let found = fs::symlink_metadata(&root).step(step)?;
    if !found.is_dir() || found.uid() != uid || found.mode() & 0o077 != 0 {
        let source = std::io::Error::other("it is there, and not this user's private folder: set TMPDIR to another");
        return Err(BedError::Io { step: step(), source });
    }
    Ok(root)
}

/// Ends what a killed supervisor left, its containers, and keeps only its logs; of all kept logs the newest stay.
pub(super) fn sweep(root: &Path) -> Result<(), BedError> {
    let lock_path = root.join("sweep.lock");
    let lock = File::create(&lock_path).step(|| format!("making {}", lock_path.display()))?;
    lock.lock().step(|| format!("locking {}", lock_path.display()))?;
    let entries = fs::read_dir(root).step(|| format!("listing {}", root.display()))?;
    let mut kept = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        let layout = Layout::new(&path);
        if layout.alive_lock().exists() && !is_alive(&layout) {
            kill_processes_in(&path);
            fs::write(layout.keep(), "").step(|| format!("keeping the logs in {}", path.display()))?;
            cleanup::clean(&layout)?;
        }
        if layout.keep().exists() && !layout.alive_lock().exists() {
            kept.push((fs::metadata(layout.keep()).and_then(|keep| keep.modified()).ok(), path));
        }
    }
    kept.sort();
    kept.iter()
        .rev()
        .skip(KEPT_BEDS)
        .try_for_each(|(_, path)| cleanup::remove(path))
}

/// A container works in a directory of its bed, and so does what it has started.
fn kill_processes_in(scratch: &Path) {
    for process in procfs::process::all_processes().into_iter().flatten().flatten() {
        let is_inside = process.cwd().is_ok_and(|cwd| cwd.starts_with(scratch));
        if let Some(pid) = rustix::process::Pid::from_raw(process.pid).filter(|_| is_inside) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}
