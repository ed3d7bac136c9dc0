//! Which kind of end an error is: what lies deepest in its causes and has a kind decides.

use std::error::Error;

use selvedge_appmaster::dispatcher::DispatcherError;
use selvedge_appmaster::entrypoint::StartError;
use selvedge_core::config::{ConfigError, LoadError};
use selvedge_core::memory::MemoryError;
use selvedge_runtime::artifact::ArtifactError;
use selvedge_runtime::connector::ConnectorError;
use selvedge_runtime::fs::{FsError, FsErrorKind, ParseLocationError};
use selvedge_runtime::ha::HaError;
use selvedge_runtime::program::ProgramError;
use yarn_common::conf::ConfError;
use yarn_rest::error::{RestError, RestErrorKind};
use yarn_rest::model::ApplicationState;
use yarn_rest::rm::BuildError;

use super::ExitKind;
use crate::cluster::{ClusterClientError, DeployError, ElectedError, FollowError, LocalError, SessionError};
use crate::job_file::ReadJobError;
use crate::yarn::{PropertiesError, ShipError, YarnError};

/// The kind of an error: that of the deepest cause that has one.
pub(in crate::cli) fn kind_of(error: &(dyn Error + 'static)) -> ExitKind {
    let (mut kind, mut next) = (None, Some(error));
    while let Some(error) = next {
        kind = KINDS.iter().find_map(|kind| kind(error)).or(kind);
        next = error.source();
    }
    kind.unwrap_or(ExitKind::Failed)
}

type Kind = fn(&(dyn Error + 'static)) -> Option<ExitKind>;

/// The types of errors that have a kind.
const KINDS: &[Kind] = &[
    one::<ConfigError>,
    one::<LoadError>,
    one::<MemoryError>,
    one::<ConfError>,
    one::<BuildError>,
    one::<ParseLocationError>,
    one::<ReadJobError>,
    one::<ConnectorError>,
    one::<ArtifactError>,
    one::<ShipError>,
    one::<PropertiesError>,
    one::<ProgramError>,
    one::<FsError>,
    // A boxed cause is told as its box.
    one::<Box<FsError>>,
    one::<RestError>,
    one::<HaError>,
    one::<StartError>,
    one::<DispatcherError>,
    one::<ClusterClientError>,
    one::<SessionError>,
    one::<ElectedError>,
    one::<FollowError>,
    one::<LocalError>,
    one::<YarnError>,
    one::<DeployError>,
];

fn one<E: HasKind + Error + 'static>(error: &(dyn Error + 'static)) -> Option<ExitKind> {
    error.downcast_ref::<E>().and_then(HasKind::kind)
}

/// An error that tells what kind of end it is; `None` leaves that to its causes.
trait HasKind {
    fn kind(&self) -> Option<ExitKind>;
}

/// Whatever is wrong, it is in what was given.
macro_rules! always_input {
    ($($error:ty),*) => {
        $(impl HasKind for $error {
            fn kind(&self) -> Option<ExitKind> {
                Some(ExitKind::Input)
            }
        })*
    };
}

always_input!(
    ConfigError,
    LoadError,
    MemoryError,
    ConfError,
    BuildError,
    ParseLocationError,
    ReadJobError,
    ConnectorError,
    ArtifactError,
    ShipError
);

impl HasKind for PropertiesError {
    fn kind(&self) -> Option<ExitKind> {
        match self {
            Self::Io { .. } => None,
            Self::Config(_) | Self::Suspicious { .. } | Self::Damaged { .. } => Some(ExitKind::Input),
        }
    }
}

impl HasKind for ProgramError {
    fn kind(&self) -> Option<ExitKind> {
        match self {
            Self::TimedOut { .. } => Some(ExitKind::TimedOut),
            Self::Failed { .. } => Some(ExitKind::Failed),
            _ => Some(ExitKind::Input),
        }
    }
}

impl HasKind for FsError {
    fn kind(&self) -> Option<ExitKind> {
        match self.kind {
            FsErrorKind::PermissionDenied(_) | FsErrorKind::SafeMode | FsErrorKind::NoSpace(_) => {
                Some(ExitKind::Refused)
            }
            FsErrorKind::Unreachable(_) => Some(ExitKind::Unreachable),
            FsErrorKind::NotFound
            | FsErrorKind::AlreadyExists
            | FsErrorKind::NotADirectory
            | FsErrorKind::UnknownScheme(_) => Some(ExitKind::Input),
            _ => None,
        }
    }
}

impl<E: HasKind> HasKind for Box<E> {
    fn kind(&self) -> Option<ExitKind> {
        (**self).kind()
    }
}

impl HasKind for RestError {
    fn kind(&self) -> Option<ExitKind> {
        if self.was_never_served() || self.answer_was_lost() {
            return Some(ExitKind::Unreachable);
        }
        match self.kind() {
            RestErrorKind::Unauthorized { .. } | RestErrorKind::Forbidden { .. } | RestErrorKind::Authenticate(_) => {
                Some(ExitKind::Refused)
            }
            // What is above is a fault of the server.
            RestErrorKind::RemoteException { status: ..500, .. } => Some(ExitKind::Refused),
            RestErrorKind::NotFound { .. } => Some(ExitKind::NotThere),
            // Something else answers at that address.
            RestErrorKind::NotHttp { .. }
            | RestErrorKind::NoSuchEndpoint { .. }
            | RestErrorKind::Html { .. }
            | RestErrorKind::AllFailed(_)
            | RestErrorKind::TooManyRedirects(_)
            | RestErrorKind::SubmissionUnknown { .. } => Some(ExitKind::Unreachable),
            RestErrorKind::InvalidRequest(_) | RestErrorKind::InvalidSubmission(_) => Some(ExitKind::Input),
            _ => None,
        }
    }
}

impl HasKind for HaError {
    fn kind(&self) -> Option<ExitKind> {
        match self {
            Self::Configuration(_) | Self::UnknownType { .. } | Self::Missing { .. } => Some(ExitKind::Input),
            Self::Connect { .. } => Some(ExitKind::Unreachable),
            _ => None,
        }
    }
}

impl HasKind for StartError {
    fn kind(&self) -> Option<ExitKind> {
        match self {
            Self::Configuration(_) | Self::Memory(_) => Some(ExitKind::Input),
            Self::HighAvailability(error) => error.kind(),
            _ => None,
        }
    }
}

impl HasKind for DispatcherError {
    fn kind(&self) -> Option<ExitKind> {
        match self {
            Self::Graph(_) => Some(ExitKind::Input),
            Self::TooFewSlots(_)
            | Self::Duplicate { .. }
            | Self::NotStored { .. }
            | Self::ShuttingDown
            | Self::Busy => Some(ExitKind::Refused),
            _ => None,
        }
    }
}

impl HasKind for ClusterClientError {
    fn kind(&self) -> Option<ExitKind> {
        match self {
            Self::Unreachable { .. } | Self::Proxy(_) | Self::NotThroughProxy { .. } => Some(ExitKind::Unreachable),
            Self::Refused { status: 404, .. } => Some(ExitKind::NotThere),
            Self::Refused { .. } => Some(ExitKind::Refused),
            Self::Undecodable { .. } | Self::Client(_) => None,
        }
    }
}

impl HasKind for SessionError {
    fn kind(&self) -> Option<ExitKind> {
        Some(match self {
            Self::OnlyProxied { .. } | Self::Unreachable { .. } => ExitKind::Unreachable,
            Self::Refused { .. } => ExitKind::Refused,
        })
    }
}

impl HasKind for ElectedError {
    fn kind(&self) -> Option<ExitKind> {
        match self {
            Self::Config(_) => Some(ExitKind::Input),
            Self::NoLeader { .. } => Some(ExitKind::Unreachable),
            Self::Services(error) => error.kind(),
            Self::Client(error) => error.kind(),
        }
    }
}

impl HasKind for FollowError {
    fn kind(&self) -> Option<ExitKind> {
        match self {
            Self::Client(error) | Self::Silent(error) => error.kind(),
            Self::Fate(error) => error.kind(),
        }
    }
}

impl HasKind for LocalError {
    fn kind(&self) -> Option<ExitKind> {
        match self {
            Self::Config(_) => Some(ExitKind::Input),
            Self::Start(error) => error.kind(),
            Self::Refused(error) => error.kind(),
            Self::Client(error) => error.kind(),
        }
    }
}

impl HasKind for YarnError {
    fn kind(&self) -> Option<ExitKind> {
        match self {
            Self::Hadoop(_)
            | Self::Address(_)
            | Self::Config(_)
            | Self::Memory(_)
            | Self::Slots(_)
            | Self::Path(_)
            | Self::Environment(_)
            | Self::NoUser
            | Self::Kerberos
            | Self::LocalStaging { .. }
            | Self::Sink(_)
            | Self::Artifact(_)
            | Self::Ship(_) => Some(ExitKind::Input),
            Self::NotReady(_)
            | Self::TooFewSlots(_)
            | Self::Denied { .. }
            | Self::QueueDenied { .. }
            | Self::Unsafe(_) => Some(ExitKind::Refused),
            Self::UnknownApplication { .. } | Self::Over { .. } | Self::Foreign { .. } | Self::NotASession { .. } => {
                Some(ExitKind::NotThere)
            }
            Self::Rest(error) => HasKind::kind(error),
            Self::Client(error) => error.kind(),
            Self::FileSystem(error) => HasKind::kind(error),
            Self::Ended { state, .. } => Some(match *state == ApplicationState::Killed.to_string() {
                true => ExitKind::Canceled,
                false => ExitKind::Failed,
            }),
            Self::Stage { .. } | Self::Pack { .. } | Self::Graph(_) => None,
        }
    }
}

impl HasKind for DeployError {
    fn kind(&self) -> Option<ExitKind> {
        match self {
            Self::Local(error) => error.kind(),
            Self::Session(error) => error.kind(),
            Self::Yarn(error) => error.kind(),
        }
    }
}

#[cfg(test)]
mod tests {
    use selvedge_runtime::fs::Location;
    use yarn_common::id::ApplicationId;

    use super::*;

    fn cannot_list(kind: FsErrorKind) -> FsError {
        FsError {
            operation: "list",
            location: Location::root("hdfs", "nn:8020"),
            kind,
        }
    }

    #[test]
    fn an_error_is_of_the_kind_of_what_lies_deepest_in_its_causes() {
        let denied = || Box::new(cannot_list(FsErrorKind::PermissionDenied("alice".to_owned())));
        let silent = || Box::new(cannot_list(FsErrorKind::Unreachable("refused".to_owned())));
        let staged = |cause| {
            DeployError::from(YarnError::Stage {
                what: "x".to_owned(),
                cause,
            })
        };
        let unknown = YarnError::UnknownApplication {
            application: ApplicationId::new(1, 7),
        };
        let refused = |status| ClusterClientError::Refused {
            path: "/jobs".to_owned(),
            status,
            message: "no".to_owned(),
        };
        let errors: [(Box<dyn Error>, ExitKind); 12] = [
            (Box::new(staged(denied())), ExitKind::Refused),
            (Box::new(staged(silent())), ExitKind::Unreachable),
            (Box::new(ConnectorError::new("no such column")), ExitKind::Input),
            (
                Box::new(ConnectorError::caused_by("input", *silent())),
                ExitKind::Unreachable,
            ),
            (
                Box::new(ConnectorError::caused_by("output", *denied())),
                ExitKind::Refused,
            ),
            (Box::new(unknown), ExitKind::NotThere),
            (
                Box::new(DeployError::from(YarnError::NotReady("full".to_owned()))),
                ExitKind::Refused,
            ),
            (Box::new(FollowError::from(refused(503))), ExitKind::Refused),
            (Box::new(refused(404)), ExitKind::NotThere),
            (Box::new(YarnError::NoUser), ExitKind::Input),
            (
                Box::new(DeployError::from(YarnError::from(ConfError::DirectoryNotSet))),
                ExitKind::Input,
            ),
            (Box::new(std::io::Error::other("disk")), ExitKind::Failed),
        ];
        for (error, kind) in errors {
            assert_eq!(kind_of(&*error), kind, "{error}");
        }
    }
}
