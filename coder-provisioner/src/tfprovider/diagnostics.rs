//! Errors and warnings that point at a place in the template.

use std::fmt;

use super::wire;
use crate::attributes::Nesting;

/// An error or a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Diagnostic {
    pub(super) severity: Severity,
    pub(super) summary: String,
    pub(super) detail: String,
    pub(super) path: Path,
}

/// Whether Terraform goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// It does not.
    Error,
    /// It does.
    Warning,
}

impl Diagnostic {
    pub(super) fn error(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        let (summary, detail) = (summary.into(), detail.into());
        Self {
            severity: Severity::Error,
            summary,
            detail,
            path: Path::root(),
        }
    }

    pub(super) fn warning(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(summary, detail)
        }
    }

    /// The same, about another place.
    pub(super) fn at(self, path: &Path) -> Self {
        Self {
            path: path.clone(),
            ..self
        }
    }

    pub(super) fn into_wire(self) -> wire::Diagnostic {
        wire::Diagnostic {
            severity: match self.severity {
                Severity::Error => 1,
                Severity::Warning => 2,
            },
            summary: self.summary,
            detail: self.detail,
            attribute: (!self.path.steps.is_empty()).then(|| self.path.into_wire()),
        }
    }
}

/// Whether anything here stops Terraform.
pub(super) fn has_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error)
}

/// The place of a value within a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Path {
    steps: Vec<Step>,
    /// The elements of a set have no address: a path ends at a set of several.
    ended: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Attribute(String),
    Key(String),
    Index(usize),
}

impl Path {
    /// The resource itself.
    pub(super) fn root() -> Self {
        Self::default()
    }

    /// The attribute or nested block of that name.
    pub(super) fn attribute(&self, name: &str) -> Self {
        self.with(Step::Attribute(name.to_owned()))
    }

    /// The element of a list.
    pub(super) fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    /// The element of a map.
    pub(super) fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    /// The instance of a nested block of which there are `of`. Terraform finds the only one of a set when no step
    /// leads into the set.
    pub(super) fn instance(&self, nesting: Nesting, index: usize, of: usize) -> Self {
        match nesting {
            Nesting::List => self.index(index),
            Nesting::Set if of == 1 => self.clone(),
            Nesting::Set => Self {
                ended: true,
                ..self.clone()
            },
        }
    }

    fn with(&self, step: Step) -> Self {
        let mut path = self.clone();
        if !path.ended {
            path.steps.push(step);
        }
        path
    }

    pub(super) fn into_wire(self) -> wire::AttributePath {
        let step = |step| wire::Step {
            selector: Some(match step {
                Step::Attribute(name) => wire::Selector::AttributeName(name),
                Step::Key(key) => wire::Selector::ElementKeyString(key),
                Step::Index(index) => {
                    wire::Selector::ElementKeyInt(i64::try_from(index).unwrap_or(i64::MAX))
                }
            }),
        };
        wire::AttributePath {
            steps: self.steps.into_iter().map(step).collect(),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.steps.iter().enumerate() {
            match step {
                Step::Attribute(name) if position == 0 => write!(f, "{name}")?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_ends_at_a_set_of_several() {
        let inside = |name, nesting, index, of| {
            let block = Path::root().attribute(name);
            block.instance(nesting, index, of).attribute("x")
        };
        let only = inside("healthcheck", Nesting::Set, 0, 1);
        assert_eq!(only.to_string(), "healthcheck.x");
        let several = inside("volume", Nesting::Set, 0, 2);
        assert_eq!(several.to_string(), "volume");
        let listed = inside("metadata", Nesting::List, 2, 3);
        assert_eq!(listed.to_string(), "metadata[2].x");
    }

    #[test]
    fn a_diagnostic_about_no_attribute_has_no_path() {
        assert!(Diagnostic::error("a", "b").into_wire().attribute.is_none());
        let path = Path::root().attribute("os");
        let wire = Diagnostic::warning("a", "b").at(&path).into_wire();
        assert_eq!((wire.severity, wire.attribute.unwrap().steps.len()), (2, 1));
    }
}
