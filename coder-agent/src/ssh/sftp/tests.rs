//! A client that knows the packets, against a server in a folder of its own.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;

use tokio_util::sync::CancellationToken;

use super::limits::{MAX_DATA, MAX_HANDLES};
use super::server::Server;
use super::wire::{Fields, Malformed, Packets};

const OK: u32 = 0;
const EOF: u32 = 1;
const NO_SUCH_FILE: u32 = 2;
const FAILURE: u32 = 4;
const BAD_MESSAGE: u32 = 5;
const UNSUPPORTED: u32 = 8;

struct Client {
    folder: tempfile::TempDir,
    server: Server,
}

/// An answer: its kind and what follows the id.
#[derive(Debug)]
struct Answer(u8, Vec<u8>);

impl Answer {
    fn status(&self) -> u32 {
        assert_eq!(self.0, 101, "{self:?}");
        Fields::new(&self.1).number().unwrap()
    }

    fn handle(&self) -> Vec<u8> {
        assert_eq!(self.0, 102, "{self:?}");
        Fields::new(&self.1).string().unwrap().to_vec()
    }

    fn data(&self) -> &[u8] {
        assert_eq!(self.0, 103, "{self:?}");
        Fields::new(&self.1).string().unwrap()
    }

    /// The first name of several.
    fn name(&self) -> String {
        assert_eq!(self.0, 104, "{self:?}");
        let mut fields = Fields::new(&self.1);
        fields.number().unwrap();
        String::from_utf8_lossy(fields.string().unwrap()).into_owned()
    }

    fn numbers(&self) -> Vec<u64> {
        assert_eq!(self.0, 201, "{self:?}");
        let mut fields = Fields::new(&self.1);
        std::iter::from_fn(|| fields.long().ok()).collect()
    }
}

impl Client {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::new(folder.path().to_owned(), CancellationToken::new());
        let mut answers = Packets::default();
        assert_eq!(
            server.answer(&[3, 0, 0, 0, 0], &mut answers),
            Err(Malformed)
        );
        server.answer(&[1, 0, 0, 0, 6], &mut answers).unwrap();
        assert_eq!(answers.0[4..9], [2, 0, 0, 0, 3]);
        Self { folder, server }
    }

    fn ask(&mut self, kind: u8, fill: impl FnOnce(&mut Packets)) -> Answer {
        let mut packet = Packets::default();
        packet.byte(kind);
        packet.number(7);
        fill(&mut packet);
        self.ask_with(&packet.0).expect("an answer")
    }

    fn ask_with(&mut self, packet: &[u8]) -> Option<Answer> {
        let mut answers = Packets::default();
        self.server.answer(packet, &mut answers).ok()?;
        let mut fields = Fields::new(&answers.0);
        let length = fields.number().unwrap() as usize;
        assert_eq!(answers.0.len(), 4 + length);
        let kind = fields.byte().unwrap();
        assert_eq!(fields.number().unwrap().to_be_bytes(), packet[1..5]);
        Some(Answer(kind, answers.0[9..].to_vec()))
    }

    fn extended(&mut self, name: &str, fill: impl FnOnce(&mut Packets)) -> Answer {
        self.ask(200, |packet| {
            packet.string(name.as_bytes());
            fill(packet);
        })
    }

    /// Opens for reading and writing, making it if it is not there.
    fn open(&mut self, path: &str) -> Vec<u8> {
        self.ask(3, |packet| {
            packet.string(path.as_bytes());
            packet.number(0x1 | 0x2 | 0x8);
            packet.number(0);
        })
        .handle()
    }

    fn write(&mut self, handle: &[u8], offset: u64, data: &[u8]) -> u32 {
        self.ask(6, |packet| {
            packet.string(handle);
            packet.long(offset);
            packet.string(data);
        })
        .status()
    }

    fn read(&mut self, handle: &[u8], offset: u64, length: u32) -> Answer {
        self.ask(5, |packet| {
            packet.string(handle);
            packet.long(offset);
            packet.number(length);
        })
    }

    fn paths(&mut self, kind: u8, paths: &[&str]) -> Answer {
        self.ask(kind, |packet| {
            for path in paths {
                packet.string(path.as_bytes());
            }
        })
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

#[test]
fn files_are_read_and_written_anywhere() {
    let mut client = Client::new();
    let handle = client.open("file");
    assert_eq!(client.write(&handle, 5_000_000_000, b"far"), OK);
    assert_eq!(client.write(&handle, 0, b"near"), OK);
    assert_eq!(client.path("file").metadata().unwrap().len(), 5_000_000_003);
    assert_eq!(client.read(&handle, 5_000_000_001, 100).data(), b"ar");
    assert_eq!(client.read(&handle, 5_000_000_003, 1).status(), EOF);
    assert_eq!(client.read(&handle, u64::MAX, 1).status(), BAD_MESSAGE);
    assert_eq!(client.read(&handle, 0, u32::MAX).data().len(), MAX_DATA);
    assert_eq!(client.read(b"?", 0, 1).status(), FAILURE);
    // What is appended goes behind everything, wherever the client says.
    let append = client.ask(3, |packet| {
        packet.string(b"file");
        packet.number(0x2 | 0x4);
        packet.number(0);
    });
    assert_eq!(client.write(&append.handle(), 0, b"end"), OK);
    assert_eq!(client.read(&handle, 5_000_000_003, 9).data(), b"end");
}

#[test]
fn attributes_are_set() {
    let mut client = Client::new();
    let handle = client.open("file");
    fs::set_permissions(
        client.path("file"),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    let attributes = |packet: &mut Packets| {
        packet.number(0x1 | 0x4 | 0x8);
        packet.long(10);
        packet.number(0o100_4750);
        packet.number(1_000_000_000);
        packet.number(2_000_000_000);
    };
    let by_path = |client: &mut Client| {
        client.ask(9, |packet| {
            packet.string(b"file");
            attributes(packet);
        })
    };
    let by_handle = |client: &mut Client| {
        client.ask(10, |packet| {
            packet.string(&handle);
            attributes(packet);
        })
    };
    for set in [&by_path as &dyn Fn(&mut Client) -> Answer, &by_handle] {
        fs::write(client.path("file"), "").unwrap();
        assert_eq!(set(&mut client).status(), OK);
        let file = client.path("file").metadata().unwrap();
        assert_eq!((file.len(), file.mode() & 0o7777), (10, 0o4750));
        assert_eq!((file.atime(), file.mtime()), (1_000_000_000, 2_000_000_000));
    }
    // Links themselves have times, but no length.
    client.paths(20, &["nowhere", "link"]);
    let times = client.extended("lsetstat@openssh.com", |packet| {
        packet.string(b"link");
        packet.number(0x8);
        packet.number(5);
        packet.number(6);
    });
    assert_eq!(times.status(), OK);
    let link = client.path("link").symlink_metadata().unwrap();
    assert_eq!((link.atime(), link.mtime()), (5, 6));
    let length = client.extended("lsetstat@openssh.com", |packet| {
        packet.string(b"link");
        packet.number(0x1);
        packet.long(1);
    });
    assert_eq!(length.status(), BAD_MESSAGE);
}

#[test]
fn paths_are_changed() {
    let mut client = Client::new();
    client.open("one");
    assert_eq!(client.paths(18, &["one", "two"]).status(), OK);
    client.open("three");
    assert_eq!(client.paths(18, &["two", "three"]).status(), FAILURE);
    let rename = client.extended("posix-rename@openssh.com", |packet| {
        packet.string(b"two");
        packet.string(b"three");
    });
    assert_eq!(rename.status(), OK);
    let link = client.extended("hardlink@openssh.com", |packet| {
        packet.string(b"three");
        packet.string(b"four");
    });
    assert_eq!(link.status(), OK);
    assert_eq!(client.path("four").metadata().unwrap().nlink(), 2);
    assert_eq!(client.paths(20, &["four", "soft"]).status(), OK);
    assert_eq!(client.paths(19, &["soft"]).name(), "four");
    assert_eq!(client.paths(19, &["four"]).status(), BAD_MESSAGE);
    assert_eq!(client.paths(13, &["soft"]).status(), OK);
    assert_eq!(client.paths(13, &["soft"]).status(), NO_SUCH_FILE);
    let root = fs::canonicalize(client.folder.path()).unwrap();
    for path in ["", ".", "four/.."] {
        let answer = client.paths(16, &[path]);
        if path == "four/.." {
            assert_eq!(answer.status(), NO_SUCH_FILE);
        } else {
            assert_eq!(answer.name().as_bytes(), root.as_os_str().as_bytes());
        }
    }
    // The empty path is not the home directory, which might be empty and removed.
    for kind in [7, 9, 11, 13, 14, 15, 17, 19] {
        assert_eq!(client.paths(kind, &[""]).status(), NO_SUCH_FILE, "{kind}");
    }
    assert_eq!(client.paths(17, &["a\0b"]).status(), BAD_MESSAGE);
    assert_eq!(client.paths(17, &[&"x".repeat(5000)]).status(), BAD_MESSAGE);
}

#[test]
fn extensions_answer() {
    let mut client = Client::new();
    let handle = client.open("file");
    let by_path = client.extended("statvfs@openssh.com", |packet| packet.string(b"."));
    let by_handle = client.extended("fstatvfs@openssh.com", |packet| packet.string(&handle));
    for answer in [by_path, by_handle] {
        let numbers = answer.numbers();
        assert_eq!(numbers.len(), 11);
        assert!(numbers[0] >= 512 && numbers[2] > 0 && numbers[10] >= 14);
    }
    let limits = client.extended("limits@openssh.com", |_| {}).numbers();
    assert_eq!(limits, [262_144, 261_120, 261_120, MAX_HANDLES as u64]);
    let sync = client.extended("fsync@openssh.com", |packet| packet.string(&handle));
    assert_eq!(sync.status(), OK);
    let home = fs::canonicalize(client.folder.path()).unwrap();
    let expanded = client.extended("expand-path@openssh.com", |packet| packet.string(b"~/new"));
    assert_eq!(expanded.name(), home.join("new").to_str().unwrap());
    let root = client.extended("home-directory", |packet| packet.string(b"root"));
    assert_eq!(root.name(), "/root");
    let unknown = client.extended("no-such@example.com", |_| {});
    assert_eq!(unknown.status(), UNSUPPORTED);
    assert_eq!(client.ask(99, |_| {}).status(), UNSUPPORTED);
}

#[test]
fn data_is_copied_within_the_workspace() {
    let mut client = Client::new();
    let (from, to) = (client.open("from"), client.open("to"));
    let contents: Vec<u8> = (0..3_000_000_u32)
        .map(|index| (index % 251) as u8)
        .collect();
    fs::write(client.path("from"), &contents).unwrap();
    let mut copy = |from: &[u8], offset: u64, length: u64, to: &[u8], at: u64| {
        client
            .extended("copy-data", |packet| {
                packet.string(from);
                packet.long(offset);
                packet.long(length);
                packet.string(to);
                packet.long(at);
            })
            .status()
    };
    assert_eq!(copy(&from, 10, 0, &to, 5), OK);
    assert_eq!(copy(&from, 0, 5, &to, 0), OK);
    assert_eq!(copy(&from, 0, 1, &from, 9), FAILURE);
    assert_eq!(copy(&from, 0, 1, b"?", 9), FAILURE);
    let copied = fs::read(client.path("to")).unwrap();
    assert!(copied == [&contents[..5], &contents[10..]].concat());
    // Nobody waits for the rest when the session has ended.
    client.server.ended.cancel();
    let (from, to) = (client.open("from"), client.open("third"));
    let answer = client.extended("copy-data", |packet| {
        packet.string(&from);
        packet.long(0);
        packet.long(0);
        packet.string(&to);
        packet.long(0);
    });
    assert_eq!(answer.status(), OK);
    assert_eq!(client.path("third").metadata().unwrap().len(), 0);
}

#[test]
fn handles_are_bounded() {
    let mut client = Client::new();
    for _ in 0..MAX_HANDLES {
        client.open("file");
    }
    let refused = client.ask(3, |packet| {
        packet.string(b"new");
        packet.number(0x2 | 0x8);
        packet.number(0);
    });
    assert_eq!(refused.status(), FAILURE);
    assert!(!client.path("new").exists());
    assert_eq!(client.paths(11, &["."]).status(), FAILURE);
}

#[test]
fn requests_cut_off_anywhere_are_answered() {
    let mut client = Client::new();
    client.open("file");
    let handle = [0; 4];
    for kind in 3..=20_u8 {
        let mut packet = Packets::default();
        packet.byte(kind);
        packet.number(1);
        if matches!(kind, 4 | 5 | 6 | 8 | 10 | 12) {
            packet.string(&handle);
        } else {
            packet.string(b"file");
        }
        for length in 5..packet.0.len() {
            let answer = client.ask_with(&packet.0[..length]).unwrap();
            assert_eq!(answer.status(), BAD_MESSAGE, "{kind}");
        }
    }
    assert!(client.ask_with(&[]).is_none());
    assert!(client.ask_with(&[5, 0, 0]).is_none());
}

/// Random requests, with names that lead nowhere but into the folder.
#[test]
fn nonsense_is_answered() {
    let mut client = Client::new();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..30_000 {
        let mut packet = Packets::default();
        packet.byte((random() % 24) as u8 + if random() % 10 == 0 { 180 } else { 0 });
        packet.number(random() as u32);
        for _ in 0..random() % 4 {
            match random() % 5 {
                0 => packet.number(random() as u32 >> (random() % 32)),
                1 => packet.long(random() >> (random() % 64)),
                2 => packet.string(&(random() as u32 % 300).to_be_bytes()),
                3 => packet.string(&[b'a' + (random() % 3) as u8]),
                _ => {
                    let (name, _) = super::extensions::OFFERED[random() as usize % 10];
                    packet.string(name.as_bytes());
                }
            }
        }
        let answer = client.ask_with(&packet.0);
        assert!(answer.is_some() || packet.0.len() < 5);
    }
}
