//! Jobs in the command's own process: the default target.

mod artifacts;
mod cancel;
mod commit;
mod end;
mod formats;
mod output;
mod pressure;
mod programs;
mod restart;
mod show;
mod terminal;
mod wordcount;

use std::path::Path;

use selvedge_it::cli::Selvedge;

use crate::folder::Folder;

/// `selvedge run -p N JOB`, in a folder that holds no configuration.
pub(crate) fn run(folder: &Folder, parallelism: u32, job: &Path) -> Selvedge {
    run_with(folder, parallelism, &[], job)
}

/// The same with these settings.
pub(crate) fn run_with(folder: &Folder, parallelism: u32, settings: &[(&str, &str)], job: &Path) -> Selvedge {
    let settings = settings.iter().map(|(key, value)| format!("-D{key}={value}"));
    Selvedge::new("run")
        .current_dir(folder.root())
        .args(["-p", &parallelism.to_string()])
        .args(settings)
        .arg(job)
}
