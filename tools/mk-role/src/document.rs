//! Policy documents of IAM: filled from templates, read, compared. Pure.

use plumbing::policy::canonical;
pub use plumbing::policy::same;
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

/// Whether a policy that somebody changed says what is wanted and is only stricter: each statement is a
/// wanted one, which may have more conditions, or denies something; and none is missing.
pub fn is_stricter(have: &Value, want: &Value) -> bool {
    let (haves, wants) = (statements(have), statements(want));
    let is_wanted = |have: &Value| wants.iter().any(|want| narrows(have, want));
    let is_there = |want: &Value| haves.iter().any(|have| narrows(have, want));
    !same(have, want)
        && have["Version"] == want["Version"]
        && haves.iter().all(|have| denies(have) || is_wanted(have))
        && wants.iter().all(is_there)
}

/// Whether a policy only denies.
pub fn only_denies(policy: &Value) -> bool {
    let statements = statements(policy);
    !statements.is_empty() && statements.iter().all(denies)
}

/// What is wanted, with the statements that deny something of a policy that is there.
pub fn with_denials(want: &Value, have: Option<&Value>) -> Value {
    let mut policy = want.clone();
    let mut all = statements(want);
    for denial in have.map(statements).unwrap_or_default() {
        if denies(&denial) && !all.iter().any(|own| same(own, &denial)) {
            all.push(denial);
        }
    }
    policy["Statement"] = all.into();
    policy
}

/// Whether a trust lets EC2 assume the role, for the instances of a profile that it is in.
pub fn lets_ec2_assume(trust: &Value) -> bool {
    let is_ec2 = |who: &Value| {
        let word = who.as_str().unwrap_or_default();
        word == "*" || word.starts_with("ec2.")
    };
    let lets_it = |statement: &Value| {
        let principal = &statement["Principal"];
        let services = principal["Service"].as_array();
        let among = services.is_some_and(|list| list.iter().any(is_ec2));
        !denies(statement) && (among || is_ec2(principal) || is_ec2(&principal["Service"]))
    };
    statements(trust).iter().any(lets_it)
}

/// Whether a statement is one of those that are wanted, or one of them under more conditions.
pub fn is_there(statement: &Value, wanted: &[Value]) -> bool {
    wanted.iter().any(|want| narrows(statement, want))
}

fn denies(statement: &Value) -> bool {
    statement["Effect"] == "Deny"
}

/// The statements of a policy, which writes a list of one without the list.
pub fn statements(policy: &Value) -> Vec<Value> {
    match &policy["Statement"] {
        Value::Array(statements) => statements.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

/// Whether a statement is another one, but for its name and for conditions that it has beside: all of
/// them have to be met.
fn narrows(have: &Value, want: &Value) -> bool {
    let without_condition = |statement: &Value| {
        let mut statement = canonical(statement);
        if let Some(fields) = statement.as_object_mut() {
            fields.remove("Sid");
            fields.remove("Condition");
        }
        statement
    };
    let wanted = want["Condition"].as_object().into_iter().flatten();
    let mut wanted = wanted.flat_map(|(operator, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.map(move |(key, value)| (operator, key, value))
    });
    let is_met = |operator: &str, key: &str, value: &Value| {
        let found = have["Condition"]
            .get(operator)
            .and_then(|keys| keys.get(key));
        found.is_some_and(|found| same(found, value))
    };
    let may_be_narrowed = !denies(want) || same(have, want);
    may_be_narrowed
        && without_condition(have) == without_condition(want)
        && wanted.all(|(operator, key, value)| is_met(operator, key, value))
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

    fn trust(more: Value) -> Value {
        let mut statement = json!({"Sid": "Ours", "Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"aws:SourceAccount": "1"}}});
        let fields = statement.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        json!({"Version": "2012-10-17", "Statement": [statement]})
    }

    fn denial() -> Value {
        json!({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole",
            "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}})
    }

    #[test]
    fn more_conditions_and_denials_are_stricter() {
        let ours = trust(json!({}));
        let one_more_key = json!({"Sid": "Theirs", "Condition": {"StringEquals": {"aws:SourceAccount": ["1"], "aws:SourceOrgID": "o-1"}}});
        let one_more_operator = json!({"Condition": {"StringEquals": {"aws:SourceAccount": "1"}, "Bool": {"aws:SecureTransport": "true"}}});
        let mut with_denial = ours.clone();
        with_denial["Statement"]
            .as_array_mut()
            .unwrap()
            .push(denial());
        for stricter in [trust(one_more_key), trust(one_more_operator), with_denial] {
            assert!(is_stricter(&stricter, &ours), "{stricter}");
        }
    }

    #[test]
    fn what_lets_in_more_or_others_is_not_stricter() {
        let ours = trust(json!({}));
        assert!(!is_stricter(&ours, &ours));
        for wider in [
            json!({"Condition": {}}),
            json!({"Condition": {"StringEquals": {"aws:SourceAccount": ["1", "2"]}}}),
            json!({"Condition": {"StringEquals": {"aws:SourceAccount": "2"}, "Bool": {"aws:SecureTransport": "true"}}}),
            json!({"Condition": {"StringLike": {"aws:SourceAccount": "1"}}}),
            json!({"Principal": "*"}),
            json!({"Action": "*"}),
            json!({"Effect": "Deny"}),
            json!({"NotAction": "sts:AssumeRole"}),
        ] {
            assert!(!is_stricter(&trust(wider.clone()), &ours), "{wider}");
        }
        let mut one_more = ours.clone();
        let anyone = json!({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"});
        one_more["Statement"].as_array_mut().unwrap().push(anyone);
        assert!(!is_stricter(&one_more, &ours));
        let only_denial = json!({"Version": "2012-10-17", "Statement": denial()});
        assert!(!is_stricter(&only_denial, &ours));
    }

    #[test]
    fn a_trust_that_lets_ec2_in_is_known() {
        assert!(!lets_ec2_assume(&trust(json!({}))));
        for who in [
            json!("*"),
            json!({"Service": "ec2.amazonaws.com"}),
            json!({"Service": ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com"]}),
        ] {
            assert!(lets_ec2_assume(&trust(json!({"Principal": who}))), "{who}");
            let denial = json!({"Principal": who, "Effect": "Deny"});
            assert!(!lets_ec2_assume(&trust(denial)));
        }
    }

    #[test]
    fn denials_stay_where_the_rest_is_brought_into_line() {
        let ours = trust(json!({}));
        assert_eq!(with_denials(&ours, None), ours);
        assert_eq!(with_denials(&ours, Some(&ours)), ours);
        let mut wide = trust(json!({"Principal": "*"}));
        wide["Statement"].as_array_mut().unwrap().push(denial());
        let mut expected = ours.clone();
        expected["Statement"].as_array_mut().unwrap().push(denial());
        assert_eq!(with_denials(&ours, Some(&wide)), expected);
        assert!(is_stricter(&expected, &ours));
        assert!(only_denies(&json!({"Statement": denial()})));
        assert!(!only_denies(&wide));
        assert!(!only_denies(&json!({})));
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
