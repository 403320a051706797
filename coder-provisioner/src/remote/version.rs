//! Which versions understand each other.

use crate::protocol::PROTOCOL_VERSION;

/// Checks the version that a daemon names against ours.
///
/// The same major version is understood, whatever the minor: a higher minor only adds what the
/// other side may ignore. A daemon that names none speaks 1.0.
///
/// # Errors
/// A sentence that names both versions and says what to do.
pub fn check_version(daemon: Option<&str>) -> Result<(), String> {
    check(daemon.unwrap_or("1.0"), PROTOCOL_VERSION)
}

fn check(daemon: &str, server: &str) -> Result<(), String> {
    let Some((major, _)) = parse(daemon) else {
        let shown: String = daemon.chars().take(32).collect();
        return Err(format!(
            "{shown:?} is no version of the provisioner daemon protocol, such as {server}"
        ));
    };
    let Some((own, _)) = parse(server).filter(|(own, _)| *own != major) else {
        return Ok(());
    };
    let advice = if major < own {
        "update the daemon"
    } else {
        "update the server, or run the daemon of the server's version"
    };
    Err(format!(
        "the daemon speaks version {daemon} of the provisioner daemon protocol and this server \
         {server}: {advice}"
    ))
}

fn parse(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_major_version_is_understood() {
        for good in [None, Some("1.0"), Some("1.99")] {
            assert_eq!(check_version(good), Ok(()));
        }
    }

    #[test]
    fn another_major_version_is_refused_with_advice() {
        let newer = check("3.1", "2.0").unwrap_err();
        assert!(newer.contains("3.1") && newer.contains("2.0"), "{newer}");
        assert!(newer.contains("update the server"), "{newer}");
        let older = check("1.4", "2.0").unwrap_err();
        assert!(older.ends_with("update the daemon"), "{older}");
        for bad in ["", "x", "1", "1.x", "-1.0", &"9".repeat(500)] {
            assert!(check(bad, "1.0").is_err(), "{bad}");
        }
    }
}
