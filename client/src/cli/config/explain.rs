//! `selvedge config get` and `selvedge config explain`.

use selvedge_core::config::catalogue::{self, Known};
use selvedge_core::config::{Declaration, Setting, Settings, shown};
use serde_json::{Value, json};

use super::args::KeyArgs;
use super::{Asked, asked, described, holding, print_json};
use crate::cli::error::{CommandError, Ended};
use crate::cli::exit::ExitKind;
use crate::cli::{settings, terminal};

pub(super) fn get(arguments: &KeyArgs) -> Result<Ended, CommandError> {
    let asked = asked(&arguments.key)?;
    let settings = settings::checked(&arguments.settings)?;
    let (value, from) = holding(&settings, &asked);
    let key = match asked {
        Asked::Option(option) => option.key,
        Asked::Other(key) => key,
    };
    if arguments.output.is_json() {
        print_json(&json!({"key": key, "value": value, "from": from}))?;
        return Ok(Ended::Done);
    }
    let value =
        value.ok_or_else(|| CommandError::new(ExitKind::Failed, format!("{key} is not set and has no default")))?;
    terminal::print(&format!("{value}\n"))?;
    Ok(Ended::Done)
}

pub(super) fn explain(arguments: &KeyArgs) -> Result<Ended, CommandError> {
    let asked = asked(&arguments.key)?;
    let settings = settings::checked(&arguments.settings)?;
    let (value, from) = holding(&settings, &asked);
    let set = set_by(&settings, &asked);
    let mut object = match &asked {
        Asked::Option(option) => described(option),
        Asked::Other(key) => other(key),
    };
    object["value"] = json!(value);
    object["from"] = json!(from);
    object["set"] = set
        .iter()
        .map(|setting| {
            json!({
                "key": setting.key,
                "value": shown(&setting.key, &setting.value),
                "from": setting.origin.to_string(),
            })
        })
        .collect();
    if arguments.output.is_json() {
        print_json(&object)?;
    } else {
        terminal::print(&text(&asked, &object, &set))?;
    }
    Ok(Ended::Done)
}

/// All settings that have to do with what was asked, the one that holds first.
fn set_by<'a>(settings: &'a Settings, asked: &Asked<'_>) -> Vec<&'a Setting> {
    let keys: Vec<&str> = match asked {
        Asked::Option(option) => option.keys().collect(),
        Asked::Other(key) => vec![key],
    };
    let of_key = |key: &str| {
        settings
            .layers()
            .iter()
            .rev()
            .filter(|set| set.key == key)
            .collect::<Vec<_>>()
    };
    keys.into_iter().flat_map(of_key).collect()
}

/// A key that is no option of its own.
fn other(key: &str) -> Value {
    let (description, in_effect) = match catalogue::look_up(key) {
        Some(Known::Family(family)) => (format!("{} ({})", family.description(), family.form), family.in_effect),
        Some(Known::Entry(option)) => (
            format!("An entry of {}. {}", option.key, option.description()),
            option.in_effect,
        ),
        Some(Known::NoMeaning(reason)) => (format!("It has no meaning here: {reason}."), false),
        Some(Known::Option(_) | Known::Former { .. }) | None => (String::new(), false),
    };
    json!({"key": key, "description": description, "in_effect": in_effect})
}

fn text(asked: &Asked<'_>, object: &Value, set: &[&Setting]) -> String {
    let plain = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
    let mut lines = vec![plain("key"), format!("  {}", plain("description"))];
    let value = object["value"].as_str().unwrap_or("–");
    lines.push(format!("  value     {value} ({})", plain("from")));
    if let Asked::Option(option) = asked {
        lines.extend(facts(option));
    }
    if object["in_effect"] == json!(false) {
        lines.push("  Nothing goes by it yet: it is read, checked and carried on.".to_owned());
    }
    if set.len() > 1 {
        lines.push("  set by    (the first one holds)".to_owned());
        let line = |set: &&Setting| format!("    {}: {} = {}", set.origin, set.key, shown(&set.key, &set.value));
        lines.extend(set.iter().map(line));
    }
    lines.join("\n") + "\n"
}

fn facts(option: &Declaration) -> Vec<String> {
    let names = |keys: &[&str]| (!keys.is_empty()).then(|| keys.join(", "));
    let facts = [
        ("type", Some(option.kind.to_string())),
        ("default", option.default.map(str::to_owned)),
        ("unit", option.unit.map(str::to_owned)),
        ("range", option.range()),
        ("else", names(option.fallback_keys)),
        ("formerly", names(option.deprecated_keys)),
        ("variable", Some(option.variable())),
    ];
    let present = facts.into_iter().filter_map(|(name, fact)| Some((name, fact?)));
    present.map(|(name, fact)| format!("  {name:9} {fact}")).collect()
}
