//! What an HDFS failure means, from Hadoop's exception class or the socket's error.

use hdfs_native::HdfsError;

use super::{FsError, FsErrorKind, Location};

pub(super) fn failed(operation: &'static str, location: &Location, error: &HdfsError) -> FsError {
    FsError {
        operation,
        location: location.clone(),
        kind: kind_of(location, error),
    }
}

fn kind_of(location: &Location, error: &HdfsError) -> FsErrorKind {
    match error {
        HdfsError::FileNotFound(_) => FsErrorKind::NotFound,
        HdfsError::AlreadyExists(_) => FsErrorKind::AlreadyExists,
        HdfsError::RPCError(class, message) | HdfsError::FatalRPCError(class, message) => {
            kind_of_exception(class, message)
        }
        HdfsError::IOError(error) => FsErrorKind::Unreachable(format!(
            "{}: {error}; check that the NameNode and its DataNodes run and that fs.defaultFS names them",
            location.authority()
        )),
        HdfsError::SASLError(message) => FsErrorKind::PermissionDenied(first_line(message).to_owned()),
        HdfsError::GSSAPIError(..) | HdfsError::NoSASLMechanism => FsErrorKind::PermissionDenied(error.to_string()),
        other => FsErrorKind::Other(other.to_string()),
    }
}

fn kind_of_exception(class: &str, message: &str) -> FsErrorKind {
    let simple_class = class.rsplit(['.', '$']).next().unwrap_or(class);
    let text = format!("{simple_class}: {}", first_line(message));
    match simple_class {
        // HDFS says so of a directory that is opened as a file too.
        "FileNotFoundException" if message.contains("is not a file") => FsErrorKind::Other(text),
        "FileNotFoundException" => FsErrorKind::NotFound,
        "FileAlreadyExistsException" | "AlreadyBeingCreatedException" => FsErrorKind::AlreadyExists,
        "ParentNotDirectoryException" | "PathIsNotDirectoryException" => FsErrorKind::NotADirectory,
        // The NameNode checks permissions first and finds a file on the way.
        "AccessControlException" if message.contains("(is not a directory)") => FsErrorKind::NotADirectory,
        "AccessControlException" | "AuthorizationException" | "InvalidToken" | "AccessDeniedException" => {
            FsErrorKind::PermissionDenied(text)
        }
        "SafeModeException" => FsErrorKind::SafeMode,
        // The NameNode wraps it for clients that may retry.
        "RetriableException" if message.contains("SafeModeException") => FsErrorKind::SafeMode,
        "DSQuotaExceededException" | "NSQuotaExceededException" | "QuotaByStorageTypeExceededException" => {
            FsErrorKind::NoSpace(text)
        }
        "StandbyException" => FsErrorKind::Unreachable(text),
        // No DataNode has room: the block placement found no target.
        "IOException" if message.contains("could only be written to") => FsErrorKind::NoSpace(text),
        _ => FsErrorKind::Other(text),
    }
}

/// The message without the stack trace that Hadoop appends.
fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_exception(class: &str, message: &str) -> String {
        let error = HdfsError::RPCError(class.to_owned(), message.to_owned());
        let location = Location::root("hdfs", "nn:8020").join("out");
        failed("create", &location, &error).to_string()
    }

    #[test]
    fn exceptions_keep_their_class_and_lose_their_stack() {
        let denied = of_exception(
            "org.apache.hadoop.security.AccessControlException",
            "Permission denied: user=eve, access=WRITE, inode=\"/\":hdfs:supergroup:drwxr-xr-x\n\tat org.apache.A.b(A.java:1)",
        );
        assert!(
            denied.starts_with("cannot create hdfs://nn:8020/out: permission denied"),
            "{denied}"
        );
        assert!(
            denied.contains("AccessControlException: Permission denied: user=eve"),
            "{denied}"
        );
        assert!(!denied.contains("A.java"), "{denied}");
        for (class, message, expected) in [
            (
                "org.apache.hadoop.hdfs.server.namenode.SafeModeException",
                "Cannot create file/out. Name node is in safe mode.",
                "safe mode",
            ),
            (
                "org.apache.hadoop.ipc.RetriableException",
                "org.apache.hadoop.hdfs.server.namenode.SafeModeException: Cannot create",
                "safe mode",
            ),
            (
                "java.io.FileNotFoundException",
                "File does not exist: /x",
                "no such file",
            ),
            ("org.apache.hadoop.fs.FileAlreadyExistsException", "x", "exists already"),
            (
                "org.apache.hadoop.hdfs.protocol.DSQuotaExceededException",
                "The DiskSpace quota of /out is exceeded",
                "no space left (DSQuotaExceededException: The DiskSpace quota",
            ),
            (
                "org.apache.hadoop.hdfs.protocol.NSQuotaExceededException",
                "The NameSpace quota",
                "no space left (NSQuotaExceededException",
            ),
            (
                "java.io.IOException",
                "File /out could only be written to 0 of the 1 minReplication nodes.",
                "no space left",
            ),
            (
                "java.lang.IllegalStateException",
                "odd\n\tat x",
                "IllegalStateException: odd",
            ),
        ] {
            let text = of_exception(class, message);
            assert!(text.contains(expected), "{class}: {text}");
        }
    }
}
