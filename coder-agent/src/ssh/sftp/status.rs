use std::io;

use crate::platform::errors;

/// How a request ended (SFTP 3 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ok = 0,
    Eof = 1,
    NoSuchFile = 2,
    PermissionDenied = 3,
    Failure = 4,
    BadMessage = 5,
    Unsupported = 8,
}

impl Status {
    pub(super) const fn code(self) -> u32 {
        self as u32
    }
}

/// Why a request failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: Status,
    /// For people; clients decide by the status.
    pub(super) message: String,
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let message = match status {
            Status::Ok => "Success",
            Status::Eof => "End of file",
            Status::NoSuchFile => "No such file",
            Status::PermissionDenied => "Permission denied",
            Status::Failure => "Failure",
            Status::BadMessage => "Bad message",
            Status::Unsupported => "Operation unsupported",
        };
        Self {
            status,
            message: message.to_owned(),
        }
    }
}

impl From<io::Error> for Failure {
    /// The status that OpenSSH's server would give, with the system's own words: a plain "Failure"
    /// for a full disk helps nobody.
    fn from(error: io::Error) -> Self {
        let status = if errors::is_missing(&error) {
            Status::NoSuchFile
        } else if errors::is_forbidden(&error) {
            Status::PermissionDenied
        } else {
            match error.kind() {
                io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput => Status::BadMessage,
                io::ErrorKind::Unsupported => Status::Unsupported,
                _ => Status::Failure,
            }
        };
        let message = match status {
            Status::Failure => error.to_string(),
            known => Self::from(known).message,
        };
        Self { status, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    fn failure(errno: Errno) -> Failure {
        io::Error::from(errno).into()
    }

    #[test]
    fn errors_have_the_status_that_clients_expect() {
        for (errno, status) in [
            (Errno::NOENT, Status::NoSuchFile),
            (Errno::ACCESS, Status::PermissionDenied),
            (Errno::INVAL, Status::BadMessage),
            (Errno::EXIST, Status::Failure),
            (Errno::NOSPC, Status::Failure),
        ] {
            assert_eq!(failure(errno).status, status);
        }
        assert!(failure(Errno::NOSPC).message.contains("space"));
        let nul = std::fs::metadata("a\0b").unwrap_err();
        assert_eq!(Failure::from(nul).status, Status::BadMessage);
    }
}
