//! The JSON documents of images: indexes, manifests and configurations, from an archive or a
//! registry. Pure.

use serde_json::Value;

/// The longest that is read: registries take manifests of 4 MiB at most, and a configuration is as
/// long as its image's history and labels.
pub const LARGEST: u64 = 8 << 20;
/// How many values one may have. A value of one byte in the text takes up to a hundred times as
/// much when it is read, and an index of a thousand images has some ten thousand.
const MOST_VALUES: usize = 200_000;

/// Reads a document; `what` words which one it is.
///
/// Errors: it is not JSON, or of so many values that it is made to fill the memory.
pub fn parse(bytes: &[u8], what: &str) -> Result<Value, String> {
    if has_more_values(bytes, MOST_VALUES) {
        return Err(format!("{what} has more than {MOST_VALUES} values"));
    }
    serde_json::from_slice(bytes).map_err(|why| format!("{what} is not JSON: {why}"))
}

/// Whether a text has more values than a number: each but the first comes after one of these bytes.
/// What stands in strings does not count: some tools store whole documents in a label.
fn has_more_values(bytes: &[u8], most: usize) -> bool {
    let mut values = 0;
    let mut is_string = false;
    let mut is_escaped = false;
    for byte in bytes {
        if is_escaped {
            is_escaped = false;
        } else if *byte == b'"' {
            is_string = !is_string;
        } else if is_string {
            is_escaped = *byte == b'\\';
        } else if b",[{".contains(byte) {
            values += 1;
        }
    }
    values > most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_very_many_values_is_not_read() {
        for one in ["0,", "{},", "[],", "\"\","] {
            let many = format!("[{}0]", one.repeat(MOST_VALUES));
            let refused = parse(many.as_bytes(), "a manifest").unwrap_err();
            assert_eq!(refused, "a manifest has more than 200000 values");
        }
        let in_a_label = format!("{{\"a\":\"\\\"{}\"}}", "[{,".repeat(MOST_VALUES));
        assert!(parse(in_a_label.as_bytes(), "a manifest").is_ok());
        assert!(parse(b"[{},{}]", "a manifest").is_ok());
    }

    #[test]
    fn a_document_that_is_nested_without_an_end_is_refused() {
        let nested = "[".repeat(100_000);
        let refused = parse(nested.as_bytes(), "a manifest").unwrap_err();
        assert!(refused.starts_with("a manifest is not JSON: "), "{refused}");
    }
}
