//! Listings of directories.

use std::fs::{self, Metadata, ReadDir};
use std::io;
use std::path::PathBuf;

use super::limits::MAX_NAMES;
use super::long_name;
use super::reply::{Name, Names};
use super::status::{Failure, Status};
use crate::ssh::accounts::Accounts;

/// A directory that is being listed.
#[derive(Debug)]
pub(super) struct Listing {
    path: PathBuf,
    /// `.` and `..`, which the system's listing lacks.
    dots: std::array::IntoIter<&'static str, 2>,
    entries: ReadDir,
}

impl Listing {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let entries = fs::read_dir(&path)?;
        Ok(Self {
            path,
            dots: [".", ".."].into_iter(),
            entries,
        })
    }

    /// Adds the next entries; fails with [`Status::Eof`] when there are no more.
    pub(super) fn next(
        &mut self,
        names: &mut Names<'_>,
        accounts: &Accounts,
        now: i64,
    ) -> Result<(), Failure> {
        for dot in self.dots.by_ref() {
            let metadata = fs::symlink_metadata(self.path.join(dot)).ok();
            add(names, dot.as_bytes(), metadata.as_ref(), accounts, now);
        }
        while names.size() < MAX_NAMES {
            let Some(entry) = self.entries.next() else {
                break;
            };
            let entry = match entry {
                Ok(entry) => entry,
                // What was listed so far is good; the failure comes again with the next request.
                Err(_) if !names.is_empty() => break,
                Err(error) => return Err(error.into()),
            };
            // An entry may be gone by now, or be one that nothing is told about.
            let metadata = entry.metadata().ok();
            let name = entry.file_name();
            add(
                names,
                name.as_encoded_bytes(),
                metadata.as_ref(),
                accounts,
                now,
            );
        }
        if names.is_empty() {
            return Err(Status::Eof.into());
        }
        Ok(())
    }
}

fn add(
    names: &mut Names<'_>,
    name: &[u8],
    metadata: Option<&Metadata>,
    accounts: &Accounts,
    now: i64,
) {
    let line = metadata.map_or_else(
        || name.to_owned(),
        |metadata| long_name::line(name, metadata, accounts, now),
    );
    names.add(&Name {
        name,
        long_name: &line,
        metadata,
    });
}
