//! A declared option.

use std::marker::PhantomData;

use super::{ConfigError, ConfigValue};

/// A key with its type, default and description. Declared as a constant in [`super::options`].
#[derive(Debug, Clone, Copy)]
pub struct ConfigOption<T> {
    key: &'static str,
    fallback_keys: &'static [&'static str],
    default: Option<&'static str>,
    description: &'static str,
    value_type: PhantomData<fn() -> T>,
}

impl<T: ConfigValue> ConfigOption<T> {
    /// An option without a default. The description is one sentence.
    pub const fn new(key: &'static str, description: &'static str) -> Self {
        Self {
            key,
            fallback_keys: &[],
            default: None,
            description,
            value_type: PhantomData,
        }
    }

    /// The same option with a default, in the text form that a user would write.
    #[must_use]
    pub const fn with_default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// The same option, read from these keys too where its own is not set.
    #[must_use]
    pub const fn with_fallback_keys(mut self, keys: &'static [&'static str]) -> Self {
        self.fallback_keys = keys;
        self
    }

    /// The key.
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// What it is for, in one sentence.
    pub const fn description(&self) -> &'static str {
        self.description
    }

    /// The default's text.
    pub const fn default_text(&self) -> Option<&'static str> {
        self.default
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.key).chain(self.fallback_keys.iter().copied())
    }

    pub(super) fn default(&self) -> Option<Result<T, ConfigError>> {
        let invalid = |reason| ConfigError::Invalid {
            key: self.key.to_owned(),
            reason,
        };
        self.default.map(|text| T::parse(text).map_err(invalid))
    }
}
