//! Terminals that outlive their connection, over in-memory streams.

mod harness;
mod hostile;
mod screen;
mod terminals;
mod viewers;
