//! Which life of the machine this is.

/// The name of this life of the machine, the same for every process that sees the same processes: a virtual machine
/// or a container that was started anew has another one. `None` when no process can have outlived an earlier agent,
/// because the agent is the first process itself.
pub(crate) fn current() -> Option<String> {
    (std::process::id() != 1).then(name)
}

/// Where the kernel does not tell, lives look the same.
fn name() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let processes = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let first = super::leftover::birth(1).unwrap_or_default();
    format!("{} {} {first}", boot.trim(), processes.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_has_one_name() {
        let life = current().unwrap();
        assert_eq!(current().as_ref(), Some(&life));
        assert!(life.contains("pid:["), "{life}");
        assert!(!life.ends_with(" 0"), "{life}");
    }
}
