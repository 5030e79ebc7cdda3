//! Text that people read on a terminal, whoever wrote it. Pure.

/// Records and AWS may say anything: what would end the line, or drive the terminal, shows as its code.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if drives(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The same for JSON, in its own words: serde_json lets more than ASCII through as it is. White space
/// between its tokens is a blank.
pub(crate) fn in_json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_control() {
            shown.push(' ');
        } else if drives(c) {
            shown.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Whether a terminal obeys a character instead of showing it: control characters, and those that
/// hide or turn around what follows.
pub(crate) fn drives(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_drives_no_terminal_and_says_the_same() {
        let text = "{\t\"a\":\"x\u{9b}2J\u{202e}\"}";
        let shown = in_json(text);
        assert!(!shown.contains(drives), "{shown}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&shown), value(text));
    }

    #[test]
    fn a_message_is_one_line_whatever_it_quotes() {
        assert_eq!(
            printable("app 'é\nb\u{1b}[2J\u{202e}'"),
            "app 'é\\nb\\u{1b}[2J\\u{202e}'"
        );
        assert_eq!(in_json("\"é\u{9b}2J\u{202e}\""), "\"é\\u009b2J\\u202e\"");
    }
}
