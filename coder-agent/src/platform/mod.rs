//! What differs between operating systems, under the same names on each.
//!
//! The rest of the agent asks the system for nothing that is neither here nor in the standard library and tokio. Only
//! `cli::supervisor`, `ssh_client` and the readers of `/proc` (`port_scan`, `stat`, `ssh::jetbrains`) know more; they
//! say so themselves and are left out, or tell that they do not know, where they cannot be.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::{
    account, errors, files, metadata, process, signals, sockets, terminal, text, volume,
};
#[cfg(windows)]
pub(crate) use windows::{
    account, errors, files, metadata, process, signals, sockets, terminal, text, volume,
};

/// How large a file system is, and what is left of it, as `statvfs` tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Volume {
    pub(crate) block_size: u64,
    /// What the numbers of blocks count, in bytes.
    pub(crate) fragment_size: u64,
    pub(crate) blocks: u64,
    pub(crate) free_blocks: u64,
    /// Those that not only root may use.
    pub(crate) available_blocks: u64,
    pub(crate) files: u64,
    pub(crate) free_files: u64,
    pub(crate) available_files: u64,
    pub(crate) id: u64,
    pub(crate) read_only: bool,
    /// Whether programs there cannot change who they run as.
    pub(crate) no_set_user: bool,
    /// In bytes.
    pub(crate) longest_name: u64,
}

/// How an SFTP client wants a file to be opened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Opening {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) append: bool,
    pub(crate) create: bool,
    pub(crate) truncate: bool,
    /// Only a new file will do.
    pub(crate) exclusive: bool,
}
