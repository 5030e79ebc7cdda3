//! References in the values of environment variables: `http://{alb.api.dns}/`. Pure.

/// What an environment variable's value is made of.
#[derive(Debug, PartialEq)]
pub enum Piece {
    /// Text that stays as it is.
    Text(String),
    /// `{TYPE.NAME.FIELD}`.
    Reference {
        /// The record's type.
        kind: String,
        /// Its name.
        name: String,
        /// The field whose text is meant.
        field: String,
    },
}

/// Takes a value apart; braces that do not look like a reference are text.
pub fn pieces(value: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = value;
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        let after = &rest[open + 1..];
        match after
            .find('}')
            .and_then(|close| Some((reference(&after[..close])?, close)))
        {
            Some((reference, close)) => {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(reference);
                rest = &after[close + 1..];
            }
            None => {
                text.push('{');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

fn reference(inside: &str) -> Option<Piece> {
    let word = |text: &str, also: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || also.contains(c))
    };
    let mut parts = inside.split('.');
    let (kind, name, field) = (parts.next()?, parts.next()?, parts.next()?);
    let fits = parts.next().is_none() && word(kind, "") && word(name, "-/") && word(field, "");
    fits.then(|| Piece::Reference {
        kind: kind.into(),
        name: name.into(),
        field: field.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(kind: &str, name: &str, field: &str) -> Piece {
        Piece::Reference {
            kind: kind.into(),
            name: name.into(),
            field: field.into(),
        }
    }

    #[test]
    fn a_reference_is_told_from_the_text_around_it() {
        let text = |text: &str| Piece::Text(text.into());
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
            "",
        ] {
            let text = if value.is_empty() {
                vec![]
            } else {
                vec![Piece::Text(value.into())]
            };
            assert_eq!(pieces(value), text, "{value}");
        }
        let nested = [
            Piece::Text("{".into()),
            reference("alb", "api", "dns"),
            Piece::Text("}".into()),
        ];
        assert_eq!(pieces("{{alb.api.dns}}"), nested);
    }
}
