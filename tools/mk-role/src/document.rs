//! Policy documents of IAM: filled from templates, read, compared. Pure.

use plumbing::{Error, Result};
use serde_json::Value;

/// Fills a template's `${placeholders}`.
///
/// Errors: a placeholder is not among the values, or never ends; the result is no JSON.
pub fn fill(template: &str, values: &[(&str, &str)]) -> Result<Value> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        let end = after.split_once('}');
        let Some((key, after)) = end else {
            return Err(Error::refused("a placeholder of the policy never ends"));
        };
        let value = values
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| *value);
        let value = value.ok_or_else(|| {
            Error::refused(format!("the policy's placeholder ${{{key}}} is not known"))
        })?;
        text.push_str(before);
        text.push_str(value);
        rest = after;
    }
    text.push_str(rest);
    serde_json::from_str(&text)
        .map_err(|why| Error::refused(format!("the filled policy is no JSON: {why}")))
}

/// Whether two policies say the same: the order of fields and of lists of words says nothing, and
/// a list of one is that one.
pub fn same(a: &Value, b: &Value) -> bool {
    canonical(a) == canonical(b)
}

fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), canonical(value)))
            .collect(),
        Value::Array(items) => match items
            .iter()
            .map(Value::as_str)
            .collect::<Option<Vec<&str>>>()
        {
            Some(words) if words.len() == 1 => words[0].into(),
            Some(mut words) => {
                words.sort_unstable();
                words.into()
            }
            None => items.iter().map(canonical).collect(),
        },
        other => other.clone(),
    }
}

/// Reads a policy as IAM writes it: JSON, percent-encoded (RFC 3986).
pub fn read(encoded: &str) -> Option<Value> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = (byte == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_unknown_or_open_placeholder_is_refused() {
        let values = [("region", "us-east-1")];
        assert_eq!(
            fill(r#"{"a":"${region}:${region}"}"#, &values).unwrap(),
            json!({"a": "us-east-1:us-east-1"})
        );
        let unknown = fill(r#"{"a":"${bucket}"}"#, &values).unwrap_err();
        assert_eq!(
            unknown.message,
            "the policy's placeholder ${bucket} is not known"
        );
        assert_eq!(
            fill(r#"{"a":"${region"#, &values).unwrap_err().message,
            "a placeholder of the policy never ends"
        );
        assert!(
            fill(r#"{"a":"#, &values)
                .unwrap_err()
                .message
                .starts_with("the filled policy is no JSON")
        );
    }

    #[test]
    fn a_document_is_read_as_iam_writes_it() {
        assert_eq!(
            read("%7B%22a%22%3A%20%22b%2Bc+%c3%a4%22%7D"),
            Some(json!({"a": "b+c+ä"}))
        );
        assert_eq!(read(r#"{"a":"100%"}"#), Some(json!({"a": "100%"})));
        assert_eq!(read("%7B"), None);
    }
}
