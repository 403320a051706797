//! Uploaded archives.

mod archive;
mod body;
mod download;
mod routes;
mod upload;
mod zip_to_tar;

pub(crate) use routes::routes;
