//! Statements that are put together from parts.

use std::fmt::Write as _;

use coder_core::store::Page;
use sea_orm::{DbBackend, Statement, Value};

/// SQL text with its values, numbered as they are added. Text comes from the code alone; whatever
/// comes from outside is a value.
#[derive(Debug, Clone)]
pub(super) struct Query {
    text: String,
    values: Vec<Value>,
}

impl Query {
    pub(super) fn new(text: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            values: Vec::new(),
        }
    }

    /// Adds text.
    pub(super) fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a value in the place where the text ends now.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        // Writing to a string does not fail.
        let _ = write!(self.text, "${}", self.values.len());
        self
    }

    /// Limits the rows to a page.
    pub(super) fn page(&mut self, page: Page) -> &mut Self {
        if page.limit > 0 {
            self.push(" LIMIT ").bind(i64::from(page.limit));
        }
        if page.offset > 0 {
            self.push(" OFFSET ").bind(i64::from(page.offset));
        }
        self
    }

    /// The same conditions under another beginning.
    pub(super) fn with_prefix(&self, prefix: &'static str) -> Self {
        Self {
            text: format!("{prefix}{}", self.text),
            values: self.values.clone(),
        }
    }

    pub(super) fn statement(&self) -> Statement {
        Statement::from_sql_and_values(DbBackend::Postgres, &self.text, self.values.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered() {
        let mut query = Query::new("SELECT 1 WHERE a = ");
        query.bind(7_i64).push(" AND b = ").bind("x").page(Page {
            offset: 0,
            limit: 5,
        });
        assert_eq!(query.text, "SELECT 1 WHERE a = $1 AND b = $2 LIMIT $3");
        assert_eq!(query.values.len(), 3);
    }
}
