//! Texts of whoever wrote them, as each format takes them: nothing that somebody called something ends
//! a text, starts a tag or turns around what follows. Pure.

use plumbing::printable;

/// The characters of a text that are shown in so many cells; what is longer ends in `…`.
///
/// A cell is that of a fixed-width font. Beyond Latin letters, most fonts have wider ones.
pub(crate) fn cut(text: &str, cells: usize) -> String {
    let shown = printable(text);
    if width(&shown) <= cells {
        return shown;
    }
    let mut kept = String::new();
    let mut left = cells.saturating_sub(1);
    for c in shown.chars() {
        let taken = cells_of(c);
        if taken > left {
            break;
        }
        left -= taken;
        kept.push(c);
    }
    kept + "…"
}

/// How many cells a text takes, at most.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(cells_of).sum()
}

fn cells_of(c: char) -> usize {
    match c {
        '\u{0}'..='\u{24f}' | '…' | '→' | '−' => 1,
        _ => 2,
    }
}

/// A text for XML, inside an element or a quoted attribute.
pub(crate) fn xml(text: &str) -> String {
    let mut escaped = String::new();
    for c in printable(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'), // XML has no such characters
            c => escaped.push(c),
        }
    }
    escaped
}

/// A text for Mermaid, between quotes: what may mean something to it goes as a number.
pub(crate) fn mermaid(text: &str) -> String {
    let mut escaped = String::new();
    for c in printable(text).chars() {
        if c.is_alphanumeric() || " .,:-/→·−+~?…()@=".contains(c) {
            escaped.push(c);
        } else {
            escaped.push_str(&format!("#{};", u32::from(c)));
        }
    }
    escaped
}

/// A text for dot, between quotes, where it knows XML's entities; `\n` ends a line there.
pub(crate) fn dot(text: &str) -> String {
    xml(text).replace('\\', "\\\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: &str = "a\"b'<c>&d\n\u{202e}\\N#e;";

    #[test]
    fn what_somebody_called_something_stays_a_text() {
        assert_eq!(xml(ODD), "a&quot;b&#39;&lt;c&gt;&amp;d\\n\\u{202e}\\N#e;");
        assert_eq!(
            mermaid(ODD),
            "a#34;b#39;#60;c#62;#38;d#92;n#92;u#123;202e#125;#92;N#35;e#59;"
        );
        assert_eq!(
            dot(ODD),
            "a&quot;b&#39;&lt;c&gt;&amp;d\\\\n\\\\u{202e}\\\\N#e;"
        );
        assert_eq!(xml("\u{ffff}\u{0}"), "\u{fffd}\\u{0}");
    }

    #[test]
    fn a_long_text_is_cut_to_the_cells_that_it_has() {
        assert_eq!(cut("web", 3), "web");
        assert_eq!(cut("webs", 3), "we…");
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("a\nb", 9), "a\\nb");
        assert_eq!(cut("", 0), "");
    }
}
