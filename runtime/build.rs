//! Compiles the gateway protocol with protox: no protoc is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = "proto/gateway.proto";
    println!("cargo:rerun-if-changed={file}");
    let descriptors = protox::compile([file], ["proto"])?;
    tonic_prost_build::configure()
        .bytes(".")
        .btree_map(".")
        // Ended jobs are kept on disk with their tasks' figures.
        .type_attribute("TaskMetrics", "#[derive(serde::Serialize, serde::Deserialize)]")
        .type_attribute("ExecutionAttempt", "#[derive(serde::Serialize, serde::Deserialize)]")
        .compile_fds(descriptors)?;
    Ok(())
}
