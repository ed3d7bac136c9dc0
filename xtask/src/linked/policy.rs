//! What may be linked: under which licences, what not at all, and what only once.

use std::collections::BTreeMap;

use spdx::{Expression, LicenseReq, ParseMode};

use super::Package;

/// Each lets a program that contains the code be given away under the Apache License.
const ALLOWED: [&str; 8] = [
    "Apache-2.0",
    "MIT",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Unicode-3.0",
    "Zlib",
    "0BSD",
];

/// A second stack of ciphers beside rustls with ring, or what needs libraries of the system.
const BANNED: [&str; 5] = ["openssl-sys", "native-tls", "aws-lc-sys", "boring-sys", "libz-sys"];

/// Types of these cross from crate to crate: with two versions of one, values of the same name do not fit each other.
const EXCHANGED: [&str; 20] = [
    "arrow",
    "arrow-*",
    "axum",
    "bytes",
    "datafusion-*",
    "futures-core",
    "futures-util",
    "hdfs-native",
    "http",
    "http-body",
    "hyper",
    "object_store",
    "parquet",
    "prost",
    "reqwest",
    "rustls",
    "serde",
    "tokio",
    "tonic",
    "tracing",
];

/// Every offence in what is linked.
///
/// # Errors
/// All of them, a line each.
pub(crate) fn check(packages: &[Package]) -> Result<(), String> {
    let mut offences: Vec<String> = packages.iter().filter_map(|one| licence_offence(one).err()).collect();
    for one in packages.iter().filter(|one| BANNED.contains(&one.name.as_str())) {
        offences.push(format!("{} {} must not be linked", one.name, one.version));
    }
    let mut versions = BTreeMap::<&str, Vec<&str>>::new();
    for one in packages.iter().filter(|one| is_exchanged(&one.name)) {
        versions.entry(&one.name).or_default().push(&one.version);
    }
    for (name, versions) in versions.into_iter().filter(|(_, versions)| versions.len() > 1) {
        offences.push(format!(
            "{name} is linked in the versions {}: raise what wants the older one",
            versions.join(" and ")
        ));
    }
    if offences.is_empty() {
        Ok(())
    } else {
        Err(offences.join("\n"))
    }
}

fn licence_offence(package: &Package) -> Result<(), String> {
    let Package {
        name, version, license, ..
    } = package;
    let license = license.as_ref().ok_or(format!("{name} {version} states no licence"))?;
    let expression = Expression::parse_mode(license, ParseMode::LAX)
        .map_err(|error| format!("{name} {version}: '{license}' is no licence: {}", error.reason))?;
    if expression.evaluate(is_allowed) {
        Ok(())
    } else {
        Err(format!(
            "{name} {version} is under {license}, and only {} are allowed",
            ALLOWED.join(", ")
        ))
    }
}

fn is_allowed(wanted: &LicenseReq) -> bool {
    let name = wanted.license.id().map(|id| id.name);
    // With an exception it is another licence.
    wanted.addition.is_none() && name.is_some_and(|name| ALLOWED.contains(&name))
}

fn is_exchanged(name: &str) -> bool {
    EXCHANGED.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == *pattern,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, license: Option<&str>) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            license: license.map(str::to_owned),
            folder: "/".into(),
            is_ours: false,
            needs: [].into(),
        }
    }

    #[test]
    fn a_licence_must_be_allowed_whichever_way_it_is_written() {
        for (license, is_allowed) in [
            ("MIT", true),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0-only OR MIT", true),
            ("(Apache-2.0 OR MIT) AND BSD-3-Clause", true),
            ("Apache-2.0 AND GPL-2.0-only", false),
            ("GPL-3.0-only", false),
            ("Apache-2.0 WITH LLVM-exception", false),
            ("my own", false),
        ] {
            let checked = check(&[package("x", "1.0.0", Some(license))]);
            assert_eq!(checked.is_ok(), is_allowed, "{license}: {checked:?}");
        }
        assert!(
            check(&[package("x", "1.0.0", None)])
                .unwrap_err()
                .contains("states no licence")
        );
    }

    #[test]
    fn only_crates_whose_types_are_exchanged_must_be_there_once() {
        let twice = |name: &str| check(&["1.0.0", "2.0.0"].map(|version| package(name, version, Some("MIT"))));
        assert_eq!(twice("hashbrown"), Ok(()));
        for name in ["arrow-schema", "http", "tonic"] {
            let error = twice(name).unwrap_err();
            assert!(error.contains(name) && error.contains("1.0.0 and 2.0.0"), "{error}");
        }
    }

    #[test]
    fn a_second_stack_of_ciphers_is_refused() {
        let error = check(&[package("openssl-sys", "0.9.1", Some("MIT"))]).unwrap_err();
        assert!(error.contains("openssl-sys 0.9.1 must not be linked"), "{error}");
    }
}
