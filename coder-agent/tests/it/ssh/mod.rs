//! The SSH server against our client, against the library's client and against OpenSSH.

mod exec;
mod forward;
mod harness;
mod hostile;
mod lifetime;
mod openssh;
mod sftp;
mod terminal;
mod tools;
mod transfer;
