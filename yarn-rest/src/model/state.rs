use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares an enum of Hadoop's names that keeps what it does not know.
macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)*
            /// A name that this version does not know.
            Other(String),
        }

        impl $type {
            /// Hadoop's name for it.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }
        }

        impl From<String> for $type {
            fn from(name: String) -> Self {
                match name.as_str() {
                    $($name => Self::$variant,)*
                    _ => Self::Other(name),
                }
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.name().to_owned()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

names! {
    /// Where an application is in its life.
    ApplicationState {
        /// Known to the ResourceManager.
        New = "NEW",
        /// Being stored.
        NewSaving = "NEW_SAVING",
        /// Submitted.
        Submitted = "SUBMITTED",
        /// Accepted by the scheduler; the ApplicationMaster has not registered yet.
        Accepted = "ACCEPTED",
        /// The ApplicationMaster has registered.
        Running = "RUNNING",
        /// On its way to an end.
        Finishing = "FINISHING",
        /// The ApplicationMaster has unregistered.
        Finished = "FINISHED",
        /// It failed.
        Failed = "FAILED",
        /// On its way to being killed.
        Killing = "KILLING",
        /// It was killed.
        Killed = "KILLED",
    }
}

impl ApplicationState {
    /// Whether nothing will change any more.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Killed)
    }
}

names! {
    /// How an application ended, as its ApplicationMaster said or YARN concluded.
    FinalApplicationStatus {
        /// It has not ended.
        Undefined = "UNDEFINED",
        /// It did what it should.
        Succeeded = "SUCCEEDED",
        /// It did not.
        Failed = "FAILED",
        /// It was killed.
        Killed = "KILLED",
        /// It ended, and parts of it in different ways.
        Ended = "ENDED",
    }
}

names! {
    /// What is sent to the processes of a container.
    ContainerSignal {
        /// `SIGQUIT`: a JVM writes its threads to its standard output.
        OutputThreadDump = "OUTPUT_THREAD_DUMP",
        /// `SIGTERM`.
        GracefulShutdown = "GRACEFUL_SHUTDOWN",
        /// `SIGKILL`.
        ForcefulShutdown = "FORCEFUL_SHUTDOWN",
    }
}

names! {
    /// What someone may do in a queue.
    QueueAcl {
        /// Submit applications.
        Submit = "SUBMIT_APPLICATIONS",
        /// Administer it, and kill applications of others.
        Administer = "ADMINISTER_QUEUE",
    }
}
