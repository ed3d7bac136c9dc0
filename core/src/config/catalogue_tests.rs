use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::*;
use crate::config::{Kind, VARIABLE_PREFIX};

/// The text of every Rust file below a directory of the workspace.
fn sources(directory: &str) -> Vec<(PathBuf, String)> {
    fn collect(directory: &Path, sources: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, sources);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                sources.push((path, text));
            }
        }
    }
    let mut sources = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    collect(&root.join(directory), &mut sources);
    sources
}

/// Constants of options: their names by key, as the area files declare them.
fn constants() -> BTreeMap<String, String> {
    let mut constants = BTreeMap::new();
    for (_, text) in sources("core/src/config/options") {
        for declared in text
            .split("pub const ")
            .skip(1)
            .filter(|text| text.contains("ConfigOption::new("))
        {
            let name = declared.split(':').next().unwrap();
            let key = declared.split('"').nth(1).unwrap();
            constants.insert(key.to_owned(), name.to_owned());
        }
    }
    assert!(constants.len() > 80, "{}", constants.len());
    constants
}

#[test]
fn every_option_is_declared_once() {
    let mut seen = BTreeSet::new();
    let again: Vec<_> = options()
        .map(|option| option.key)
        .filter(|key| !seen.insert(*key))
        .collect();
    assert_eq!(
        again, [""; 0],
        "declared twice: an option that is in effect needs no row below \"not yet\""
    );
    let forms: Vec<_> = families()
        .map(|family| family.form)
        .filter(|form| !seen.insert(*form))
        .collect();
    assert_eq!(forms, [""; 0]);
}

#[test]
fn every_constant_stands_in_the_table_of_its_area() {
    let missing: Vec<_> = constants().into_keys().filter(|key| option(key).is_none()).collect();
    assert!(missing.is_empty(), "add them to `options` of their area: {missing:?}");
}

/// An option is in effect exactly where a program asks for it.
#[test]
fn what_is_said_to_be_in_effect_is_read_and_nothing_else_is() {
    let mut programs = sources("core/src/memory");
    programs.extend(sources("core/src/resource"));
    programs.extend(sources("core/src/job_graph"));
    for directory in ["runtime/src", "appmaster/src", "taskmanager/src", "client/src"] {
        programs.extend(sources(directory));
    }
    let is_read = |name: &str| {
        programs.iter().any(|(_, text)| {
            // By its path, or first in a list of imports.
            let uses = [format!("::{name}"), format!("::{{{name}")];
            let places = |used: &String| {
                text.match_indices(used)
                    .map(|(at, _)| at + used.len())
                    .collect::<Vec<_>>()
            };
            let mut places = uses.iter().flat_map(places).map(|end| &text[end..]);
            places.any(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_'))
        })
    };
    for (key, name) in constants() {
        let declared = option(&key).unwrap().in_effect;
        assert_eq!(
            declared,
            is_read(&name),
            "{name} ({key}): in effect, and whether a program reads it"
        );
    }
}

#[test]
fn every_default_is_a_value_of_its_option_and_within_its_range() {
    for option in options() {
        for bound in [option.default, option.least, option.greatest].into_iter().flatten() {
            assert_eq!(option.check(bound), Ok(()), "{}", option.key);
        }
    }
}

#[test]
fn a_negative_time_is_refused_by_every_option_of_a_time() {
    let times = options().filter(|option| option.kind == Kind::Duration);
    let mut seen = 0;
    for option in times {
        let refused = option.check("-1 s").unwrap_err();
        assert!(refused.contains("-1 s"), "{}: {refused}", option.key);
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn every_option_says_in_one_sentence_what_it_is_for() {
    for option in options() {
        let sentence = option.description();
        assert!(
            sentence.ends_with('.') && sentence.len() > 5,
            "{}: {sentence}",
            option.key
        );
    }
}

#[test]
fn no_two_options_have_the_same_environment_variable() {
    let mut seen = BTreeMap::new();
    for option in options() {
        let other = seen.insert(option.variable(), option.key);
        assert_eq!(other, None, "{} and {other:?}", option.key);
        assert_eq!(
            option_of_variable(&option.variable()).map(|found| found.key),
            Some(option.key)
        );
    }
    for taken in ["SELVEDGE_CONF_DIR", "SELVEDGE_LOG", "SELVEDGE_REST_URL"] {
        assert!(
            taken.starts_with(VARIABLE_PREFIX) && !seen.contains_key(taken),
            "{taken}"
        );
    }
}

#[test]
fn a_key_is_either_an_option_or_has_no_meaning() {
    for (key, _) in no_meaning::all() {
        assert!(option(key).is_none(), "{key}");
        assert!(matches!(look_up(key), Some(Known::NoMeaning(_))), "{key}");
    }
}

#[test]
fn what_a_key_is_is_told() {
    assert!(matches!(look_up("parallelism.default"), Some(Known::Option(_))));
    let former = look_up("akka.ask.timeout");
    assert!(
        matches!(former, Some(Known::Former { option, deprecated: true }) if option.key == "pekko.ask.timeout"),
        "{former:?}"
    );
    let entry = look_up("pipeline.global-job-parameters.x");
    assert!(
        matches!(entry, Some(Known::Entry(option)) if option.kind == Kind::Map),
        "{entry:?}"
    );
    assert!(matches!(
        look_up("metrics.reporter.prom.factory.class"),
        Some(Known::Family(_))
    ));
    assert!(look_up("metrics.reporters.x").is_none());
    assert!(is_known_namespace("selvedge.x") && !is_known_namespace("weather.x"));
}
