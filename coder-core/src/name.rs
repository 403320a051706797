//! The rules for names, as clients of the API know them.

use crate::Error;

/// The longest user, organization, template or workspace name, in characters.
pub const MAX_NAME: usize = 32;
/// The longest name of a template version, in characters.
pub const MAX_VERSION_NAME: usize = 64;
/// The longest display name, in characters.
pub const MAX_DISPLAY_NAME: usize = 64;
/// The longest real name of a user, in characters.
pub const MAX_REAL_NAME: usize = 128;

/// Checks the name of a user, organization, template or workspace: 1 to 32 letters and digits with
/// single inner hyphens, and neither `new` nor `create`, which the dashboard's paths use.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming `field`.
pub fn check_name(field: &str, name: &str) -> Result<(), Error> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(Error::invalid_field(field, "must have 1 to 32 characters"));
    }
    if !joined_by(name, &['-'], char::is_ascii_alphanumeric) {
        let detail = "may hold letters, digits and single hyphens between them";
        return Err(Error::invalid_field(field, detail));
    }
    if name == "new" || name == "create" {
        return Err(Error::invalid_field(field, "is a reserved word"));
    }
    Ok(())
}

/// Checks the name of a template version: up to 64 letters and digits with single inner `_`, `.` or `-`.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming `field`.
pub fn check_version_name(field: &str, name: &str) -> Result<(), Error> {
    if name.is_empty() || name.len() > MAX_VERSION_NAME {
        return Err(Error::invalid_field(field, "must have 1 to 64 characters"));
    }
    if !joined_by(name, &['_', '.', '-'], char::is_ascii_alphanumeric) {
        let detail = "may hold letters, digits and single '_', '.' or '-' between them";
        return Err(Error::invalid_field(field, detail));
    }
    Ok(())
}

/// Checks a display name: empty or up to 64 characters, no blank at either end.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming `field`.
pub fn check_display_name(field: &str, name: &str) -> Result<(), Error> {
    check_free_text(field, name, MAX_DISPLAY_NAME)
}

/// Checks a person's name: empty or up to 128 characters, no blank at either end.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming `field`.
pub fn check_real_name(field: &str, name: &str) -> Result<(), Error> {
    check_free_text(field, name, MAX_REAL_NAME)
}

/// Checks an e-mail address as far as a server can: one `@`, something on both sides, no blanks or
/// control characters, at most 254 bytes (RFC 5321).
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming `field`.
pub fn check_email(field: &str, email: &str) -> Result<(), Error> {
    let valid = email.len() <= 254
        && !email.chars().any(|c| c.is_whitespace() || c.is_control())
        && email.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && !host.is_empty() && !host.contains('@')
        });
    if valid {
        Ok(())
    } else {
        Err(Error::invalid_field(field, "must be an e-mail address"))
    }
}

/// Whether `name` can be the name of an agent: letters and digits with single inner hyphens.
#[must_use]
pub fn is_agent_name(name: &str) -> bool {
    name.len() <= 64 && joined_by(name, &['-'], char::is_ascii_alphanumeric)
}

/// Whether `slug` can be an app's: lower-case letters and digits with single inner hyphens.
#[must_use]
pub fn is_app_slug(slug: &str) -> bool {
    slug.len() <= 63
        && joined_by(slug, &['-'], |c| {
            c.is_ascii_lowercase() || c.is_ascii_digit()
        })
}

fn check_free_text(field: &str, text: &str, max: usize) -> Result<(), Error> {
    if text.chars().count() > max {
        return Err(Error::invalid_field(
            field,
            format!("must have at most {max} characters"),
        ));
    }
    if text.trim() != text || text.chars().any(char::is_control) {
        let detail = "must not begin or end with a blank or hold control characters";
        return Err(Error::invalid_field(field, detail));
    }
    Ok(())
}

/// Non-empty words of `allowed` characters with exactly one of `joints` between two words.
fn joined_by(text: &str, joints: &[char], allowed: impl Fn(&char) -> bool) -> bool {
    text.split(joints)
        .all(|word| !word.is_empty() && word.chars().all(|c| allowed(&c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule() {
        for good in ["dev", "a", "A1", "my-workspace", "a-1-b", &"x".repeat(32)] {
            assert!(check_name("name", good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "a--b",
            "a_b",
            "a.b",
            "new",
            "create",
            "ä",
            "a b",
            &"x".repeat(33),
        ] {
            let error = check_name("name", bad).expect_err(bad);
            assert_eq!(error.fields()[0].field, "name");
        }
    }

    #[test]
    fn version_names_slugs_and_agents() {
        assert!(check_version_name("name", "v1.2_3-rc").is_ok());
        assert!(check_version_name("name", "v1..2").is_err());
        assert!(is_app_slug("code-server") && !is_app_slug("Code") && !is_app_slug("a--b"));
        assert!(is_agent_name("Main-1") && !is_agent_name("a_b") && !is_agent_name(""));
    }

    #[test]
    fn emails_and_display_names() {
        assert!(check_email("email", "a@example.com").is_ok());
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nBcc: x@y"] {
            assert!(check_email("email", bad).is_err(), "{bad}");
        }
        assert!(check_display_name("display_name", "").is_ok());
        assert!(check_display_name("display_name", " x").is_err());
        assert!(check_display_name("display_name", "a\u{1b}[0m").is_err());
    }
}
