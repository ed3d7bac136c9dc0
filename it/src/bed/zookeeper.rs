//! A ZooKeeper of a test's own, without a cluster around it: ready within a second or two.

use std::fs::{self, File};
use std::process::{Child, Command};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::daemon::Daemon;
use super::distribution::{Distribution, java_home};
use super::error::{BedError, Step};
use super::owner::program;
use super::ports::Ports;
use super::version::HadoopVersion;
use crate::wait;

/// Sessions may be as short as twice this.
const TICK_MS: u32 = 250;
const READY_WITHIN: Duration = Duration::from_secs(120);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A running server. Killed when it is dropped, and with the thread that has started it.
#[derive(Debug)]
pub struct ZooKeeper {
    server: Child,
    address: String,
    _scratch: TempDir,
    _ports: Ports,
}

impl ZooKeeper {
    /// Starts a server, and returns when it answers. To be called on the test's own thread.
    pub async fn start() -> Result<Self, BedError> {
        let distribution = Distribution::fetch(HadoopVersion::default())?;
        let scratch = tempfile::tempdir().step(|| "making a folder for ZooKeeper".to_owned())?;
        let mut ports = Ports::reserve(1)?;
        let port = ports.next();
        let (data, cfg) = (scratch.path().join("data"), scratch.path().join("zoo.cfg"));
        let text = format!(
            "dataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\ntickTime={TICK_MS}\n\
             minSessionTimeout={}\nadmin.enableServer=false\n4lw.commands.whitelist=*\n",
            data.display(),
            2 * TICK_MS
        );
        fs::write(&cfg, text).step(|| format!("writing {}", cfg.display()))?;
        let log = scratch.path().join("zookeeper.log");
        let log = File::create(&log).step(|| format!("making {}", log.display()))?;
        let errors = log.try_clone().step(|| "using the log twice".to_owned())?;
        let mut command = Command::new(program()?);
        command
            .args(["exec", "--parent", &std::process::id().to_string(), "--"])
            .arg(java_home()?.join("bin/java"))
            .args(["-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"])
            .arg(distribution.class_path(scratch.path()))
            .arg(Daemon::ZooKeeper.main_class())
            .arg(&cfg)
            .current_dir(scratch.path())
            .stdout(log)
            .stderr(errors);
        let server = command.spawn().step(|| "starting ZooKeeper".to_owned())?;
        let zookeeper = Self {
            server,
            address: format!("127.0.0.1:{port}"),
            _scratch: scratch,
            _ports: ports,
        };
        let ready = wait::until("ZooKeeper to answer", READY_WITHIN, || is_well(&zookeeper.address)).await;
        ready.map_err(|error| BedError::Supervisor {
            message: error.to_string(),
            logs: zookeeper._scratch.path().to_owned(),
        })?;
        Ok(zookeeper)
    }

    /// `host:port`.
    #[must_use]
    pub fn quorum(&self) -> &str {
        &self.address
    }

    /// Stops the server where it stands: connections stay open, nothing is answered.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let raw = i32::try_from(self.server.id()).expect("Linux's process ids are small");
        let pid = Pid::from_raw(raw).expect("a process id is not zero");
        kill_process(pid, signal).expect("the server runs until it is dropped");
    }
}

impl Drop for ZooKeeper {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Whether a server says that it is well.
pub(super) async fn is_well(address: &str) -> Result<(), String> {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"ruok").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    match tokio::time::timeout(ANSWER_WITHIN, ask).await {
        Ok(Ok(answer)) if answer == "imok" => Ok(()),
        Ok(other) => Err(format!("ZooKeeper says {other:?}")),
        Err(_) => Err("ZooKeeper says nothing".to_owned()),
    }
}
