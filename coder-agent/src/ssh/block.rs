//! What an administrator forbids.
//!
//! These switches keep honest people from what is not wanted. Who may run programs can always move
//! bytes another way, for example through `cat`.

use super::exit::Exit;

/// What is not allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blocked {
    /// The sftp subsystem, and commands that are `nc`, `rsync`, `scp` or `sftp`
    /// (`--block-file-transfer`).
    pub file_transfer: bool,
    /// Ports and sockets of the workspace forwarded to the client
    /// (`--block-reverse-port-forwarding`).
    pub reverse_port_forwarding: bool,
    /// Ports and sockets of the client forwarded to the workspace
    /// (`--block-local-port-forwarding`).
    pub local_port_forwarding: bool,
}

/// Commands that move files.
const FILE_TRANSFER: &[&[u8]] = &[b"nc", b"rsync", b"scp", b"sftp"];

/// How a session that moves files ends.
pub(super) const FILE_TRANSFER_EXIT: Exit = Exit::Status(65);

/// What the user reads then.
pub(super) const FILE_TRANSFER_MESSAGE: &str =
    "File transfer is disabled in this workspace (coder agent --block-file-transfer).\r\n";

/// Whether a command moves files: its first word, behind variables, names one that does.
pub(super) fn is_file_transfer(command: &[u8]) -> bool {
    let mut words = Words(command);
    let program = words.find(|word| !is_assignment(word));
    program.is_some_and(|program| {
        let name = program.rsplit(|byte| *byte == b'/').next();
        name.is_some_and(|name| FILE_TRANSFER.contains(&name))
    })
}

fn is_assignment(word: &[u8]) -> bool {
    word.iter()
        .position(|byte| *byte == b'=')
        .is_some_and(|end| {
            end > 0
                && word
                    .iter()
                    .take(end)
                    .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        })
}

/// The words of a command line as a shell has them, without quotes.
struct Words<'a>(&'a [u8]);

impl Iterator for Words<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut rest = self.0.trim_ascii_start().iter();
        let mut word = Vec::new();
        let mut quote = None;
        let mut any = false;
        while let Some(byte) = rest.next() {
            any = true;
            match (*byte, quote) {
                (b'\'' | b'"', None) => quote = Some(*byte),
                (byte, Some(open)) if byte == open => quote = None,
                (b'\\', None | Some(b'"')) => word.extend(rest.next()),
                (byte, None) if is_end_of_word(byte) => break,
                (byte, _) => word.push(byte),
            }
        }
        self.0 = rest.as_slice();
        any.then_some(word)
    }
}

const fn is_end_of_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_move_files() {
        for command in [
            "scp -t /tmp",
            "/usr/bin/rsync --server",
            "sftp",
            "nc localhost 22",
            "  scp",
            "'scp' -f x",
            "s\\cp -f x",
            "\"/bin/scp\" x",
            "LANG=C A= scp x",
            "scp;true",
            "scp>x",
        ] {
            assert!(is_file_transfer(command.as_bytes()), "{command}");
        }
        for command in [
            "", "   ", "ls", "echo scp", "scpx", "./scp/x", "netcat", "'scp -f'", "=scp", "'", "\\",
        ] {
            assert!(!is_file_transfer(command.as_bytes()), "{command}");
        }
    }
}
