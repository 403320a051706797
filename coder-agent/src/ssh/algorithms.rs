use std::borrow::Cow;
use std::time::Duration;

use russh::keys::Algorithm;
use russh::{MethodKind, MethodSet, Preferred, SshId, cipher, compression, kex, mac};

use super::HostKey;
use super::limits::{MIN_KEEPALIVE_TIMEOUT, WINDOW_SIZE};

/// Elliptic curves only, post-quantum first. The last two make Terrapin-proof sequence numbers
/// ("strict kex") negotiable.
const KEX: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_SUPPORT_AS_SERVER,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
];

/// AES-GCM first, for it is the fastest where AES instructions exist.
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_256_GCM,
    cipher::AES_128_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_128_CTR,
];

/// Used with the CTR ciphers only.
const MACS: &[mac::Name] = &[mac::HMAC_SHA512_ETM, mac::HMAC_SHA256_ETM];

/// Stream compression costs more than it saves and can be made to explode.
const COMPRESSION: &[compression::Name] = &[compression::NONE];

pub(crate) fn preferred() -> Preferred {
    Preferred {
        kex: Cow::Borrowed(KEX),
        key: Cow::Borrowed(&[Algorithm::Ed25519]),
        host_key_certificates: Cow::Borrowed(&[]),
        cipher: Cow::Borrowed(CIPHERS),
        mac: Cow::Borrowed(MACS),
        compression: Cow::Borrowed(COMPRESSION),
    }
}

/// The settings shared by all connections.
///
/// Keys are changed after a gigabyte or an hour, the library's defaults, as RFC 4253 section 9 wants.
///
/// A client that is silent for `max_timeout` is dropped: three keep-alives, each a third of it.
pub(super) fn server_config(host_key: &HostKey, max_timeout: Duration) -> russh::server::Config {
    let keepalive = max_timeout >= MIN_KEEPALIVE_TIMEOUT;
    russh::server::Config {
        server_id: SshId::Standard(Cow::Borrowed(concat!(
            "SSH-2.0-coder_",
            env!("CARGO_PKG_VERSION")
        ))),
        methods: MethodSet::from(&[MethodKind::None][..]),
        keys: vec![host_key.private_key()],
        preferred: preferred(),
        inactivity_timeout: None,
        keepalive_interval: keepalive.then(|| max_timeout / 3),
        keepalive_max: 3,
        nodelay: true,
        window_size: WINDOW_SIZE,
        // There is nothing to guess, so there is no need to slow guessing down.
        auth_rejection_time: Duration::ZERO,
        ..russh::server::Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_weak_is_offered() {
        let preferred = preferred();
        let kex: Vec<&str> = preferred.kex.iter().map(AsRef::as_ref).collect();
        let ciphers: Vec<&str> = preferred.cipher.iter().map(AsRef::as_ref).collect();
        let macs: Vec<&str> = preferred.mac.iter().map(AsRef::as_ref).collect();
        assert!(kex.contains(&"kex-strict-s-v00@openssh.com"));
        for name in kex.iter().chain(&ciphers).chain(&macs) {
            for weak in [
                "sha1", "cbc", "3des", "group1", "group14", "none", "md5", "nistp",
            ] {
                assert!(!name.contains(weak), "{name} is offered");
            }
        }
        assert!(ciphers.contains(&"aes128-gcm@openssh.com"));
    }

    #[test]
    fn a_short_timeout_is_no_keepalive() {
        let key = HostKey::derive(b"secret", "o", "w", "a");
        let long = server_config(&key, Duration::from_secs(72 * 3600));
        assert_eq!(
            long.keepalive_interval,
            Some(Duration::from_secs(24 * 3600))
        );
        assert_eq!(
            server_config(&key, Duration::from_secs(2)).keepalive_interval,
            None
        );
    }
}
