//! `coder config-ssh`: lets a stock OpenSSH client reach every workspace by name.

mod args;
mod file;
mod openssh;
mod options;
mod previous;
mod run;
mod section;

pub(crate) use args::ConfigSshArgs;
pub(crate) use run::run;
