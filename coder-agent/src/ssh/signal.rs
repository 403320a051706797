use russh::Sig;

use crate::platform::process::Signal;

/// The signals that both SSH (RFC 4254 section 6.10) and this system name, and `USR2` and others
/// that OpenSSH knows besides.
const NAMES: &[(&str, Signal)] = &[
    ("ABRT", Signal::ABORT),
    ("ALRM", Signal::ALARM),
    ("BUS", Signal::BUS),
    ("CONT", Signal::CONT),
    ("FPE", Signal::FPE),
    ("HUP", Signal::HUP),
    ("ILL", Signal::ILL),
    ("INT", Signal::INT),
    ("KILL", Signal::KILL),
    ("PIPE", Signal::PIPE),
    ("QUIT", Signal::QUIT),
    ("SEGV", Signal::SEGV),
    ("STOP", Signal::STOP),
    ("SYS", Signal::SYS),
    ("TERM", Signal::TERM),
    ("TRAP", Signal::TRAP),
    ("TSTP", Signal::TSTP),
    ("TTIN", Signal::TTIN),
    ("TTOU", Signal::TTOU),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("WINCH", Signal::WINCH),
    ("XCPU", Signal::XCPU),
    ("XFSZ", Signal::XFSZ),
];

/// The signal a client wants to have sent; `None` for one that this system does not have.
pub(super) fn from_ssh(signal: &Sig) -> Option<Signal> {
    let name = match signal {
        Sig::ABRT => "ABRT",
        Sig::ALRM => "ALRM",
        Sig::FPE => "FPE",
        Sig::HUP => "HUP",
        Sig::ILL => "ILL",
        Sig::INT => "INT",
        Sig::KILL => "KILL",
        Sig::PIPE => "PIPE",
        Sig::QUIT => "QUIT",
        Sig::SEGV => "SEGV",
        Sig::TERM => "TERM",
        Sig::USR1 => "USR1",
        Sig::Custom(name) => name.strip_prefix("SIG").unwrap_or(name),
    };
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, signal)| *signal)
}

/// How SSH calls the signal with this number.
pub(super) fn to_ssh(number: i32) -> Sig {
    match NAMES.iter().find(|(_, signal)| signal.as_raw() == number) {
        Some((name, _)) => match *name {
            "ABRT" => Sig::ABRT,
            "ALRM" => Sig::ALRM,
            "FPE" => Sig::FPE,
            "HUP" => Sig::HUP,
            "ILL" => Sig::ILL,
            "INT" => Sig::INT,
            "KILL" => Sig::KILL,
            "PIPE" => Sig::PIPE,
            "QUIT" => Sig::QUIT,
            "SEGV" => Sig::SEGV,
            "TERM" => Sig::TERM,
            "USR1" => Sig::USR1,
            other => Sig::Custom(other.to_owned()),
        },
        None => Sig::Custom(format!("SIG{number}@coder.com")),
    }
}

#[cfg(unix)]
/// The number of the signal that ended a remote process; `None` for one this system does not have.
pub(crate) fn number(signal: &Sig) -> Option<i32> {
    from_ssh(signal).map(Signal::as_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_there_and_back() {
        for (name, signal) in NAMES {
            assert_eq!(from_ssh(&Sig::Custom((*name).to_owned())), Some(*signal));
            assert_eq!(from_ssh(&to_ssh(signal.as_raw())), Some(*signal));
        }
        assert_eq!(from_ssh(&Sig::Custom("SIGUSR2".into())), Some(Signal::USR2));
        assert_eq!(from_ssh(&Sig::Custom("NOPE".into())), None);
        assert_eq!(number(&Sig::KILL), Some(9));
        assert!(matches!(to_ssh(64), Sig::Custom(name) if name.contains("64")));
    }
}
