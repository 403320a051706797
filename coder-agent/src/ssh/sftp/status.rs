use std::io;

use rustix::io::Errno;

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
        let errno = error.raw_os_error().map(Errno::from_raw_os_error);
        let status = match (errno, error.kind()) {
            (Some(Errno::NOENT | Errno::NOTDIR | Errno::BADF | Errno::LOOP), _)
            | (None, io::ErrorKind::NotFound) => Status::NoSuchFile,
            (Some(Errno::PERM | Errno::ACCESS | Errno::FAULT), _) => Status::PermissionDenied,
            (Some(Errno::NAMETOOLONG | Errno::INVAL), _) | (None, io::ErrorKind::InvalidInput) => {
                Status::BadMessage
            }
            (Some(Errno::NOSYS), _) => Status::Unsupported,
            _ => Status::Failure,
        };
        let message = match status {
            Status::Failure => error.to_string(),
            known => Self::from(known).message,
        };
        Self { status, message }
    }
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Self {
        io::Error::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_status_that_clients_expect() {
        for (errno, status) in [
            (Errno::NOENT, Status::NoSuchFile),
            (Errno::ACCESS, Status::PermissionDenied),
            (Errno::INVAL, Status::BadMessage),
            (Errno::EXIST, Status::Failure),
            (Errno::NOSPC, Status::Failure),
        ] {
            assert_eq!(Failure::from(errno).status, status);
        }
        assert!(Failure::from(Errno::NOSPC).message.contains("space"));
        let nul = std::fs::metadata("a\0b").unwrap_err();
        assert_eq!(Failure::from(nul).status, Status::BadMessage);
    }
}
