//! What the parsers of all ids share.

use thiserror::Error;

/// A text that is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not {kind}: {reason}; expected the form {form}")]
pub struct ParseIdError {
    /// What was expected, for example `an application id`.
    pub kind: &'static str,
    /// The text that was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
    /// The form that was expected.
    pub form: &'static str,
}

/// The kind of id being parsed, for its errors.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) form: &'static str,
}

impl Kind {
    pub(super) fn error(self, text: &str, reason: impl Into<String>) -> ParseIdError {
        ParseIdError {
            kind: self.name,
            text: text.to_owned(),
            reason: reason.into(),
            form: self.form,
        }
    }

    /// Splits `text` at underscores after `prefix`.
    pub(super) fn parts<'a>(self, text: &'a str, prefix: &str) -> Result<Vec<&'a str>, ParseIdError> {
        let rest = text
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('_'))
            .ok_or_else(|| self.error(text, format!("it does not start with \"{prefix}_\"")))?;
        Ok(rest.split('_').collect())
    }

    /// A non-negative Java `int`.
    pub(super) fn int(self, text: &str, digits: &str, what: &str) -> Result<u32, ParseIdError> {
        let value = self.long(text, digits, what)?;
        u32::try_from(value)
            .ok()
            .filter(|value| *value <= i32::MAX as u32)
            .ok_or_else(|| self.error(text, format!("the {what} {digits} is too large")))
    }

    /// A non-negative Java `long`.
    pub(super) fn long(self, text: &str, digits: &str, what: &str) -> Result<u64, ParseIdError> {
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.error(text, format!("the {what} {digits:?} is not a number")));
        }
        digits
            .parse::<u64>()
            .ok()
            .filter(|value| *value <= i64::MAX as u64)
            .ok_or_else(|| self.error(text, format!("the {what} {digits} is too large")))
    }
}

/// Serialization as text for a type with `Display` and `FromStr`.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(super) use serde_as_text;
