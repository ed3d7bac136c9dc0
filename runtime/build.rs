//! Compiles the gateway protocol and the format of profiles with protox: no protoc is needed. Names the build, so that
//! processes of different builds do not take each other for the same.

use std::hash::{DefaultHasher, Hash, Hasher};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (file, profile) = ("proto/gateway.proto", "proto/profile.proto");
    println!("cargo:rerun-if-changed={file}");
    println!("cargo:rerun-if-changed={profile}");
    println!("cargo:rerun-if-env-changed=SELVEDGE_BUILD");
    let build = std::env::var("SELVEDGE_BUILD").ok().filter(|build| !build.is_empty());
    let build = build.map_or_else(|| fingerprint(file), Ok)?;
    println!("cargo:rustc-env=SELVEDGE_BUILD_ID={build}");
    let descriptors = protox::compile([file], ["proto"])?;
    tonic_prost_build::configure()
        .bytes(".")
        .btree_map(".")
        // Ended jobs are kept on disk with their tasks' figures.
        .type_attribute("TaskMetrics", "#[derive(serde::Serialize, serde::Deserialize)]")
        .type_attribute("ExecutionAttempt", "#[derive(serde::Serialize, serde::Deserialize)]")
        .compile_fds(descriptors)?;
    prost_build::Config::new().compile_fds(protox::compile([profile], ["proto"])?)?;
    Ok(())
}

/// Changes whenever the protocol does.
fn fingerprint(protocol: &str) -> std::io::Result<String> {
    let mut hasher = DefaultHasher::new();
    std::fs::read(protocol)?.hash(&mut hasher);
    Ok(format!("protocol-{:016x}", hasher.finish()))
}
