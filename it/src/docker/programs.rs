//! The system's programs that containers take: where they are looked for, and what is said of one that is not here.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::error::NoEngine;

/// Where daemons and their tools are, which not every root has in its path.
const SYSTEM_FOLDERS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// A command that is found in the path and in the system's folders; what it runs itself is found there, too.
pub(super) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", path());
    command
}

/// The first of these programs that is not here. Each stands with Debian's package.
pub(super) fn missing(tools: &[(&'static str, &'static str)]) -> Option<NoEngine> {
    let (tool, package) = tools.iter().copied().find(|(tool, _)| !is_here(tool))?;
    Some(NoEngine::MissingTool { tool, package })
}

/// Runs it without a word.
pub(super) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn is_here(program: &str) -> bool {
    folders().iter().any(|folder| folder.join(program).is_file())
}

fn path() -> OsString {
    std::env::join_paths(folders()).expect("what was split at colons holds none")
}

fn folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path);
    folders.chain(SYSTEM_FOLDERS.map(PathBuf::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        let tools = [("sh", "dash"), ("no-such-program-anywhere", "its-package")];
        let error = missing(&tools).unwrap().to_string();
        assert!(
            error.contains("no no-such-program-anywhere") && error.contains("apt-get install its-package"),
            "{error}"
        );
        assert!(missing(&tools[..1]).is_none());
    }

    #[test]
    fn a_command_is_found_by_the_path_that_it_gets() {
        assert!(succeeds(
            command("sh").args(["-c", "case $PATH in *:/usr/sbin:/sbin) ;; *) exit 1 ;; esac"])
        ));
        assert!(!succeeds(&mut command("no-such-program-anywhere")));
    }
}
