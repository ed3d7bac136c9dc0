//! What a ResourceManager would refuse, or silently take for something else.

use thiserror::Error;

use super::ApplicationSubmissionContext;
use crate::launch::LaunchError;
use crate::resource::{Resource, ResourceError};

/// How many tags YARN takes (`YarnConfiguration.APPLICATION_MAX_TAGS`).
pub const MAX_TAGS: usize = 10;
/// How long a tag may be, in characters (`YarnConfiguration.APPLICATION_MAX_TAG_LENGTH`).
pub const MAX_TAG_LENGTH: usize = 100;

/// Why an application cannot be submitted as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SubmissionError {
    /// How the ApplicationMaster is started.
    #[error("the ApplicationMaster cannot be started: {0}")]
    Launch(#[from] LaunchError),
    /// What its container needs.
    #[error("the ApplicationMaster's container: {0}")]
    Resource(#[from] ResourceError),
    /// More tags than YARN takes.
    #[error("it has {count} tags: YARN takes at most {MAX_TAGS}")]
    TooManyTags {
        /// How many there are.
        count: usize,
    },
    /// A tag that is longer than YARN takes.
    #[error("the tag {tag:?} has {length} characters: YARN takes at most {MAX_TAG_LENGTH}")]
    TagTooLong {
        /// The tag.
        tag: String,
        /// Its length in characters.
        length: usize,
    },
    /// A tag with a character that YARN does not take.
    #[error("the tag {tag:?} holds the character {character:?}: YARN takes printable ASCII only")]
    TagNotAscii {
        /// The tag.
        tag: String,
        /// The character.
        character: char,
    },
}

impl ApplicationSubmissionContext {
    /// Whether every ResourceManager would take it: a command (of a managed application), memory and cores, local
    /// resources that a NodeManager can bring, tags as Hadoop's `ApplicationSubmissionContextPBImpl` takes them. Whether
    /// the cluster has its resource types is for [`Resource::check_types`].
    ///
    /// # Errors
    /// [`SubmissionError`], with the value: the first that is wrong.
    pub fn check(&self) -> Result<(), SubmissionError> {
        if !self.unmanaged_am {
            self.check_launch()?;
        }
        let memory_mb = i64::try_from(self.resource.memory_mb).unwrap_or(i64::MAX);
        Resource::checked(memory_mb, self.resource.vcores.into())?;
        self.check_tags()
    }

    fn check_launch(&self) -> Result<(), LaunchError> {
        let context = &self.am_container;
        if context.commands.is_empty() {
            return Err(LaunchError::NoCommand);
        }
        if let Some(empty) = context.commands.iter().find(|command| command.trim().is_empty()) {
            return Err(LaunchError::EmptyCommand(empty.clone()));
        }
        context
            .local_resources
            .values()
            .try_for_each(|resource| resource.check())
    }

    fn check_tags(&self) -> Result<(), SubmissionError> {
        let count = self.tags.len();
        if count > MAX_TAGS {
            return Err(SubmissionError::TooManyTags { count });
        }
        for tag in &self.tags {
            let (tag, length) = (tag.clone(), tag.chars().count());
            if length > MAX_TAG_LENGTH {
                return Err(SubmissionError::TagTooLong { tag, length });
            }
            if let Some(character) = tag.chars().find(|character| !matches!(character, ' '..='~')) {
                return Err(SubmissionError::TagNotAscii { tag, character });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ApplicationId;
    use crate::launch::{ContainerLaunchContext, LocalResource};

    fn application(commands: &[&str], resource: Resource, tags: &[&str]) -> ApplicationSubmissionContext {
        let container = ContainerLaunchContext {
            commands: commands.iter().map(|command| (*command).to_owned()).collect(),
            ..ContainerLaunchContext::default()
        };
        let mut application = ApplicationSubmissionContext::new(ApplicationId::new(1, 2), "wc", resource, container);
        application.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        application
    }

    #[test]
    fn what_no_resource_manager_takes_is_named_with_its_value() {
        let long = "x".repeat(MAX_TAG_LENGTH + 1);
        let many: Vec<_> = (0..=MAX_TAGS).map(|number| number.to_string()).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let fine = Resource::new(64, 1);
        for (application, words) in [
            (application(&[], fine.clone(), &[]), "the container has no command"),
            (
                application(&["./run", " "], fine.clone(), &[]),
                "the command \" \" is empty",
            ),
            (
                application(&["./run"], Resource::new(0, 1), &[]),
                "the memory is 0: it must be at least 1",
            ),
            (
                application(&["./run"], Resource::new(64, 0), &[]),
                "the number of cores is 0",
            ),
            (
                application(&["./run"], Resource::new(64, u32::MAX), &[]),
                "the number of cores is 4294967295",
            ),
            (application(&["./run"], fine.clone(), &many), "it has 11 tags"),
            (
                application(&["./run"], fine.clone(), &[&long]),
                "has 101 characters: YARN takes at most 100",
            ),
            (
                application(&["./run"], fine.clone(), &["größe"]),
                "the tag \"größe\" holds the character 'ö'",
            ),
        ] {
            let message = application.check().unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
        let longest = "x".repeat(MAX_TAG_LENGTH);
        let fits = application(&["./run"], fine, &[&longest, "a b~"]);
        assert_eq!(fits.check(), Ok(()));
    }

    #[test]
    fn a_local_resource_that_no_node_can_bring_is_named() {
        let mut application = application(&["./run"], Resource::new(64, 1), &[]);
        let bad = LocalResource::archive("hdfs://nn:8020/app.rar".parse().unwrap(), 1, 1);
        application.am_container.local_resources.insert("app".to_owned(), bad);
        let message = application.check().unwrap_err().to_string();
        assert!(message.contains("app.rar") && message.contains(".tar.gz"), "{message}");
    }

    #[test]
    fn a_program_that_is_its_own_master_needs_no_command() {
        let mut application = application(&[], Resource::new(64, 1), &[]);
        application.unmanaged_am = true;
        assert_eq!(application.check(), Ok(()));
    }
}
