//! What an author writes.

use coder_provisioner::{Error, ErrorKind, Result, protocol::MAX_README_BYTES};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, io::Read as _, path::Path};

/// Name of the template in the archive.
pub const TEMPLATE_FILE: &str = "workspace.json";
const README_FILE: &str = "README.md";
/// Largest template, in bytes.
const MAX_TEMPLATE_BYTES: u64 = 1024 * 1024;

/// A template.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Template {
    /// Values that whoever pushes the template may set; commands see them as `VARIABLE_<name>`.
    pub variables: Vec<Variable>,
    /// A shell command without which no workspace can be planned.
    pub check: String,
    /// A shell command that prepares the folder, which it runs in, before each start. Its output is in the build's
    /// log.
    pub setup: String,
    /// The program of the workspace, and its arguments. It finds `CODER_AGENT_TOKEN` and `CODER_AGENT_URL` in its
    /// environment.
    pub command: Vec<String>,
    /// More variables of the program.
    pub environment: BTreeMap<String, String>,
}

/// A value that whoever pushes the template may set.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// The value when none is given; without it one must be.
    pub default: Option<String>,
}

impl Template {
    /// The template and the README of an archive.
    pub(super) fn read(archive: &[u8]) -> Result<(Self, String)> {
        let refused = |error| {
            Error::new(ErrorKind::InvalidArchive, "the archive cannot be read").with_source(error)
        };
        let (mut template, mut readme) = (None, String::new());
        for entry in tar::Archive::new(archive).entries().map_err(refused)? {
            let entry = entry.map_err(refused)?;
            let path = entry.path().map_err(refused)?.into_owned();
            if path == Path::new(TEMPLATE_FILE) {
                let parsed = serde_json::from_reader(entry.take(MAX_TEMPLATE_BYTES));
                template =
                    Some(parsed.map_err(|error| invalid(&format!("{TEMPLATE_FILE}: {error}")))?);
            } else if path == Path::new(README_FILE) {
                let mut bytes = Vec::new();
                let mut limited = entry.take(MAX_README_BYTES as u64);
                limited.read_to_end(&mut bytes).map_err(refused)?;
                readme = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
        let template: Self =
            template.ok_or_else(|| invalid(&format!("the template has no {TEMPLATE_FILE}")))?;
        if template.command.is_empty() {
            return Err(invalid(&format!("{TEMPLATE_FILE}: \"command\" is empty")));
        }
        Ok((template, readme))
    }

    /// The archive of this template.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when it cannot be written, which memory does not do.
    pub fn to_archive(&self, readme: &str) -> Result<Vec<u8>> {
        let failed = |error| Error::internal("write the archive", error);
        let template =
            serde_json::to_vec_pretty(self).map_err(|error| Error::internal("encode", error))?;
        let mut archive = tar::Builder::new(Vec::new());
        for (name, content) in [
            (TEMPLATE_FILE, template.as_slice()),
            (README_FILE, readme.as_bytes()),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            archive
                .append_data(&mut header, name, content)
                .map_err(failed)?;
        }
        archive.into_inner().map_err(failed)
    }
}

fn invalid(text: &str) -> Error {
    Error::new(ErrorKind::InvalidTemplate, text)
}
