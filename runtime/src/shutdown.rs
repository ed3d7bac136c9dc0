//! A watch over the end of a process: one that hangs is ended, with a line that names the service that does not end.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// The exit code of a process whose shutdown hung: that of timeout(1).
pub const EXIT_SHUTDOWN_HANGS: u8 = 124;

/// How far the shutdown is; cheap to clone. Told by who ends services, watched by a thread of its own: the runtime's may be
/// what hangs.
#[derive(Debug, Clone, Default)]
pub struct ShutdownWatch(Arc<(Mutex<Stage>, Condvar)>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Running,
    Ending(&'static str),
    Ended,
}

impl ShutdownWatch {
    /// This service is being ended now.
    pub fn ending(&self, service: &'static str) {
        self.set(Stage::Ending(service));
    }

    /// All services have ended.
    pub fn ended(&self) {
        self.set(Stage::Ended);
    }

    fn set(&self, stage: Stage) {
        *self.0.0.lock() = stage;
        self.0.1.notify_all();
    }

    /// From now on a shutdown that takes longer than this ends the process, with [`EXIT_SHUTDOWN_HANGS`].
    pub fn guard(&self, patience: Duration) {
        let watch = self.clone();
        std::thread::spawn(move || {
            if let Some(service) = watch.hangs(patience) {
                let line = format!(
                    "the shutdown hangs at {service} for more than {patience:?} (cluster.services.shutdown-timeout): this \
                     process ends with exit code {EXIT_SHUTDOWN_HANGS}"
                );
                tracing::error!("{line}");
                // Without standard error there is nobody left to tell.
                let _ = writeln!(std::io::stderr(), "{line}");
                std::process::exit(EXIT_SHUTDOWN_HANGS.into());
            }
        });
    }

    /// Blocks until a shutdown has begun and has either ended, or not within this time: then the service at which it is.
    fn hangs(&self, patience: Duration) -> Option<&'static str> {
        let (stage, changed) = &*self.0;
        let mut stage = stage.lock();
        while *stage == Stage::Running {
            changed.wait(&mut stage);
        }
        let deadline = crate::clock::thread_now() + patience;
        while *stage != Stage::Ended {
            if changed.wait_until(&mut stage, deadline).timed_out() {
                break;
            }
        }
        match *stage {
            Stage::Ending(service) => Some(service),
            Stage::Running | Stage::Ended => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shutdown_that_hangs_names_the_service() {
        let watch = ShutdownWatch::default();
        watch.ending("the ResourceManager");
        watch.ending("the REST endpoint");
        assert_eq!(watch.hangs(Duration::from_millis(5)), Some("the REST endpoint"));
    }

    #[test]
    fn one_that_ends_is_left_alone() {
        let watch = ShutdownWatch::default();
        let watching = std::thread::spawn({
            let watch = watch.clone();
            move || watch.hangs(Duration::from_secs(60))
        });
        watch.ending("the REST endpoint");
        watch.ended();
        assert_eq!(watching.join().unwrap(), None);
    }
}
