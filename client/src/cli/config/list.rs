//! `selvedge config list`.

use comfy_table::{Table, presets};
use selvedge_core::config::catalogue::{self, Known};
use selvedge_core::config::{Area, ConfigSource, DIRECTORY_VARIABLE, Settings};
use serde_json::json;

use super::args::ListArgs;
use super::{Asked, holding, print_json};
use crate::cli::error::{CommandError, Ended};
use crate::cli::{settings, terminal};

struct Row {
    area: &'static str,
    key: String,
    value: Option<String>,
    from: String,
    changed: bool,
    in_effect: bool,
}

pub(super) fn list(arguments: &ListArgs) -> Result<Ended, CommandError> {
    let settings = settings::checked(&arguments.settings)?;
    let wanted = wanted(arguments.area.as_deref())?;
    let mut rows: Vec<_> = wanted.iter().flat_map(|area| options_of(area, &settings)).collect();
    rows.extend(others(&settings).filter(|row| wanted.iter().any(|area| area.name == row.area)));
    rows.retain(|row| row.changed || !arguments.changed);
    if arguments.output.is_json() {
        print_json(&json!({
            "source": source(&settings),
            "settings": rows.iter().map(|row| json!({
                "area": row.area,
                "key": row.key,
                "value": row.value,
                "from": row.from,
                "changed": row.changed,
                "in_effect": row.in_effect,
            })).collect::<Vec<_>>(),
        }))?;
    } else {
        terminal::print(&format!("settings of {}\n\n{}\n", source(&settings), table(&rows)))?;
    }
    Ok(Ended::Done)
}

fn wanted(name: Option<&str>) -> Result<Vec<&'static Area>, CommandError> {
    let areas = catalogue::areas();
    let Some(name) = name else {
        return Ok(areas.iter().collect());
    };
    let found: Vec<_> = areas.iter().filter(|area| area.name == name).collect();
    if found.is_empty() {
        let names: Vec<_> = areas.iter().map(|area| area.name).collect();
        return Err(CommandError::input(format!(
            "there is no area '{name}': there are {}",
            names.join(", ")
        )));
    }
    Ok(found)
}

fn options_of<'a>(area: &'static Area, settings: &'a Settings) -> impl Iterator<Item = Row> + use<'a> {
    area.all().map(|option| {
        let (value, from) = holding(settings, &Asked::Option(option));
        let set = settings.holding(option);
        Row {
            area: area.name,
            key: option.key.to_owned(),
            value,
            from,
            changed: set.is_some_and(|set| !option.is_default(&set.value)),
            in_effect: option.in_effect,
        }
    })
}

/// What is set and is no option of its own: members of families, entries of maps, keys without meaning here.
fn others(settings: &Settings) -> impl Iterator<Item = Row> {
    let configuration = settings.configuration();
    let keys: Vec<_> = configuration.iter().map(|(key, _)| key.to_owned()).collect();
    keys.into_iter().filter_map(|key| {
        let known = catalogue::look_up(&key);
        let in_effect = match known {
            Some(Known::Option(_) | Known::Former { .. }) => return None,
            Some(Known::Entry(option)) => option.in_effect,
            Some(Known::Family(family)) => family.in_effect,
            Some(Known::NoMeaning(_)) | None => false,
        };
        let (value, from) = holding(settings, &Asked::Other(&key));
        Some(Row {
            area: known.and_then(area_of).unwrap_or(FIRST_AREA),
            key,
            value,
            from,
            changed: true,
            in_effect,
        })
    })
}

/// Where keys stand that belong to no area.
const FIRST_AREA: &str = "core";

fn area_of(known: Known) -> Option<&'static str> {
    let has = |area: &&Area| match known {
        Known::Entry(option) => area.all().any(|other| other.key == option.key),
        Known::Family(family) => area.families.iter().any(|other| other.form == family.form),
        _ => false,
    };
    catalogue::areas().iter().find(has).map(|area| area.name)
}

fn source(settings: &Settings) -> String {
    match settings.source() {
        ConfigSource::File(path) => path.display().to_string(),
        ConfigSource::Shipped => {
            format!(
                "the shipped configuration, which is compiled in: neither --configDir nor {DIRECTORY_VARIABLE} names another"
            )
        }
        other => other.to_string(),
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_header(["key", "value", "from", ""]);
    for row in rows {
        let value = row.value.as_deref().unwrap_or("–");
        let remark = if row.in_effect { "" } else { "not in effect" };
        table.add_row([row.key.as_str(), value, row.from.as_str(), remark]);
    }
    table
}
