//! The types of options as a reader sees them, and what they say to a text.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::{ConfigValue, Timeout};
use crate::MemorySize;

/// What kind of value an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A decimal number.
    Number,
    /// A part of a whole: from 0 to 1.
    Fraction,
    /// Any text.
    Text,
    /// A number of bytes, with a unit.
    Size,
    /// A time span, with a unit.
    Duration,
    /// A duration, or a negative one: without end.
    Timeout,
    /// Texts, separated by semicolons; in YAML a list too.
    List,
    /// `key:value` pairs, separated by commas; in YAML nested keys too.
    Map,
    /// One of these words; case does not matter.
    Choice(&'static [&'static str]),
}

impl Kind {
    /// Whether the text is such a value; the error names the value and the remedy.
    pub fn check(self, text: &str) -> Result<(), String> {
        match self {
            Self::Boolean => bool::parse(text).map(drop),
            Self::Integer => integer(text),
            Self::Number => f64::parse(text).map(drop),
            Self::Fraction => fraction(text),
            Self::Text => Ok(()),
            Self::Size => MemorySize::parse(text).map(drop),
            Self::Duration => Duration::parse(text).map(drop),
            Self::Timeout => Timeout::parse(text).map(drop),
            Self::List => Vec::<String>::parse(text).map(drop),
            Self::Map => BTreeMap::<String, String>::parse(text).map(drop),
            Self::Choice(words) => choice(words, text),
        }
    }

    /// Whether two texts are the same value: `128m` and `128 mb` are.
    pub fn is_same(self, one: &str, other: &str) -> bool {
        fn parsed<T: ConfigValue + PartialEq>(one: &str, other: &str) -> bool {
            matches!((T::parse(one), T::parse(other)), (Ok(one), Ok(other)) if one == other)
        }
        one.trim() == other.trim()
            || match self {
                Self::Boolean => parsed::<bool>(one, other),
                Self::Integer | Self::Number | Self::Fraction => parsed::<f64>(one, other),
                Self::Text => false,
                Self::Size => parsed::<MemorySize>(one, other),
                Self::Duration => parsed::<Duration>(one, other),
                Self::Timeout => parsed::<Timeout>(one, other),
                Self::List => parsed::<Vec<String>>(one, other),
                Self::Map => parsed::<BTreeMap<String, String>>(one, other),
                Self::Choice(_) => one.trim().eq_ignore_ascii_case(other.trim()),
            }
    }

    /// How large a value is: a number, bytes, or nanoseconds. `None` for what has no size.
    pub(super) fn magnitude(self, text: &str) -> Option<f64> {
        // Bounds are small numbers: that a float rounds beyond 2^53 moves none of them.
        match self {
            Self::Integer | Self::Number | Self::Fraction => f64::parse(text).ok(),
            Self::Size => MemorySize::parse(text).ok().map(|size| size.bytes() as f64),
            Self::Duration => Duration::parse(text).ok().map(|span| span.as_nanos() as f64),
            Self::Timeout | Self::Boolean | Self::Text | Self::List | Self::Map | Self::Choice(_) => None,
        }
    }

    /// Whether a value of this kind can be a secret.
    pub(super) const fn may_be_secret(self) -> bool {
        matches!(self, Self::Text | Self::List | Self::Map)
    }
}

fn integer(text: &str) -> Result<(), String> {
    match text.trim().parse::<i128>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("'{text}' is not a whole number")),
    }
}

fn fraction(text: &str) -> Result<(), String> {
    match f64::parse(text) {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(()),
        _ => Err(format!("'{text}' is not a number from 0 to 1")),
    }
}

fn choice(words: &[&str], text: &str) -> Result<(), String> {
    match words.iter().any(|word| word.eq_ignore_ascii_case(text.trim())) {
        true => Ok(()),
        false => Err(format!("'{text}' is none of {}", words.join(", "))),
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Boolean => "true or false",
            Self::Integer => "whole number",
            Self::Number => "number",
            Self::Fraction => "fraction, 0 to 1",
            Self::Text => "text",
            Self::Size => "memory size",
            Self::Duration => "duration",
            Self::Timeout => "duration, or -1",
            Self::List => "list",
            Self::Map => "map",
            Self::Choice(words) => return write!(f, "{}", words.join(", ")),
        };
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Kind; 11] = [
        Kind::Boolean,
        Kind::Integer,
        Kind::Number,
        Kind::Fraction,
        Kind::Text,
        Kind::Size,
        Kind::Duration,
        Kind::Timeout,
        Kind::List,
        Kind::Map,
        Kind::Choice(&["NONE", "ALL"]),
    ];

    #[test]
    fn a_wrong_value_is_named_with_what_would_be_right() {
        for (kind, text, expected) in [
            (Kind::Boolean, "yes", "neither true nor false"),
            (Kind::Integer, "1.5", "not a whole number"),
            (Kind::Fraction, "1.5", "from 0 to 1"),
            (Kind::Size, "lots", "memory size"),
            (Kind::Duration, "soon", "10 s"),
            (Kind::Timeout, "soon", "-1 for without end"),
            (Kind::Map, "a=b", "key:value"),
            (Kind::Choice(&["NONE", "ALL"]), "some", "none of NONE, ALL"),
        ] {
            let message = kind.check(text).unwrap_err();
            assert!(message.contains(expected) && message.contains(text), "{message}");
        }
        assert_eq!(Kind::Choice(&["NONE"]).check(" none "), Ok(()));
    }

    #[test]
    fn values_are_compared_as_values_not_as_texts() {
        assert!(Kind::Size.is_same("128m", "128 mb"));
        assert!(Kind::Duration.is_same("180 s", "3 min"));
        assert!(Kind::Integer.is_same("010", "10"));
        assert!(!Kind::Text.is_same("1", "1.0"));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd_and_a_refusal_names_it(text in any::<String>()) {
            for kind in ALL {
                if let Err(message) = kind.check(&text) {
                    prop_assert!(message.contains(text.trim()), "{}", message);
                }
                prop_assert!(kind.is_same(&text, &text));
                let _ = kind.magnitude(&text);
            }
        }
    }
}
