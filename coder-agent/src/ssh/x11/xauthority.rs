//! The file in which programs find the cookies of displays, as libXau reads and `xauth` writes it.
//!
//! An entry is a big-endian 16-bit family, then an address, the display's number, the protocol's
//! name and the data, each behind its 16-bit length.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Cookie;
use crate::platform::files::private_file;

/// The family of displays on this machine; the address is its name.
const LOCAL: u16 = 256;

/// A file larger than this is left alone.
const MAX_BYTES: u64 = 1024 * 1024;

/// How often, and how long each time, another program is waited for that holds the file. `xauth`
/// waits as long.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(200);

/// Puts a display's cookie into the file, in place of an older one. May wait for a few seconds.
pub(super) fn add(file: &Path, host: &[u8], display: u16, cookie: &Cookie) -> io::Result<()> {
    let _lock = Lock::take(file)?;
    let before = match File::open(file) {
        Ok(file) => {
            let mut bytes = Vec::new();
            file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > MAX_BYTES {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            bytes
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let new = with_suffix(file, "-n");
    drop(fs::remove_file(&new));
    create(&new)?.write_all(&with_entry(&before, host, display, cookie))?;
    fs::rename(&new, file)
}

fn create(path: &Path) -> io::Result<File> {
    private_file().write(true).create_new(true).open(path)
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// The lock that libXau uses: a file `-c`, and a link `-l` to it that only one can make.
struct Lock([PathBuf; 2]);

impl Lock {
    fn take(file: &Path) -> io::Result<Self> {
        let paths = ["-c", "-l"].map(|suffix| with_suffix(file, suffix));
        let [creation, link] = &paths;
        let mut tries = 0;
        loop {
            match create(creation) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                Ok(_) | Err(_) => {}
            }
            match fs::hard_link(creation, link) {
                Ok(()) => return Ok(Self(paths)),
                Err(error) if tries == TRIES => return Err(error),
                Err(_) => std::thread::sleep(PAUSE),
            }
            tries += 1;
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        for path in &self.0 {
            drop(fs::remove_file(path));
        }
    }
}

/// The file's contents with an entry more, and without one for the same display.
fn with_entry(before: &[u8], host: &[u8], display: u16, cookie: &Cookie) -> Vec<u8> {
    let number = display.to_string();
    let mut after = Vec::with_capacity(before.len() + 128);
    let mut rest = before;
    while let Some((entry, behind)) = take_entry(rest) {
        if !entry.is_for(host, number.as_bytes()) {
            after.extend_from_slice(entry.bytes);
        }
        rest = behind;
    }
    after.extend_from_slice(&LOCAL.to_be_bytes());
    for field in [
        host,
        number.as_bytes(),
        cookie.protocol.as_bytes(),
        &cookie.data,
    ] {
        // Each was checked to be far shorter.
        let length = u16::try_from(field.len()).unwrap_or(u16::MAX);
        after.extend_from_slice(&length.to_be_bytes());
        after.extend_from_slice(field);
    }
    after
}

struct Entry<'a> {
    bytes: &'a [u8],
    family: u16,
    address: &'a [u8],
    number: &'a [u8],
}

impl Entry<'_> {
    fn is_for(&self, host: &[u8], number: &[u8]) -> bool {
        self.family == LOCAL && self.address == host && self.number == number
    }
}

/// Takes an entry off the front. What is not one, and all behind it, is dropped: nobody else could
/// read it either.
fn take_entry(bytes: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let mut rest = bytes;
    let family = take_number(&mut rest)?;
    let address = take_field(&mut rest)?;
    let number = take_field(&mut rest)?;
    take_field(&mut rest)?;
    take_field(&mut rest)?;
    let entry = Entry {
        bytes: bytes.get(..bytes.len() - rest.len())?,
        family,
        address,
        number,
    };
    Some((entry, rest))
}

fn take_number(rest: &mut &[u8]) -> Option<u16> {
    let (number, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(u16::from_be_bytes(*number))
}

fn take_field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::from(take_number(rest)?);
    let (field, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(field)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn cookie(data: &[u8]) -> Cookie {
        Cookie {
            protocol: "MIT-MAGIC-COOKIE-1".into(),
            data: data.to_vec(),
        }
    }

    #[test]
    fn an_entry_replaces_its_predecessor_only() {
        let one = with_entry(b"", b"host", 10, &cookie(b"old"));
        assert!(one.starts_with(b"\x01\x00\x00\x04host\x00\x0210\x00\x12MIT-"));
        let two = with_entry(&one, b"host", 11, &cookie(b"other"));
        let three = with_entry(&two, b"host", 10, &cookie(b"new"));
        let other = with_entry(b"", b"host", 11, &cookie(b"other"));
        let new = with_entry(b"", b"host", 10, &cookie(b"new"));
        assert_eq!(three, [other, new].concat());
    }

    #[test]
    fn what_is_broken_is_dropped() {
        let one = with_entry(b"", b"host", 10, &cookie(b"x"));
        let broken = [&one[..], b"\x01\x00\xff\xffshort"].concat();
        let after = with_entry(&broken, b"host", 11, &cookie(b"y"));
        assert_eq!(after, with_entry(&one, b"host", 11, &cookie(b"y")));
    }

    #[test]
    fn the_file_is_private_and_unlocked() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".Xauthority");
        add(&file, b"host", 10, &cookie(b"x")).unwrap();
        add(&file, b"host", 11, &cookie(b"y")).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        assert!(add(&folder.path().join("no/file"), b"host", 10, &cookie(b"x")).is_err());
    }

    #[test]
    fn a_file_that_is_too_large_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".Xauthority");
        let large = 1024 * 1024 + 1;
        fs::write(&file, vec![0; large]).unwrap();
        assert!(add(&file, b"host", 10, &cookie(b"x")).is_err());
        assert_eq!(file.metadata().unwrap().len(), large as u64);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }
}
