//! A folder for one test: jobs, inputs, outputs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Writes a script that can be run. A shell writes it: what this process has open, its children hold open for a moment
    /// too, and nobody can run it then.
    pub(crate) fn program(&self, name: &str, lines: &str) -> PathBuf {
        let path = self.path(name);
        let writes = r#"printf '%s' "$1" >"$0" && chmod 755 "$0""#;
        let status = std::process::Command::new("/bin/sh")
            .args(["-c", writes])
            .arg(&path)
            .arg(format!("#!/bin/sh\n{lines}\n"))
            .status();
        assert!(status.unwrap().success());
        path
    }

    /// Writes a job's file.
    pub(crate) fn job(&self, job: &Value) -> PathBuf {
        self.write("job.json", serde_json::to_vec_pretty(job).unwrap())
    }
}

/// All files below a folder, hidden ones too, sorted; none if it is not there.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] })
        .collect();
    files.sort();
    files
}

/// The contents of the part files of an output. Nothing else may be there: no half file, no marker, no checksum.
pub(crate) fn parts(output: &Path) -> Vec<String> {
    let files = files_below(output);
    for file in &files {
        let name = file.file_name().unwrap().to_string_lossy();
        assert!(
            file.parent() == Some(output) && name.starts_with("part-"),
            "{} is no part file",
            file.display()
        );
    }
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}
