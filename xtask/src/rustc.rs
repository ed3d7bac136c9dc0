//! The compiler that cargo runs, and what it says of itself.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Its version, which is that of its standard library: `1.95.0`.
pub(crate) fn version() -> Result<String, String> {
    let said = said(&["--version"])?;
    let version = said.split_whitespace().nth(1);
    version
        .map(str::to_owned)
        .ok_or_else(|| format!("rustc has no version: {said}"))
}

/// The folder it is installed in.
pub(crate) fn sysroot() -> Result<PathBuf, String> {
    said(&["--print", "sysroot"]).map(PathBuf::from)
}

/// What it says; its complaints go to whoever runs this.
fn said(arguments: &[&str]) -> Result<String, String> {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let output = rustc
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{rustc:?} cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("{rustc:?} ended with {}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_says_what_it_is_and_where() {
        assert!(version().unwrap().starts_with("1."));
        assert!(sysroot().unwrap().join("lib/rustlib").is_dir());
    }
}
