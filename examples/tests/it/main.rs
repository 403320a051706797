//! The examples do what they say.

#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

mod process;
mod run;
