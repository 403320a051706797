use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::proc_net::{Socket, is_reachable, listening};

/// Sockets that are looked at. Those that listen come first.
const MAX_SOCKETS: usize = 100_000;

/// Open files of processes that are looked at, for the names of those that listen.
const MAX_FILES: usize = 100_000;

/// The longest name of a program: the kernel keeps 15 bytes, and of some threads 63.
const MAX_NAME_BYTES: usize = 64;

/// The ports with a listener that the tunnel reaches, and the names of their programs.
pub(super) fn listeners() -> io::Result<BTreeMap<u16, String>> {
    let mut ports = BTreeMap::new();
    let mut read = false;
    let mut missing = None;
    for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
        match File::open(file) {
            Ok(file) => {
                read = true;
                for socket in sockets(file) {
                    ports.entry(socket.port).or_insert(socket.inode);
                }
            }
            // A system without IPv6 has no second file.
            Err(error) => missing = Some(error),
        }
    }
    match missing {
        Some(error) if !read => return Err(error),
        _ => {}
    }
    let names = names(&ports);
    let named = |(port, inode)| (port, names.get(&inode).cloned().unwrap_or_default());
    Ok(ports.into_iter().map(named).collect())
}

fn sockets(file: File) -> impl Iterator<Item = Socket> {
    // The kernel's lines are all short, so nothing bounds them here. What cannot be read any more
    // is the end.
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    lines
        .take(MAX_SOCKETS)
        .filter_map(|line| listening(&line))
        .filter(|socket| is_reachable(socket.address))
}

/// The programs that hold these sockets, as far as this user may see them.
fn names(ports: &BTreeMap<u16, u64>) -> BTreeMap<u64, String> {
    let mut wanted: BTreeSet<u64> = ports.values().copied().collect();
    let mut names = BTreeMap::new();
    let mut files = 0;
    let Ok(processes) = fs::read_dir("/proc") else {
        return names;
    };
    for process in processes.flatten() {
        let is_process = process
            .file_name()
            .as_bytes()
            .iter()
            .all(u8::is_ascii_digit);
        let Some(open) = is_process
            .then(|| fs::read_dir(process.path().join("fd")).ok())
            .flatten()
        else {
            continue;
        };
        for file in open.flatten() {
            if wanted.is_empty() || files >= MAX_FILES {
                return names;
            }
            files += 1;
            if let Some(inode) = socket_inode(&file.path())
                && wanted.remove(&inode)
            {
                names.insert(inode, name(&process.path()));
            }
        }
    }
    names
}

/// The number in `socket:[12345]`.
fn socket_inode(link: &Path) -> Option<u64> {
    let target = fs::read_link(link).ok()?;
    let number = target.as_os_str().as_bytes().strip_prefix(b"socket:[")?;
    std::str::from_utf8(number.strip_suffix(b"]")?)
        .ok()?
        .parse()
        .ok()
}

/// A process calls itself what it wants: only what can be printed is kept.
fn name(process: &Path) -> String {
    let bytes = fs::read(process.join("comm")).unwrap_or_default();
    let text = String::from_utf8_lossy(bytes.get(..MAX_NAME_BYTES).unwrap_or(&bytes)).into_owned();
    text.chars()
        .filter(|character| !character.is_control())
        .collect()
}
