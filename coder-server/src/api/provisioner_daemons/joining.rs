//! What a daemon says of itself in the address.

use coder_core::{
    Error,
    provisioner_job::{ProvisionerType, Tags},
};
use coder_provisioner::{protocol::PROTOCOL_VERSION, remote::check_version};
use http::HeaderMap;
use std::collections::BTreeMap;

/// Most characters of a daemon's name and of its software's version.
const MAX_NAME: usize = 64;
/// Names the daemon's software.
const BUILD_VERSION: &str = "x-coder-build-version";

/// What a daemon says of itself.
#[derive(Debug, Default)]
pub(super) struct Joining {
    pub(super) name: String,
    pub(super) provisioners: Vec<ProvisionerType>,
    pub(super) tags: Tags,
    /// The protocol's version.
    pub(super) version: String,
    /// The version of the daemon's software, empty when it names none.
    pub(super) software: String,
    error: Option<Error>,
}

impl Joining {
    /// Reads the query. What is wrong with it is said by [`checked`](Self::checked): whether the daemon may
    /// join at all is said first.
    pub(super) fn parse(query: &str, headers: &HeaderMap) -> Self {
        let mut joining = Self {
            version: PROTOCOL_VERSION.to_owned(),
            tags: BTreeMap::new(),
            ..Self::default()
        };
        let mut version = None;
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let wrong = match &*key {
                "name" => {
                    joining.name = value.into_owned();
                    None
                }
                "version" => {
                    version = Some(value.into_owned());
                    None
                }
                "provisioner" => match value.parse() {
                    Ok(kind) if !joining.provisioners.contains(&kind) => {
                        joining.provisioners.push(kind);
                        None
                    }
                    Ok(_) => None,
                    Err(_) => Some(("provisioner", "is terraform or echo")),
                },
                "tag" => match value.split_once('=') {
                    Some((name, value)) if !name.is_empty() => {
                        joining.tags.insert(name.to_owned(), value.to_owned());
                        None
                    }
                    _ => Some(("tag", "is of the form key=value")),
                },
                _ => None,
            };
            if let Some((field, detail)) = wrong {
                joining.error = Some(Error::invalid_field(field, detail));
            }
        }
        if let Err(detail) = check_version(version.as_deref()) {
            joining.error = Some(Error::invalid_field("version", detail));
        }
        joining.version = version.unwrap_or_else(|| "1.0".to_owned());
        let software = headers.get(BUILD_VERSION);
        let software = software.and_then(|value| value.to_str().ok());
        joining.software = software
            .unwrap_or_default()
            .chars()
            .take(MAX_NAME)
            .collect();
        joining
    }

    /// The same when nothing is wrong with it.
    ///
    /// # Errors
    /// [`InvalidInput`](coder_core::ErrorKind::InvalidInput) naming the parameter.
    pub(super) fn checked(mut self) -> Result<Self, Error> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=MAX_NAME).contains(&self.name.len()) || !self.name.bytes().all(allowed) {
            let detail = "has 1 to 64 letters, digits, dots, underscores and hyphens";
            return Err(Error::invalid_field("name", detail));
        }
        if self.provisioners.is_empty() {
            return Err(Error::invalid_field("provisioner", "is missing"));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(query: &str) -> String {
        let checked = Joining::parse(query, &HeaderMap::new()).checked();
        let error = checked.expect_err(query);
        error.fields()[0].field.clone()
    }

    #[test]
    fn everything_that_is_said_is_read() {
        let query = "name=rack-1.example.com&provisioner=terraform&provisioner=echo\
                     &tag=zone%3Da%3Db&tag=gpu%3D&version=1.7&later=x";
        let joining = Joining::parse(query, &HeaderMap::new());
        let joining = joining.checked().expect("nothing is wrong");
        assert_eq!(joining.name, "rack-1.example.com");
        assert_eq!(joining.provisioners.len(), 2);
        assert_eq!(joining.tags["zone"], "a=b");
        assert_eq!((&*joining.tags["gpu"], &*joining.version), ("", "1.7"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (query, wrong) in [
            ("provisioner=terraform", "name"),
            ("name=a%20b&provisioner=terraform", "name"),
            ("name=a", "provisioner"),
            ("name=a&provisioner=nomad", "provisioner"),
            ("name=a&provisioner=echo&tag=x", "tag"),
            ("name=a&provisioner=echo&tag=%3Dx", "tag"),
            ("name=a&provisioner=echo&version=2.0", "version"),
        ] {
            assert_eq!(field(query), wrong, "{query}");
        }
    }
}
