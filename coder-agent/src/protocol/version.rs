/// The version of the agent's calls and of the tunnel, reported as `api_version` by `startup`.
///
/// Minor versions only add; a server refuses an agent of another major version.
pub const API_VERSION: &str = "1.1";

/// The query parameter of `GET tunnel` that carries [`API_VERSION`].
pub const API_VERSION_QUERY: &str = "version";
