//! Policy documents of IAM: filled from templates, read, compared. Pure.

use plumbing::{Error, Result};
use serde_json::Value;

/// Fills a template's `${placeholders}`, which stand in its texts alone: whatever a value holds, it
/// stays within its text.
///
/// Errors: the template is no JSON; a placeholder is not among the values, or never ends.
pub fn fill(template: &str, values: &[(&str, String)]) -> Result<Value> {
    let mut document = serde_json::from_str(template)
        .map_err(|why| Error::refused(format!("the policy is no JSON: {why}")))?;
    fill_texts(&mut document, values)?;
    Ok(document)
}

fn fill_texts(value: &mut Value, values: &[(&str, String)]) -> Result<()> {
    match value {
        Value::String(text) => *text = filled(text, values)?,
        Value::Array(items) => {
            for item in items {
                fill_texts(item, values)?;
            }
        }
        Value::Object(fields) => {
            for field in fields.values_mut() {
                fill_texts(field, values)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn filled(template: &str, values: &[(&str, String)]) -> Result<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((key, after)) = after.split_once('}') else {
            return Err(Error::refused("a placeholder of the policy never ends"));
        };
        let Some((_, value)) = values.iter().find(|(known, _)| *known == key) else {
            let message = format!("the policy's placeholder ${{{key}}} is not known");
            return Err(Error::refused(message));
        };
        text.push_str(before);
        text.push_str(value);
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

/// Adds the statements of a policy to those of another.
pub fn add_statements(policy: &mut Value, mut more: Value) {
    if let Some(statements) = policy["Statement"].as_array_mut()
        && let Some(more) = more["Statement"].as_array_mut()
    {
        statements.append(more);
    }
}

/// Whether two policies say the same: the order of fields and of lists of words says nothing, and
/// a list of one word is that word.
pub fn same(a: &Value, b: &Value) -> bool {
    canonical(a) == canonical(b)
}

fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), canonical(value)))
            .collect(),
        Value::Array(items) => canonical_list(items),
        other => other.clone(),
    }
}

fn canonical_list(items: &[Value]) -> Value {
    let words: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
    match words {
        Some(words) if words.len() == 1 => words[0].into(),
        Some(mut words) => {
            words.sort_unstable();
            words.into()
        }
        None => items.iter().map(canonical).collect(),
    }
}

/// Reads a policy as IAM writes it: JSON, percent-encoded (RFC 3986).
pub fn read(encoded: &str) -> Option<Value> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        match percent_encoded(rest) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &rest[3..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    serde_json::from_slice(&bytes).ok()
}

/// The byte that a text begins with, if that is percent-encoded: `%7B`.
fn percent_encoded(text: &[u8]) -> Option<u8> {
    let digits = text.strip_prefix(b"%")?.get(..2)?;
    let digits = std::str::from_utf8(digits).ok()?;
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unknown_or_open_placeholder_is_refused() {
        let values = [("region", "us-east-1".to_string())];
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
            fill(r#"{"a":"${region"}"#, &values).unwrap_err().message,
            "a placeholder of the policy never ends"
        );
        assert!(
            fill(r#"{"a":"#, &values)
                .unwrap_err()
                .message
                .starts_with("the policy is no JSON")
        );
    }

    /// Every text of up to three of the characters that mean something in JSON or in a template.
    fn hostile_texts() -> Vec<String> {
        let characters = ['"', '\\', '{', '}', '[', ']', ',', ':', '$', '*', 'a', '\n'];
        let mut texts = vec![String::new()];
        let mut longest = texts.clone();
        for _ in 0..3 {
            let mut longer = Vec::new();
            for text in &longest {
                longer.extend(characters.map(|character| format!("{text}{character}")));
            }
            texts.extend(longer.clone());
            longest = longer;
        }
        texts.push(r#"x"],"Effect":"Allow","Resource":["*"#.into());
        texts.push("${region}".into());
        texts
    }

    #[test]
    fn a_value_stays_within_its_text_whatever_it_holds() {
        let template = r#"{"Statement": [{"Resource": ["a:${x}", "${x}:*"], "Action": "b"}]}"#;
        for text in hostile_texts() {
            let filled = fill(template, &[("x", text.clone())]).unwrap();
            let resources = [format!("a:{text}"), format!("{text}:*")];
            let expected = json!({"Statement": [{"Resource": resources, "Action": "b"}]});
            assert_eq!(filled, expected);
        }
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
