//! Between gRPC's statuses and the errors of gateways.

use std::error::Error;
use std::io;

use tonic::{Code, ConnectError, Status, TimeoutExpired};

use super::GatewayError;
use crate::connector::report;

impl From<Status> for GatewayError {
    fn from(status: Status) -> Self {
        let message = status.message().to_owned();
        match (status.code(), status.source()) {
            // What the callee itself answers has no source; what the connection says has one.
            (Code::Unknown | Code::Unavailable | Code::Cancelled, Some(source)) => of_connection(source),
            (Code::FailedPrecondition, _) => Self::Fenced(message),
            (Code::InvalidArgument | Code::AlreadyExists | Code::NotFound, _) => Self::Rejected(message),
            (Code::OutOfRange, _) => Self::TooLarge(message),
            (Code::ResourceExhausted, _) => Self::Busy(message),
            (Code::Unavailable, _) => Self::Unreachable(message),
            (Code::Aborted, _) => Self::Broken(message),
            (Code::DeadlineExceeded | Code::Cancelled, _) => Self::TimedOut(message),
            (Code::Unauthenticated | Code::PermissionDenied, _) => Self::Unauthorised(message),
            (code, _) => Self::Internal(format!("{code}: {message}")),
        }
    }
}

impl From<GatewayError> for Status {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::Fenced(message) => Self::failed_precondition(message),
            GatewayError::Rejected(message) => Self::invalid_argument(message),
            GatewayError::TooLarge(message) => Self::out_of_range(message),
            GatewayError::Busy(message) => Self::resource_exhausted(message),
            GatewayError::Unreachable(message) => Self::unavailable(message),
            GatewayError::Broken(message) => Self::aborted(message),
            GatewayError::TimedOut(message) => Self::deadline_exceeded(message),
            GatewayError::Unauthorised(message) => Self::unauthenticated(message),
            GatewayError::Internal(message) => Self::internal(message),
        }
    }
}

/// A peer that is silent may still live; one that refuses a connection has ended; one that broke it may take another.
fn of_connection(error: &(dyn Error + 'static)) -> GatewayError {
    let chain = || std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    if chain().any(is_silence) {
        GatewayError::TimedOut(report(error))
    } else if chain().any(|error| error.is::<ConnectError>()) {
        GatewayError::Unreachable(report(error))
    } else {
        GatewayError::Broken(report(error))
    }
}

/// Without an answer, without a reply to a probe, or without one to the wish for a connection.
fn is_silence(error: &(dyn Error + 'static)) -> bool {
    let of_socket = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    error.is::<TimeoutExpired>()
        || error
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_timeout)
        || error.downcast_ref::<io::Error>().is_some_and(of_socket)
}
