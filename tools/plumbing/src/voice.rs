//! How a tool speaks to people: one line on stderr for each message, whatever it quotes.
#![allow(clippy::print_stderr)]

use crate::error::Error;

/// How a tool speaks to people.
#[derive(Clone, Debug)]
pub(crate) struct Voice {
    pub(crate) tool: &'static str,
    pub(crate) quiet: bool,
    pub(crate) verbose: bool,
    pub(crate) json: bool,
}

impl Voice {
    pub(crate) fn say(&self, line: &str) {
        if !self.quiet {
            self.print("info", line, None);
        }
    }

    pub(crate) fn detail(&self, line: impl FnOnce() -> String) {
        if self.verbose {
            self.print("detail", &line(), None);
        }
    }

    pub(crate) fn error(&self, line: &str) {
        self.print("error", line, None);
    }

    pub(crate) fn fail(&self, error: &Error) {
        self.print("error", &error.message, error.hint.as_deref());
    }

    /// One write for one message, so that the lines of a pipe's tools never mix. A stderr that
    /// is gone is no reason to stop.
    fn print(&self, level: &str, line: &str, hint: Option<&str>) {
        use std::io::Write;
        let text = match (self.json, hint) {
            (true, hint) => {
                let mut object =
                    serde_json::json!({"tool": self.tool, "level": level, "message": line});
                if let Some(hint) = hint {
                    object["try"] = hint.into();
                }
                format!("{}\n", in_json(&object.to_string()))
            }
            (false, Some(hint)) => format!(
                "{}: {}\n  try: {}\n",
                self.tool,
                printable(line),
                printable(hint)
            ),
            (false, None) => format!("{}: {}\n", self.tool, printable(line)),
        };
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Records and AWS may say anything: what would end the line, or drive the terminal, shows as its code.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c: char| {
        if drives(c) {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(shown).collect()
}

/// The same for JSON, in its own words: serde_json lets more than ASCII through as it is.
fn in_json(text: &str) -> String {
    let shown = |c: char| {
        if drives(c) {
            format!("\\u{:04x}", u32::from(c))
        } else {
            c.to_string()
        }
    };
    text.chars().map(shown).collect()
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
    fn a_message_is_one_line_whatever_it_quotes() {
        assert_eq!(
            printable("app 'é\nb\u{1b}[2J\u{202e}'"),
            "app 'é\\nb\\u{1b}[2J\\u{202e}'"
        );
        assert_eq!(in_json("\"é\u{9b}2J\u{202e}\""), "\"é\\u009b2J\\u202e\"");
    }
}
