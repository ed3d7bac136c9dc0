//! What is deployed when: the scheduler that `jobmanager.scheduler` names. Pure.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::Configuration;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::jobmanager::SCHEDULER;
use selvedge_core::job_graph::{JobGraph, JobType};
use tokio::time::Instant;

use super::adaptive::{Adaptive, AdaptiveSettings, is_reactive};
use super::execution_graph::TaskIndex;
use super::regions::Regions;
use super::slot_pool::SlotPool;
use super::slot_sharing::SlotSharing;
use super::waiting::WaitingRegions;

/// Decides when SCHEDULED tasks get their slots.
pub(super) trait Scheduler: Debug + Send {
    /// These tasks wait for slots from now on.
    fn schedule(&mut self, tasks: &[TaskIndex], now: Instant);

    /// These tasks wait no longer.
    fn withdraw(&mut self, tasks: &[TaskIndex]);

    /// The tasks that can be deployed now. Their slots are reserved.
    fn deployable(&mut self, pool: &mut SlotPool) -> Vec<TaskIndex>;

    /// Tasks that have waited for slots for too long. They wait no longer.
    fn timed_out(&mut self, pool: &SlotPool, now: Instant) -> Vec<TaskIndex>;

    /// All tasks that wait for slots. They wait no longer.
    fn give_up(&mut self) -> Vec<TaskIndex>;

    /// When [`Self::timed_out`] is to be called.
    fn deadline(&self) -> Option<Instant>;
}

/// The schedulers that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchedulerKind {
    /// Each pipelined region is deployed when it has all its slots.
    Default,
    /// A streaming job runs with the slots that there are; a batch job as under the default scheduler.
    Adaptive(AdaptiveSettings),
}

impl SchedulerKind {
    /// Reads `jobmanager.scheduler`.
    ///
    /// # Errors
    /// A name that no scheduler has, or one of Flink's that is not offered.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let name = configuration.get(&SCHEDULER)?;
        if name.eq_ignore_ascii_case("Adaptive") || is_reactive(configuration)? {
            return Ok(Self::Adaptive(AdaptiveSettings::read(configuration)?));
        }
        if name.eq_ignore_ascii_case("Default") {
            return Ok(Self::Default);
        }
        Err(ConfigError::Invalid {
            key: SCHEDULER.key().to_owned(),
            reason: format!("there is no scheduler '{name}'; write Default or Adaptive"),
        })
    }

    /// How the adaptive scheduler runs this job; `None` where it does not.
    pub(crate) fn adaptive(self, graph: &JobGraph) -> Option<AdaptiveSettings> {
        match self {
            Self::Adaptive(settings) if Adaptive::takes(graph) => Some(settings),
            _ => None,
        }
    }

    /// What deploys tasks as their slots come; under the adaptive scheduler, all slots of a graph are there.
    pub(super) fn make(
        self,
        graph: &JobGraph,
        sharing: &Arc<SlotSharing>,
        slot_timeout: Duration,
    ) -> Box<dyn Scheduler> {
        match self {
            Self::Default | Self::Adaptive(_) => Box::new(DefaultScheduler::new(graph, sharing.clone(), slot_timeout)),
        }
    }
}

/// Deploys a pipelined region as soon as all its slots are there, whatever the other regions wait for.
#[derive(Debug)]
pub(super) struct DefaultScheduler {
    regions: Regions,
    waiting: WaitingRegions,
    slot_timeout: Duration,
    /// Whether slots come free again by themselves, as the tasks in them end.
    slots_come_free: bool,
}

impl DefaultScheduler {
    fn new(graph: &JobGraph, sharing: Arc<SlotSharing>, slot_timeout: Duration) -> Self {
        let regions = Regions::of(graph, false);
        Self {
            waiting: WaitingRegions::new(&regions, sharing),
            regions,
            slot_timeout,
            slots_come_free: graph.job_type() == JobType::Batch,
        }
    }
}

impl Scheduler for DefaultScheduler {
    fn schedule(&mut self, tasks: &[TaskIndex], now: Instant) {
        for region in self.regions.numbers_of(tasks) {
            self.waiting.insert(region, now);
        }
    }

    fn withdraw(&mut self, tasks: &[TaskIndex]) {
        for region in self.regions.numbers_of(tasks) {
            self.waiting.remove(region);
        }
    }

    fn deployable(&mut self, pool: &mut SlotPool) -> Vec<TaskIndex> {
        let mut tasks = Vec::new();
        while let Some(region) = self.waiting.ready(pool)
            && pool.reserve(self.waiting.places(region))
        {
            self.waiting.remove(region);
            tasks.extend_from_slice(self.regions.tasks(region));
        }
        tasks
    }

    fn timed_out(&mut self, pool: &SlotPool, now: Instant) -> Vec<TaskIndex> {
        let Some(then) = now.checked_sub(self.slot_timeout) else {
            return Vec::new();
        };
        let mut tasks = Vec::new();
        for region in self.waiting.since(then) {
            if self.slots_come_free && pool.could_fill(self.waiting.places(region)) {
                // Its turn comes when others have ended.
                self.waiting.insert(region, now);
            } else {
                self.waiting.remove(region);
                tasks.extend_from_slice(self.regions.tasks(region));
            }
        }
        tasks
    }

    fn give_up(&mut self) -> Vec<TaskIndex> {
        let waiting = self.waiting.take_all().into_iter();
        waiting.flat_map(|region| self.regions.tasks(region)).copied().collect()
    }

    fn deadline(&self) -> Option<Instant> {
        self.waiting.longest().map(|since| since + self.slot_timeout)
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::job_graph::Partitioner;
    use selvedge_core::resource::ProfileSpec;
    use selvedge_core::{AllocationId, MemorySize};

    use super::*;
    use crate::jobmaster::execution_graph::{Layout, TaskLocation};
    use crate::jobmaster::slot_pool::OfferedSlot;
    use crate::testing::word_count;

    #[test]
    fn thousands_of_regions_are_not_all_looked_at_whenever_a_slot_comes() {
        const REGIONS: u32 = 20_000;
        let mut graph = word_count(REGIONS);
        graph.edges[0].partitioner = Partitioner::Forward;
        let sharing = Arc::new(SlotSharing::of(&graph, |_| MemorySize::from_bytes(0)));
        let (timeout, now) = (Duration::from_secs(300), Instant::now());
        let mut pool = SlotPool::new(sharing.clone(), timeout);
        let mut scheduler = SchedulerKind::Default.make(&graph, &sharing, timeout);
        let all: Vec<_> = Layout::of(&graph).tasks().collect();
        scheduler.schedule(&all, now);
        let mut deployed = 0;
        for number in 0..REGIONS {
            let mut allocation = [0; 16];
            allocation[..4].copy_from_slice(&number.to_be_bytes());
            let location = TaskLocation {
                resource_id: "a".into(),
                host: "node".to_owned(),
                data_address: "node:1".to_owned(),
                allocation_id: AllocationId::from_bytes(allocation),
            };
            let offered = OfferedSlot {
                location: Arc::new(location),
                slot_index: number,
                profile: ProfileSpec::Infinite,
            };
            assert!(pool.offer(offered, now));
            deployed += scheduler.deployable(&mut pool).len();
            assert!(scheduler.deadline().is_none_or(|deadline| deadline == now + timeout));
        }
        assert_eq!((deployed, scheduler.deadline()), (all.len(), None));
        assert_eq!(pool.reservations, REGIONS as usize, "only those that get their slots");
    }

    #[test]
    fn a_scheduler_that_is_not_there_is_refused_by_key_and_value() {
        let read = |name: &str| {
            let mut configuration = Configuration::new();
            configuration.set_text("jobmanager.scheduler", name);
            SchedulerKind::read(&configuration)
        };
        assert_eq!(SchedulerKind::read(&Configuration::new()), Ok(SchedulerKind::Default));
        assert_eq!(read("default"), Ok(SchedulerKind::Default));
        assert!(matches!(read("adaptive"), Ok(SchedulerKind::Adaptive(_))));
        for name in ["AdaptiveBatch", "Fastest"] {
            let error = read(name).unwrap_err().to_string();
            assert!(
                error.contains("jobmanager.scheduler") && error.contains(name),
                "{error}"
            );
        }
    }
}
