//! The examples do what they say.

mod process;
mod run;
