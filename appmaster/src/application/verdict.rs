//! How an application ends, by the ends of its jobs. Pure.

use selvedge_core::status::{ApplicationStatus, JobStatus};

use crate::dispatcher::{ClusterEnd, end_of};
use crate::jobmaster::JobResult;

/// The first job that has not FINISHED decides; of several that have, their number is told. There is at least one.
pub(super) fn of(results: &[JobResult]) -> ClusterEnd {
    let unfinished = results.iter().find(|result| result.status != JobStatus::Finished);
    match (unfinished, results) {
        (Some(result), _) => end_of(result),
        (None, [only]) => end_of(only),
        (None, all) => ClusterEnd {
            status: ApplicationStatus::Succeeded,
            diagnostics: format!("all {} jobs FINISHED", all.len()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use selvedge_core::JobId;

    use super::*;

    fn result(number: u8, status: JobStatus) -> JobResult {
        JobResult {
            job_id: JobId::from_bytes([number; 16]),
            status,
            net_runtime_ms: 1,
            cause: None,
            accumulators: BTreeMap::new(),
        }
    }

    #[test]
    fn an_application_ends_as_the_first_of_its_jobs_that_has_not_finished() {
        use JobStatus::{Canceled, Failed, Finished};
        for (statuses, status, told) in [
            (&[Finished][..], ApplicationStatus::Succeeded, "0101"),
            (
                &[Finished, Finished],
                ApplicationStatus::Succeeded,
                "all 2 jobs FINISHED",
            ),
            (&[Finished, Failed], ApplicationStatus::Failed, "0202"),
            (&[Canceled], ApplicationStatus::Canceled, "CANCELED"),
            (&[Finished, Canceled, Failed], ApplicationStatus::Canceled, "0202"),
        ] {
            let results = (1..).zip(statuses).map(|(number, status)| result(number, *status));
            let end = of(&results.collect::<Vec<_>>());
            assert_eq!(end.status, status, "{statuses:?}");
            assert!(end.diagnostics.contains(told), "{}", end.diagnostics);
            assert!(!end.is_fault());
        }
    }
}
