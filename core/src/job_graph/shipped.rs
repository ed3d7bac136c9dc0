//! Files that are sent along into every container (`yarn.ship-files`, `yarn.ship-archives`): paths of the form `shipped:PATH` mean
//! them, below the directory in which a task's process works.

/// What the paths begin with that mean such a file.
pub const SHIPPED_PREFIX: &str = "shipped:";

/// The path below the working directory, where one is meant.
pub fn shipped_path(path: &str) -> Option<&str> {
    path.strip_prefix(SHIPPED_PREFIX)
}

/// A path that leads out of the working directory would lead elsewhere on each node.
pub(super) fn check_shipped(path: &str) -> Result<(), String> {
    let leads_out = |path: &str| path.is_empty() || path.starts_with('/') || path.split('/').any(|part| part == "..");
    match shipped_path(path).filter(|path| leads_out(path)) {
        None => Ok(()),
        Some(_) => Err(format!(
            "it reads '{path}': write what is sent along as it is named in the working directory, such as \
             {SHIPPED_PREFIX}data/words.txt"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_the_working_directory_are_meant() {
        for path in ["shipped:words.txt", "shipped:data/*.txt", "/data/../words.txt"] {
            assert_eq!(check_shipped(path), Ok(()));
        }
        for path in ["shipped:", "shipped:/etc/hosts", "shipped:data/../../x"] {
            let message = check_shipped(path).unwrap_err();
            assert!(message.contains(path) && message.contains("shipped:data"), "{message}");
        }
    }
}
