use std::os::fd::AsFd;

use russh::Pty;
use rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios,
    tcgetattr, tcsetattr,
};

/// How SSH says that a character has no function (RFC 4254 section 8).
const DISABLED: u32 = 255;

/// How this system says it (`_POSIX_VDISABLE`).
const POSIX_VDISABLE: u8 = 0;

/// Sets a terminal as the client's own is set.
///
/// # Errors
/// When the descriptor is no terminal.
pub(super) fn apply(terminal: impl AsFd, modes: &[(Pty, u32)]) -> rustix::io::Result<()> {
    let mut termios = tcgetattr(&terminal)?;
    for (mode, value) in modes {
        set(&mut termios, *mode, *value);
    }
    tcsetattr(&terminal, OptionalActions::Now, &termios)
}

/// What one mode stands for here.
enum Meaning {
    Character(SpecialCodeIndex),
    Input(InputModes),
    Local(LocalModes),
    Output(OutputModes),
    Control(ControlModes),
    InputSpeed,
    OutputSpeed,
    /// This system does not have it.
    Nothing,
}

fn set(termios: &mut Termios, mode: Pty, value: u32) {
    let on = value != 0;
    match meaning(mode) {
        Meaning::Character(index) => {
            if value == DISABLED {
                termios.special_codes[index] = POSIX_VDISABLE;
            } else if let Ok(character) = u8::try_from(value) {
                termios.special_codes[index] = character;
            }
        }
        Meaning::Input(flag) => termios.input_modes.set(flag, on),
        Meaning::Local(flag) => termios.local_modes.set(flag, on),
        Meaning::Output(flag) => termios.output_modes.set(flag, on),
        // CS7 is one value of the two bits of CSIZE; a client's "CS8 off" must not unset them.
        Meaning::Control(flag) if ControlModes::CSIZE.contains(flag) => {
            if on {
                termios.control_modes.remove(ControlModes::CSIZE);
                termios.control_modes.insert(flag);
            }
        }
        Meaning::Control(flag) => termios.control_modes.set(flag, on),
        // A speed that cannot be set does not matter on a line that is none.
        Meaning::InputSpeed => drop(termios.set_input_speed(value)),
        Meaning::OutputSpeed => drop(termios.set_output_speed(value)),
        Meaning::Nothing => {}
    }
}

fn meaning(mode: Pty) -> Meaning {
    use Meaning::{Character, Control, Input, InputSpeed, Local, Nothing, Output, OutputSpeed};
    match mode {
        Pty::VINTR => Character(SpecialCodeIndex::VINTR),
        Pty::VQUIT => Character(SpecialCodeIndex::VQUIT),
        Pty::VERASE => Character(SpecialCodeIndex::VERASE),
        Pty::VKILL => Character(SpecialCodeIndex::VKILL),
        Pty::VEOF => Character(SpecialCodeIndex::VEOF),
        Pty::VEOL => Character(SpecialCodeIndex::VEOL),
        Pty::VEOL2 => Character(SpecialCodeIndex::VEOL2),
        Pty::VSTART => Character(SpecialCodeIndex::VSTART),
        Pty::VSTOP => Character(SpecialCodeIndex::VSTOP),
        Pty::VSUSP => Character(SpecialCodeIndex::VSUSP),
        Pty::VREPRINT => Character(SpecialCodeIndex::VREPRINT),
        Pty::VWERASE => Character(SpecialCodeIndex::VWERASE),
        Pty::VLNEXT => Character(SpecialCodeIndex::VLNEXT),
        Pty::VDISCARD => Character(SpecialCodeIndex::VDISCARD),
        Pty::IGNPAR => Input(InputModes::IGNPAR),
        Pty::PARMRK => Input(InputModes::PARMRK),
        Pty::INPCK => Input(InputModes::INPCK),
        Pty::ISTRIP => Input(InputModes::ISTRIP),
        Pty::INLCR => Input(InputModes::INLCR),
        Pty::IGNCR => Input(InputModes::IGNCR),
        Pty::ICRNL => Input(InputModes::ICRNL),
        #[cfg(target_os = "linux")]
        Pty::IUCLC => Input(InputModes::IUCLC),
        Pty::IXON => Input(InputModes::IXON),
        Pty::IXANY => Input(InputModes::IXANY),
        Pty::IXOFF => Input(InputModes::IXOFF),
        Pty::IMAXBEL => Input(InputModes::IMAXBEL),
        Pty::IUTF8 => Input(InputModes::IUTF8),
        Pty::ISIG => Local(LocalModes::ISIG),
        Pty::ICANON => Local(LocalModes::ICANON),
        #[cfg(target_os = "linux")]
        Pty::XCASE => Local(LocalModes::XCASE),
        Pty::ECHO => Local(LocalModes::ECHO),
        Pty::ECHOE => Local(LocalModes::ECHOE),
        Pty::ECHOK => Local(LocalModes::ECHOK),
        Pty::ECHONL => Local(LocalModes::ECHONL),
        Pty::NOFLSH => Local(LocalModes::NOFLSH),
        Pty::TOSTOP => Local(LocalModes::TOSTOP),
        Pty::IEXTEN => Local(LocalModes::IEXTEN),
        Pty::ECHOCTL => Local(LocalModes::ECHOCTL),
        Pty::ECHOKE => Local(LocalModes::ECHOKE),
        Pty::PENDIN => Local(LocalModes::PENDIN),
        Pty::OPOST => Output(OutputModes::OPOST),
        #[cfg(target_os = "linux")]
        Pty::OLCUC => Output(OutputModes::OLCUC),
        Pty::ONLCR => Output(OutputModes::ONLCR),
        Pty::OCRNL => Output(OutputModes::OCRNL),
        Pty::ONOCR => Output(OutputModes::ONOCR),
        Pty::ONLRET => Output(OutputModes::ONLRET),
        Pty::CS7 => Control(ControlModes::CS7),
        Pty::CS8 => Control(ControlModes::CS8),
        Pty::PARENB => Control(ControlModes::PARENB),
        Pty::PARODD => Control(ControlModes::PARODD),
        Pty::TTY_OP_ISPEED => InputSpeed,
        Pty::TTY_OP_OSPEED => OutputSpeed,
        #[cfg(not(target_os = "linux"))]
        Pty::IUCLC | Pty::XCASE | Pty::OLCUC => Nothing,
        Pty::TTY_OP_END | Pty::VDSUSP | Pty::VFLUSH | Pty::VSWTCH | Pty::VSTATUS => Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal() -> std::os::fd::OwnedFd {
        let flags = rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY;
        rustix::pty::openpt(flags).unwrap()
    }

    #[test]
    fn modes_arrive() {
        let terminal = terminal();
        let modes = [
            (Pty::ECHO, 0),
            (Pty::VINTR, 7),
            (Pty::VQUIT, DISABLED),
            (Pty::VKILL, 1000),
            (Pty::IUTF8, 1),
            (Pty::ONLCR, 0),
            (Pty::CS8, 0),
            (Pty::CS7, 1),
            (Pty::TTY_OP_OSPEED, 9600),
            (Pty::VSTATUS, 1),
        ];
        apply(&terminal, &modes).unwrap();
        let termios = tcgetattr(&terminal).unwrap();
        assert!(!termios.local_modes.contains(LocalModes::ECHO));
        assert!(termios.local_modes.contains(LocalModes::ICANON));
        assert!(termios.input_modes.contains(InputModes::IUTF8));
        assert!(!termios.output_modes.contains(OutputModes::ONLCR));
        assert_eq!(termios.special_codes[SpecialCodeIndex::VINTR], 7);
        assert_eq!(termios.special_codes[SpecialCodeIndex::VQUIT], 0);
        assert_eq!(termios.special_codes[SpecialCodeIndex::VKILL], 21);
        assert_eq!(termios.output_speed(), 9600);
    }
}
