//! Which profiles there are: one runs at a time, and so many are kept. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use super::{ProfilingInfo, ProfilingMode, ProfilingStatus};
use crate::clock::Timestamp;

/// The newest is the first; only that one may be running.
#[derive(Debug)]
pub(super) struct History {
    limit: usize,
    profiles: VecDeque<ProfilingInfo>,
}

impl History {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            limit,
            profiles: VecDeque::new(),
        }
    }

    /// A profile that runs from now on; `None` while another does.
    pub(super) fn begin(&mut self, mode: ProfilingMode, duration: Duration, now: Timestamp) -> Option<ProfilingInfo> {
        if self.running().is_some() {
            return None;
        }
        let info = ProfilingInfo {
            status: ProfilingStatus::Running,
            mode,
            trigger_time: now,
            finished_time: None,
            duration: duration.as_secs(),
            message: None,
            output_file: None,
        };
        self.profiles.push_front(info.clone());
        Some(info)
    }

    /// The running one has its file. Told are files that are kept no longer.
    pub(super) fn finish(&mut self, file: String, message: String, now: Timestamp) -> Vec<String> {
        if let Some(info) = self.running() {
            info.status = ProfilingStatus::Finished;
            info.finished_time = Some(now);
            info.message = Some(message);
            info.output_file = Some(file);
        }
        let forgotten = self.profiles.split_off(self.limit.min(self.profiles.len()));
        forgotten.into_iter().filter_map(|info| info.output_file).collect()
    }

    /// The running one comes to nothing. As in Flink, old ones go when one is finished.
    pub(super) fn fail(&mut self, message: String, now: Timestamp) {
        if let Some(info) = self.running() {
            info.status = ProfilingStatus::Failed;
            info.finished_time = Some(now);
            info.message = Some(message);
        }
    }

    pub(super) fn list(&self) -> Vec<ProfilingInfo> {
        self.profiles.iter().cloned().collect()
    }

    pub(super) fn has_file(&self, name: &str) -> bool {
        let mut files = self.profiles.iter().filter_map(|info| info.output_file.as_deref());
        files.any(|file| file == name)
    }

    fn running(&mut self) -> Option<&mut ProfilingInfo> {
        let newest = self.profiles.front_mut();
        newest.filter(|info| info.status == ProfilingStatus::Running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(second: u64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn finished(history: &mut History, number: u64) -> Vec<String> {
        history.begin(ProfilingMode::Cpu, SECOND, at(number)).unwrap();
        history.finish(format!("{number}.pb.gz"), "done".to_owned(), at(number + 1))
    }

    #[test]
    fn one_profile_runs_at_a_time() {
        let mut history = History::new(10);
        let first = history.begin(ProfilingMode::Itimer, 30 * SECOND, at(1)).unwrap();
        assert_eq!((first.status, first.duration), (ProfilingStatus::Running, 30));
        assert_eq!(history.begin(ProfilingMode::Cpu, SECOND, at(2)), None);
        assert_eq!(history.list(), [first]);
        history.fail("broken".to_owned(), at(3));
        let failed = history.list().remove(0);
        assert_eq!(
            (failed.status, failed.finished_time),
            (ProfilingStatus::Failed, Some(at(3)))
        );
        assert_eq!(failed.message.as_deref(), Some("broken"));
        assert!(history.begin(ProfilingMode::Cpu, SECOND, at(4)).is_some());
    }

    #[test]
    fn the_oldest_is_forgotten_with_its_file_when_there_are_too_many() {
        let mut history = History::new(2);
        assert_eq!(finished(&mut history, 1), [""; 0]);
        assert_eq!(finished(&mut history, 2), [""; 0]);
        assert!(history.has_file("1.pb.gz"));
        assert_eq!(finished(&mut history, 3), ["1.pb.gz"]);
        assert!(!history.has_file("1.pb.gz") && history.has_file("2.pb.gz"));
        let times: Vec<_> = history.list().iter().map(|info| info.trigger_time).collect();
        assert_eq!(times, [at(3), at(2)], "the newest first");
    }

    #[test]
    fn a_profile_without_a_file_takes_a_place_and_none_of_another_name() {
        let mut history = History::new(1);
        history.begin(ProfilingMode::Cpu, SECOND, at(1)).unwrap();
        history.fail("broken".to_owned(), at(2));
        assert_eq!(finished(&mut history, 3), [""; 0]);
        assert_eq!(history.list().len(), 1);
        for name in ["", "3", "../3.pb.gz", "./3.pb.gz"] {
            assert!(!history.has_file(name), "{name}");
        }
    }

    #[test]
    fn a_profile_is_told_in_flinks_words() {
        let mut history = History::new(1);
        let running = history.begin(ProfilingMode::Itimer, 5 * SECOND, at(1)).unwrap();
        let told = serde_json::to_value(running).unwrap();
        let expected = serde_json::json!({"status": "RUNNING", "mode": "ITIMER", "triggerTime": 1000, "finishedTime": null,
            "duration": 5, "message": null, "outputFile": null});
        assert_eq!(told, expected);
        for (mode, known) in [
            ("CPU", true),
            ("ITIMER", true),
            ("ALLOC", false),
            ("LOCK", false),
            ("WALL", false),
            ("cpu", false),
        ] {
            let parsed = mode.parse::<ProfilingMode>();
            assert_eq!(parsed.is_ok(), known, "{mode}");
            if let Err(error) = parsed {
                let message = error.to_string();
                assert!(
                    message.contains(&format!("'{mode}': CPU and ITIMER are there")),
                    "{message}"
                );
            }
        }
    }
}
