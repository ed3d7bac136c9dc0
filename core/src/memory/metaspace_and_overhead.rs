//! What a process needs beside total Flink memory, the same for master and worker.

use std::borrow::Cow;

use super::arithmetic::{RangeFraction, RangeFractionOptions, rest, sum};
use super::error::MemoryProblem;
use crate::config::{ConfigError, ConfigOption};
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
    /// An older form of the total, in mebibytes.
    pub(super) heap_mb: ConfigOption<i32>,
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
    /// The configuration with the older forms of the total process memory said in the newer one, as on YARN. They count only
    /// where the newer form is absent, and are read before anything else.
    pub(super) fn without_older_forms<'a>(
        &self,
        configuration: &'a Configuration,
    ) -> Result<Cow<'a, Configuration>, MemoryProblem> {
        if configuration.contains(&self.total_process) {
            if configuration.text(self.total_process.key()).is_none() {
                configuration.find(&self.total_process)?;
            }
            return Ok(Cow::Borrowed(configuration));
        }
        let Some(mebibytes) = configuration.find(&self.heap_mb)? else {
            return Ok(Cow::Borrowed(configuration));
        };
        let mebibytes = u64::try_from(mebibytes).map_err(|_| ConfigError::Invalid {
            key: self.heap_mb.key().to_owned(),
            reason: format!(
                "'{mebibytes}' mebibytes are less than nothing; write {} instead, with a unit",
                self.total_process.key()
            ),
        })?;
        let mut newer = configuration.clone();
        newer.set(&self.total_process, &MemorySize::from_mebibytes(mebibytes));
        Ok(Cow::Owned(newer))
    }

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
        let overhead = RangeFraction::read(configuration, &self.overhead)?.of(process)?;
        let flink = rest(process, sum([metaspace, overhead])?).ok_or_else(|| MemoryProblem::ProcessBelowOverhead {
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
        let inner = sum([flink, metaspace])?;
        let Some(process) = configuration.find(&self.total_process)? else {
            let overhead = RangeFraction::read(configuration, &self.overhead)?.beside(inner)?;
            sum([inner, overhead])?;
            return Ok(MetaspaceAndOverhead { metaspace, overhead });
        };
        let overhead = rest(process, inner).ok_or_else(|| MemoryProblem::ProcessBelowFlink {
            process,
            flink,
            metaspace,
            key: self.total_process.key(),
        })?;
        let range = RangeFraction::read(configuration, &self.overhead)?;
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
