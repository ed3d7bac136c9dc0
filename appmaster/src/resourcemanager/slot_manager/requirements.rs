//! What jobs need, and what of it they do not have, pure.

use std::collections::BTreeMap;

use selvedge_core::JobId;
use selvedge_core::resource::{ProfileSpec, ResourceProfile};

/// So many slots of one profile.
pub(in crate::resourcemanager) type Need = (ProfileSpec, u32);

/// What one job needs.
#[derive(Debug)]
pub(super) struct JobRequirements {
    /// Jobs get slots in the order in which they first asked.
    order: u64,
    pub(super) needs: Vec<Need>,
    /// The job has been told that it cannot get them.
    pub(super) told: bool,
}

/// What all jobs need.
#[derive(Debug, Default)]
pub(super) struct Requirements {
    jobs: BTreeMap<JobId, JobRequirements>,
    next: u64,
}

impl Requirements {
    /// In place of what the job needed before. Equal profiles are one.
    pub(super) fn declare(&mut self, job_id: JobId, needs: impl IntoIterator<Item = Need>) {
        let mut merged: Vec<Need> = Vec::new();
        for (profile, count) in needs.into_iter().filter(|(_, count)| *count > 0) {
            match merged.iter_mut().find(|(known, _)| *known == profile) {
                Some((_, sum)) => *sum = sum.saturating_add(count),
                None => merged.push((profile, count)),
            }
        }
        let order = self.jobs.get(&job_id).map_or(self.next, |job| job.order);
        self.next += 1;
        let job = JobRequirements {
            order,
            needs: merged,
            told: false,
        };
        self.jobs.insert(job_id, job);
    }

    pub(super) fn remove(&mut self, job_id: &JobId) {
        self.jobs.remove(job_id);
    }

    pub(super) fn get(&self, job_id: &JobId) -> Option<&JobRequirements> {
        self.jobs.get(job_id)
    }

    pub(super) fn get_mut(&mut self, job_id: &JobId) -> Option<&mut JobRequirements> {
        self.jobs.get_mut(job_id)
    }

    /// The jobs in the order in which they get slots.
    pub(super) fn in_order(&self) -> Vec<JobId> {
        let mut jobs: Vec<_> = self.jobs.iter().map(|(job_id, job)| (job.order, *job_id)).collect();
        jobs.sort_unstable();
        jobs.into_iter().map(|(_, job_id)| job_id).collect()
    }
}

/// What is not there of `needs`, and which of the slots that the job has serve none. A slot serves the need for its very
/// profile, else one that leaves the size open.
pub(super) fn compare<'a>(
    needs: &[Need],
    held: impl IntoIterator<Item = &'a ResourceProfile>,
) -> (Vec<Need>, Vec<&'a ResourceProfile>) {
    let mut missing = needs.to_vec();
    let mut surplus = Vec::new();
    for profile in held {
        let exact = |(wanted, count): &&mut Need| {
            *count > 0 && matches!(wanted, ProfileSpec::Exactly(wanted) if wanted == profile)
        };
        let open = |(wanted, count): &&mut Need| *count > 0 && *wanted == ProfileSpec::Unknown;
        let served = match missing.iter_mut().find(exact) {
            Some(need) => Some(need),
            None => missing.iter_mut().find(open),
        };
        match served {
            Some((_, count)) => *count -= 1,
            None => surplus.push(profile),
        }
    }
    missing.retain(|(_, count)| *count > 0);
    (missing, surplus)
}

#[cfg(test)]
mod tests {
    use selvedge_core::MemorySize;

    use super::*;

    fn profile(bytes: u64) -> ResourceProfile {
        ResourceProfile {
            managed: MemorySize::from_bytes(bytes),
            ..ResourceProfile::ZERO
        }
    }

    fn exactly(bytes: u64, count: u32) -> Need {
        (profile(bytes).into(), count)
    }

    #[test]
    fn a_slot_serves_its_very_profile_first_and_then_what_leaves_it_open() {
        let open = |count| (ProfileSpec::Unknown, count);
        for (needs, held, missing, surplus) in [
            (vec![open(2)], vec![1, 2], vec![], vec![]),
            (vec![open(1)], vec![1, 2], vec![], vec![2]),
            (vec![open(1), exactly(1, 1)], vec![1, 1], vec![], vec![]),
            (vec![open(1), exactly(2, 2)], vec![1, 2], vec![exactly(2, 1)], vec![]),
            (vec![exactly(2, 1)], vec![3], vec![exactly(2, 1)], vec![3]),
            (
                vec![(ProfileSpec::Infinite, 1)],
                vec![3],
                vec![(ProfileSpec::Infinite, 1)],
                vec![3],
            ),
            (vec![], vec![1], vec![], vec![1]),
        ] {
            let held: Vec<_> = held.into_iter().map(profile).collect();
            let surplus: Vec<_> = surplus.into_iter().map(profile).collect();
            let compared = compare(&needs, &held);
            assert_eq!(compared, (missing, surplus.iter().collect()), "{needs:?} {held:?}");
        }
    }

    #[test]
    fn a_job_keeps_its_turn_when_it_declares_again_and_equal_profiles_are_one() {
        let job = |byte| JobId::from_bytes([byte; 16]);
        let mut requirements = Requirements::default();
        requirements.declare(job(9), [exactly(1, 1)]);
        requirements.declare(job(1), [exactly(1, 1)]);
        requirements.declare(job(9), [exactly(1, 2), exactly(2, 0), exactly(1, 3)]);
        assert_eq!(requirements.in_order(), [job(9), job(1)]);
        assert_eq!(requirements.get(&job(9)).unwrap().needs, [exactly(1, 5)]);
        requirements.remove(&job(9));
        assert_eq!(requirements.in_order(), [job(1)]);
    }
}
