//! A number of bytes with Flink's text forms.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A number of bytes. Units are binary multiples, as in Flink: `m`, `mb` and `MB` are all MiB; no unit is bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct MemorySize(u64);

/// A text that is no memory size.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{value}' is not a memory size: {reason}; write a whole number and a unit, such as 512m, 4gb or 1073741824b")]
pub struct ParseMemorySizeError {
    value: String,
    reason: &'static str,
}

/// Flink 1.20's `MemorySize.MemoryUnit`.
const UNITS: &[(&[&str], u32)] = &[
    (&["", "b", "bytes"], 0),
    (&["k", "kb", "kibibytes"], 10),
    (&["m", "mb", "mebibytes"], 20),
    (&["g", "gb", "gibibytes"], 30),
    (&["t", "tb", "tebibytes"], 40),
];

impl MemorySize {
    /// The most that a text can say, as in Flink, whose sizes are signed: 2⁶³ - 1 bytes.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// Exactly this many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// This many mebibytes.
    pub const fn from_mebibytes(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// For people, to three decimals of the largest unit: `1.688 gb`. [`fmt::Display`] is exact instead.
    pub fn rounded(self) -> String {
        let unit = [("tb", 40), ("gb", 30), ("mb", 20), ("kb", 10)]
            .into_iter()
            .find(|(_, shift)| self.0 >= 1 << shift);
        match unit {
            Some((name, shift)) => format!("{:.3} {name}", self.0 as f64 / (1_u64 << shift) as f64),
            None => format!("{} bytes", self.0),
        }
    }

    /// Whole mebibytes; the remainder is cut, as Flink does for what it asks of YARN.
    pub const fn mebibytes(self) -> u64 {
        self.0 >> 20
    }
}

impl FromStr for MemorySize {
    type Err = ParseMemorySizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason| ParseMemorySizeError {
            value: text.to_owned(),
            reason,
        };
        let trimmed = text.trim();
        let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = trimmed.split_at(digits);
        let number: u64 = match number {
            "" => return Err(fail("it does not start with a number")),
            number => number.parse().map_err(|_| fail("the number is too large"))?,
        };
        let unit = unit.trim().to_ascii_lowercase();
        let (_, shift) = UNITS
            .iter()
            .find(|(names, _)| names.contains(&unit.as_str()))
            .ok_or_else(|| fail("unknown unit"))?;
        number
            .checked_mul(1 << shift)
            .map(Self)
            .filter(|size| *size <= Self::MAX)
            .ok_or_else(|| fail("the number is too large"))
    }
}

impl TryFrom<String> for MemorySize {
    type Error = ParseMemorySizeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MemorySize> for String {
    fn from(size: MemorySize) -> Self {
        size.to_string()
    }
}

/// The form that reads back without loss: the largest unit that divides the size.
impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = [("tb", 40), ("gb", 30), ("mb", 20), ("kb", 10)]
            .into_iter()
            .find(|(_, shift)| self.0 != 0 && self.0.trailing_zeros() >= *shift);
        match unit {
            Some((name, shift)) => write!(f, "{} {name}", self.0 >> shift),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_are_binary_and_case_does_not_matter() {
        for (text, bytes) in [
            ("17", 17),
            ("17b", 17),
            ("2 kb", 2 << 10),
            ("1600m", 1600 << 20),
            ("1GB", 1 << 30),
            (" 3 Tebibytes ", 3 << 40),
            ("9223372036854775807", i64::MAX as u64),
        ] {
            assert_eq!(text.parse(), Ok(MemorySize(bytes)), "{text}");
        }
    }

    #[test]
    fn people_read_three_decimals() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1 << 20, "1.000 mb"),
            (1_811_939_328, "1.688 gb"),
        ] {
            assert_eq!(MemorySize(bytes).rounded(), text);
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_value() {
        for text in [
            "",
            "m",
            "-1m",
            "1.5g",
            "10 parsecs",
            "99999999999999999999",
            "99999999999tb",
            "9223372036854775808",
            "8388608tb",
        ] {
            let message = text.parse::<MemorySize>().unwrap_err().to_string();
            assert!(message.contains(&format!("'{text}'")), "{message}");
        }
    }

    proptest! {
        #[test]
        fn the_printed_form_reads_back(bytes in 0..=MemorySize::MAX.bytes()) {
            prop_assert_eq!(MemorySize(bytes).to_string().parse(), Ok(MemorySize(bytes)));
        }
    }
}
