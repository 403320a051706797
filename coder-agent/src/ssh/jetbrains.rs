//! Recognises IDEs of JetBrains, which do not say what they are: by the process that listens on a
//! port that is forwarded.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;

/// What is to be found in the command line of a remote development server.
const MARKS: &[&[u8]] = &[
    b"idea.vendor.name=JetBrains",
    b"com.jetbrains.toolbox",
    b"remote-dev-server",
];

/// Bytes of a command line that are looked at; those of Java are long.
const MAX_COMMAND_LINE: u64 = 1024 * 1024;

/// Bytes of the list of sockets that are looked at.
const MAX_SOCKETS: u64 = 16 * 1024 * 1024;

/// The state of a socket that listens, in the kernel's lists.
const LISTEN: &str = "0A";

/// Whether an IDE listens on this port of the workspace. Reads through all processes.
pub(super) fn listens_on(port: u32) -> bool {
    let sockets: BTreeSet<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .flat_map(|list| listeners(&read(list, MAX_SOCKETS), port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if sockets.is_empty() {
        return false;
    }
    let Ok(processes) = fs::read_dir("/proc") else {
        return false;
    };
    processes
        .flatten()
        .filter(|process| {
            process
                .file_name()
                .as_encoded_bytes()
                .first()
                .is_some_and(u8::is_ascii_digit)
        })
        .any(|process| {
            has_one_of(&process.path().join("fd"), &sockets)
                && is_ide(&read_bytes(
                    &process.path().join("cmdline"),
                    MAX_COMMAND_LINE,
                ))
        })
}

/// The sockets of a kernel's list that listen on a port.
fn listeners(list: &str, port: u32) -> Vec<String> {
    let port = format!(":{port:04X}");
    list.lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let [_, local, _, state, _, _, _, _, _, inode, ..] = fields.as_slice() else {
                return None;
            };
            (local.ends_with(&port) && *state == LISTEN).then(|| (*inode).to_owned())
        })
        .collect()
}

fn has_one_of(descriptors: &std::path::Path, sockets: &BTreeSet<String>) -> bool {
    fs::read_dir(descriptors).is_ok_and(|descriptors| {
        descriptors.flatten().any(|descriptor| {
            fs::read_link(descriptor.path())
                .is_ok_and(|target| target.to_str().is_some_and(|name| sockets.contains(name)))
        })
    })
}

fn is_ide(command_line: &[u8]) -> bool {
    MARKS.iter().any(|mark| {
        command_line
            .windows(mark.len())
            .any(|window| window == *mark)
    })
}

fn read(path: &str, most: u64) -> String {
    String::from_utf8_lossy(&read_bytes(path.as_ref(), most)).into_owned()
}

/// What can be read of a file; processes end at any time.
fn read_bytes(path: &std::path::Path, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(path) {
        drop(file.take(most).read_to_end(&mut bytes));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 x
   1: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 x
   2: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4713 1 x
   3: broken
";

    #[test]
    fn only_listeners_of_the_port_are_found() {
        assert_eq!(listeners(LIST, 8080), ["4711"]);
        assert_eq!(listeners(LIST, 80), ["4713"]);
        assert!(listeners(LIST, 81).is_empty());
    }

    #[test]
    fn ides_are_known_by_their_command_lines() {
        assert!(is_ide(b"java\0-Didea.vendor.name=JetBrains\0x"));
        assert!(is_ide(b"/opt/idea/bin/remote-dev-server.sh\0run"));
        assert!(!is_ide(b"java\0-jar\0server.jar"));
        assert!(!is_ide(b""));
    }
}
