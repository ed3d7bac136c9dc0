//! All that is declared, and what a key is.

use super::options::AREAS;
use super::{Declaration, Family, Kind, no_meaning};
use crate::nearest::nearest;

/// The options of one area, declared in one file.
#[derive(Debug, Clone, Copy)]
pub struct Area {
    /// The name by which `config list --area` knows it.
    pub name: &'static str,
    /// What the options have in common.
    pub title: &'static str,
    /// Options that Selvedge goes by, save those that say otherwise.
    pub options: &'static [Declaration],
    /// Options of Flink's that Selvedge reads and checks, and does not go by yet.
    pub not_yet: &'static [Declaration],
    /// Keys that are declared by their form.
    pub families: &'static [Family],
}

impl Area {
    /// All options, those in effect first.
    pub fn all(&self) -> impl Iterator<Item = &'static Declaration> + use<> {
        self.options.iter().chain(self.not_yet)
    }
}

/// What is known of a key.
#[derive(Debug, Clone, Copy)]
pub enum Known {
    /// It is an option's.
    Option(&'static Declaration),
    /// It stands in for an option's key.
    Former {
        /// The option.
        option: &'static Declaration,
        /// Whether the key is a former name, and not only one that is read too.
        deprecated: bool,
    },
    /// It sets one entry of an option that is a map.
    Entry(&'static Declaration),
    /// It has a declared form.
    Family(&'static Family),
    /// Flink has it, and it has no meaning here; the text says why.
    NoMeaning(&'static str),
}

/// All areas.
pub fn areas() -> &'static [Area] {
    AREAS
}

/// All options of all areas.
pub fn options() -> impl Iterator<Item = &'static Declaration> {
    AREAS.iter().flat_map(Area::all)
}

/// All families of all areas.
pub fn families() -> impl Iterator<Item = &'static Family> {
    AREAS.iter().flat_map(|area| area.families)
}

/// What is known of a key; `None` where nothing is.
pub fn look_up(key: &str) -> Option<Known> {
    let former = || {
        let in_place_of = |option: &&Declaration| option.keys().any(|other| other == key);
        // A key that stands in for two options was the name of the one whose former names have it.
        let deprecated = |option: &&Declaration| option.deprecated_keys.contains(&key);
        let option = options().find(deprecated).or_else(|| options().find(in_place_of))?;
        Some(Known::Former {
            option,
            deprecated: deprecated(&option),
        })
    };
    let entry = || options().find(|option| is_entry(option, key)).map(Known::Entry);
    let family = || families().find(|family| family.has(key)).map(Known::Family);
    option(key)
        .map(Known::Option)
        .or_else(|| no_meaning::reason(key).map(Known::NoMeaning))
        .or_else(former)
        .or_else(entry)
        .or_else(family)
}

/// The option of this very key.
pub fn option(key: &str) -> Option<&'static Declaration> {
    options().find(|option| option.key == key)
}

/// The option that is read from an environment variable with this name.
pub fn option_of_variable(name: &str) -> Option<&'static Declaration> {
    let name = name.strip_prefix(super::VARIABLE_PREFIX)?;
    options().find(|option| option.has_variable(name))
}

/// Whether keys of this one's namespace are declared here, or were once, so that an unknown one is a mistake.
pub fn is_known_namespace(key: &str) -> bool {
    let namespace = |key: &str| key.split('.').next().unwrap_or_default().to_owned();
    let wanted = namespace(key);
    wanted == OWN_NAMESPACE
        || options().any(|option| option.keys().any(|key| namespace(key) == wanted))
        || families().any(|family| namespace(family.form) == wanted)
}

/// The declared key that is most alike, if one is alike enough to be what was meant.
pub fn nearest_key(key: &str) -> Option<&'static str> {
    let without_meaning = no_meaning::all().map(|(key, _)| key);
    nearest(key, options().flat_map(Declaration::keys).chain(without_meaning))
}

/// The namespace of options that Flink does not have.
const OWN_NAMESPACE: &str = "selvedge";

fn is_entry(option: &Declaration, key: &str) -> bool {
    let entry = || key.strip_prefix(option.key)?.strip_prefix('.');
    option.kind == Kind::Map && entry().is_some_and(|entry| !entry.is_empty())
}

#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod tests;
