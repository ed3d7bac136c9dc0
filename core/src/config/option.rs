//! A declared option.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::Deref;

use super::declaration::Parsers;
use super::{ConfigError, ConfigValue, Declaration};

/// A [`Declaration`] with the Rust type of its values: what programs ask a [`super::Configuration`] for. Declared as a
/// constant in [`super::options`].
#[derive(Debug, Clone, Copy)]
pub struct ConfigOption<T> {
    declaration: Declaration,
    value_type: PhantomData<fn() -> T>,
}

impl<T: ConfigValue> ConfigOption<T> {
    /// An option without a default. The description is one sentence.
    pub const fn new(key: &'static str, description: &'static str) -> Self {
        Self {
            declaration: Declaration::new(key, T::KIND, description).with_parsers(Parsers {
                text: accepts::<T>,
                entries: accepts_entries::<T>,
            }),
            value_type: PhantomData,
        }
    }

    /// The same option with a default, in the text form that a user would write.
    #[must_use]
    pub const fn with_default(mut self, default: &'static str) -> Self {
        self.declaration = self.declaration.with_default(default);
        self
    }

    /// The same option, read from these keys too where its own is not set.
    #[must_use]
    pub const fn with_fallback_keys(mut self, keys: &'static [&'static str]) -> Self {
        self.declaration = self.declaration.with_fallback_keys(keys);
        self
    }

    /// The same option, read from these former names too where its own is not set.
    #[must_use]
    pub const fn with_deprecated_keys(mut self, keys: &'static [&'static str]) -> Self {
        self.declaration = self.declaration.with_deprecated_keys(keys);
        self
    }

    /// The same option of a bare number, with its unit.
    #[must_use]
    pub const fn with_unit(mut self, unit: &'static str) -> Self {
        self.declaration = self.declaration.with_unit(unit);
        self
    }

    /// The same option, with the least value that is accepted, as a user would write it.
    #[must_use]
    pub const fn at_least(mut self, least: &'static str) -> Self {
        self.declaration = self.declaration.at_least(least);
        self
    }

    /// The same option, with the greatest value that is accepted.
    #[must_use]
    pub const fn at_most(mut self, greatest: &'static str) -> Self {
        self.declaration = self.declaration.at_most(greatest);
        self
    }

    /// The same option, which takes these words only.
    #[must_use]
    pub const fn one_of(mut self, words: &'static [&'static str]) -> Self {
        self.declaration = self.declaration.one_of(words);
        self
    }

    /// The same option, whose number is a part of a whole.
    #[must_use]
    pub const fn fraction(mut self) -> Self {
        self.declaration = self.declaration.fraction();
        self
    }

    /// The same option, which nothing goes by yet.
    #[must_use]
    pub const fn not_in_effect(mut self) -> Self {
        self.declaration = self.declaration.not_in_effect();
        self
    }

    /// The key.
    pub const fn key(&self) -> &'static str {
        self.declaration.key
    }

    /// The declaration, without the Rust type.
    pub const fn declaration(&self) -> Declaration {
        self.declaration
    }

    pub(super) fn default(&self) -> Option<Result<T, ConfigError>> {
        let invalid = |reason| ConfigError::Invalid {
            key: self.key().to_owned(),
            reason,
        };
        self.declaration.default.map(|text| T::parse(text).map_err(invalid))
    }
}

impl<T> Deref for ConfigOption<T> {
    type Target = Declaration;

    fn deref(&self) -> &Declaration {
        &self.declaration
    }
}

fn accepts_entries<T: ConfigValue>(entries: BTreeMap<String, String>) -> Result<(), String> {
    T::of_entries(entries).map(drop)
}

fn accepts<T: ConfigValue>(text: &str) -> Result<(), String> {
    T::parse(text).map(drop)
}
