//! What a process needs beside total Flink memory, the same for master and worker.

use super::arithmetic::{RangeFraction, RangeFractionOptions, rest, sum};
use super::error::MemoryProblem;
use crate::config::ConfigOption;
use crate::{Configuration, MemorySize};

/// JVM metaspace and JVM overhead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MetaspaceAndOverhead {
    pub(super) metaspace: MemorySize,
    pub(super) overhead: MemorySize,
}

/// The options of one kind of process.
pub(super) struct ProcessOptions {
    /// What must be set to derive from the parts.
    pub(super) parts: &'static [ConfigOption<MemorySize>],
    pub(super) total_flink: ConfigOption<MemorySize>,
    pub(super) total_process: ConfigOption<MemorySize>,
    pub(super) metaspace: ConfigOption<MemorySize>,
    pub(super) overhead: RangeFractionOptions,
}

/// What a derivation starts from. The parts win where they are set; the totals are constraints then.
pub(super) enum Basis {
    Parts,
    TotalFlink(MemorySize),
    /// Total Flink memory that a total process memory leaves.
    TotalProcess(MemorySize, MetaspaceAndOverhead),
}

impl ProcessOptions {
    pub(super) fn basis(&self, configuration: &Configuration) -> Result<Basis, MemoryProblem> {
        if self.parts.iter().all(|part| configuration.contains(part)) {
            return Ok(Basis::Parts);
        }
        if let Some(total) = configuration.find(&self.total_flink)? {
            return Ok(Basis::TotalFlink(total));
        }
        if let Some(process) = configuration.find(&self.total_process)? {
            return self.inside_process(configuration, process);
        }
        let parts: Vec<_> = self.parts.iter().map(ConfigOption::key).collect();
        Err(MemoryProblem::NothingConfigured {
            parts: parts.join(" and "),
            total_flink: self.total_flink.key(),
            total_process: self.total_process.key(),
        })
    }

    fn inside_process(&self, configuration: &Configuration, process: MemorySize) -> Result<Basis, MemoryProblem> {
        let metaspace = configuration.get(&self.metaspace)?;
        let overhead = RangeFraction::read(configuration, &self.overhead)?.of(process);
        let flink = rest(process, sum([metaspace, overhead])).ok_or_else(|| MemoryProblem::ProcessBelowOverhead {
            metaspace,
            overhead,
            process,
            key: self.total_process.key(),
        })?;
        Ok(Basis::TotalProcess(flink, MetaspaceAndOverhead { metaspace, overhead }))
    }

    /// What stands beside a known total Flink memory.
    pub(super) fn beside_flink(
        &self,
        configuration: &Configuration,
        flink: MemorySize,
    ) -> Result<MetaspaceAndOverhead, MemoryProblem> {
        let metaspace = configuration.get(&self.metaspace)?;
        let range = RangeFraction::read(configuration, &self.overhead)?;
        let inner = sum([flink, metaspace]);
        let Some(process) = configuration.find(&self.total_process)? else {
            let overhead = range.beside(inner);
            return Ok(MetaspaceAndOverhead { metaspace, overhead });
        };
        let overhead = rest(process, inner).ok_or_else(|| MemoryProblem::ProcessBelowFlink {
            process,
            flink,
            metaspace,
            key: self.total_process.key(),
        })?;
        if !range.contains(overhead) {
            return Err(MemoryProblem::OverheadOutOfRange {
                overhead,
                min: range.min,
                min_key: self.overhead.min.key(),
                max: range.max,
                max_key: self.overhead.max.key(),
            });
        }
        Ok(MetaspaceAndOverhead { metaspace, overhead })
    }
}
