//! Zip archives are kept as tar archives.

use super::{
    archive::{MAX_ENTRIES, check_path, no_archive, refused},
    body::{MAX_ARCHIVE, too_large},
};
use coder_core::Error;
use std::io::{Cursor, Read as _};

/// Converts a zip archive. Each entry is read no further than it says, and all together no further than an
/// upload may be long: a small archive cannot become a large one in memory.
///
/// # Errors
/// [`InvalidInput`](coder_core::ErrorKind::InvalidInput) that names the entry,
/// [`TooLarge`](coder_core::ErrorKind::TooLarge).
pub(super) fn convert(zip: &[u8]) -> Result<Vec<u8>, Error> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).map_err(|_| no_archive())?;
    if archive.len() > MAX_ENTRIES {
        return Err(Error::invalid(format!(
            "The archive has more than {MAX_ENTRIES} entries."
        )));
    }
    let mut tar = tar::Builder::new(Vec::new());
    let mut total = 0_u64;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|_| no_archive())?;
        let path = entry.name().map_err(|_| no_archive())?.into_owned();
        check_path(&path)?;
        if entry.is_symlink() {
            return Err(refused(&path, "is a link"));
        }
        let mut header = tar::Header::new_ustar();
        if entry.is_dir() {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            tar.append_data(&mut header, &path, &[][..])
                .map_err(|_| no_archive())?;
            continue;
        }
        let size = entry.size();
        total = total.saturating_add(size).saturating_add(1024);
        if total > MAX_ARCHIVE as u64 {
            return Err(too_large());
        }
        let mut data = Vec::new();
        let read = entry.by_ref().take(size + 1).read_to_end(&mut data);
        if !read.is_ok_and(|read| read as u64 == size) {
            return Err(refused(&path, "is not as long as it says"));
        }
        let executable = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(if executable { 0o755 } else { 0o644 });
        header.set_size(size);
        tar.append_data(&mut header, &path, data.as_slice())
            .map_err(|_| no_archive())?;
    }
    tar.into_inner().map_err(|_| no_archive())
}

#[cfg(test)]
mod tests {
    use super::*;
    use coder_core::ErrorKind;
    use std::io::Write as _;
    use zip::{ZipWriter, write::SimpleFileOptions};

    fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, data) in entries {
            writer
                .start_file(*path, SimpleFileOptions::default())
                .expect("start");
            writer.write_all(data).expect("write");
        }
        writer.finish().expect("finish").into_inner()
    }

    #[test]
    fn files_arrive_in_the_tar() {
        let tar = convert(&zip(&[("main.tf", b"# one"), ("a/b.sh", b"two")])).expect("harmless");
        super::super::archive::check(&tar).expect("harmless");
        let mut archive = tar::Archive::new(tar.as_slice());
        let mut found = Vec::new();
        for entry in archive.entries().expect("entries") {
            let mut entry = entry.expect("entry");
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            found.push((entry.path().expect("path").display().to_string(), text));
        }
        let expected = [("main.tf", "# one"), ("a/b.sh", "two")];
        assert_eq!(
            found,
            expected.map(|(path, text)| (path.to_owned(), text.to_owned()))
        );
    }

    #[test]
    fn attacks_are_refused() {
        for path in ["../main.tf", "/etc/passwd", "a\\..\\..\\b"] {
            assert!(convert(&zip(&[(path, b"x")])).is_err(), "{path}");
        }
        assert!(convert(b"PK\x03\x04 and then nothing").is_err());
    }

    #[test]
    fn a_bomb_is_refused_by_its_size() {
        let zeros = vec![0_u8; 60 * 1024 * 1024];
        let bomb = zip(&[("a", &zeros), ("b", &zeros)]);
        assert!(bomb.len() < 1024 * 1024);
        assert_eq!(
            convert(&bomb).expect_err("bomb").kind(),
            ErrorKind::TooLarge
        );
    }
}
