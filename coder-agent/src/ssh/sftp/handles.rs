use std::collections::BTreeMap;
use std::fs::File;

use super::directories::Listing;
use super::limits::MAX_HANDLES;
use super::status::{Failure, Status};

/// What a session has open.
#[derive(Debug, Default)]
pub(super) struct Handles {
    open: BTreeMap<u32, Opened>,
    next: u32,
}

#[derive(Debug)]
pub(super) enum Opened {
    File { file: File, append: bool },
    Directory(Listing),
}

impl Handles {
    /// Keeps what was opened and gives it a name, unless too much is open.
    pub(super) fn add(&mut self, opened: Opened) -> Result<u32, Failure> {
        self.check_room()?;
        while self.open.contains_key(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        let handle = self.next;
        self.next = handle.wrapping_add(1);
        self.open.insert(handle, opened);
        Ok(handle)
    }

    /// Whether one more may be opened; asked before anything is created for it.
    pub(super) fn check_room(&self) -> Result<(), Failure> {
        if self.open.len() < MAX_HANDLES {
            return Ok(());
        }
        Err(Failure {
            status: Status::Failure,
            message: format!("Too many open files: a session may have {MAX_HANDLES}"),
        })
    }

    pub(super) fn file(&self, handle: &[u8]) -> Result<(&File, bool), Failure> {
        match number(handle).and_then(|number| self.open.get(&number)) {
            Some(Opened::File { file, append }) => Ok((file, *append)),
            Some(Opened::Directory(_)) | None => Err(unknown()),
        }
    }

    pub(super) fn directory(&mut self, handle: &[u8]) -> Result<&mut Listing, Failure> {
        match number(handle).and_then(|number| self.open.get_mut(&number)) {
            Some(Opened::Directory(listing)) => Ok(listing),
            Some(Opened::File { .. }) | None => Err(unknown()),
        }
    }

    pub(super) fn close(&mut self, handle: &[u8]) -> Result<(), Failure> {
        number(handle)
            .and_then(|number| self.open.remove(&number))
            .map(drop)
            .ok_or_else(unknown)
    }
}

fn number(handle: &[u8]) -> Option<u32> {
    handle.try_into().ok().map(u32::from_be_bytes)
}

fn unknown() -> Failure {
    Failure {
        status: Status::Failure,
        message: "No such handle".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Opened {
        Opened::File {
            file: File::open("/dev/null").unwrap(),
            append: false,
        }
    }

    #[test]
    fn handles_are_bounded_and_not_confused() {
        let mut handles = Handles::default();
        let first = handles.add(file()).unwrap().to_be_bytes();
        for _ in 1..MAX_HANDLES {
            handles.add(file()).unwrap();
        }
        assert!(handles.add(file()).is_err());
        assert!(handles.file(&first).is_ok());
        assert!(handles.directory(&first).is_err());
        handles.close(&first).unwrap();
        assert!(handles.close(&first).is_err());
        assert!(handles.file(b"").is_err());
        assert!(handles.file(b"12345").is_err());
        // A closed handle's name is not given to the next file.
        assert_ne!(handles.add(file()).unwrap().to_be_bytes(), first);
    }
}
