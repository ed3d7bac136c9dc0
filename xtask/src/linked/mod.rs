//! What is linked into the `selvedge` command, as cargo resolves it, and Rust's standard library: for its licences and
//! its bill of materials.

mod sbom;
mod standard_library;
mod texts;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use crate::steps;

/// The package whose binary is released.
const ROOT: &str = "selvedge";

/// A package that is linked into the command.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// As its manifest has it, an expression of SPDX.
    pub(crate) license: Option<String>,
    pub(crate) repository: Option<String>,
    pub(crate) folder: PathBuf,
    /// One of this workspace.
    pub(crate) is_ours: bool,
    /// The packages it is linked with, by name and version.
    pub(crate) needs: BTreeSet<(String, String)>,
}

/// What is linked for `target`, sorted by name.
///
/// Features are those of the whole workspace, so it may name a little more than a build of the command alone has, never
/// less.
pub(crate) fn packages(target: &str) -> Result<Vec<Package>, String> {
    let mut cargo = steps::cargo();
    cargo.args([
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--filter-platform",
        target,
    ]);
    let output = cargo
        .output()
        .map_err(|error| format!("cargo metadata cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let metadata = serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let mut packages = linked(&metadata)?;
    let library = standard_library::package()?;
    for root in packages.iter_mut().filter(|package| package.name == ROOT) {
        root.needs.insert((library.name.clone(), library.version.clone()));
    }
    packages.push(library);
    packages.sort();
    Ok(packages)
}

/// Follows the normal dependencies of the root. Those of procedural macros run in the compiler only.
fn linked(metadata: &Value) -> Result<Vec<Package>, String> {
    let by_id = |values: &'_ Value| -> BTreeMap<String, Value> {
        let values = values.as_array().into_iter().flatten();
        values.map(|one| (text(&one["id"]), one.clone())).collect()
    };
    let (packages, nodes) = (by_id(&metadata["packages"]), by_id(&metadata["resolve"]["nodes"]));
    let root = packages.iter().find(|(_, package)| package["name"] == ROOT);
    let (root, _) = root.ok_or_else(|| format!("there is no package {ROOT}"))?;
    let mut open = vec![root.clone()];
    let mut linked = BTreeMap::new();
    while let Some(id) = open.pop() {
        if linked.contains_key(&id) {
            continue;
        }
        let needs: Vec<String> = normal_dependencies(&nodes[&id])
            .filter(|id| !is_macro(&packages[id]))
            .collect();
        open.extend(needs.iter().cloned());
        linked.insert(
            id.clone(),
            package(&packages[&id], needs.iter().map(|id| &packages[id])),
        );
    }
    let mut linked: Vec<_> = linked.into_values().collect();
    linked.sort();
    Ok(linked)
}

fn normal_dependencies(node: &Value) -> impl Iterator<Item = String> {
    let is_normal = |one: &&Value| {
        let kinds = one["dep_kinds"].as_array();
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
    };
    let all = node["deps"].as_array().into_iter().flatten();
    all.filter(is_normal).map(|one| text(&one["pkg"]))
}

fn is_macro(package: &Value) -> bool {
    let targets = package["targets"].as_array().into_iter().flatten();
    targets
        .flat_map(|target| target["kind"].as_array().into_iter().flatten())
        .any(|kind| kind == "proc-macro")
}

fn package<'a>(value: &Value, needs: impl Iterator<Item = &'a Value>) -> Package {
    let manifest = PathBuf::from(text(&value["manifest_path"]));
    Package {
        name: text(&value["name"]),
        version: text(&value["version"]),
        license: value["license"].as_str().map(str::to_owned),
        repository: value["repository"].as_str().map(str::to_owned),
        folder: manifest.parent().map(PathBuf::from).unwrap_or_default(),
        is_ours: value["source"].is_null(),
        needs: needs.map(|one| (text(&one["name"]), text(&one["version"]))).collect(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The licences of what is linked, with their texts.
pub(crate) fn licences(packages: &[Package]) -> Result<String, String> {
    texts::licences(packages)
}

/// The notices of Rust's standard library, and the name under which they are given away, where the toolchain has them.
pub(crate) fn notices(packages: &[Package]) -> Option<(PathBuf, &'static str)> {
    standard_library::notices(packages).map(|notices| (notices, standard_library::NOTICES))
}

/// The bill of materials, in CycloneDX's JSON.
pub(crate) fn bill_of_materials(packages: &[Package], version: &str) -> Value {
    sbom::bill_of_materials(packages, version)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_linked_is_what_normal_dependencies_lead_to_but_not_through_macros() {
        let package = |name: &str, kind: &str| {
            json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT", "manifest_path": format!("/{name}/Cargo.toml"),
                "source": (name != "selvedge").then_some("registry"), "targets": [{"kind": [kind]}]})
        };
        let node = |id: &str, deps: &[(&str, Value)]| {
            let deps: Vec<_> = deps
                .iter()
                .map(|(id, kind)| json!({"pkg": id, "dep_kinds": [{"kind": kind}]}))
                .collect();
            json!({"id": id, "deps": deps})
        };
        let metadata = json!({
            "packages": [package("selvedge", "lib"), package("a", "lib"), package("b", "lib"), package("m", "proc-macro"),
                package("in-macro", "lib"), package("dev", "lib"), package("build", "lib")],
            "resolve": {"nodes": [
                node("selvedge", &[("a", Value::Null), ("m", Value::Null), ("dev", json!("dev")), ("build", json!("build"))]),
                node("a", &[("b", Value::Null)]), node("b", &[]), node("m", &[("in-macro", Value::Null)]),
                node("in-macro", &[]), node("dev", &[]), node("build", &[]),
            ]},
        });
        let linked = linked(&metadata).unwrap();
        let names: Vec<_> = linked.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "selvedge"]);
        assert_eq!(linked[0].needs, BTreeSet::from([("b".to_owned(), "1.0.0".to_owned())]));
        assert!(linked[2].is_ours && !linked[0].is_ours);
    }
}
