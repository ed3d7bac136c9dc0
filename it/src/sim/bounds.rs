//! Bounds that a user gives a job while it runs: the adaptive scheduler rescales it to them.

use std::collections::VecDeque;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::plan::JobPlan;

/// Within so much time after its submission a job gets new bounds.
const CHANGING: Duration = Duration::from_secs(10);

/// New bounds of all vertices of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewBounds {
    pub(crate) at: Duration,
    pub(crate) lower: u32,
    /// At most what the job is submitted with: there is room for so many.
    pub(crate) upper: u32,
}

impl NewBounds {
    fn draw(rng: &mut StdRng, job: &JobPlan) -> Self {
        let upper = rng.random_range(1..=job.parallelism);
        Self {
            at: job.at + Duration::from_millis(rng.random_range(0..CHANGING.as_millis() as u64)),
            lower: rng.random_range(1..=upper),
            upper,
        }
    }

    /// The body of the request.
    pub(crate) fn body(self) -> Value {
        let vertex = json!({"parallelism": {"lowerBound": self.lower, "upperBound": self.upper}});
        json!({"source": vertex, "sink": vertex})
    }
}

/// Half of the streaming jobs get new bounds, once or twice. Drawn apart, as the scheduler is.
pub(super) fn draw_bounds(seed: u64, jobs: &mut [JobPlan]) {
    let mut rng = StdRng::seed_from_u64(!seed.rotate_left(2));
    for job in jobs.iter_mut().filter(|job| job.is_streaming) {
        let count = if rng.random_bool(0.5) {
            rng.random_range(1..=2)
        } else {
            0
        };
        let mut bounds: Vec<_> = (0..count).map(|_| NewBounds::draw(&mut rng, job)).collect();
        bounds.sort_by_key(|bounds| bounds.at);
        job.bounds = bounds;
    }
}

/// With how many subtasks a user wants each vertex of a job to run, as time passes.
#[derive(Debug)]
pub(crate) struct Wishes {
    /// What the master has been told last.
    parallelism: u32,
    /// What it is to be told.
    coming: VecDeque<NewBounds>,
}

impl Wishes {
    pub(crate) fn of(job: &JobPlan) -> Self {
        Self {
            parallelism: job.parallelism,
            coming: job.bounds.iter().copied().collect(),
        }
    }

    /// Each vertex has so many subtasks where there is room.
    pub(crate) const fn parallelism(&self) -> u32 {
        self.parallelism
    }

    /// What the master is to be told now.
    pub(crate) fn due(&self, now: Duration) -> Option<NewBounds> {
        self.coming.front().copied().filter(|bounds| bounds.at <= now)
    }

    /// The master has answered that it goes by what was due.
    pub(crate) fn granted(&mut self) {
        if let Some(bounds) = self.coming.pop_front() {
            self.parallelism = bounds.upper;
        }
    }

    /// The master knows all.
    pub(crate) fn are_told(&self) -> bool {
        self.coming.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::Plan;
    use super::*;

    #[test]
    fn streaming_jobs_get_new_bounds_and_none_needs_more_than_there_is() {
        let plans: Vec<_> = (0..2000).map(Plan::draw).collect();
        let changed = plans
            .iter()
            .filter(|plan| plan.jobs.iter().any(|job| !job.bounds.is_empty()));
        assert!(changed.count() > 100);
        for job in plans.iter().flat_map(|plan| &plan.jobs) {
            assert!(job.bounds.is_empty() || job.is_streaming, "{job:?}");
            assert!(job.bounds.is_sorted_by_key(|bounds| bounds.at), "{job:?}");
            for bounds in &job.bounds {
                let is_valid = (1..=bounds.upper).contains(&bounds.lower);
                assert!(
                    is_valid && bounds.upper <= job.parallelism && job.at <= bounds.at,
                    "{job:?}"
                );
            }
        }
        let untold = |plan: &Plan| {
            let last = plan.last_disturbance();
            plan.jobs
                .iter()
                .flat_map(|job| &job.bounds)
                .any(|bounds| last < bounds.at)
        };
        assert!(!plans.iter().any(untold), "nothing is calm before all is told");
    }

    #[test]
    fn what_a_user_wants_is_told_in_its_order_and_counts_once_it_is_granted() {
        let bounds = |seconds, upper| NewBounds {
            at: Duration::from_secs(seconds),
            lower: 1,
            upper,
        };
        let mut wishes = Wishes {
            parallelism: 4,
            coming: [bounds(3, 2), bounds(5, 3)].into(),
        };
        assert_eq!(wishes.due(Duration::from_secs(2)), None);
        for (upper, is_last) in [(2, false), (3, true)] {
            assert_eq!(wishes.due(Duration::from_secs(9)).unwrap().upper, upper);
            wishes.granted();
            assert_eq!((wishes.parallelism(), wishes.are_told()), (upper, is_last));
        }
        assert_eq!(wishes.due(Duration::from_secs(9)), None);
    }
}
