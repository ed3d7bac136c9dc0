//! How the managed memory of a slot is divided between kinds of consumers.

use std::collections::BTreeMap;

use crate::config::options::taskmanager::MANAGED_CONSUMER_WEIGHTS;
use crate::config::{ConfigError, ConfigValue, Kind};
use crate::{Configuration, MemorySize};

/// How many decimals a fraction has, as in Flink; what is beyond is cut, so that fractions never add up to more than 1.
const FRACTION_DECIMALS: u32 = 16;

/// A kind of consumer of managed memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ManagedMemoryConsumer {
    /// Sorting, hashing and caching.
    Operator,
    /// State.
    StateBackend,
    /// Processes of user code beside the worker; the name is Flink's.
    Python,
}

impl ManagedMemoryConsumer {
    /// The name in the option, and the older one that stands for it.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Operator => &["OPERATOR", "DATAPROC"],
            Self::StateBackend => &["STATE_BACKEND", "DATAPROC"],
            Self::Python => &["PYTHON"],
        }
    }
}

const KINDS: [ManagedMemoryConsumer; 3] = [
    ManagedMemoryConsumer::Operator,
    ManagedMemoryConsumer::StateBackend,
    ManagedMemoryConsumer::Python,
];

/// The weights of the kinds. A kind without one gets nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerWeights(BTreeMap<ManagedMemoryConsumer, u32>);

impl ConfigValue for ConsumerWeights {
    const KIND: Kind = Kind::Map;

    fn parse(text: &str) -> Result<Self, String> {
        Self::of_entries(BTreeMap::parse(text)?)
    }

    fn of_entries(entries: BTreeMap<String, String>) -> Result<Self, String> {
        let by_name = entries
            .iter()
            .map(|(name, weight)| Ok((name.as_str(), read_weight(name, weight)?)));
        let by_name: BTreeMap<&str, u32> = by_name.collect::<Result<_, String>>()?;
        let weight = |kind: ManagedMemoryConsumer| kind.names().iter().find_map(|name| by_name.get(name).copied());
        let kinds = KINDS.into_iter().filter_map(|kind| Some((kind, weight(kind)?)));
        Ok(Self(kinds.collect()))
    }

    fn to_text(&self) -> String {
        let pairs: Vec<_> = self
            .0
            .iter()
            .map(|(kind, weight)| format!("{}:{weight}", kind.names()[0]))
            .collect();
        pairs.join(",")
    }
}

impl ConsumerWeights {
    /// Reads `taskmanager.memory.managed.consumer-weights`.
    ///
    /// # Errors
    /// A text that is not `KIND:WEIGHT,…` with known kinds and whole weights of at least 0.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        configuration.get(&MANAGED_CONSUMER_WEIGHTS)
    }

    /// The part of a slot's managed memory that the consumers of one kind share, where `present` are the kinds in the slot.
    /// A kind that is not among them has its part all the same, as in Flink: whoever asks for it is present.
    pub fn fraction(&self, kind: ManagedMemoryConsumer, present: &[ManagedMemoryConsumer]) -> f64 {
        let weight = |kind: &ManagedMemoryConsumer| u128::from(self.0.get(kind).copied().unwrap_or(0));
        let total: u128 = present.iter().map(weight).sum();
        if total == 0 {
            return 0.0;
        }
        let digits = weight(&kind) * 10_u128.pow(FRACTION_DECIMALS) / total;
        // The text gives the nearest binary fraction, which a division of two rounded numbers need not.
        let text = format!("{digits}e-{FRACTION_DECIMALS}");
        text.parse().expect("digits and an exponent are a number")
    }

    /// The same part of `slot_managed` in whole bytes.
    pub fn share(
        &self,
        slot_managed: MemorySize,
        kind: ManagedMemoryConsumer,
        present: &[ManagedMemoryConsumer],
    ) -> MemorySize {
        let bytes = slot_managed.bytes() as f64 * self.fraction(kind, present);
        // Positive and at most the slot's: the cast cuts to whole bytes.
        MemorySize::from_bytes(bytes as u64)
    }
}

fn read_weight(name: &str, weight: &str) -> Result<u32, String> {
    let known: Vec<_> = KINDS.iter().map(|kind| kind.names()[0]).collect();
    if !KINDS.iter().any(|kind| kind.names().contains(&name)) {
        return Err(format!(
            "'{name}' is no kind of consumer; there are {}",
            known.join(", ")
        ));
    }
    u32::parse(weight).map_err(|reason| format!("the weight of {name}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::ManagedMemoryConsumer::{Operator, Python, StateBackend};
    use super::*;

    fn weights(text: &str) -> Result<ConsumerWeights, ConfigError> {
        let mut configuration = Configuration::new();
        configuration.set_text(MANAGED_CONSUMER_WEIGHTS.key(), text);
        ConsumerWeights::read(&configuration)
    }

    #[test]
    fn kinds_share_by_their_weights_among_those_present() {
        let default = ConsumerWeights::read(&Configuration::new()).unwrap();
        for (kind, present, fraction) in [
            (Operator, &[Operator][..], 1.0),
            (Operator, &[Operator, StateBackend], 0.5),
            (Python, &[Operator, StateBackend, Python], 0.176_470_588_235_294_1),
            (StateBackend, &[Operator, StateBackend, Python], 0.411_764_705_882_352_9),
            (Python, &[Operator], 0.428_571_428_571_428_5),
            (Operator, &[], 0.0),
        ] {
            let actual = default.fraction(kind, present);
            assert_eq!(
                actual.to_bits(),
                f64::to_bits(fraction),
                "{kind:?} of {present:?}: {actual}"
            );
        }
        let slot = MemorySize::from_bytes(359_703_515);
        let share = |kind| default.share(slot, kind, &[Operator, StateBackend, Python]).bytes();
        assert_eq!(
            [share(Operator), share(StateBackend), share(Python)],
            [148_113_212, 148_113_212, 63_477_090]
        );
    }

    #[test]
    fn an_older_name_stands_for_two_kinds_and_a_missing_one_for_none() {
        let older = weights("DATAPROC: 60, PYTHON:40").unwrap();
        assert_eq!(older, weights("OPERATOR:60,STATE_BACKEND:60,PYTHON:40").unwrap());
        let one = weights("OPERATOR:1").unwrap();
        assert!(one.fraction(StateBackend, &[Operator, StateBackend]).abs() < f64::EPSILON);
    }

    #[test]
    fn weights_may_stand_below_the_key_one_by_one() {
        let configuration: Configuration = [
            ("taskmanager.memory.managed.consumer-weights.OPERATOR", "3"),
            ("taskmanager.memory.managed.consumer-weights.PYTHON", "1"),
        ]
        .into_iter()
        .collect();
        let read = ConsumerWeights::read(&configuration).unwrap();
        assert_eq!(read, weights("OPERATOR:3,PYTHON:1").unwrap());
        assert_eq!(read.to_text(), "OPERATOR:3,PYTHON:1");
    }

    #[test]
    fn a_weight_that_is_none_is_refused_with_its_kind() {
        for (text, expected) in [
            ("OPERATOR", "'OPERATOR' is not a map"),
            (
                "OPERATR:70",
                "'OPERATR' is no kind of consumer; there are OPERATOR, STATE_BACKEND, PYTHON",
            ),
            ("PYTHON:-1", "the weight of PYTHON: '-1'"),
        ] {
            let message = weights(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
