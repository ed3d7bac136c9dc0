//! The bill of materials: <https://cyclonedx.org/docs/1.5/json/>.
//!
//! Written here from what cargo says, for it is a list in another form; the tools that write it would be compiled for
//! minutes first.

use serde_json::{Value, json};

use super::{Package, ROOT, standard_library};

pub(super) fn bill_of_materials(packages: &[Package], version: &str) -> Value {
    let components = packages.iter().filter(|package| package.name != ROOT).map(component);
    let dependencies = packages.iter().map(|package| {
        let needs = package.needs.iter().map(|(name, version)| reference(name, version));
        json!({"ref": reference(&package.name, &package.version), "dependsOn": needs.collect::<Vec<_>>()})
    });
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application", "bom-ref": reference(ROOT, version), "name": ROOT, "version": version,
                "licenses": [{"expression": "Apache-2.0"}],
            },
        },
        "components": components.collect::<Vec<_>>(),
        "dependencies": dependencies.collect::<Vec<_>>(),
    })
}

fn component(package: &Package) -> Value {
    let reference = reference(&package.name, &package.version);
    let mut component = json!({
        "type": "library", "bom-ref": reference, "name": package.name, "version": package.version,
    });
    if !package.is_ours {
        component["purl"] = json!(reference);
    }
    if let Some(license) = &package.license {
        // Older manifests write a stroke for OR.
        component["licenses"] = json!([{"expression": license.replace('/', " OR ").replace("  ", " ")}]);
    }
    component
}

/// A package's address, <https://github.com/package-url/purl-spec>, which is unique among what is linked.
fn reference(name: &str, version: &str) -> String {
    let kind = match name {
        // It comes with the compiler: crates.io has no such package.
        standard_library::NAME => "generic",
        _ => "cargo",
    };
    format!("pkg:{kind}/{name}@{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_a_component_and_every_need_leads_to_one() {
        let package = |name: &str, needs: &[&str]| Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: Some("MIT/Apache-2.0".to_owned()),
            repository: None,
            folder: "/".into(),
            is_ours: name == ROOT,
            needs: needs
                .iter()
                .map(|name| ((*name).to_owned(), "1.0.0".to_owned()))
                .collect(),
        };
        let rust_std = standard_library::NAME;
        let packages = [
            package("a", &[]),
            package(rust_std, &[]),
            package(ROOT, &["a", rust_std]),
        ];
        let bill = bill_of_materials(&packages, "1.0.0");
        let component = &bill["components"][0];
        assert_eq!(component["purl"], "pkg:cargo/a@1.0.0");
        assert_eq!(component["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(bill["components"].as_array().unwrap().len(), 2);
        let needs = ["pkg:cargo/a@1.0.0", "pkg:generic/rust-std@1.0.0"];
        assert_eq!(
            bill["dependencies"][2],
            json!({"ref": "pkg:cargo/selvedge@1.0.0", "dependsOn": needs})
        );
    }
}
