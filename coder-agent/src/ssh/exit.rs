/// How a program of a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// By itself, with this status.
    Status(u32),
    /// By a signal.
    Signal { number: i32, core_dumped: bool },
}

impl Exit {
    /// Nobody knows how it ended.
    pub(super) const UNKNOWN: Self = Self::Status(255);

    /// It could not be started, for a reason that lies with the agent.
    pub(super) const FAILED: Self = Self::Status(229);
}
