//! Logs: a rolled file for a process of the cluster, standard error for the client.
//!
//! A line has the time in UTC with milliseconds, the level, the spans around it with their fields (`job{id=…}`), the
//! component as target, the message and its fields. Components open their spans once, at the head of their task.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use parking_lot::Mutex;
use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::util::SubscriberInitExt;

use crate::clock::{Clock, SystemClock};

/// The environment variable that changes what the client logs: `debug`, or `info,selvedge_runtime=trace`.
pub const CLIENT_LEVEL_VARIABLE: &str = "SELVEDGE_LOG";

/// What the log of a process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFiles {
    /// Where; on YARN the container's log directory.
    pub directory: PathBuf,
    /// The name without `.log`: `jobmanager`, `taskmanager`.
    pub base_name: String,
    /// `env.log.level`: error, warn, info, debug, trace, off, or directives such as `info,selvedge_runtime=trace`.
    pub level: String,
    /// `env.log.max`: how many rolled files are kept beside the present one, as `<base_name>.log.1` and up.
    pub max_files: u32,
    /// `selvedge.log.max-size`: after how many bytes the file is rolled; lines are never cut.
    pub max_bytes: u64,
}

/// Where a process logs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHandle {
    path: PathBuf,
}

impl LogHandle {
    /// The present log file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory that holds it, its rolled files, and on YARN the standard streams.
    pub fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }
}

/// Logging that cannot be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoggingError {
    /// The file cannot be written.
    #[error("cannot write the log file {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The level is none.
    #[error("'{level}' is not a log level: {reason}; write error, warn, info, debug, trace or off")]
    Level {
        /// What was configured.
        level: String,
        /// Why.
        reason: String,
    },
    /// Something else set up logging before.
    #[error("logging is set up already in this process")]
    SetUpAlready,
}

/// Logs of this process go to a rolled file from now on, panics too.
pub fn init_process(files: &LogFiles) -> Result<LogHandle, LoggingError> {
    let (subscriber, handle) = process_subscriber(files)?;
    subscriber.try_init().map_err(|_| LoggingError::SetUpAlready)?;
    log_panics();
    Ok(handle)
}

/// Logs of this process go to standard error from now on, where that is a terminal in `colors`; `SELVEDGE_LOG`, where it is
/// set, counts before `level`.
pub fn init_client(level: &str, colors: bool) -> Result<(), LoggingError> {
    let set = std::env::var(CLIENT_LEVEL_VARIABLE).ok();
    let level = set.as_deref().filter(|set| !set.trim().is_empty()).unwrap_or(level);
    tracing_subscriber::fmt()
        .with_env_filter(filter(level)?)
        .with_timer(UtcMillis)
        .with_ansi(colors && io::stderr().is_terminal())
        .with_writer(io::stderr)
        .finish()
        .try_init()
        .map_err(|_| LoggingError::SetUpAlready)
}

fn process_subscriber(files: &LogFiles) -> Result<(impl Subscriber + Send + Sync + 'static, LogHandle), LoggingError> {
    let path = files.directory.join(format!("{}.log", files.base_name));
    let filter = filter(&files.level)?;
    // The rolling writer would panic where it cannot make the directory, and be silent where it cannot open the file.
    std::fs::create_dir_all(&files.directory)
        .and_then(|()| std::fs::OpenOptions::new().create(true).append(true).open(&path))
        .map_err(|source| LoggingError::File {
            path: path.clone(),
            source,
        })?;
    let max_bytes = usize::try_from(files.max_bytes).unwrap_or(usize::MAX).max(1);
    let rotate = FileRotate::new(
        &path,
        AppendCount::new(usize::try_from(files.max_files).unwrap_or(usize::MAX)),
        ContentLimit::BytesSurpassed(max_bytes),
        Compression::None,
        None,
    );
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(UtcMillis)
        .with_ansi(false)
        .with_writer(RolledFile(Arc::new(Mutex::new(rotate))))
        .finish();
    Ok((subscriber, LogHandle { path }))
}

/// Libraries that drown everything else below this level, unless a directive names them.
const CHATTY: &[&str] = &[
    "h2",
    "hyper",
    "hyper_util",
    "tower",
    "tonic",
    "rustls",
    "reqwest",
    "hdfs_native",
    "mio",
    "zookeeper_client",
];

fn filter(level: &str) -> Result<EnvFilter, LoggingError> {
    let fail = |reason: String| LoggingError::Level {
        level: level.to_owned(),
        reason,
    };
    let level = level.trim();
    let lower = level.to_ascii_lowercase();
    let verbose = matches!(lower.as_str(), "debug" | "trace");
    let directives = match verbose {
        true => std::iter::once(level.to_owned())
            .chain(CHATTY.iter().map(|library| format!("{library}=info")))
            .collect::<Vec<_>>()
            .join(","),
        false => level.to_owned(),
    };
    // A word alone would be read as the name of a target.
    let is_level = verbose || matches!(lower.as_str(), "error" | "warn" | "info" | "off");
    if !is_level && !level.contains('=') {
        return Err(fail("unknown".to_owned()));
    }
    EnvFilter::builder()
        .parse(directives)
        .map_err(|error| fail(error.to_string()))
}

struct UtcMillis;

impl FormatTime for UtcMillis {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", SystemClock.wall())
    }
}

/// Each line goes out in one write, at once: what was logged before a crash is there.
#[derive(Clone)]
struct RolledFile(Arc<Mutex<FileRotate<AppendCount>>>);

impl Write for RolledFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().flush()
    }
}

impl<'a> MakeWriter<'a> for RolledFile {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The default hook still prints to standard error, which is another file.
fn log_panics() {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload_as_str().unwrap_or("no message");
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        tracing::error!(thread = thread.name().unwrap_or("unnamed"), %location, "panic: {message}");
        previous(panic);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(directory: &Path, level: &str) -> LogFiles {
        LogFiles {
            directory: directory.to_owned(),
            base_name: "taskmanager".to_owned(),
            level: level.to_owned(),
            max_files: 2,
            max_bytes: 200,
        }
    }

    #[test]
    fn a_line_has_time_level_component_spans_and_message() {
        let directory = tempfile::tempdir().unwrap();
        let (subscriber, handle) = process_subscriber(&files(&directory.path().join("logs"), "info")).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let _job = tracing::info_span!("job", id = "00ff").entered();
            tracing::info!(target: "selvedge::task", records = 3, "finished");
            tracing::debug!("not shown");
        });
        let text = std::fs::read_to_string(handle.path()).unwrap();
        let (time, rest) = text.trim_end().split_once(' ').unwrap();
        humantime::parse_rfc3339(time).unwrap();
        assert_eq!(time.len(), "2026-01-01T00:00:00.000Z".len());
        assert_eq!(
            rest.trim_start(),
            "INFO job{id=\"00ff\"}: selvedge::task: finished records=3"
        );
        assert_eq!(handle.path(), handle.directory().join("taskmanager.log"));
    }

    #[test]
    fn a_full_file_is_rolled_between_lines_and_old_ones_go() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("taskmanager.log"), "from before\n").unwrap();
        let (subscriber, _) = process_subscriber(&files(directory.path(), "info")).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            for number in 0..20 {
                tracing::info!(number, "{}", "x".repeat(50));
            }
        });
        let mut names: Vec<_> = std::fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["taskmanager.log", "taskmanager.log.1", "taskmanager.log.2"]);
        let texts = names
            .iter()
            .map(|name| std::fs::read_to_string(directory.path().join(name)).unwrap());
        let lines: Vec<_> = texts
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        assert!(
            lines
                .iter()
                .all(|line| line.contains("INFO") && line.contains("number=")),
            "{lines:?}"
        );
        assert!(lines.iter().any(|line| line.contains("number=19")), "{lines:?}");
    }

    #[test]
    fn an_existing_log_is_continued() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("taskmanager.log"), "from before\n").unwrap();
        let (subscriber, handle) = process_subscriber(&files(directory.path(), "warn")).unwrap();
        tracing::subscriber::with_default(subscriber, || tracing::warn!("more"));
        let text = std::fs::read_to_string(handle.path()).unwrap();
        assert!(text.starts_with("from before\n") && text.contains("more"), "{text}");
    }

    #[test]
    fn a_panic_is_in_the_log() {
        let directory = tempfile::tempdir().unwrap();
        let (subscriber, handle) = process_subscriber(&files(directory.path(), "error")).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            log_panics();
            std::panic::catch_unwind(|| panic!("out of {}", "luck")).unwrap_err();
        });
        let text = std::fs::read_to_string(handle.path()).unwrap();
        assert!(
            text.contains("panic: out of luck") && text.contains("logging.rs"),
            "{text}"
        );
    }

    #[test]
    fn levels_are_checked() {
        for level in ["info", "DEBUG", "off", " warn ", "info,selvedge_runtime=trace"] {
            filter(level).unwrap();
        }
        for level in ["", "loud", "info=loud"] {
            let message = filter(level).unwrap_err().to_string();
            assert!(message.contains(&format!("'{level}'")), "{message}");
        }
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = process_subscriber(&files(&file, "info"))
            .map(|(_, handle)| handle)
            .unwrap_err();
        assert!(error.to_string().contains("taskmanager.log"), "{error}");
    }
}
