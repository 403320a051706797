//! The variables through which the provisioner tells the provider about the build.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};

use super::diagnostics::Diagnostic;

/// The `CODER_*` variables of the process, read once.
#[derive(Clone, Default)]
pub(super) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Reads the variables of this process. What is not UTF-8 is left out.
    pub(super) fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("CODER_"));
        Self(variables.collect())
    }

    /// The variable, absent or empty text alike as nothing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.given(name).filter(|value| !value.is_empty())
    }

    /// The variable, also when it is empty.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The variable, or empty text.
    pub(super) fn text(&self, name: &str) -> &str {
        self.given(name).unwrap_or_default()
    }

    /// Whether this is a build of a workspace rather than Terraform run by hand.
    pub(super) fn is_build(&self) -> bool {
        self.get("CODER_WORKSPACE_BUILD_ID").is_some()
    }

    /// A variable that every build has.
    ///
    /// # Errors
    /// A diagnostic when a build lacks it; by hand it is empty.
    pub(super) fn required(&self, name: &str) -> Result<&str, Diagnostic> {
        match self.get(name) {
            None if self.is_build() => Err(Diagnostic::error(
                format!("{name} is not set"),
                "The provisioner of a workspace build must set this variable.",
            )),
            value => Ok(value.unwrap_or_default()),
        }
    }

    /// Whether the variable is `true`, in any case.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name).eq_ignore_ascii_case("true")
    }

    /// What the build does to the workspace: `start`, `stop` or `destroy`.
    pub(super) fn transition(&self) -> &str {
        self.get("CODER_WORKSPACE_TRANSITION").unwrap_or("start")
    }
}

/// The names are no secret, the values may be.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Environment {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(variables: I) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect(),
        )
    }
}

/// The variable that carries the chosen value of a parameter.
#[must_use]
pub fn parameter_variable(name: &str) -> String {
    format!("CODER_PARAMETER_{}", sha256(name))
}

/// The variable that carries the value of a parameter in the previous build.
#[must_use]
pub fn previous_parameter_variable(name: &str) -> String {
    format!("CODER_PARAMETER_PREVIOUS_{}", sha256(name))
}

/// The variable that carries the token of an agent that keeps running, so that claiming a prebuilt
/// workspace replaces nothing. The agent's id is not known where the variable is made, so the
/// published provider hashes empty text.
#[must_use]
pub fn running_agent_token_variable(agent_id: &str) -> String {
    format!("CODER_RUNNING_WORKSPACE_AGENT_TOKEN_{}", sha256(agent_id))
}

fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_parameters_are_hashed() {
        assert_eq!(
            parameter_variable("a"),
            "CODER_PARAMETER_ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
        );
        assert!(
            running_agent_token_variable("")
                .ends_with("_e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        );
    }

    #[test]
    fn only_a_build_needs_its_variables() {
        let by_hand = Environment::default();
        assert_eq!(by_hand.required("CODER_WORKSPACE_TEMPLATE_ID").unwrap(), "");
        let build: Environment = [("CODER_WORKSPACE_BUILD_ID", "x")].into_iter().collect();
        let error = build.required("CODER_WORKSPACE_TEMPLATE_ID").unwrap_err();
        assert!(error.summary.contains("CODER_WORKSPACE_TEMPLATE_ID"));
    }

    #[test]
    fn no_value_is_printed_by_debug() {
        let secret: Environment = [("CODER_X", "hush")].into_iter().collect();
        assert_eq!(format!("{secret:?}"), r#"{"CODER_X"}"#);
    }
}
