//! How an agent numbers its services.

/// SSH.
pub const SSH: u16 = 1;

/// Terminals that outlive their connection.
pub const RECONNECTING_PTY: u16 = 2;

/// Speed test.
pub const SPEEDTEST: u16 = 3;

/// The agent's own HTTP API.
pub const HTTP_API: u16 = 4;

/// SSH again, under its usual number.
pub const STANDARD_SSH: u16 = 22;

/// The first port that reaches the workspace itself: lower ones are kept for the agent.
pub const FIRST_WORKSPACE_PORT: u16 = 9;
