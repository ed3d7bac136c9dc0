//! Java exceptions, as servers report them.

use std::fmt;

/// An exception thrown by a Hadoop server: its Java class and its message, without the stack trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteException {
    class: String,
    message: String,
    kind: ExceptionKind,
}

/// The exceptions that a client acts on, told apart by class name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExceptionKind {
    /// `StandbyException`: this server is not the active one; ask the next.
    Standby,
    /// `RetriableException`, `NMNotYetReadyException`: ask the same server again.
    Retriable,
    /// `SecretManager$InvalidToken`: the token is unknown, expired or revoked; asking again cannot help.
    InvalidToken,
    /// `AccessControlException`, `AuthorizationException`: the server refuses this user or this kind of login.
    AccessControl,
    /// `SaslException`: the login failed, usually because of a wrong password.
    Sasl,
    /// `ApplicationMasterNotRegisteredException`: register again, then send everything again.
    ApplicationMasterNotRegistered,
    /// `ApplicationAttemptNotFoundException`: the attempt is over; the ApplicationMaster must end.
    ApplicationAttemptNotFound,
    /// `ApplicationNotFoundException`: the ResourceManager does not know the application.
    ApplicationNotFound,
    /// `InvalidApplicationMasterRequestException`: registered twice, or a wrong response id.
    InvalidApplicationMasterRequest,
    /// `InvalidResourceRequestException` and `InvalidLabelResourceRequestException`: an ask that cannot be served.
    InvalidResourceRequest,
    /// `InvalidResourceBlacklistRequestException`: an impossible blacklist entry.
    InvalidBlacklist,
    /// `InvalidContainerReleaseException`: the released container is not ours.
    InvalidContainerRelease,
    /// `ContainerNotFoundException`: unknown container.
    ContainerNotFound,
    /// `InvalidContainerException`: the node does not run the container, or not yet.
    InvalidContainer,
    /// `InvalidAuxServiceException`: the launch context names an auxiliary service that the node lacks.
    InvalidAuxService,
    /// `ApplicationIdNotProvidedException`: a request without an application id.
    ApplicationIdNotProvided,
    /// `ResourceNotFoundException`: the cluster lacks the resource type or profile.
    ResourceNotFound,
    /// `YARNFeatureNotEnabledException`: the cluster has the feature switched off.
    NotEnabled,
    /// The server lacks the method, the protocol or its version, or could not decode the request.
    Unsupported,
    /// Any other class.
    Other,
}

impl RemoteException {
    /// Makes an exception from what a server sent; the stack trace in `error_message` is cut off.
    pub fn new(class: impl Into<String>, error_message: &str) -> Self {
        let class = class.into();
        let message = error_message.split("\n\tat ").next().unwrap_or_default().trim_end();
        // Some servers print the whole throwable, which begins with the class name.
        let message = message
            .strip_prefix(class.as_str())
            .and_then(|rest| rest.strip_prefix(": "))
            .unwrap_or(message);
        Self {
            message: message.to_owned(),
            kind: ExceptionKind::of(&class),
            class,
        }
    }

    /// The full Java class name.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// The class name without its package.
    pub fn simple_class(&self) -> &str {
        simple(&self.class)
    }

    /// The message without the stack trace.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the class means to a client.
    pub fn kind(&self) -> ExceptionKind {
        self.kind
    }
}

impl fmt::Display for RemoteException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message.as_str() {
            "" => f.write_str(self.simple_class()),
            message => write!(f, "{}: {message}", self.simple_class()),
        }
    }
}

impl std::error::Error for RemoteException {}

impl ExceptionKind {
    /// What the user can do, where the exception alone does not tell.
    pub fn remedy(self) -> Option<&'static str> {
        match self {
            Self::InvalidToken => Some(
                "the server does not know this token: it belongs to another cluster or to an earlier attempt, or it has \
                 expired or was rolled over",
            ),
            Self::Sasl => Some("the token's password is wrong; the credentials were mixed up or altered"),
            Self::AccessControl => Some(
                "the server does not accept this user or this kind of login; check the token, the principal and \
                 hadoop-policy.xml",
            ),
            Self::Unsupported => Some("the server is of another version, or its port serves another protocol"),
            Self::NotEnabled => Some("an administrator has to switch the feature on"),
            _ => None,
        }
    }

    fn of(class: &str) -> Self {
        match simple(class) {
            "StandbyException" => Self::Standby,
            "RetriableException" | "NMNotYetReadyException" => Self::Retriable,
            "InvalidToken" => Self::InvalidToken,
            "AccessControlException" | "AuthorizationException" => Self::AccessControl,
            "SaslException" => Self::Sasl,
            "ApplicationMasterNotRegisteredException" => Self::ApplicationMasterNotRegistered,
            "ApplicationAttemptNotFoundException" => Self::ApplicationAttemptNotFound,
            "ApplicationNotFoundException" => Self::ApplicationNotFound,
            "InvalidApplicationMasterRequestException" => Self::InvalidApplicationMasterRequest,
            "InvalidResourceRequestException"
            | "InvalidLabelResourceRequestException"
            | "SchedulerInvalidResoureRequestException" => Self::InvalidResourceRequest,
            "InvalidResourceBlacklistRequestException" => Self::InvalidBlacklist,
            "InvalidContainerReleaseException" => Self::InvalidContainerRelease,
            "ContainerNotFoundException" => Self::ContainerNotFound,
            "InvalidContainerException" => Self::InvalidContainer,
            "InvalidAuxServiceException" => Self::InvalidAuxService,
            "ApplicationIdNotProvidedException" => Self::ApplicationIdNotProvided,
            "ResourceNotFoundException" => Self::ResourceNotFound,
            "YARNFeatureNotEnabledException" => Self::NotEnabled,
            "RpcNoSuchMethodException"
            | "RpcNoSuchProtocolException"
            | "VersionMismatch"
            | "InvalidProtocolBufferException"
            | "RpcServerException" => Self::Unsupported,
            _ => Self::Other,
        }
    }
}

fn simple(class: &str) -> &str {
    class.rsplit(['.', '$']).next().unwrap_or(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_trace_and_the_repeated_class_are_cut() {
        let class = "org.apache.hadoop.yarn.exceptions.ApplicationMasterNotRegisteredException";
        let sent = format!("{class}: register first\nsecond line\n\tat a.B.c(B.java:1)\n\tat d.E.f(E.java:2)\n");
        let exception = RemoteException::new(class, &sent);
        assert_eq!(exception.message(), "register first\nsecond line");
        assert_eq!(exception.class(), class);
        assert_eq!(exception.kind(), ExceptionKind::ApplicationMasterNotRegistered);
        assert_eq!(
            exception.to_string(),
            "ApplicationMasterNotRegisteredException: register first\nsecond line"
        );
    }

    #[test]
    fn nested_classes_and_unknown_ones_are_told_apart() {
        let table = [
            (
                "org.apache.hadoop.security.token.SecretManager$InvalidToken",
                ExceptionKind::InvalidToken,
            ),
            ("org.apache.hadoop.ipc.RPC$VersionMismatch", ExceptionKind::Unsupported),
            ("org.apache.hadoop.ipc.StandbyException", ExceptionKind::Standby),
            (
                "org.apache.hadoop.yarn.exceptions.NMNotYetReadyException",
                ExceptionKind::Retriable,
            ),
            ("java.lang.NullPointerException", ExceptionKind::Other),
            ("", ExceptionKind::Other),
        ];
        for (class, kind) in table {
            assert_eq!(RemoteException::new(class, "").kind(), kind, "{class}");
        }
    }
}
