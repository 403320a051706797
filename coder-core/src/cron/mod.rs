//! The schedules that templates write: when they come next, without a clock.
//!
//! A [`Schedule`] has six fields, seconds first; [`Hours`] are the whole hours in which prebuilt workspaces are
//! kept. What validates a template and what runs it later read schedules by the same rules.

mod field;
mod hours;
mod schedule;

pub use hours::Hours;
pub use schedule::Schedule;
