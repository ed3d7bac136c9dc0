use std::fs;

use serde_json::{Value, json};

use super::*;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A package's name, version and licence.
type Locked = (&'static str, &'static str, &'static str);

/// What `cargo metadata` says of a workspace with one package, whose lock file has these others.
fn locked(packages: &[Locked]) -> Value {
    let package = |id: &str, name: &str, version: &str, license: &str, needs: &[Value]| {
        json!({"id": id, "name": name, "version": version, "license": license, "license_file": null, "description": null,
            "source": id.starts_with("registry").then_some(REGISTRY), "dependencies": needs, "targets": [], "features": {},
            "manifest_path": format!("/none/{name}/Cargo.toml"), "metadata": null, "publish": null, "authors": [],
            "categories": [], "keywords": [], "readme": null, "repository": null, "homepage": null,
            "documentation": null, "edition": "2024", "links": null, "default_run": null, "rust_version": null})
    };
    let id = |name: &str, version: &str| format!("{REGISTRY}#{name}@{version}");
    let root = "path+file:///none/root#1.0.0";
    let needs = packages.iter().map(|(name, version, _)| {
        json!({"name": name, "source": REGISTRY, "req": format!("={version}"), "kind": null, "rename": null,
            "optional": false, "uses_default_features": true, "features": [], "target": null, "registry": null})
    });
    let mut all = vec![package(root, "root", "1.0.0", "MIT", &needs.collect::<Vec<_>>())];
    let resolved = packages.iter().map(|(name, version, _)| {
        json!({"name": name.replace('-', "_"), "pkg": id(name, version), "dep_kinds": [{"kind": null, "target": null}]})
    });
    let resolved: Vec<_> = resolved.collect();
    let ids: Vec<_> = packages.iter().map(|(name, version, _)| id(name, version)).collect();
    let mut nodes = vec![json!({"id": root, "dependencies": ids, "deps": resolved, "features": []})];
    for (name, version, license) in packages {
        all.push(package(&id(name, version), name, version, license, &[]));
        nodes.push(json!({"id": id(name, version), "dependencies": [], "deps": [], "features": []}));
    }
    json!({"packages": all, "workspace_members": [root], "workspace_default_members": [root], "version": 1,
        "resolve": {"root": root, "nodes": nodes}, "target_directory": "/none/target", "workspace_root": "/none",
        "metadata": null})
}

/// Whether it passes, and what was said.
fn judged(deny: &Deny, scratch: &Path, check: &str, packages: &[Locked]) -> (bool, String) {
    let metadata = scratch.join("metadata.json");
    fs::write(&metadata, locked(packages).to_string()).unwrap();
    let mut command = deny.command();
    command.arg("--metadata-path").arg(metadata);
    // The crates of this lock file are nowhere: only the metadata is read.
    let command = command.arg("--manifest-path").arg(root().join("Cargo.toml"));
    let output = command.args(["check", check]).output().unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn a_lock_file_with_what_the_rules_forbid_is_refused_and_one_without_it_passes() {
    let scratch = std::env::temp_dir().join(format!("selvedge-deny-{}", std::process::id()));
    let deny = match Deny::prepare(&scratch) {
        Ok(deny) => deny,
        Err(Unavailable::NoTool(error)) => return steps::tell_skipped("deny::tests", &error),
        Err(Unavailable::Failed(error)) => panic!("{error}"),
    };
    let refused: [(&str, &[Locked], &str); 5] = [
        ("advisories", &[("rustls", "0.23.4", "MIT")], "RUSTSEC-2024-0336"),
        ("bans", &[("openssl-sys", "0.9.100", "MIT")], "the one stack of ciphers"),
        (
            "bans",
            &[("tonic", "0.13.0", "MIT"), ("tonic", "0.14.9", "MIT")],
            "duplicate",
        ),
        ("licenses", &[("x", "1.0.0", "GPL-3.0-only")], "GPL-3.0-only"),
        (
            "licenses",
            &[("x", "1.0.0", "Apache-2.0 AND GPL-2.0-only")],
            "GPL-2.0-only",
        ),
    ];
    for (check, packages, why) in refused {
        let (passes, said) = judged(&deny, &scratch, check, packages);
        assert!(!passes && said.contains(why), "{check} {packages:?}: {said}");
    }
    for (check, packages) in [
        (
            "bans",
            [
                ("tonic", "0.14.9", "MIT"),
                ("syn", "2.0.119", "MIT"),
                ("syn", "3.0.9", "MIT"),
            ]
            .as_slice(),
        ),
        ("licenses", &[("x", "1.0.0", "GPL-3.0-only OR MIT")]),
    ] {
        let (passes, said) = judged(&deny, &scratch, check, packages);
        assert!(passes, "{check} {packages:?}: {said}");
    }
    fs::remove_dir_all(&scratch).unwrap();
}

#[test]
fn a_snapshot_says_of_which_day_it_is() {
    let scratch = std::env::temp_dir().join(format!("selvedge-advisories-{}", std::process::id()));
    fs::remove_dir_all(&scratch).ok();
    let snapshot = Snapshot::unpack(&scratch).unwrap();
    let told = snapshot.told().unwrap();
    assert!(told.starts_with("advisories of 20") && told.contains(" ago"), "{told}");
    assert!(scratch.join("crates/rustls/RUSTSEC-2024-0336.md").is_file());
    fs::remove_dir_all(&scratch).unwrap();
}
