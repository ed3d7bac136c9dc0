//! What is known of an option, whatever its Rust type.

use std::collections::BTreeMap;

use super::Kind;

/// An option as it is declared: everything that a reader may want to know of it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Declaration {
    /// The key.
    pub key: &'static str,
    /// Keys that are read where this one is not set.
    pub fallback_keys: &'static [&'static str],
    /// Former names of the key, read where it is not set.
    pub deprecated_keys: &'static [&'static str],
    /// What kind of value it takes.
    pub kind: Kind,
    /// The value where none is set, as a user would write it.
    pub default: Option<&'static str>,
    /// The unit of a bare number.
    pub unit: Option<&'static str>,
    /// The least value, as a user would write it.
    pub least: Option<&'static str>,
    /// The greatest value, as a user would write it.
    pub greatest: Option<&'static str>,
    /// Whether anything goes by it yet.
    pub in_effect: bool,
    description: &'static str,
    parsers: Option<Parsers>,
}

/// What the Rust type of an option says to a text, and to entries that are set one by one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parsers {
    pub(super) text: fn(&str) -> Result<(), String>,
    pub(super) entries: fn(BTreeMap<String, String>) -> Result<(), String>,
}

impl Declaration {
    pub(super) const fn new(key: &'static str, kind: Kind, description: &'static str) -> Self {
        Self {
            key,
            fallback_keys: &[],
            deprecated_keys: &[],
            kind,
            default: None,
            unit: None,
            least: None,
            greatest: None,
            in_effect: true,
            description,
            parsers: None,
        }
    }

    pub(super) const fn with_default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    pub(super) const fn with_fallback_keys(mut self, keys: &'static [&'static str]) -> Self {
        self.fallback_keys = keys;
        self
    }

    pub(super) const fn with_deprecated_keys(mut self, keys: &'static [&'static str]) -> Self {
        self.deprecated_keys = keys;
        self
    }

    pub(super) const fn with_unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }

    pub(super) const fn at_least(mut self, least: &'static str) -> Self {
        self.least = Some(least);
        self
    }

    pub(super) const fn at_most(mut self, greatest: &'static str) -> Self {
        self.greatest = Some(greatest);
        self
    }

    pub(super) const fn one_of(mut self, words: &'static [&'static str]) -> Self {
        self.kind = Kind::Choice(words);
        self
    }

    pub(super) const fn fraction(mut self) -> Self {
        self.kind = Kind::Fraction;
        self
    }

    pub(super) const fn not_in_effect(mut self) -> Self {
        self.in_effect = false;
        self
    }

    pub(super) const fn with_parsers(mut self, parsers: Parsers) -> Self {
        self.parsers = Some(parsers);
        self
    }

    /// What it is for, in one sentence.
    pub fn description(&self) -> &'static str {
        self.description.trim()
    }

    /// All keys under which it is read: its own, then the others in their order.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> + use<> {
        let others = self.fallback_keys.iter().chain(self.deprecated_keys).copied();
        std::iter::once(self.key).chain(others)
    }

    /// Whether the text is a value of this option; the error names the value and the remedy.
    pub fn check(&self, text: &str) -> Result<(), String> {
        if let Some(parsers) = self.parsers {
            (parsers.text)(text)?;
        }
        self.kind.check(text)?;
        self.check_range(text)
    }

    /// Whether the value is the default.
    pub fn is_default(&self, text: &str) -> bool {
        self.default.is_some_and(|default| self.kind.is_same(text, default))
    }

    /// The range in words, such as `at least 1`.
    pub fn range(&self) -> Option<String> {
        match (self.least, self.greatest) {
            (Some(least), Some(greatest)) => Some(format!("{least} to {greatest}")),
            (Some(least), None) => Some(format!("at least {least}")),
            (None, Some(greatest)) => Some(format!("at most {greatest}")),
            (None, None) => None,
        }
    }

    /// The environment variable from which the client reads it: `SELVEDGE_` and the key, upper-cased, with an underscore for
    /// whatever is neither letter nor digit.
    pub fn variable(&self) -> String {
        let name = self.key.chars().map(variable_char).collect::<String>();
        format!("{VARIABLE_PREFIX}{name}")
    }

    /// Whether `name` is the rest of its variable's name, after the prefix.
    pub(super) fn has_variable(&self, name: &str) -> bool {
        self.key.len() == name.len() && self.key.chars().map(variable_char).eq(name.chars())
    }

    /// Whether a map takes this entry, which is set on its own: `key.name: value`.
    pub(super) fn check_entry(&self, name: &str, value: &str) -> Result<(), String> {
        let entry = || BTreeMap::from([(name.to_owned(), value.to_owned())]);
        self.parsers.map_or(Ok(()), |parsers| (parsers.entries)(entry()))
    }

    pub(crate) fn check_range(&self, text: &str) -> Result<(), String> {
        let Some(value) = self.kind.magnitude(text) else {
            return Ok(());
        };
        let bound = |text: Option<&str>| text.and_then(|text| self.kind.magnitude(text));
        let too_small = bound(self.least).is_some_and(|least| value < least);
        let too_large = bound(self.greatest).is_some_and(|greatest| value > greatest);
        match self.range() {
            Some(range) if too_small || too_large => Err(format!("'{text}' is out of range: it must be {range}")),
            _ => Ok(()),
        }
    }
}

/// What every variable of a setting begins with.
pub const VARIABLE_PREFIX: &str = "SELVEDGE_";

fn variable_char(letter: char) -> char {
    match letter.is_ascii_alphanumeric() {
        true => letter.to_ascii_uppercase(),
        false => '_',
    }
}
