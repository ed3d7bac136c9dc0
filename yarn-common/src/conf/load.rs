//! Turns configuration files into properties: order, `<final>`, includes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::deprecated;
use super::error::ConfError;
use super::xml::{self, Element};
use super::{HadoopConfiguration, Property};
use crate::environment::Environment;

const MAX_INCLUDES: usize = 16;
/// Files of one configuration, includes among them: two that include each other twice would be read 2^16 times.
const MAX_FILES: usize = 64;

/// In the order in which Hadoop's client loads them: a later one overrides an earlier one.
const SITE_FILES: [&str; 3] = ["core-site.xml", "hdfs-site.xml", "yarn-site.xml"];
const REQUIRED_FILE: &str = "yarn-site.xml";

impl HadoopConfiguration {
    /// Loads the configuration that `HADOOP_CONF_DIR` and `YARN_CONF_DIR` of this process name.
    ///
    /// Each file is taken from the first of the two directories that holds it.
    ///
    /// # Errors
    /// [`ConfError::DirectoryNotSet`] where neither is set, [`ConfError::NotADirectory`],
    /// [`ConfError::MissingFile`] without `yarn-site.xml`, and whatever is wrong with a file.
    pub fn from_env() -> Result<Self, ConfError> {
        Self::from_environment(Environment::of_process())
    }

    /// The same as [`from_env`](Self::from_env) for the given variables.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_environment(environment: Environment) -> Result<Self, ConfError> {
        let mut directories = Vec::new();
        for variable in ["HADOOP_CONF_DIR", "YARN_CONF_DIR"] {
            let Some(path) = environment.get(variable).map(PathBuf::from) else {
                continue;
            };
            require_directory(variable, &path)?;
            if !directories.contains(&path) {
                directories.push(path);
            }
        }
        if directories.is_empty() {
            return Err(ConfError::DirectoryNotSet);
        }
        Self::from_directories(&directories, environment)
    }

    /// Loads `core-site.xml`, `hdfs-site.xml` and `yarn-site.xml` from `directory`; the last must exist.
    ///
    /// # Errors
    /// [`ConfError::NotADirectory`], [`ConfError::MissingFile`], and whatever is wrong with a file.
    pub fn from_directory(directory: impl AsRef<Path>) -> Result<Self, ConfError> {
        let directory = directory.as_ref();
        require_directory("the configuration directory", directory)?;
        Self::from_directories(&[directory.to_owned()], Environment::of_process())
    }

    /// Loads one file, for example one that [`to_xml`](Self::to_xml) wrote.
    ///
    /// # Errors
    /// [`ConfError::Read`] and whatever is wrong with the file.
    pub fn from_file(file: impl AsRef<Path>) -> Result<Self, ConfError> {
        let mut configuration = Self::empty(Environment::of_process());
        configuration.load_file(file.as_ref())?;
        Ok(configuration)
    }

    /// Loads texts in the form of `*-site.xml`, in this order, each with the name that messages give it.
    ///
    /// Relative includes are looked for beside the named file.
    ///
    /// # Errors
    /// Whatever is wrong with a text.
    pub fn from_texts<'a>(
        texts: impl IntoIterator<Item = (&'a str, &'a str)>,
        environment: Environment,
    ) -> Result<Self, ConfError> {
        let mut configuration = Self::empty(environment);
        for (name, text) in texts {
            configuration.load_text(name, text)?;
        }
        Ok(configuration)
    }

    fn from_directories(directories: &[PathBuf], environment: Environment) -> Result<Self, ConfError> {
        let mut configuration = Self::empty(environment);
        for file in SITE_FILES {
            match directories
                .iter()
                .map(|directory| directory.join(file))
                .find(|path| path.is_file())
            {
                Some(path) => configuration.load_file(&path)?,
                None if file == REQUIRED_FILE => {
                    let directories: Vec<_> = directories.iter().map(|path| path.display().to_string()).collect();
                    return Err(ConfError::MissingFile {
                        file,
                        directories: directories.join(" or "),
                    });
                }
                None => {}
            }
        }
        Ok(configuration)
    }

    fn empty(environment: Environment) -> Self {
        Self {
            properties: BTreeMap::new(),
            environment,
            files: Vec::new(),
        }
    }

    fn load_file(&mut self, path: &Path) -> Result<(), ConfError> {
        let text = read(path)?;
        self.load_text(&path.display().to_string(), &text)
    }

    fn load_text(&mut self, name: &str, text: &str) -> Result<(), ConfError> {
        self.files.push(name.to_owned());
        let root = xml::parse(name, text)?;
        self.load_elements(&root.children, &Arc::from(name), 0)
    }

    fn load_elements(&mut self, elements: &[Element], file: &Arc<str>, depth: usize) -> Result<(), ConfError> {
        for element in elements {
            match element.name.as_str() {
                "property" => self.load_property(element, file),
                "configuration" => self.load_elements(&element.children, file, depth)?,
                "include" => self.load_include(element, file, depth)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn load_property(&mut self, element: &Element, file: &Arc<str>) {
        let field = |name: &str| {
            element
                .child(name)
                .map(|child| child.text.as_str())
                .or_else(|| element.attribute(name))
                .map(str::trim)
        };
        let (Some(name), Some(value)) = (field("name").filter(|name| !name.is_empty()), field("value")) else {
            return;
        };
        let current = deprecated::current(name);
        if self.properties.get(current).is_some_and(|property| property.is_final) {
            return;
        }
        // A shipped configuration names the file that each value was first written in.
        let source = field("source")
            .filter(|source| !source.is_empty())
            .map_or_else(|| file.clone(), Arc::from);
        let is_final = field("final").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        self.properties.insert(
            current.to_owned(),
            Property {
                value: value.to_owned(),
                source,
                is_final,
                written_as: (current != name).then(|| Arc::from(name)),
            },
        );
    }

    fn load_include(&mut self, element: &Element, file: &Arc<str>, depth: usize) -> Result<(), ConfError> {
        if depth >= MAX_INCLUDES {
            return Err(ConfError::IncludeTooDeep {
                file: file.to_string(),
                limit: MAX_INCLUDES,
            });
        }
        if self.files.len() >= MAX_FILES {
            return Err(ConfError::TooManyFiles {
                file: file.to_string(),
                limit: MAX_FILES,
            });
        }
        let href = element.attribute("href").unwrap_or_default().trim();
        let path = beside(file, href.strip_prefix("file://").unwrap_or(href));
        match (read(&path), element.child("fallback")) {
            (Ok(text), _) => {
                let name = path.display().to_string();
                let root = xml::parse(&name, &text)?;
                self.files.push(name.clone());
                self.load_elements(&root.children, &Arc::from(name), depth + 1)
            }
            (Err(_), Some(fallback)) => self.load_elements(&fallback.children, file, depth + 1),
            (Err(error), None) => {
                let reason = match error {
                    ConfError::Read { cause, .. } => cause.to_string(),
                    other => other.to_string(),
                };
                Err(ConfError::Include {
                    file: file.to_string(),
                    href: href.to_owned(),
                    reason,
                })
            }
        }
    }
}

fn beside(file: &str, href: &str) -> PathBuf {
    Path::new(file)
        .parent()
        .map_or_else(|| PathBuf::from(href), |directory| directory.join(href))
}

fn require_directory(variable: &str, path: &Path) -> Result<(), ConfError> {
    if path.is_dir() {
        return Ok(());
    }
    Err(ConfError::NotADirectory {
        variable: variable.to_owned(),
        path: path.to_owned(),
    })
}

fn read(path: &Path) -> Result<String, ConfError> {
    fs::read_to_string(path).map_err(|cause| ConfError::Read {
        path: path.to_owned(),
        cause,
    })
}
