//! Compiles the gateway protocol with protox: no protoc is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = "proto/gateway.proto";
    println!("cargo:rerun-if-changed={file}");
    let descriptors = protox::compile([file], ["proto"])?;
    tonic_prost_build::configure()
        .bytes(".")
        .btree_map(".")
        .compile_fds(descriptors)?;
    Ok(())
}
