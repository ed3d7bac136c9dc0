//! What is to be sent along, found out before anything is staged.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Component, Path, PathBuf};

use selvedge_core::Configuration;
use selvedge_core::config::options::yarn;
use selvedge_runtime::deployment::{
    APPLICATION_FILE, ApplicationProgram, CONFIG_FILE, DIST_DIRECTORY, HADOOP_SITE_FILE, JOB_GRAPH_FILE,
};
use selvedge_runtime::fs::{FileStatus, FileSystems, FsError, Location, ParseLocationError};

use super::ShipError;

const USRLIB: &str = "usrlib";
/// Where the binary is in an installation.
const BINARIES: &str = "bin";
/// Ours, and those that a NodeManager puts into a container's working directory.
const RESERVED: &[&str] = &[
    CONFIG_FILE,
    HADOOP_SITE_FILE,
    JOB_GRAPH_FILE,
    APPLICATION_FILE,
    DIST_DIRECTORY,
    USRLIB,
    "tmp",
    "container_tokens",
    "launch_container.sh",
    "default_container_executor.sh",
    "default_container_executor_session.sh",
];
/// What NodeManagers unpack. Flink takes .dst too, which they do not.
const ARCHIVES: &[&str] = &[".tar.gz", ".tgz", ".tar", ".zip", ".jar"];
/// Linux takes 128 KiB for one variable.
const VARIABLE_BYTES: usize = 120 << 10;
/// What a file costs in it besides its name and place.
const BYTES_OF_FILE: usize = 160;
/// The place of a file that is staged, which is not known yet.
const BYTES_OF_PLACE: usize = 160;

/// One file or archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Item {
    /// Its name in the working directory.
    pub(super) key: String,
    /// As it is found.
    pub(super) status: FileStatus,
    /// Whether it is unpacked.
    pub(super) archive: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(in super::super) struct ShipPlan {
    items: BTreeMap<String, Item>,
}

/// The extension of an archive's name.
pub(super) fn archive_extension(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    ARCHIVES.iter().copied().find(|extension| name.ends_with(extension))
}

impl ShipPlan {
    /// What the settings say, and what lies beside the binary.
    pub(in super::super) async fn read(
        configuration: &Configuration,
        file_systems: &FileSystems,
        binary: &Path,
    ) -> Result<Self, ShipError> {
        let mut plan = Self::default();
        let listed = |option| configuration.find(option).map(Option::unwrap_or_default);
        for text in listed(&yarn::SHIP_FILES)? {
            plan.add_files(file_systems, &text).await?;
        }
        for text in listed(&yarn::SHIP_ARCHIVES)? {
            plan.add_archive(file_systems, &text).await?;
        }
        match configuration.find(&yarn::PROVIDED_USRLIB_DIR)? {
            Some(text) => plan.add_provided_usrlib(file_systems, &text).await?,
            None => plan.add_own_usrlib(file_systems, binary).await?,
        }
        plan.check_size()?;
        Ok(plan)
    }

    /// Whether a file of this path will be in the working directory of containers, as far as archives can be looked into.
    pub(in super::super) fn holds(&self, path: &Path) -> bool {
        let path: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
        let within = |item: &Item| item.archive && path.starts_with(&item.key);
        path.to_str().is_some_and(|path| self.items.contains_key(path)) || self.items.values().any(within)
    }

    pub(super) fn into_items(self) -> impl Iterator<Item = Item> {
        self.items.into_values()
    }

    async fn add_files(&mut self, file_systems: &FileSystems, text: &str) -> Result<(), ShipError> {
        let key = yarn::SHIP_FILES.key();
        let location = resolve(file_systems, text).map_err(|cause| ShipError::Path { key, cause })?;
        let name = free_name(key, &location)?;
        self.add_all(key, file_systems, &location, &name).await
    }

    async fn add_archive(&mut self, file_systems: &FileSystems, text: &str) -> Result<(), ShipError> {
        let key = yarn::SHIP_ARCHIVES.key();
        let location = resolve(file_systems, text).map_err(|cause| ShipError::Path { key, cause })?;
        let name = free_name(key, &location)?;
        let status = status(key, file_systems, &location).await?;
        if status.is_dir || archive_extension(&name).is_none() {
            let known = ARCHIVES.join(", ");
            let location = location.to_string();
            return Err(ShipError::NoArchive { location, known });
        }
        self.add(name, status, true)
    }

    async fn add_provided_usrlib(&mut self, file_systems: &FileSystems, text: &str) -> Result<(), ShipError> {
        let key = yarn::PROVIDED_USRLIB_DIR.key();
        let resolved = file_systems.resolve(text);
        let location = resolved.map_err(|cause| ShipError::Path { key, cause })?;
        let status = status(key, file_systems, &location).await?;
        let problem = if location.name() != USRLIB {
            "is not named usrlib: name a directory of that name"
        } else if location.scheme() == "file" {
            "is on a local disk: name a directory on the cluster's file system, or send one along with yarn.ship-files"
        } else if !status.is_dir {
            "is a file: name the directory"
        } else {
            return self.add_all(key, file_systems, &location, USRLIB).await;
        };
        let location = location.to_string();
        Err(ShipError::Usrlib { location, problem })
    }

    async fn add_own_usrlib(&mut self, file_systems: &FileSystems, binary: &Path) -> Result<(), ShipError> {
        let binaries = binary.parent().filter(|parent| parent.ends_with(BINARIES));
        let Some(usrlib) = binaries.and_then(Path::parent).map(|home| home.join(USRLIB)) else {
            return Ok(());
        };
        if !usrlib.is_dir() {
            return Ok(());
        }
        self.add_all(
            "usrlib of the installation",
            file_systems,
            &Location::local(&usrlib),
            USRLIB,
        )
        .await
    }

    /// A file, or all files below a directory, under this name.
    async fn add_all(
        &mut self,
        key: &'static str,
        file_systems: &FileSystems,
        location: &Location,
        name: &str,
    ) -> Result<(), ShipError> {
        let first = status(key, file_systems, location).await?;
        let file_system = file_systems.of(location).map_err(unreadable(key))?;
        let mut open = vec![(name.to_owned(), first)];
        while let Some((name, status)) = open.pop() {
            if !status.is_dir {
                self.add(name, status, false)?;
                continue;
            }
            let children = file_system.list(&status.location).await.map_err(unreadable(key))?;
            open.extend(
                children
                    .into_iter()
                    .map(|child| (format!("{name}/{}", child.location.name()), child)),
            );
        }
        Ok(())
    }

    fn add(&mut self, name: String, status: FileStatus, archive: bool) -> Result<(), ShipError> {
        if !fits_into_script(&name) {
            let location = status.location.to_string();
            return Err(ShipError::Name { location, name });
        }
        match self.items.entry(name) {
            // The same place named twice is no mistake.
            Entry::Occupied(there)
                if there.get().status.location == status.location && there.get().archive == archive => {}
            Entry::Occupied(there) => {
                let (name, first) = (there.key().clone(), there.get().status.location.to_string());
                let second = status.location.to_string();
                return Err(ShipError::Twice { name, first, second });
            }
            Entry::Vacant(free) => {
                let key = free.key().clone();
                free.insert(Item { key, status, archive });
            }
        }
        Ok(())
    }

    fn check_size(&self) -> Result<(), ShipError> {
        let place = |item: &Item| item.status.location.path().len().max(BYTES_OF_PLACE);
        let bytes = |item: &Item| item.key.len() + place(item) + BYTES_OF_FILE;
        match self.items.values().map(bytes).sum::<usize>() > VARIABLE_BYTES {
            true => Err(ShipError::TooMany {
                count: self.items.len(),
            }),
            false => Ok(()),
        }
    }
}

/// A path without a scheme is on this disk, unlike elsewhere on YARN: these are files of whoever submits.
fn resolve(file_systems: &FileSystems, text: &str) -> Result<Location, ParseLocationError> {
    let location = Location::parse(text.trim(), &Location::root("file", ""))?;
    match location.scheme() {
        "file" => Ok(location),
        _ => file_systems.resolve(text.trim()),
    }
}

/// A NodeManager writes a name between double quotes into a container's script, and the directory before it without any.
fn fits_into_script(name: &str) -> bool {
    let (directory, file) = name.rsplit_once('/').unwrap_or(("", name));
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+=@%,".contains(c);
    let first = name.split('/').next().unwrap_or_default();
    directory.chars().all(is_plain)
        && !directory.starts_with('-')
        && !file.chars().any(|c| c.is_control() || "\"$`\\".contains(c))
        && !first.contains(':')
}

/// The name under which the containers get it.
fn free_name(key: &'static str, location: &Location) -> Result<String, ShipError> {
    let name = location.name();
    if name.is_empty() || RESERVED.contains(&name) || name.starts_with(ApplicationProgram::PREFIX) {
        let (location, name) = (location.to_string(), name.to_owned());
        return Err(ShipError::Reserved { key, location, name });
    }
    Ok(name.to_owned())
}

async fn status(key: &'static str, file_systems: &FileSystems, location: &Location) -> Result<FileStatus, ShipError> {
    let file_system = file_systems.of(location).map_err(unreadable(key))?;
    file_system.status(location).await.map_err(unreadable(key))
}

fn unreadable(key: &'static str) -> impl Fn(FsError) -> ShipError {
    move |cause| ShipError::Unreadable {
        key,
        cause: Box::new(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_break_a_containers_script_or_run_in_it_do_not_fit() {
        for name in ["a.txt", "my file.txt", "dir/my file.txt", "dir/a:b", "é/ü-1_2.csv"] {
            assert!(fits_into_script(name), "{name}");
        }
        for name in [
            "my dir/a",
            "a$b",
            "dir/`cmd`",
            "a\"b",
            "a\\b",
            "a:b",
            "a:b/c",
            "-p/a",
            "a\nb",
            "$(cmd)/a",
        ] {
            assert!(!fits_into_script(name), "{name}");
        }
    }
}
