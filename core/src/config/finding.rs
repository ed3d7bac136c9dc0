//! What is wrong with a setting, or what its author should know.

use std::fmt;

use super::catalogue::{self, Known};
use super::settings::{Origin, Setting, Settings};
use super::{DIRECTORY_VARIABLE, Declaration, Family, MASK, VARIABLE_PREFIX, is_sensitive, shown};
use crate::nearest::likeness;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The setting cannot be what was meant: it is refused.
    Error,
    /// It is taken, but may not do what was meant.
    Warning,
}

/// What there is to say about a setting. Its text names the place, the key, the value (unless it is a secret) and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The key, as written.
    pub key: String,
    /// The value, masked where it is a secret.
    pub value: String,
    /// Who set it.
    pub origin: Origin,
    /// What is wrong and what to do.
    pub message: String,
    /// The key that was meant, as far as one can tell.
    pub nearest: Option<&'static str>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.origin, self.key, self.message)
    }
}

/// How alike a key in an unknown namespace must be to a declared one to be taken for a slip.
const SLIP: f64 = 0.9;

/// Variables that begin like those of settings and are none.
const OTHER_VARIABLES: &[&str] = &[
    DIRECTORY_VARIABLE,
    "SELVEDGE_LOG",
    // What a job's program is told.
    "SELVEDGE_REST_URL",
    "SELVEDGE_JOB_GRAPH_OUT",
    "SELVEDGE_COMMAND",
];

/// All that there is to say about one setting.
pub(super) fn of_setting(setting: &Setting, settings: &Settings) -> Vec<Finding> {
    let found = match catalogue::look_up(&setting.key) {
        Some(Known::Option(option)) => of_value(option, setting),
        Some(Known::Former { option, deprecated }) => {
            let mut found = vec![of_former(option, deprecated, settings)];
            found.extend(of_value(option, setting));
            found
        }
        Some(Known::Entry(option)) => of_entry(option, setting),
        Some(Known::Family(family)) => of_family(family, setting),
        Some(Known::NoMeaning(reason)) => vec![warning(format!("it has no meaning here: {reason}"))],
        None => vec![of_unknown(setting)],
    };
    let finding = |told: Told| Finding {
        severity: told.severity,
        key: setting.key.clone(),
        value: shown_beside(told.nearest, setting).to_owned(),
        origin: setting.origin.clone(),
        message: told.message,
        nearest: told.nearest,
    };
    found.into_iter().map(finding).collect()
}

/// A variable that begins as those of settings do and stands for none, where it nearly does.
pub(super) fn of_variable(name: &str, value: &str) -> Option<Finding> {
    let rest = name.strip_prefix(VARIABLE_PREFIX)?;
    if OTHER_VARIABLES.contains(&name) {
        return None;
    }
    let alike = |option: &Declaration| likeness(rest, &option.variable()[VARIABLE_PREFIX.len()..]);
    let (option, likeness) = catalogue::options()
        .map(|option| (option, alike(option)))
        .max_by(|(_, left), (_, right)| left.total_cmp(right))?;
    (likeness >= SLIP).then(|| Finding {
        severity: Severity::Warning,
        key: name.to_owned(),
        value: shown(name, value).to_owned(),
        origin: Origin::Environment(name.to_owned()),
        message: format!("it stands for no setting; did you mean {}?", option.variable()),
        nearest: Some(option.key),
    })
}

struct Told {
    severity: Severity,
    message: String,
    nearest: Option<&'static str>,
}

fn error(message: String) -> Told {
    Told {
        severity: Severity::Error,
        message,
        nearest: None,
    }
}

fn warning(message: String) -> Told {
    Told {
        severity: Severity::Warning,
        ..error(message)
    }
}

fn of_value(option: &Declaration, setting: &Setting) -> Vec<Told> {
    match option.check(&setting.value) {
        Err(reason) => vec![error(reason)],
        Ok(()) if option.in_effect || option.is_default(&setting.value) => Vec::new(),
        Ok(()) => vec![not_in_effect()],
    }
}

fn of_family(family: &Family, setting: &Setting) -> Vec<Told> {
    of_member(family.in_effect, family.kind.check(&setting.value))
}

fn of_entry(option: &Declaration, setting: &Setting) -> Vec<Told> {
    let name = setting.key.strip_prefix(option.key).unwrap_or_default();
    let name = name.trim_start_matches('.');
    of_member(option.in_effect, option.check_entry(name, &setting.value))
}

fn of_member(in_effect: bool, checked: Result<(), String>) -> Vec<Told> {
    match checked {
        Err(reason) => vec![error(reason)],
        Ok(()) if in_effect => Vec::new(),
        Ok(()) => vec![not_in_effect()],
    }
}

fn not_in_effect() -> Told {
    warning("it is not in effect yet: Selvedge takes it and goes by nothing of it".to_owned())
}

fn of_former(option: &Declaration, deprecated: bool, settings: &Settings) -> Told {
    let key = option.key;
    if settings.of_key(key).next().is_some() {
        return warning(format!("it is ignored, since {key} is set"));
    }
    warning(match deprecated {
        true => format!("it is a former name of {key}: write that"),
        false => format!("it stands in for {key}, which is not set: write that"),
    })
}

/// The value, masked too where the key that was meant is a secret's.
fn shown_beside<'a>(nearest: Option<&str>, setting: &'a Setting) -> &'a str {
    match nearest {
        Some(nearest) if is_sensitive(nearest) => MASK,
        _ => shown(&setting.key, &setting.value),
    }
}

fn of_unknown(setting: &Setting) -> Told {
    let nearest = catalogue::nearest_key(&setting.key);
    let value = shown_beside(nearest, setting);
    // What is like a key without meaning may be one of a newer Flink: it is no mistake to refuse.
    let is_slip = nearest.is_some_and(|nearest| {
        likeness(&setting.key, nearest) >= SLIP && !matches!(catalogue::look_up(nearest), Some(Known::NoMeaning(_)))
    });
    if !is_slip && !catalogue::is_known_namespace(&setting.key) {
        return warning(format!("nothing reads it (its value is '{value}')"));
    }
    let remedy = match nearest {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "`selvedge config list` shows all there are".to_owned(),
    };
    Told {
        severity: Severity::Error,
        message: format!("there is no such option (its value is '{value}'); {remedy}"),
        nearest,
    }
}

#[cfg(test)]
#[path = "finding_tests.rs"]
mod tests;
