//! Which version of the C library a binary needs.

use std::path::Path;
use std::process::Command;

/// The highest version of which it asks for a symbol, as binutils reads it.
pub(super) fn highest(binary: &Path) -> Result<(u32, u32), String> {
    let mut readelf = Command::new("readelf");
    readelf.args(["--version-info", "--wide"]).arg(binary);
    let output = readelf
        .output()
        .map_err(|error| format!("readelf cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("readelf: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    versions(&text)
        .max()
        .ok_or(format!("{} asks the C library for nothing", binary.display()))
}

fn versions(text: &str) -> impl Iterator<Item = (u32, u32)> {
    text.split("GLIBC_").skip(1).filter_map(|rest| {
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let mut numbers = rest[..end].split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let text =
            "0x0010:   Name: GLIBC_2.2.5  Flags: none\n0x0020: Name: GLIBC_2.17\n Name: GLIBC_PRIVATE\n GLIBC_2.9";
        assert_eq!(versions(text).max(), Some((2, 17)));
    }

    #[test]
    fn this_very_program_asks_for_something() {
        let this = std::env::current_exe().unwrap();
        assert!(highest(&this).unwrap() >= (2, 2));
    }
}
