//! Amounts of memory, cores and other resources, and priorities.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a container asks for or has got.
///
/// Its text form is Hadoop's: `<memory:1024, vCores:2, yarn.io/gpu: 1>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Resource {
    /// Memory in MiB.
    pub memory_mb: u64,
    /// Virtual cores.
    pub vcores: u32,
    /// Other resource types by name (`yarn.io/gpu`), each in the unit that the cluster declares for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, u64>,
}

impl Resource {
    /// Memory and cores, nothing else.
    pub const fn new(memory_mb: u64, vcores: u32) -> Self {
        Self {
            memory_mb,
            vcores,
            extra: BTreeMap::new(),
        }
    }

    /// Memory and cores from numbers that may be anything, such as a user's input.
    ///
    /// # Errors
    /// [`ResourceError::NotPositive`] and [`ResourceError::TooLarge`], with the value.
    pub fn checked(memory_mb: i64, vcores: i64) -> Result<Self, ResourceError> {
        let amount = |what: &'static str, value: i64| {
            let amount = u64::try_from(value).ok().filter(|amount| *amount > 0);
            amount.ok_or(ResourceError::NotPositive { what, value })
        };
        let (memory_mb, cores) = (amount("memory", memory_mb)?, amount("number of cores", vcores)?);
        // Hadoop's number of cores is a signed one of 32 bits.
        match i32::try_from(vcores) {
            Ok(_) => Ok(Self::new(memory_mb, cores as u32)),
            Err(_) => Err(ResourceError::TooLarge {
                what: "number of cores",
                value: vcores,
            }),
        }
    }

    /// Whether a cluster with the resource types `known` (`memory-mb`, `vcores`, `yarn.io/gpu` …) understands this. YARN
    /// drops a type that it does not know without a word.
    ///
    /// # Errors
    /// [`ResourceError::UnknownType`].
    pub fn check_types<'a>(&self, known: impl IntoIterator<Item = &'a str>) -> Result<(), ResourceError> {
        let known: Vec<&str> = known.into_iter().collect();
        match self.extra.keys().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => Err(ResourceError::UnknownType {
                name: unknown.clone(),
                known: known.join(", "),
            }),
            None => Ok(()),
        }
    }

    /// The same with `amount` of the resource type `name`.
    #[must_use]
    pub fn with_extra(mut self, name: impl Into<String>, amount: u64) -> Self {
        self.extra.insert(name.into(), amount);
        self
    }

    /// What a scheduler that allocates in multiples of `unit` gives for `self`: memory and cores are rounded up to a multiple,
    /// at least one; a unit of 0 rounds nothing. Hadoop's capacity scheduler takes its least allocation as the unit.
    #[must_use]
    pub fn rounded_up_to(&self, unit: &Resource) -> Self {
        let cores = unit.vcores.max(1);
        let memory = unit.memory_mb.max(1);
        Self {
            memory_mb: self
                .memory_mb
                .max(unit.memory_mb)
                .div_ceil(memory)
                .saturating_mul(memory),
            vcores: self.vcores.max(unit.vcores).div_ceil(cores).saturating_mul(cores),
            extra: self.extra.clone(),
        }
    }

    /// The larger amount of each type.
    #[must_use]
    pub fn at_least(&self, other: &Self) -> Self {
        let mut larger = self.clone();
        larger.memory_mb = larger.memory_mb.max(other.memory_mb);
        larger.vcores = larger.vcores.max(other.vcores);
        for (name, amount) in &other.extra {
            let present = larger.extra.entry(name.clone()).or_insert(*amount);
            *present = (*present).max(*amount);
        }
        larger
    }

    /// Whether every amount of `self` is at most that of `capacity`; a type absent there counts as 0.
    pub fn fits_in(&self, capacity: &Resource) -> bool {
        let extra_fits = |(name, amount): (&String, &u64)| *amount <= capacity.extra.get(name).copied().unwrap_or(0);
        self.memory_mb <= capacity.memory_mb && self.vcores <= capacity.vcores && self.extra.iter().all(extra_fits)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<memory:{}, vCores:{}", self.memory_mb, self.vcores)?;
        for (name, amount) in &self.extra {
            write!(f, ", {name}: {amount}")?;
        }
        f.write_str(">")
    }
}

/// Why an amount of resources cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// No memory or no cores, or less than that.
    #[error("the {what} is {value}: it must be at least 1")]
    NotPositive {
        /// `memory` (in MiB) or `number of cores`.
        what: &'static str,
        /// What was asked for.
        value: i64,
    },
    /// More than Hadoop can say.
    #[error("the {what} is {value}, which is more than YARN can grant")]
    TooLarge {
        /// `number of cores`.
        what: &'static str,
        /// What was asked for.
        value: i64,
    },
    /// The cluster has no such resource type.
    #[error("the cluster has no resource type {name:?}; it has {known}")]
    UnknownType {
        /// The type.
        name: String,
        /// Those that it has.
        known: String,
    },
}

/// A text that is not a [`Resource`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not a resource: {reason}; expected the form <memory:1024, vCores:1>")]
pub struct ParseResourceError {
    /// The text that was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl FromStr for Resource {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason: String| ParseResourceError {
            text: text.to_owned(),
            reason,
        };
        let inner = text
            .trim()
            .strip_prefix('<')
            .and_then(|rest| rest.strip_suffix('>'))
            .ok_or_else(|| error("it is not in angle brackets".to_owned()))?;
        let (mut memory, mut vcores, mut extra) = (None, None, BTreeMap::new());
        for item in inner.split(',') {
            let (name, amount) = item
                .rsplit_once(':')
                .ok_or_else(|| error(format!("{item:?} has no amount after a colon")))?;
            let (name, digits) = (name.trim(), amount.trim());
            let amount: u64 = digits
                .parse()
                .map_err(|_| error(format!("the {name} {digits:?} is not an amount")))?;
            match name {
                "memory" => memory = Some(amount),
                "vCores" => {
                    let cores = u32::try_from(amount).map_err(|_| error(format!("{amount} vCores are too many")))?;
                    vcores = Some(cores);
                }
                "" => return Err(error(format!("{item:?} has no name"))),
                _ => {
                    extra.insert(name.to_owned(), amount);
                }
            }
        }
        Ok(Self {
            memory_mb: memory.ok_or_else(|| error("memory is missing".to_owned()))?,
            vcores: vcores.ok_or_else(|| error("vCores is missing".to_owned()))?,
            extra,
        })
    }
}

/// A priority. Of container requests the **lower** number is served first; of applications the higher one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Priority(pub i32);

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_larger_amount_of_each_type_is_kept() {
        let one = Resource::new(1024, 4).with_extra("yarn.io/gpu", 2);
        let other = Resource::new(2048, 1).with_extra("yarn.io/gpu", 1).with_extra("ssd", 3);
        let larger = Resource::new(2048, 4).with_extra("yarn.io/gpu", 2).with_extra("ssd", 3);
        assert_eq!((one.at_least(&other), other.at_least(&one)), (larger.clone(), larger));
    }

    #[test]
    fn a_resource_fits_only_where_every_amount_fits() {
        let node = Resource::new(4096, 4).with_extra("yarn.io/gpu", 1);
        assert!(Resource::new(4096, 4).fits_in(&node));
        assert!(node.fits_in(&node));
        assert!(!Resource::new(4097, 1).fits_in(&node));
        assert!(!Resource::new(1, 5).fits_in(&node));
        assert!(!Resource::new(1, 1).with_extra("yarn.io/gpu", 2).fits_in(&node));
        assert!(!Resource::new(1, 1).with_extra("yarn.io/fpga", 1).fits_in(&node));
    }

    #[test]
    fn an_amount_is_rounded_up_to_a_multiple_of_the_unit_and_to_one_unit_at_least() {
        for ((memory, cores), (unit_memory, unit_cores), (expected_memory, expected_cores)) in [
            ((1728, 1), (1024, 1), (2048, 1)),
            ((2048, 4), (1024, 2), (2048, 4)),
            ((1, 3), (1024, 2), (1024, 4)),
            ((0, 0), (512, 2), (512, 2)),
            ((1728, 3), (0, 0), (1728, 3)),
            ((u64::MAX, u32::MAX), (1024, 2), (u64::MAX, u32::MAX)),
        ] {
            let asked = Resource::new(memory, cores).with_extra("yarn.io/gpu", 3);
            let given = asked.rounded_up_to(&Resource::new(unit_memory, unit_cores));
            let expected = Resource::new(expected_memory, expected_cores).with_extra("yarn.io/gpu", 3);
            assert_eq!(
                given, expected,
                "{asked} in units of {unit_memory} MiB and {unit_cores} cores"
            );
        }
    }

    #[test]
    fn impossible_amounts_are_refused_with_their_value() {
        assert_eq!(Resource::checked(64, 1).unwrap(), Resource::new(64, 1));
        for (memory, cores, words) in [
            (-5, 1, "the memory is -5"),
            (0, 1, "the memory is 0"),
            (1, -1, "the number of cores is -1"),
            (1, 1 << 40, "the number of cores is 1099511627776"),
        ] {
            let message = Resource::checked(memory, cores).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
        let gpu = Resource::new(1, 1).with_extra("yarn.io/gpu", 1);
        assert!(gpu.check_types(["memory-mb", "vcores", "yarn.io/gpu"]).is_ok());
        let message = gpu.check_types(["memory-mb", "vcores"]).unwrap_err().to_string();
        assert_eq!(
            message,
            "the cluster has no resource type \"yarn.io/gpu\"; it has memory-mb, vcores"
        );
    }

    #[test]
    fn a_resource_has_hadoops_text_form() {
        let resource = Resource::new(1024, 2).with_extra("yarn.io/gpu", 1);
        assert_eq!(resource.to_string(), "<memory:1024, vCores:2, yarn.io/gpu: 1>");
        assert_eq!(Resource::new(1, 1).to_string(), "<memory:1, vCores:1>");
    }

    #[test]
    fn a_bad_resource_says_what_is_wrong() {
        let table = [
            ("memory:1, vCores:1", "angle brackets"),
            ("<memory:1>", "vCores is missing"),
            ("<vCores:1>", "memory is missing"),
            ("<memory:-1, vCores:1>", "\"-1\" is not an amount"),
            ("<memory:1, vCores:4294967296>", "too many"),
            ("<memory:1, vCores>", "no amount"),
        ];
        for (text, reason) in table {
            let message = text.parse::<Resource>().unwrap_err().to_string();
            assert!(message.contains(reason), "{text}: {message}");
        }
    }

    proptest! {
        #[test]
        fn every_resource_survives_its_text(
            memory_mb: u64, vcores: u32, extra in prop::collection::btree_map("[a-z][a-z0-9./-]{0,9}", any::<u64>(), 0..3)
        ) {
            prop_assume!(!extra.contains_key("memory"));
            let resource = Resource { memory_mb, vcores, extra };
            prop_assert_eq!(resource.to_string().parse::<Resource>().unwrap(), resource);
        }
    }
}
