//! The reference page of all options, `docs/configuration.md`, made of their declarations.

use super::{Area, Declaration, Family, catalogue, no_meaning};

const INTRODUCTION: &str = "\
<!-- Made by `selvedge config docs` from the declarations in core/src/config/options; a test compares. Do not edit. -->

# Configuration

Keys, types and defaults are Flink 1.20's wherever the meaning is the same; what Flink does not have lies below `selvedge.`.
`selvedge config explain KEY` tells all about one key, `selvedge config check` looks for mistakes.

## Where settings come from

A later place wins over an earlier one:

1. the default of the option;
2. the file: `config.yaml` (YAML, keys nested or flat) or `flink-conf.yaml` (`key: value` on each line, as before Flink
   1.19) in `--configDir`, else in `$SELVEDGE_CONF_DIR`; where neither is given, the shipped file, which is compiled in;
3. the environment, read by the client only: `SELVEDGE_` and the key, upper-cased, with an underscore for whatever is
   neither letter nor digit: `SELVEDGE_PARALLELISM_DEFAULT` is `parallelism.default`. An empty variable sets nothing.
   Flink's `FLINK_TM_HEAP` and `FLINK_JM_HEAP` stand for `taskmanager.heap.size` and `jobmanager.heap.size`;
4. `-Dkey=value`;
5. other options of the command line, such as `-p` and `-t`.

A directory with both files is refused, and so is a key that stands twice in a file. Values are taken as they are
written: nothing is substituted in them. The client sends what holds to master and workers in one file.

| mistake | what happens |
| --- | --- |
| an unknown key in a namespace of this page, or nearly a key of it | refused, with file, line, key, value and the nearest key |
| a value of the wrong type or out of range | refused, with file, line, key and value |
| a former name of a key, or one that stands in for it | read where the key itself is not set, with a warning |
| an option that is not in effect yet, set to other than its default | taken, with a warning |
| a key of Flink's that has no meaning here | taken, with a line that says why |
| a key in another namespace | taken, with a warning that nothing reads it |

## Values

| type | how it is written |
| --- | --- |
| memory size | a whole number and `b`, `k`, `m`, `g` or `t` (or `kb`, `kibibytes`, …), binary multiples; without a unit, bytes |
| duration | a whole number and `ns`, `us`, `ms`, `s`, `min`, `h` or `d`; without a unit, milliseconds |
| list | texts, separated by semicolons; in YAML a list too |
| map | `key:value` pairs, separated by commas; in YAML nested keys too, else `key.name: value` for each entry |
| fraction | a number from 0 to 1 |

Values of keys that contain `password`, `secret`, `token` and the like are shown as `******`, in logs, over REST and on
the terminal. They reach master and workers in the file that the client sends, which only its user may read; they stand on
no container's command line and in no launch script, also where they were given with `-D` or as a variable
(`containerized.master.env.API_TOKEN`).
";

/// The whole page, in Markdown.
pub fn markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    for area in catalogue::areas() {
        write_area(&mut page, area);
    }
    write_no_meaning(&mut page);
    page
}

fn write_area(page: &mut String, area: &Area) {
    put(page, &format!("\n## `{}`: {}\n", area.name, area.title));
    let (in_effect, later): (Vec<_>, Vec<_>) = area.all().partition(|option| option.in_effect);
    write_options(page, "", &in_effect);
    write_options(page, "\nNot in effect yet:\n", &later);
    let (in_effect, later): (Vec<_>, Vec<_>) = area.families.iter().partition(|family| family.in_effect);
    write_families(page, "\nKeys that you name a part of:\n", &in_effect);
    write_families(page, "\nKeys that you name a part of, not in effect yet:\n", &later);
}

fn write_options(page: &mut String, heading: &str, options: &[&Declaration]) {
    if options.is_empty() {
        return;
    }
    put(page, heading);
    put(page, "\n| key | type | default | |\n| --- | --- | --- | --- |\n");
    for option in options {
        let default = match option.default {
            Some("") => "(empty)".to_owned(),
            Some(default) => format!("`{}`", cell(default)),
            None => "–".to_owned(),
        };
        let kind = cell(&option.kind.to_string());
        put(
            page,
            &format!("| `{}` | {kind} | {default} | {} |\n", option.key, remarks(option)),
        );
    }
}

fn remarks(option: &Declaration) -> String {
    let names = |keys: &[&str]| {
        let quoted: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
        quoted.join(", ")
    };
    let mut remarks = cell(option.description());
    if let Some(unit) = option.unit {
        remarks.push_str(&format!(" In {unit}."));
    }
    if let Some(range) = option.range() {
        remarks.push_str(&format!(" Range: {range}."));
    }
    if !option.fallback_keys.is_empty() {
        remarks.push_str(&format!(" Where it is not set: {}.", names(option.fallback_keys)));
    }
    if !option.deprecated_keys.is_empty() {
        remarks.push_str(&format!(" Formerly {}.", names(option.deprecated_keys)));
    }
    remarks
}

fn write_families(page: &mut String, heading: &str, families: &[&Family]) {
    if families.is_empty() {
        return;
    }
    put(page, heading);
    put(page, "\n| form | type | |\n| --- | --- | --- |\n");
    for family in families {
        let about = cell(family.description());
        put(page, &format!("| `{}` | {} | {about} |\n", family.form, family.kind));
    }
}

fn write_no_meaning(page: &mut String) {
    put(
        page,
        "\n## Keys of Flink's without meaning here\n\n| key | why |\n| --- | --- |\n",
    );
    for (key, reason) in no_meaning::all() {
        put(page, &format!("| `{key}` | {} |\n", cell(reason)));
    }
}

fn put(page: &mut String, text: &str) {
    page.push_str(text);
}

/// A text that stays within its column.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_made_of_these_declarations() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let page = std::fs::read_to_string(path).unwrap_or_default();
        // Not assert_eq: two pages of thousands of words help nobody.
        assert!(
            page == markdown(),
            "docs/configuration.md is stale: cargo run --bin selvedge -- config docs > docs/configuration.md"
        );
    }
}
