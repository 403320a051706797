use std::ffi::OsStr;

use crate::ssh::Environment;

/// What browsers' terminals understand.
pub(super) const TERM: &str = "xterm-256color";

/// A locale with UTF-8 that needs no files.
const UTF8_LOCALE: &str = if cfg!(target_os = "macos") {
    "UTF-8"
} else {
    "C.UTF-8"
};

/// Chooses UTF-8, which is what browsers speak, unless the environment does already, or has an
/// `LC_ALL` that nothing else can change.
pub(super) fn ensure_utf8(environment: &mut Environment) {
    let get = |name: &str| {
        let value = environment.get(OsStr::new(name));
        value.filter(|value| !value.is_empty())
    };
    let chosen = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(get);
    let is_utf8 = chosen.is_some_and(|locale| {
        let locale = locale.to_string_lossy().to_ascii_lowercase();
        locale.ends_with("utf-8") || locale.ends_with("utf8") || locale.contains("utf-8@")
    });
    if !is_utf8 && get("LC_ALL").is_none() {
        environment.insert("LC_CTYPE".into(), UTF8_LOCALE.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_locale_with_utf8() {
        for (variables, expected) in [
            (&[][..], Some(UTF8_LOCALE)),
            (&[("LANG", "C")], Some(UTF8_LOCALE)),
            (&[("LANG", "")], Some(UTF8_LOCALE)),
            (&[("LANG", "de_DE.UTF-8")], None),
            (&[("LANG", "de_DE.utf8")], None),
            (&[("LANG", "sr_RS.UTF-8@latin")], None),
            (
                &[("LANG", "de_DE.UTF-8"), ("LC_CTYPE", "C")],
                Some(UTF8_LOCALE),
            ),
            (&[("LC_ALL", "POSIX")], None),
        ] {
            let mut environment: Environment = variables
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect();
            let before = environment.clone();
            ensure_utf8(&mut environment);
            match expected {
                Some(locale) => assert_eq!(environment[OsStr::new("LC_CTYPE")], *locale),
                None => assert_eq!(environment, before),
            }
        }
    }
}
