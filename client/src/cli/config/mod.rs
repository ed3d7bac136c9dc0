//! `selvedge config`: what holds, who said so, and what is wrong with it.

mod args;
mod check;
mod docs;
mod explain;
mod list;

use selvedge_core::config::catalogue::{self, Known};
use selvedge_core::config::{Declaration, Kind, Settings, shown};
use serde_json::{Value, json};

pub use args::{CheckArgs, ConfigArgs, ConfigCommand, KeyArgs, ListArgs, OutputArgs, OutputForm};

use super::error::{CommandError, Ended};
use super::terminal;

pub(super) fn config(arguments: ConfigArgs) -> Result<Ended, CommandError> {
    match arguments.command {
        ConfigCommand::List(arguments) => list::list(&arguments),
        ConfigCommand::Get(arguments) => explain::get(&arguments),
        ConfigCommand::Explain(arguments) => explain::explain(&arguments),
        ConfigCommand::Check(arguments) => check::check(&arguments),
        ConfigCommand::Docs { output } => docs::docs(&output),
    }
}

/// What a user asked about.
enum Asked<'a> {
    Option(&'static Declaration),
    /// A key that is set, or may be, and is no option of its own.
    Other(&'a str),
}

/// The option of a key or of its former name; an unknown key is an error with the nearest one.
fn asked(key: &str) -> Result<Asked<'_>, CommandError> {
    match catalogue::look_up(key) {
        Some(Known::Option(option) | Known::Former { option, .. }) => Ok(Asked::Option(option)),
        Some(_) => Ok(Asked::Other(key)),
        None => {
            let nearest = catalogue::nearest_key(key).map(|nearest| format!("; did you mean {nearest}?"));
            let nearest = nearest.unwrap_or_else(|| "; `selvedge config list` shows all there are".to_owned());
            Err(CommandError::input(format!("there is no option '{key}'{nearest}")))
        }
    }
}

/// The value that holds and who set it, with secrets masked.
fn holding(settings: &Settings, asked: &Asked<'_>) -> (Option<String>, String) {
    let (setting, default) = match asked {
        Asked::Option(option) => (settings.holding(option), option.default),
        Asked::Other(key) => (settings.of_key(key).next(), None),
    };
    match (setting, default) {
        (Some(setting), _) => {
            let value = shown(&setting.key, &setting.value).to_owned();
            (Some(value), setting.origin.to_string())
        }
        (None, default) => match (entries(settings, asked), default) {
            (Some(entries), _) => (Some(entries), "its entries".to_owned()),
            (None, Some(default)) => (Some(default.to_owned()), "default".to_owned()),
            (None, None) => (None, "not set".to_owned()),
        },
    }
}

/// The entries of a map that are set one by one, as one text.
fn entries(settings: &Settings, asked: &Asked<'_>) -> Option<String> {
    let Asked::Option(Declaration {
        key, kind: Kind::Map, ..
    }) = asked
    else {
        return None;
    };
    let (configuration, below) = (settings.configuration(), format!("{key}."));
    let entries = configuration.with_prefix(&below);
    let texts: Vec<_> = entries
        .map(|(name, value)| format!("{name}:{}", shown(&format!("{below}{name}"), value)))
        .collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

/// An option as a JSON object.
fn described(option: &Declaration) -> Value {
    json!({
        "key": option.key,
        "type": option.kind.to_string(),
        "default": option.default,
        "unit": option.unit,
        "range": option.range(),
        "description": option.description(),
        "fallback_keys": option.fallback_keys,
        "deprecated_keys": option.deprecated_keys,
        "variable": option.variable(),
        "in_effect": option.in_effect,
    })
}

pub(super) fn print_json(value: &Value) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(value)?;
    Ok(terminal::print(&format!("{text}\n"))?)
}
