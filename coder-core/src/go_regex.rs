//! Regular expressions as templates write them.
//!
//! Templates are written for Go's syntax. What means something else in Rust's, or nothing, is put into Rust's words:
//! `\d`, `\w`, `\s` and `\b` know ASCII only, a brace that repeats nothing and a bracket within brackets are plain
//! characters, a hyphen after `\w` too, and `\Q…\E` quotes.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

/// Compiles an expression in Go's syntax.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn compile(expression: &str) -> Result<regex::Regex, regex::Error> {
    // What cannot be read is left as it is: the error then shows the author's own words.
    let translated = translate(expression);
    regex::Regex::new(translated.as_deref().unwrap_or(expression))
}

type Input<'a> = Peekable<Chars<'a>>;

/// The expression in Rust's syntax, or nothing when it ends too early.
fn translate(expression: &str) -> Option<String> {
    let mut input = expression.chars().peekable();
    let mut output = String::with_capacity(expression.len());
    while let Some(next) = input.next() {
        match next {
            '\\' => escape(&mut input, &mut output)?,
            '[' => class(&mut input, &mut output)?,
            '{' if !is_repetition(input.clone()) => output.push_str("\\{"),
            other => output.push(other),
        }
    }
    Some(output)
}

/// Whether what follows a brace makes it a repetition: `n}`, `n,}` or `n,m}`.
fn is_repetition(mut input: Input<'_>) -> bool {
    let mut digits = 0;
    let mut comma = false;
    loop {
        match input.next() {
            Some('0'..='9') => digits += 1,
            Some(',') if digits > 0 && !comma => comma = true,
            Some('}') => return digits > 0,
            _ => return false,
        }
    }
}

/// What follows a backslash outside of brackets.
fn escape(input: &mut Input<'_>, output: &mut String) -> Option<()> {
    match input.next()? {
        'Q' => quoted(input, output),
        'b' => output.push_str(r"(?-u:\b)"),
        'B' => output.push_str(r"(?-u:\B)"),
        letter @ ('d' | 'D' | 'w' | 'W' | 's' | 'S') => {
            let negated = if letter.is_uppercase() { "^" } else { "" };
            let _ = write!(output, "[{negated}{}]", ascii(letter));
        }
        other if other.is_ascii_punctuation() => literal(other, output),
        other => {
            output.push('\\');
            output.push(other);
        }
    }
    Some(())
}

/// The members of a class that has a letter.
const fn ascii(letter: char) -> &'static str {
    match letter {
        'd' | 'D' => "0-9",
        'w' | 'W' => "0-9A-Za-z_",
        _ => r"\t\n\x0C\r ",
    }
}

/// Everything up to `\E`, which may be missing.
fn quoted(input: &mut Input<'_>, output: &mut String) {
    while let Some(next) = input.next() {
        if next == '\\' && input.next_if_eq(&'E').is_some() {
            return;
        }
        literal(next, output);
    }
}

fn literal(character: char, output: &mut String) {
    if character.is_alphanumeric() || character == ' ' {
        output.push(character);
    } else {
        let _ = write!(output, "\\x{{{:X}}}", u32::from(character));
    }
}

/// What stands between brackets.
fn class(input: &mut Input<'_>, output: &mut String) -> Option<()> {
    output.push('[');
    if input.next_if_eq(&'^').is_some() {
        output.push('^');
    }
    let mut first = true;
    loop {
        let next = input.next()?;
        match next {
            ']' if !first => break,
            '[' if input.peek() == Some(&':') => named_class(input, output),
            '\\' => class_escape(input, output)?,
            other => range(other, input, output)?,
        }
        first = false;
    }
    output.push(']');
    Some(())
}

/// A class such as `[:alpha:]`, of which the bracket has been read; or just the bracket.
fn named_class(input: &mut Input<'_>, output: &mut String) {
    let mut ahead = input.clone();
    let mut name = String::from("[");
    while let Some(next) = ahead.next_if(|next| matches!(next, ':' | '^' | 'a'..='z')) {
        name.push(next);
    }
    if name.ends_with(':') && name.len() > 2 && ahead.next_if_eq(&']').is_some() {
        let _ = write!(output, "{name}]");
        *input = ahead;
    } else {
        literal('[', output);
    }
}

/// What follows a backslash within brackets.
fn class_escape(input: &mut Input<'_>, output: &mut String) -> Option<()> {
    match *input.peek()? {
        letter @ ('d' | 'w' | 's') => {
            input.next();
            output.push_str(ascii(letter));
        }
        letter @ ('D' | 'W' | 'S') => {
            input.next();
            let _ = write!(output, "[^{}]", ascii(letter));
        }
        letter @ ('p' | 'P') => {
            input.next();
            let _ = write!(output, "\\{letter}");
            if input.peek() == Some(&'{') {
                for next in input.by_ref() {
                    output.push(next);
                    if next == '}' {
                        break;
                    }
                }
            } else {
                output.push(input.next()?);
            }
        }
        _ => {
            let least = escaped(input)?;
            range(least, input, output)?;
        }
    }
    Some(())
}

/// The character that an escape stands for, whose backslash has been read.
fn escaped(input: &mut Input<'_>) -> Option<char> {
    match input.next()? {
        'a' => Some('\x07'),
        'f' => Some('\x0C'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\x0B'),
        'x' => hexadecimal(input),
        other if other.is_ascii_punctuation() => Some(other),
        _ => None,
    }
}

fn hexadecimal(input: &mut Input<'_>) -> Option<char> {
    let digits: String = if input.next_if_eq(&'{').is_some() {
        input.by_ref().take_while(|next| *next != '}').collect()
    } else {
        input.by_ref().take(2).collect()
    };
    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
}

/// A character, or a range that begins with it.
fn range(least: char, input: &mut Input<'_>, output: &mut String) -> Option<()> {
    literal(least, output);
    let mut ahead = input.clone();
    ahead.next();
    if input.peek() == Some(&'-') && !matches!(ahead.peek(), None | Some(']')) {
        input.next();
        let most = match input.next()? {
            '\\' => escaped(input)?,
            other => other,
        };
        output.push('-');
        literal(most, output);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn templates_mean_what_they_mean_in_go() {
        for (expression, matching, other) in [
            // Common for addresses: a hyphen after a class.
            (
                r"^[\w-\.]+@([\w-]+\.)+[\w-]{2,4}$",
                "a.b-c@d-e.org",
                "a b@c.org",
            ),
            (r"^\w+$", "abc_1", "é"),
            (r"^[\w ]+$", "ab c", "é"),
            (r"^[^\W_]+$", "abc", "a_b"),
            (r"^\D$", "é", "5"),
            (r"^\d+\s\S$", "12 x", "१२ x"),
            (r"\bcat\b", "a cat.", "concat"),
            (r"\Bcat\b", "concat", "a cat"),
            // A brace that repeats nothing.
            (r"^\${[a-z]+}$", "${name}", "$name"),
            (r"^a{,2}$", "a{,2}", "aa"),
            (r"^x{2}y{1,}z{1,2}$", "xxyz", "xyz"),
            (r"^{}$", "{}", ""),
            // Brackets within brackets.
            (r"^[[a-c]+$", "[ab", "d"),
            (r"^[]a]+$", "]a", "b"),
            (r"^[^]a]$", "b", "]"),
            (r"^[[:alpha:]_]+$", "ab_", "1"),
            (r"^[[:^digit:]]$", "a", "1"),
            (r"^[[:nothing]+$", "[:nothing", "z"),
            // What Rust takes for set operations.
            (r"^[a&&b]+$", "a&b", "c"),
            (r"^[a~~b]+$", "a~b", "c"),
            (r"^[+--]+$", "+,-", "."),
            (r"^[a-c-]+$", "a-c", "d"),
            (r"^[\x41-\x{43}\n]+$", "ABC", "D"),
            (r"^[\]\\\-]+$", r"]\-", "a"),
            (r"^\Qa.b[\E+$", "a.b[[", "axb["),
            (r"^\Q\d", r"\d", "1"),
            (r"^\<\/\-\_\>$", "</-_>", "/"),
            (r"(?i)^(?P<name>[a-z]+)$", "ABC", "1"),
            (r"^(eu|us)-[0-9]$", "eu-1", "eu-"),
        ] {
            let regex = compile(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
            assert!(regex.is_match(matching), "{expression} {matching:?}");
            assert!(!regex.is_match(other), "{expression} {other:?}");
        }
    }

    #[test]
    fn what_go_refuses_is_an_error() {
        for expression in ["(", "[a", "[z-a]", "\\", "a\\", "[\\", "[\\x", "+", r"\1"] {
            assert!(compile(expression).is_err(), "{expression}");
        }
    }

    proptest! {
        #[test]
        fn no_expression_panics(expression in ".*", class in r"\[[\[\]\\^:a-z-]*") {
            let _ = compile(&expression);
            let _ = compile(&class);
        }

        #[test]
        fn quoted_text_matches_itself(text in "[^\\\\]*") {
            let regex = compile(&format!(r"^\Q{text}\E$")).unwrap();
            prop_assert!(regex.is_match(&text));
        }
    }
}
