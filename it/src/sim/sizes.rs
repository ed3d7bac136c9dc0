//! Jobs whose slots are larger than a usual worker: YARN is asked for workers of two sizes at once.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::plan::JobPlan;

/// In half of the seeds in which there is room for it, one job beside others has large slots. Drawn apart, as the scheduler is.
///
/// There is room where workers have one slot: a worker for a large slot takes the place of one usual worker, whose managed
/// memory it does without. A job that is too large would take the places of all.
pub(super) fn choose_large(seed: u64, slots: u32, jobs: &mut [JobPlan]) {
    let is_due = StdRng::seed_from_u64(!seed.rotate_left(3)).random_bool(0.5);
    let is_room = slots == 1 && jobs.len() > 1 && jobs.iter().all(|job| !job.is_too_large);
    if is_due
        && is_room
        && let Some(job) = jobs.iter_mut().find(|job| !job.is_streaming)
    {
        job.is_large = true;
    }
}

/// What a job with large slots says of them.
pub(crate) fn large_slots() -> Value {
    json!({"default": {"cpu_cores": 1.0, "task_heap": "600m"}})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use selvedge_core::job_graph::ResourceSpec;
    use selvedge_core::resource::WorkerResourceSpec;
    use selvedge_core::{Configuration, TaskExecutorProcessSpec};

    use super::super::plan::Plan;
    use super::super::settings::{WORKER_MEMORY_MB, configuration};
    use super::*;

    fn large(plan: &Plan) -> usize {
        plan.jobs.iter().filter(|job| job.is_large).count()
    }

    #[test]
    fn some_seeds_have_two_sizes_and_all_others_one() {
        let plans: Vec<_> = (0..2000).map(Plan::draw).collect();
        assert!(plans.iter().filter(|plan| large(plan) == 1).count() > 100);
        for plan in plans.iter().filter(|plan| large(plan) > 0) {
            assert!(large(plan) < plan.jobs.len() && plan.slots == 1, "{plan:?}");
        }
    }

    #[test]
    fn a_large_slot_has_no_room_in_a_usual_worker_and_its_own_worker_takes_the_place_of_one() {
        let settings = configuration(1);
        let usual = WorkerResourceSpec::from(&TaskExecutorProcessSpec::derive(&settings).unwrap());
        let stated: BTreeMap<String, ResourceSpec> = serde_json::from_value(large_slots()).unwrap();
        let slot = stated["default"].profile().unwrap();
        assert_eq!(usual.total.checked_sub(&slot), None);
        let without_size = settings
            .iter()
            .filter(|(key, _)| *key != "taskmanager.memory.process.size");
        let without_size: Configuration = without_size.collect();
        let own = TaskExecutorProcessSpec::for_worker(&without_size, &usual.alone_for(&slot)).unwrap();
        let memory = own.total_process().mebibytes();
        assert!(memory < WORKER_MEMORY_MB && 2 * memory > WORKER_MEMORY_MB, "{memory}");
    }
}
