//! The SSH server against our client, against the library's client and against OpenSSH.

mod agent_forward;
mod block;
mod client;
mod copying;
mod empty_root;
mod exec;
mod forward;
mod fuzz;
mod harness;
mod hostile;
mod ide;
mod lifetime;
mod malformed;
mod many;
mod openssh;
mod rekey;
mod reverse;
mod session_type;
mod sftp;
mod streamlocal;
mod terminal;
mod tools;
mod transfer;
mod wire;
mod x11;
