//! The SSH server against our client, against the library's client and against OpenSSH.

mod agent_forward;
mod block;
mod client;
mod exec;
mod forward;
mod harness;
mod hostile;
mod lifetime;
mod many;
mod openssh;
mod reverse;
mod session_type;
mod sftp;
mod streamlocal;
mod terminal;
mod tools;
mod transfer;
mod x11;
