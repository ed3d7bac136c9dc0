//! `info` and `schema`.

use std::collections::BTreeSet;
use std::path::Path;

use selvedge_it::cli::Selvedge;
use serde_json::Value;

use crate::folder::Folder;
use crate::jobs;

#[tokio::test]
async fn info_draws_vertices_chains_parallelism_partitioners_schemas_and_why_a_chain_ends() {
    let outcome = Selvedge::new("info")
        .args(["-p", "2"])
        .arg(jobs::wordcount())
        .args(["--input", "/in", "--output", "/out"])
        .run()
        .await
        .ended_with(0);
    let drawn = &outcome.stdout;
    for expected in [
        "WordCount",
        "source",
        "read",
        "split",
        "lower",
        "count",
        "write",
        "parallelism 2",
        "HASH(word)",
        "word Utf8",
        "not chained",
    ] {
        assert!(drawn.contains(expected), "{expected} is not in\n{drawn}");
    }
}

#[tokio::test]
async fn the_job_that_the_documentation_shows_is_sound_and_fits_the_schema() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/jobs.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, rest) = page.split_once("```json\n").unwrap();
    let (job, _) = rest.split_once("```").unwrap();
    let schema = schema().await;
    validity::check(&schema, &schema, &serde_json::from_str(job).unwrap()).unwrap();
    let folder = Folder::new();
    let drawn = Selvedge::new("info")
        .arg(folder.write("job.json", job))
        .args(["--input", "/in", "--output", "/out"])
        .run()
        .await
        .ended_with(0)
        .stdout;
    for expected in ["errors by host", "HASH(host)", "status Int64"] {
        assert!(drawn.contains(expected), "{expected} is not in\n{drawn}");
    }
}

async fn schema() -> Value {
    let outcome = Selvedge::new("schema").arg("job-graph").run().await.ended_with(0);
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[tokio::test]
async fn the_schema_of_a_job_names_its_draft_and_every_reference_leads_somewhere() {
    let schema = schema().await;
    assert!(
        schema["$schema"]
            .as_str()
            .unwrap()
            .starts_with("https://json-schema.org/draft/"),
        "{schema}"
    );
    let mut references = BTreeSet::new();
    collect_references(&schema, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(schema.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn collect_references(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::String(reference)) = object.get("$ref") {
                found.insert(reference.clone());
            }
            object.values().for_each(|value| collect_references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_schema_of_a_job_accepts_the_examples_and_refuses_what_is_no_job() {
    let schema = schema().await;
    for path in [jobs::wordcount(), jobs::union()] {
        let job: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        validity::check(&schema, &schema, &job).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    }
    let job: Value = serde_json::from_slice(&std::fs::read(jobs::wordcount()).unwrap()).unwrap();
    let mut nameless = job.clone();
    nameless.as_object_mut().unwrap().remove("name");
    let mut unknown_partitioner = job.clone();
    unknown_partitioner["edges"][0]["partitioner"]["type"] = "random".into();
    let mut negative = job.clone();
    negative["vertices"][0]["parallelism"] = (-1).into();
    let mut unknown_operator = job;
    unknown_operator["vertices"][0]["chain"][0]["operator"] = "file-sauce".into();
    for fault in [nameless, unknown_partitioner, negative, unknown_operator] {
        assert!(validity::check(&schema, &schema, &fault).is_err(), "accepted: {fault}");
    }
}

/// As much of JSON Schema as a derived schema uses.
mod validity {
    use serde_json::{Map, Value};

    pub(super) fn check(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
        let Value::Object(schema) = schema else {
            return if schema == &Value::Bool(false) {
                Err(format!("{value} may not be here"))
            } else {
                Ok(())
            };
        };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = root
                .pointer(reference.trim_start_matches('#'))
                .ok_or("a reference leads nowhere")?;
            check(root, target, value)?;
        }
        for one in list(schema, "allOf") {
            check(root, one, value)?;
        }
        for several in ["anyOf", "oneOf"] {
            let choices = list(schema, several);
            let faults: Vec<_> = choices.iter().filter_map(|one| check(root, one, value).err()).collect();
            if !choices.is_empty() && faults.len() == choices.len() {
                return Err(format!("{value} fits no choice: {}", faults.join("; ")));
            }
        }
        scalar(schema, value)?;
        match value {
            Value::Object(object) => members(root, schema, object),
            Value::Array(values) => match schema.get("items") {
                Some(items) => values.iter().try_for_each(|value| check(root, items, value)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn list<'a>(schema: &'a Map<String, Value>, key: &str) -> &'a [Value] {
        schema.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn scalar(schema: &Map<String, Value>, value: &Value) -> Result<(), String> {
        let fits = |name: &str| match name {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            other => panic!("no type {other} in JSON Schema"),
        };
        let is_of_type = match schema.get("type") {
            None => true,
            Some(Value::String(name)) => fits(name),
            Some(names) => names
                .as_array()
                .unwrap()
                .iter()
                .any(|name| fits(name.as_str().unwrap())),
        };
        let is_constant = schema.get("const").is_none_or(|constant| constant == value);
        let is_listed = schema.get("enum").is_none_or(|_| list(schema, "enum").contains(value));
        let is_enough = match (schema.get("minimum").and_then(Value::as_f64), value.as_f64()) {
            (Some(minimum), Some(number)) => number >= minimum,
            _ => true,
        };
        if is_of_type && is_constant && is_listed && is_enough {
            Ok(())
        } else {
            Err(format!("{value} is not {}", Value::Object(schema.clone())))
        }
    }

    fn members(root: &Value, schema: &Map<String, Value>, object: &Map<String, Value>) -> Result<(), String> {
        for name in list(schema, "required") {
            if !object.contains_key(name.as_str().unwrap()) {
                return Err(format!("{name} is missing"));
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, value) in object {
            match properties.and_then(|properties| properties.get(name)) {
                Some(property) => check(root, property, value).map_err(|fault| format!("{name}: {fault}"))?,
                None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                    return Err(format!("{name} is unknown"));
                }
                None => {}
            }
        }
        Ok(())
    }
}
