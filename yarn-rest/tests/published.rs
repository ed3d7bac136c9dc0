//! What a program gets that depends on the crates `yarn-*` alone: only the features that they need themselves, at the
//! versions that the workspace is tested with.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helper functions too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

const PUBLISHED: [&str; 3] = ["yarn-common", "yarn-rest", "yarn-rpc"];

/// What only the workspace's tests and other members need of what these crates depend on.
const NOT_FOR_USERS: [(&str, &[&str]); 4] = [
    ("tokio", &["full", "test-util", "process", "signal", "rt-multi-thread"]),
    ("yarn-common", &["kerberos"]),
    ("serde_json", &["preserve_order"]),
    ("uuid", &["serde", "v4"]),
];

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .arg("--offline")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The crates that come with `package`, and the features they are built with.
fn brought_by(package: &str) -> BTreeMap<String, BTreeSet<String>> {
    let arguments = ["tree", "--package", package, "--edges", "normal", "--prefix", "none"];
    let tree = cargo(&[&arguments[..], &["--no-dedupe", "--format", "{p}|{f}"]].concat());
    let mut brought = BTreeMap::<_, BTreeSet<_>>::new();
    for line in tree.lines() {
        let (name, features) = line.split_once('|').unwrap();
        let name = name.split(' ').next().unwrap().to_owned();
        let features = features.split(',').filter(|feature| !feature.is_empty());
        brought.entry(name).or_default().extend(features.map(str::to_owned));
    }
    brought
}

#[test]
fn a_published_crate_brings_no_feature_that_only_the_workspace_needs() {
    for package in PUBLISHED {
        let brought = brought_by(package);
        assert!(brought.contains_key(package), "{brought:?}");
        assert!(
            !brought.contains_key("libloading"),
            "{package} has no Kerberos by default"
        );
        for (name, features) in NOT_FOR_USERS {
            let on = brought.get(name).into_iter().flatten();
            let extra: Vec<_> = on.filter(|on| features.contains(&on.as_str())).collect();
            assert!(extra.is_empty(), "{package} brings {name} with {extra:?}");
        }
    }
    // The look is at the right features: this one is needed.
    assert!(brought_by("yarn-rpc")["tokio"].contains("net"));
}

#[test]
fn a_published_crate_depends_on_the_versions_of_the_workspace() {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let members = metadata["packages"].as_array().unwrap();
    let (published, others): (Vec<_>, Vec<_>) = members.iter().partition(|member| member["publish"].is_null());
    let names: BTreeSet<_> = published
        .iter()
        .map(|member| member["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, BTreeSet::from(PUBLISHED));
    let dependencies = |member: &Value| member["dependencies"].as_array().unwrap().clone();
    let requirement = |dependency: &Value| dependency["req"].as_str().unwrap().to_owned();
    let tested: BTreeMap<_, _> = others
        .iter()
        .flat_map(|member| dependencies(member))
        .map(|dependency| {
            (
                dependency["name"].as_str().unwrap().to_owned(),
                requirement(&dependency),
            )
        })
        .collect();
    for member in published {
        for dependency in dependencies(member)
            .iter()
            .filter(|dependency| dependency["kind"] != "dev")
        {
            let (name, wanted) = (dependency["name"].as_str().unwrap(), requirement(dependency));
            assert_ne!(wanted, "*", "{name} of {} has no version", member["name"]);
            let tested = tested.get(name).unwrap_or(&wanted);
            assert_eq!(&wanted, tested, "{name} of {}", member["name"]);
        }
    }
}
