//! `selvedge config docs`.

use selvedge_core::config::{catalogue, reference};
use serde_json::{Value, json};

use super::args::OutputArgs;
use super::{described, print_json};
use crate::cli::error::{CommandError, Ended};
use crate::cli::terminal;

pub(super) fn docs(output: &OutputArgs) -> Result<Ended, CommandError> {
    if output.is_json() {
        let areas = catalogue::areas().iter().map(|area| {
            json!({
                "area": area.name,
                "title": area.title,
                "options": area.all().map(described).collect::<Vec<_>>(),
                "families": area.families.iter().map(|family| json!({
                    "form": family.form,
                    "type": family.kind.to_string(),
                    "description": family.description(),
                    "in_effect": family.in_effect,
                })).collect::<Vec<_>>(),
            })
        });
        print_json(&areas.collect::<Value>())?;
    } else {
        terminal::print(&reference::markdown())?;
    }
    Ok(Ended::Done)
}
