//! An SSH client that sends whatever it is told to, after a handshake like everybody's.

use std::io;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use aws_lc_rs::rand::SystemRandom;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};

const VERSION: &str = "SSH-2.0-wire_1.0";
const TAG: usize = 16;

/// The kinds of messages (RFC 4250 section 4.1) that tests send.
pub(super) mod msg {
    pub(crate) const IGNORE: u8 = 2;
    pub(crate) const UNIMPLEMENTED: u8 = 3;
    pub(crate) const DEBUG: u8 = 4;
    pub(crate) const SERVICE_REQUEST: u8 = 5;
    pub(crate) const KEXINIT: u8 = 20;
    pub(crate) const NEWKEYS: u8 = 21;
    pub(crate) const KEX_ECDH_INIT: u8 = 30;
    pub(crate) const USERAUTH_REQUEST: u8 = 50;
    pub(crate) const USERAUTH_SUCCESS: u8 = 52;
    pub(crate) const GLOBAL_REQUEST: u8 = 80;
    pub(crate) const CHANNEL_OPEN: u8 = 90;
    pub(crate) const CHANNEL_OPEN_CONFIRMATION: u8 = 91;
    pub(crate) const CHANNEL_OPEN_FAILURE: u8 = 92;
    pub(crate) const CHANNEL_WINDOW_ADJUST: u8 = 93;
    pub(crate) const CHANNEL_DATA: u8 = 94;
    pub(crate) const CHANNEL_EXTENDED_DATA: u8 = 95;
    pub(crate) const CHANNEL_EOF: u8 = 96;
    pub(crate) const CHANNEL_CLOSE: u8 = 97;
    pub(crate) const CHANNEL_REQUEST: u8 = 98;
}

/// Puts messages together.
#[derive(Clone, Debug, Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    pub(super) fn new(kind: u8) -> Self {
        Self(vec![kind])
    }

    pub(super) fn byte(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub(super) fn number(mut self, value: u32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn string(mut self, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.0
            .extend(u32::try_from(value.len()).unwrap().to_be_bytes());
        self.0.extend(value);
        self
    }

    fn mpint(self, value: &[u8]) -> Self {
        let start = value.iter().take_while(|byte| **byte == 0).count();
        let value = &value[start..];
        let sign: &[u8] = if value.first().is_some_and(|byte| byte & 0x80 != 0) {
            &[0]
        } else {
            &[]
        };
        self.string([sign, value].concat())
    }
}

/// A message that opens a channel with a small window.
pub(super) fn open(kind: &str, id: u32) -> Message {
    Message::new(msg::CHANNEL_OPEN)
        .string(kind)
        .number(id)
        .number(1024 * 1024)
        .number(32 * 1024)
}

/// A message that asks something of a channel, and wants an answer.
pub(super) fn request(channel: u32, kind: &str) -> Message {
    Message::new(msg::CHANNEL_REQUEST)
        .number(channel)
        .string(kind)
        .byte(1)
}

/// A packet without encryption.
pub(super) fn plain_packet(payload: &[u8]) -> Vec<u8> {
    let mut padding = 8 - (payload.len() + 5) % 8;
    if padding < 4 {
        padding += 8;
    }
    let mut packet = u32::try_from(payload.len() + padding + 1)
        .unwrap()
        .to_be_bytes()
        .to_vec();
    packet.push(u8::try_from(padding).unwrap());
    packet.extend(payload);
    packet.extend(vec![0; padding]);
    packet
}

/// The first message of a key exchange; `strict` asks for sequence numbers that nobody can shift.
pub(super) fn kexinit(strict: bool) -> Vec<u8> {
    let kex = if strict {
        "curve25519-sha256,kex-strict-c-v00@openssh.com"
    } else {
        "curve25519-sha256"
    };
    let cipher = "aes256-gcm@openssh.com";
    let mut message = Message::new(msg::KEXINIT);
    message.0.extend([7; 16]);
    for list in [
        kex,
        "ssh-ed25519",
        cipher,
        cipher,
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-256-etm@openssh.com",
        "none",
        "none",
        "",
        "",
    ] {
        message = message.string(list);
    }
    message.byte(0).number(0).0
}

struct Cipher {
    key: LessSafeKey,
    nonce: [u8; 12],
}

impl Cipher {
    fn nonce(&mut self) -> Nonce {
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let counter = u64::from_be_bytes(self.nonce[4..].try_into().unwrap());
        self.nonce[4..].copy_from_slice(&counter.wrapping_add(1).to_be_bytes());
        nonce
    }

    /// The bytes of a packet.
    fn seal(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut padding = 16 - (payload.len() + 1) % 16;
        if padding < 4 {
            padding += 16;
        }
        let mut text = vec![u8::try_from(padding).unwrap()];
        text.extend(payload);
        text.extend(vec![0; padding]);
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        let nonce = self.nonce();
        self.key
            .seal_in_place_append_tag(nonce, Aad::from(length), &mut text)
            .unwrap();
        [&length[..], &text].concat()
    }
}

/// The client, from its handshake on.
pub(super) struct WireClient {
    reader: ReadHalf<DuplexStream>,
    pub(super) writer: WriteHalf<DuplexStream>,
    sealing: Cipher,
    opening: Cipher,
}

impl WireClient {
    /// Shakes hands; fails if the server goes away.
    pub(super) async fn connect(stream: DuplexStream, strict: bool) -> io::Result<Self> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        writer
            .write_all(format!("{VERSION}\r\n").as_bytes())
            .await?;
        let server_version = read_line(&mut reader).await?;
        let ours = kexinit(strict);
        writer.write_all(&plain_packet(&ours)).await?;
        let theirs = read_plain(&mut reader).await?;
        let random = SystemRandom::new();
        let private = EphemeralPrivateKey::generate(&X25519, &random).unwrap();
        let public = private.compute_public_key().unwrap();
        let init = Message::new(msg::KEX_ECDH_INIT).string(public.as_ref()).0;
        writer.write_all(&plain_packet(&init)).await?;
        let reply = read_plain(&mut reader).await?;
        let (host_key, rest) = take_string(&reply[1..]);
        let (server_public, _) = take_string(rest);
        let peer = UnparsedPublicKey::new(&X25519, server_public);
        let shared = agree_ephemeral(private, peer, (), |shared| Ok(shared.to_vec())).unwrap();
        writer.write_all(&plain_packet(&[msg::NEWKEYS])).await?;
        let newkeys = read_plain(&mut reader).await?;
        assert_eq!(newkeys, [msg::NEWKEYS]);
        let shared = Message::default().mpint(&shared).0;
        let mut hashed = Message::default();
        for part in [
            VERSION.as_bytes(),
            server_version.as_bytes(),
            &ours,
            &theirs,
            host_key,
            public.as_ref(),
            server_public,
        ] {
            hashed = hashed.string(part);
        }
        hashed.0.extend(&shared);
        let hash = Sha256::digest(&hashed.0);
        let derive = |letter: u8| Sha256::digest([&shared[..], &hash, &[letter], &hash].concat());
        let cipher = |iv: u8, key: u8| Cipher {
            key: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &derive(key)).unwrap()),
            nonce: derive(iv)[..12].try_into().unwrap(),
        };
        Ok(Self {
            reader,
            writer,
            sealing: cipher(b'A', b'C'),
            opening: cipher(b'B', b'D'),
        })
    }

    /// Shakes hands and logs in.
    pub(super) async fn logged_in(stream: DuplexStream) -> Self {
        let mut client = Self::connect(stream, true).await.unwrap();
        for message in log_in() {
            client.send(&message).await.unwrap();
        }
        client.until(msg::USERAUTH_SUCCESS).await.unwrap();
        client
    }

    pub(super) async fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        let packet = self.sealing.seal(payload);
        self.writer.write_all(&packet).await
    }

    pub(super) async fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.reader.read_exact(&mut length).await?;
        let mut text = vec![0; u32::from_be_bytes(length) as usize + TAG];
        self.reader.read_exact(&mut text).await?;
        let nonce = self.opening.nonce();
        let text = self
            .opening
            .key
            .open_in_place(nonce, Aad::from(length), &mut text)
            .map_err(|_| io::Error::other("not decrypted"))?;
        let padding = usize::from(text[0]);
        Ok(text[1..text.len() - padding].to_vec())
    }

    /// Receives until a message of this kind.
    pub(super) async fn until(&mut self, kind: u8) -> io::Result<Vec<u8>> {
        loop {
            let message = self.receive().await?;
            if message[0] == kind {
                return Ok(message);
            }
        }
    }

    /// Opens a session and says how the server calls it.
    pub(super) async fn session(&mut self, id: u32) -> u32 {
        self.send(&open("session", id).0).await.unwrap();
        let message = self.until(msg::CHANNEL_OPEN_CONFIRMATION).await.unwrap();
        u32::from_be_bytes(message[5..9].try_into().unwrap())
    }

    /// From now on everything that the server says is read and forgotten.
    pub(super) fn forget_answers(self) -> Sender {
        let Self {
            mut reader,
            writer,
            sealing,
            opening: _,
        } = self;
        tokio::spawn(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await });
        Sender { writer, sealing }
    }
}

/// A client that does not listen any more.
pub(super) struct Sender {
    pub(super) writer: WriteHalf<DuplexStream>,
    sealing: Cipher,
}

impl Sender {
    pub(super) async fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        let packet = self.sealing.seal(payload);
        self.writer.write_all(&packet).await
    }
}

/// What logs a client in, in plain.
pub(super) fn log_in() -> [Vec<u8>; 2] {
    [
        Message::new(msg::SERVICE_REQUEST).string("ssh-userauth").0,
        Message::new(msg::USERAUTH_REQUEST)
            .string("alice")
            .string("ssh-connection")
            .string("none")
            .0,
    ]
}

async fn read_line(reader: &mut (impl AsyncReadExt + Unpin)) -> io::Result<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(reader.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

async fn read_plain(reader: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Vec<u8>> {
    let length = reader.read_u32().await? as usize;
    let mut packet = vec![0; length];
    reader.read_exact(&mut packet).await?;
    let padding = usize::from(packet[0]);
    Ok(packet[1..length - padding].to_vec())
}

fn take_string(bytes: &[u8]) -> (&[u8], &[u8]) {
    let length = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
    bytes[4..].split_at(length)
}
