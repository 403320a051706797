//! Values of a template's variables: from the files beside it, a file that is named, and flags.

use crate::cli::{
    error::{CliError, CliResult},
    parameters::{pairs, read_file},
};
use coder_provisioner::terraform::read_tfvars;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The flags with values of variables.
#[derive(clap::Args)]
pub(super) struct VariableArgs {
    /// File with values of Terraform variables: `name: value` lines, a JSON object, or a `.tfvars` file.
    #[arg(long, value_name = "FILE")]
    variables_file: Option<PathBuf>,
    /// Value of a Terraform variable, `name=value`.
    #[arg(long, visible_alias = "var", value_name = "NAME=VALUE")]
    variable: Vec<String>,
}

impl VariableArgs {
    /// All values. Later ones count: `terraform.tfvars`, `terraform.tfvars.json`, the `*.auto.tfvars` and
    /// `*.auto.tfvars.json` in the order of their names, as Terraform has it; then `--variables-file`, then `--variable`.
    pub(super) fn values(&self, folder: &Path) -> CliResult<BTreeMap<String, String>> {
        let mut values = BTreeMap::new();
        for path in beside(folder)? {
            values.extend(tfvars(&path)?);
        }
        if let Some(path) = &self.variables_file {
            let is_tfvars = is_named(path, &[".tfvars", ".tfvars.json"]);
            values.extend(if is_tfvars {
                tfvars(path)?
            } else {
                read_file(path)?
            });
        }
        values.extend(pairs(&self.variable)?);
        Ok(values)
    }
}

/// The files that Terraform would read by itself. They are not uploaded.
fn beside(folder: &Path) -> CliResult<Vec<PathBuf>> {
    let failed = |error| {
        CliError::new(format!("the folder {} cannot be read", folder.display())).caused_by(error)
    };
    let mut automatic = Vec::new();
    for found in fs::read_dir(folder).map_err(failed)? {
        let path = found.map_err(failed)?.path();
        if is_named(&path, &[".auto.tfvars", ".auto.tfvars.json"]) {
            automatic.push(path);
        }
    }
    automatic.sort();
    let fixed = ["terraform.tfvars", "terraform.tfvars.json"].map(|name| folder.join(name));
    let mut found: Vec<_> = fixed.into_iter().filter(|path| path.exists()).collect();
    found.extend(automatic);
    Ok(found)
}

fn is_named(path: &Path, endings: &[&str]) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    endings.iter().any(|ending| name.ends_with(ending))
}

fn tfvars(path: &Path) -> CliResult<BTreeMap<String, String>> {
    let failed = || CliError::new(format!("{} cannot be read", path.display()));
    let text = fs::read_to_string(path).map_err(|error| failed().caused_by(error))?;
    read_tfvars(&text, is_named(path, &[".json"])).map_err(|error| failed().caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_sources_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        write(
            "terraform.tfvars",
            "a = \"1\"\nb = \"1\"\nc = \"1\"\nd = \"1\"\ne = \"1\"\nf = \"1\"\n",
        );
        write(
            "terraform.tfvars.json",
            r#"{"b":"2","c":"2","d":"2","e":"2","f":"2"}"#,
        );
        write("b.auto.tfvars", "d = 4\ne = 4\nf = 4\n");
        write("a.auto.tfvars.json", r#"{"c":3,"d":3,"e":3,"f":3}"#);
        write("other.tfvars", "a = \"never\"\n");
        let named = write("values.yaml", "e: 5\nf: 5\n");
        let args = VariableArgs {
            variables_file: Some(named),
            variable: vec!["f=6".to_owned()],
        };
        let values = args.values(folder.path()).expect("values");
        let expected = [
            ("a", "1"),
            ("b", "2"),
            ("c", "3"),
            ("d", "4"),
            ("e", "5"),
            ("f", "6"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(values, BTreeMap::from(expected));

        let args = VariableArgs {
            variables_file: Some(folder.path().join("other.tfvars")),
            variable: Vec::new(),
        };
        let values = args.values(folder.path()).expect("values");
        assert_eq!(values["a"], "never");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("x.auto.tfvars"), "a = b()\n").expect("written");
        let args = VariableArgs {
            variables_file: None,
            variable: Vec::new(),
        };
        let error = args.values(folder.path()).expect_err("no constant");
        assert!(error.to_string().contains("x.auto.tfvars"), "{error}");
    }
}
