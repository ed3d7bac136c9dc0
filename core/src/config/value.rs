//! The types that options have, and their text forms.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Kind;
use crate::MemorySize;

/// A type with a text form that users write into configuration files.
pub trait ConfigValue: Sized {
    /// What kind of value it is to a reader.
    const KIND: Kind = Kind::Text;

    /// Reads the text; the error names the value and the remedy.
    fn parse(text: &str) -> Result<Self, String>;
    /// A text that [`Self::parse`] reads back.
    fn to_text(&self) -> String;
    /// The value of entries that are set one by one, `key.name: value`; only maps have such.
    fn of_entries(entries: BTreeMap<String, String>) -> Result<Self, String> {
        Self::parse(&entries.to_text())
    }
}

macro_rules! from_str_value {
    ($($type:ty: $kind:ident, $what:literal;)+) => {
        $(impl ConfigValue for $type {
            const KIND: Kind = Kind::$kind;

            fn parse(text: &str) -> Result<Self, String> {
                text.trim().parse().map_err(|_| format!(concat!("'{}' is not ", $what), text))
            }

            fn to_text(&self) -> String {
                self.to_string()
            }
        })+
    };
}

from_str_value! {
    u32: Integer, "a whole number from 0 to 4294967295";
    u64: Integer, "a whole number";
    i32: Integer, "a whole number";
    i64: Integer, "a whole number";
    f32: Number, "a number";
    f64: Number, "a number";
}

impl ConfigValue for bool {
    const KIND: Kind = Kind::Boolean;

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(format!("'{text}' is neither true nor false")),
        }
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl ConfigValue for String {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn to_text(&self) -> String {
        self.clone()
    }
}

/// Lists are separated by semicolons, as in Flink.
impl ConfigValue for Vec<String> {
    const KIND: Kind = Kind::List;

    fn parse(text: &str) -> Result<Self, String> {
        Ok(text
            .split(';')
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect())
    }

    fn to_text(&self) -> String {
        self.join(";")
    }
}

/// Pairs are separated by commas, key and value by a colon, as in Flink.
impl ConfigValue for BTreeMap<String, String> {
    const KIND: Kind = Kind::Map;

    fn parse(text: &str) -> Result<Self, String> {
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| match pair.split_once(':') {
            Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
            _ => Err(format!(
                "'{text}' is not a map: write key:value pairs, separated by commas"
            )),
        });
        pairs.collect()
    }

    fn of_entries(entries: Self) -> Result<Self, String> {
        Ok(entries)
    }

    fn to_text(&self) -> String {
        let pairs: Vec<_> = self.iter().map(|(key, value)| format!("{key}:{value}")).collect();
        pairs.join(",")
    }
}

impl ConfigValue for MemorySize {
    const KIND: Kind = Kind::Size;

    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error: crate::memory_size::ParseMemorySizeError| error.to_string())
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

/// Flink's `TimeUtils`: a whole number and a unit; no unit is milliseconds.
const DURATION_UNITS: &[(&[&str], u64)] = &[
    (&["d", "day", "days"], 86_400_000_000_000),
    (&["h", "hour", "hours"], 3_600_000_000_000),
    (&["m", "min", "minute", "minutes"], 60_000_000_000),
    (&["s", "sec", "secs", "second", "seconds"], 1_000_000_000),
    (&["", "ms", "milli", "millis", "millisecond", "milliseconds"], 1_000_000),
    (&["µs", "us", "micro", "micros", "microsecond", "microseconds"], 1_000),
    (&["ns", "nano", "nanos", "nanosecond", "nanoseconds"], 1),
];

impl ConfigValue for Duration {
    const KIND: Kind = Kind::Duration;

    fn parse(text: &str) -> Result<Self, String> {
        let fail =
            || format!("'{text}' is not a duration; write a whole number and a unit, such as 500 ms, 10 s or 5 min");
        let trimmed = text.trim();
        let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = trimmed.split_at(digits);
        let number: u64 = number.parse().map_err(|_| fail())?;
        let unit = unit.trim().to_lowercase();
        let (_, nanos) = DURATION_UNITS
            .iter()
            .find(|(names, _)| names.contains(&unit.as_str()))
            .ok_or_else(fail)?;
        number.checked_mul(*nanos).map(Self::from_nanos).ok_or_else(fail)
    }

    fn to_text(&self) -> String {
        let nanos = u64::try_from(self.as_nanos()).unwrap_or(u64::MAX);
        let unit = DURATION_UNITS.iter().find(|(_, unit)| nanos != 0 && nanos % unit == 0);
        match unit {
            Some((names, unit)) => {
                let name = names.iter().find(|name| !name.is_empty()).copied().unwrap_or_default();
                format!("{} {name}", nanos / unit)
            }
            None => "0 ms".to_owned(),
        }
    }
}

/// How long something is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// So long.
    After(Duration),
    /// Without end, which users write as a negative duration.
    Never,
}

impl Timeout {
    /// The duration; `None` without end.
    pub const fn duration(self) -> Option<Duration> {
        match self {
            Self::After(duration) => Some(duration),
            Self::Never => None,
        }
    }
}

impl ConfigValue for Timeout {
    const KIND: Kind = Kind::Timeout;

    fn parse(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        let fail = |reason| format!("{reason}, or -1 for without end");
        match trimmed.strip_prefix('-') {
            None => Duration::parse(trimmed).map(Self::After).map_err(fail),
            Some(digits) => match Duration::parse(digits) {
                Ok(duration) if !duration.is_zero() => Ok(Self::Never),
                Ok(duration) => Ok(Self::After(duration)),
                Err(_) => Err(fail(Duration::parse(trimmed).err().unwrap_or_default())),
            },
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::After(duration) => duration.to_text(),
            Self::Never => "-1".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_negative_timeout_is_without_end() {
        let after = |seconds| Ok(Timeout::After(Duration::from_secs(seconds)));
        for (text, expected) in [
            ("-1", Ok(Timeout::Never)),
            (" -1 ms ", Ok(Timeout::Never)),
            ("-5 min", Ok(Timeout::Never)),
            ("0", after(0)),
            ("-0 s", after(0)),
            ("7 s", after(7)),
        ] {
            assert_eq!(Timeout::parse(text), expected, "{text}");
        }
        for text in ["-", "never", "--1", "-1 week", ""] {
            let refused = Timeout::parse(text).unwrap_err();
            assert!(
                refused.contains(&format!("'{text}'")) && refused.ends_with("or -1 for without end"),
                "{refused}"
            );
        }
        for timeout in [Timeout::Never, Timeout::After(Duration::from_secs(90))] {
            assert_eq!(Timeout::parse(&timeout.to_text()), Ok(timeout));
        }
    }

    #[test]
    fn durations_take_flinks_units() {
        for (text, expected) in [
            ("500", Duration::from_millis(500)),
            ("10 s", Duration::from_secs(10)),
            ("5min", Duration::from_secs(300)),
            ("3 µs", Duration::from_micros(3)),
        ] {
            assert_eq!(Duration::parse(text), Ok(expected), "{text}");
        }
        assert!(Duration::parse("1 fortnight").unwrap_err().contains("'1 fortnight'"));
        assert!(Duration::parse("-1 s").is_err());
    }

    proptest! {
        #[test]
        fn durations_read_back(nanos: u64) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(Duration::parse(&duration.to_text()), Ok(duration));
        }
    }
}
