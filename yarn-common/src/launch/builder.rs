//! A launch context, part by part, each checked.

use bytes::Bytes;

use super::quote::quote_environment_value;
use super::{ApplicationAccess, CommandLine, ContainerLaunchContext, LaunchError, LocalResource, RetryContext};
use crate::token::Credentials;

/// What a NodeManager writes over whatever the launch context says.
const RESERVED: [&str; 13] = [
    "CONTAINER_ID",
    "HADOOP_TOKEN_FILE_LOCATION",
    "HOME",
    "JVM_PID",
    "LOCAL_DIRS",
    "LOCAL_USER_DIRS",
    "LOGNAME",
    "LOG_DIRS",
    "NM_HOST",
    "NM_HTTP_PORT",
    "NM_PORT",
    "PWD",
    "USER",
];

/// Makes a [`ContainerLaunchContext`]. What is wrong with a part is told by [`build`](Self::build): the first of all.
#[derive(Debug, Default)]
pub struct LaunchContextBuilder {
    context: ContainerLaunchContext,
    wrong: Option<LaunchError>,
}

impl ContainerLaunchContext {
    /// Starts with nothing.
    ///
    /// ```
    /// use yarn_common::launch::{CommandLine, ContainerLaunchContext, LocalResource};
    /// use yarn_common::token::Credentials;
    ///
    /// let archive = LocalResource::archive("hdfs://nn:8020/apps/app.tar.gz".parse()?, 1234, 1_700_000_000_123);
    /// let context = ContainerLaunchContext::builder()
    ///     .resource("app", archive)
    ///     .env("GREETING", "say \"hello\"")
    ///     .env_expanded("PATH", "{{PWD}}/app/bin<CPS>{{PATH}}")
    ///     .command(&CommandLine::new("./app/bin/worker").arg("--verbose"))
    ///     .credentials(&Credentials::new())
    ///     .build()?;
    /// assert_eq!(context.commands, ["'./app/bin/worker' '--verbose' 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder() -> LaunchContextBuilder {
        LaunchContextBuilder::default()
    }
}

impl LaunchContextBuilder {
    /// The command. More than one are joined by a space.
    #[must_use]
    pub fn command(mut self, command: &CommandLine) -> Self {
        match command.to_shell() {
            Ok(text) => self.context.commands.push(text),
            Err(error) => self.fail(error),
        }
        self
    }

    /// A variable, whose value the process sees exactly so.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: &str) -> Self {
        let name = name.into();
        match quote_environment_value(value) {
            Ok(quoted) => self.variable(name, quoted),
            Err(source) => self.fail(LaunchError::Quote {
                what: format!("the value of the environment variable {name}"),
                source,
            }),
        }
        self
    }

    /// A variable whose value the node expands: `{{NAME}}` and `$NAME` are other variables, `<LOG_DIR>` the log
    /// directory, `<CPS>` a colon.
    #[must_use]
    pub fn env_expanded(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        match open_quote(&value) {
            Some(position) => self.fail(LaunchError::OpenQuote { name, value, position }),
            None => self.variable(name, value),
        }
        self
    }

    fn variable(&mut self, name: String, value: String) {
        if !is_identifier(&name) {
            self.fail(LaunchError::VariableName(name));
        } else if RESERVED.contains(&name.as_str()) {
            self.fail(LaunchError::ReservedVariable(name));
        } else if self.context.environment.insert(name.clone(), value).is_some() {
            let what = "the environment variable";
            self.fail(LaunchError::Duplicate { what, name });
        }
    }

    /// A file or archive, linked under `name` in the working directory.
    #[must_use]
    pub fn resource(mut self, name: impl Into<String>, resource: LocalResource) -> Self {
        let name = name.into();
        if let Err(error) = check_link(&name).and_then(|()| resource.check()) {
            self.fail(error);
        } else if self.context.local_resources.insert(name.clone(), resource).is_some() {
            let what = "the local resource";
            self.fail(LaunchError::Duplicate { what, name });
        }
        self
    }

    /// Data for an auxiliary service of the NodeManager, which must have it.
    #[must_use]
    pub fn service_data(mut self, service: impl Into<String>, data: impl Into<Bytes>) -> Self {
        let name = service.into();
        if !is_identifier(&name) {
            self.fail(LaunchError::ServiceName(name));
        } else if self.context.service_data.insert(name.clone(), data.into()).is_some() {
            let what = "the data of the auxiliary service";
            self.fail(LaunchError::Duplicate { what, name });
        }
        self
    }

    /// Who may view or change the application: `user1,user2 group1,group2`, `*` for everybody, one space for nobody
    /// but its user and the administrators.
    #[must_use]
    pub fn acl(mut self, access: ApplicationAccess, who: impl Into<String>) -> Self {
        let who = who.into();
        if who.is_empty() || who.matches(' ').count() > 1 || who.contains(['\n', '\t', '\0']) {
            self.fail(LaunchError::Acl(who));
        } else if self.context.acls.insert(access, who).is_some() {
            let (what, name) = ("the access list", access.name().to_owned());
            self.fail(LaunchError::Duplicate { what, name });
        }
        self
    }

    /// What the container may know: all of `credentials` but the AMRM token, with which a worker could act as its
    /// ApplicationMaster.
    #[must_use]
    pub fn credentials(mut self, credentials: &Credentials) -> Self {
        self.context.tokens = Some(credentials.without_am_rm_token().to_bytes());
        self
    }

    /// Lets the NodeManager start the process again when it fails.
    #[must_use]
    pub fn retry(mut self, retry: RetryContext) -> Self {
        self.context.retry = Some(retry);
        self
    }

    /// The launch context.
    ///
    /// # Errors
    /// The first [`LaunchError`] of all parts; [`LaunchError::NoCommand`].
    pub fn build(self) -> Result<ContainerLaunchContext, LaunchError> {
        match self.wrong {
            Some(error) => Err(error),
            None if self.context.commands.is_empty() => Err(LaunchError::NoCommand),
            None => Ok(self.context),
        }
    }

    fn fail(&mut self, error: LaunchError) {
        self.wrong.get_or_insert(error);
    }
}

/// What shells take for a variable's name, and NodeManagers for an auxiliary service's.
fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The place of a double quote that no backslash escapes.
fn open_quote(value: &str) -> Option<usize> {
    let mut escaped = false;
    for (position, character) in value.char_indices() {
        match character {
            '"' if !escaped => return Some(position),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

fn check_link(name: &str) -> Result<(), LaunchError> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.starts_with('/') {
        "it must be relative to the working directory"
    } else if name
        .split('/')
        .any(|part| part.is_empty() || part == "." || part == "..")
    {
        "it must not lead out of the working directory"
    } else if name.contains(['\0', '\n', '"', '\'']) {
        "it holds a character that the NodeManager's script cannot"
    } else {
        return Ok(());
    };
    Err(LaunchError::ResourceName {
        name: name.to_owned(),
        reason,
    })
}
