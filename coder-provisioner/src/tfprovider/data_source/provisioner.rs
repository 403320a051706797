//! `coder_provisioner`.

use crate::attributes::Provisioner;
use crate::tfprovider::kind::DataSource;
use crate::tfprovider::value::set;

pub(super) const DATA_SOURCE: DataSource = DataSource {
    read: |_, provisioner| {
        set(provisioner, "os", os(std::env::consts::OS));
        set(provisioner, "arch", arch(std::env::consts::ARCH));
        Ok(())
    },
    ..DataSource::new::<Provisioner>(Provisioner::TYPE_NAME)
};

/// The name by which templates know an operating system.
fn os(os: &str) -> &str {
    match os {
        "macos" => "darwin",
        os => os,
    }
}

/// The name by which templates know an architecture.
fn arch(arch: &str) -> &str {
    match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "armv7",
        "x86" => "386",
        arch => arch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_have_the_names_that_agents_have() {
        assert_eq!((os("linux"), arch("x86_64")), ("linux", "amd64"));
        assert_eq!((os("macos"), arch("aarch64")), ("darwin", "arm64"));
    }
}
