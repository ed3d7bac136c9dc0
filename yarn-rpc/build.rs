//! Compiles the protocol definitions in pure Rust; no protoc is needed.

use std::{error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir("proto")? {
        files.push(entry?.path());
    }
    files.sort();
    let descriptors = protox::compile(&files, ["proto"])?;
    prost_build::Config::new()
        .bytes(["."])
        .include_file("protocol.rs")
        // These carry secrets: their Debug is written by hand.
        .skip_debug([
            ".hadoop.common.TokenProto",
            ".hadoop.yarn.ContainerLaunchContextProto",
            ".hadoop.yarn.RegisterApplicationMasterResponseProto",
        ])
        .compile_fds(descriptors)?;
    Ok(())
}
