//! Reference server.

pub mod db;
pub mod postgres;
