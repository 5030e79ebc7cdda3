//! References in the values of environment variables: `http://{alb.api.dns}/`. A backslash ahead of one
//! makes it text, `\{spring.application.name}`, and two a backslash ahead of a reference. Elsewhere
//! neither braces nor backslashes mean anything. Pure.

use std::fmt::Display;

/// What an environment variable's value is made of.
#[derive(Debug, PartialEq)]
pub enum Piece {
    /// Text that stays as it is.
    Text(String),
    /// What stands for a text of a record.
    Reference(Reference),
}

/// `{TYPE.NAME.FIELD}`.
#[derive(Debug, PartialEq)]
pub struct Reference {
    /// The record's type.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The field whose text is meant.
    pub field: String,
}

impl Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{{{}.{}.{}}}", self.kind, self.name, self.field)
    }
}

/// Takes a value apart; braces that do not look like a reference are text.
pub fn pieces(value: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((reference, after_reference)) = first_reference(after) else {
            text.push_str(before);
            text.push('{');
            rest = after;
            continue;
        };
        let unescaped = before.trim_end_matches('\\');
        let backslashes = before.len() - unescaped.len();
        text.push_str(&before[..unescaped.len() + backslashes / 2]);
        if !backslashes.is_multiple_of(2) {
            text.push('{');
            rest = after;
            continue;
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(Piece::Reference(reference));
        rest = after_reference;
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

/// The value that stands for a text as it is.
pub fn escaped(text: &str) -> String {
    let mut value = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        value.push_str(before);
        if first_reference(after).is_some() {
            let unescaped = before.trim_end_matches('\\');
            value.push_str(&before[unescaped.len()..]); // each of them twice
            value.push('\\');
        }
        value.push('{');
        rest = after;
    }
    value + rest
}

/// The reference whose opening brace was just read, and what comes after its closing one.
fn first_reference(text: &str) -> Option<(Reference, &str)> {
    let (inside, after) = text.split_once('}')?;
    let fields: Vec<&str> = inside.split('.').collect();
    let [kind, name, field] = fields[..] else {
        return None;
    };
    if !is_word(kind, "_") || !is_word(name, "_-/") || !is_word(field, "_") {
        return None;
    }
    let reference = Reference {
        kind: kind.into(),
        name: name.into(),
        field: field.into(),
    };
    Some((reference, after))
}

/// Whether a text has letters, digits and some other characters alone, and at least one.
fn is_word(text: &str, others: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    !text.is_empty() && text.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    fn reference(kind: &str, name: &str, field: &str) -> Piece {
        Piece::Reference(Reference {
            kind: kind.into(),
            name: name.into(),
            field: field.into(),
        })
    }

    #[test]
    fn a_reference_is_told_from_the_text_around_it() {
        assert_eq!(
            pieces("http://{alb.api.dns}/Weather"),
            [
                text("http://"),
                reference("alb", "api", "dns"),
                text("/Weather")
            ]
        );
        assert_eq!(
            pieces("{role.execution/web.arn}{log_group.web.group}"),
            [
                reference("role", "execution/web", "arn"),
                reference("log_group", "web", "group")
            ]
        );
    }

    #[test]
    fn other_braces_stay() {
        for value in [
            "{}",
            "{a}",
            "{a.b}",
            "{a.b.c.d}",
            "{\"a\":1}",
            "{a b.c.d}",
            "}{",
            "{alb.api.dns",
        ] {
            assert_eq!(pieces(value), [text(value)], "{value}");
        }
        assert_eq!(pieces(""), []);
        assert_eq!(
            pieces("{{alb.api.dns}}"),
            [text("{"), reference("alb", "api", "dns"), text("}")]
        );
    }

    #[test]
    fn a_backslash_makes_a_reference_text() {
        assert_eq!(pieces(r"a\{alb.api.dns}"), [text("a{alb.api.dns}")]);
        assert_eq!(
            pieces(r"a\\{alb.api.dns}"),
            [text(r"a\"), reference("alb", "api", "dns")]
        );
        assert_eq!(pieces(r"a\\\{alb.api.dns}"), [text(r"a\{alb.api.dns}")]);
        assert_eq!(pieces(r"C:\{x}\\ \{"), [text(r"C:\{x}\\ \{")]);
    }

    #[test]
    fn any_text_comes_back() {
        for value in [
            "",
            "{}",
            "{alb.api.dns}",
            r"\{alb.api.dns}",
            r"\\{alb.api.dns}",
            r"\\\{alb.api.dns}\",
            "{{alb.api.dns}}",
            "{a{alb.api.dns}.b.c}",
            "{a.b.{c.d.e}",
            "${spring.application.name}{x}{é.b.c}",
            r"\{}\{\",
        ] {
            let read = pieces(&escaped(value));
            let expected = if value.is_empty() {
                vec![]
            } else {
                vec![text(value)]
            };
            assert_eq!(read, expected, "{value}");
        }
    }

    #[test]
    fn a_reference_is_written_as_it_was_read() {
        let Piece::Reference(reference) = reference("alb", "api", "dns") else {
            panic!("a text is no reference");
        };
        assert_eq!(reference.to_string(), "{alb.api.dns}");
    }
}
