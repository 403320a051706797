//! `coder port-forward`: ports of a workspace on this machine.

mod complaints;
mod run;
mod spec;
mod tcp;
mod udp;

pub(crate) use run::{PortForwardArgs, run};
