//! What is wrong with a field's type, in words that need no knowledge of Rust. Pure.

use serde_json::{Map, Value};

/// The largest number that a message shows: a longer one may be a PIN.
const LARGEST_SHOWN: i64 = 999;

/// Words serde's `why` for a record's fields. `read` answers what serde says of other fields.
///
/// The value is not shown, since it may be secret, unless it is `true`, `false` or a small number.
pub(crate) fn in_words(
    fields: &Map<String, Value>,
    why: &str,
    read: impl Fn(&Map<String, Value>) -> Option<String>,
) -> String {
    if let Some(field) = why.strip_prefix("missing field ") {
        return format!("it lacks {}", field.trim_matches('`'));
    }
    let expected = why.rsplit_once(", expected ").map_or("", |(_, last)| last);
    let fails = |value: &Value| {
        let fields = value.as_object();
        fields.is_some_and(|fields| read(fields).as_deref() == Some(why))
    };
    let all = Value::Object(fields.clone());
    let (path, value) = culprit(&all, &fails);
    format!("{path}: {}", misfit(value, expected))
}

/// The value that is wrong, and how it is reached: `set PORT`, `calls[1]`. It is the last of the fewest
/// with which reading still fails, since serde reads one after the other.
fn culprit<'a>(value: &'a Value, fails: &dyn Fn(&Value) -> bool) -> (String, &'a Value) {
    match value {
        Value::Object(fields) if !fails(&Value::Object(Map::new())) => {
            let mut begin = Map::new();
            for (key, field) in fields {
                begin.insert(key.clone(), field.clone());
                if fails(&Value::Object(begin.clone())) {
                    let (path, value) = culprit(field, &|field| {
                        let mut fields = begin.clone();
                        fields.insert(key.clone(), field.clone());
                        fails(&Value::Object(fields))
                    });
                    return (joined(key, &path), value);
                }
            }
        }
        Value::Array(items) if !fails(&Value::Array(Vec::new())) => {
            for (number, item) in items.iter().enumerate() {
                if fails(&Value::Array(items[..=number].to_vec())) {
                    let (path, value) = culprit(item, &|item| {
                        let begin = items[..number].iter().chain([item]);
                        fails(&Value::Array(begin.cloned().collect()))
                    });
                    return (joined(&format!("[{number}]"), &path), value);
                }
            }
        }
        _ => {}
    }
    (String::new(), value)
}

fn joined(key: &str, path: &str) -> String {
    let is_followed_by_name = !path.is_empty() && !path.starts_with('[');
    let between = if is_followed_by_name { " " } else { "" };
    format!("{key}{between}{path}")
}

fn misfit(value: &Value, expected: &str) -> String {
    let is_wanted_as_text = expected == "a string";
    let kind = match value {
        Value::Null => "null",
        Value::Bool(true) if !is_wanted_as_text => "true",
        Value::Bool(false) if !is_wanted_as_text => "false",
        Value::Bool(_) => "no text",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    let shown = match value {
        Value::Bool(_) => Some(value.to_string()),
        Value::Number(number) if number.as_i64().is_some_and(|it| it.abs() <= LARGEST_SHOWN) => {
            Some(value.to_string())
        }
        _ => None,
    };
    if let (true, Some(shown)) = (is_wanted_as_text, shown) {
        return format!("{shown} is {kind}; write \"{shown}\"");
    }
    let hint = match value {
        Value::Number(_) if is_wanted_as_text => "; write it in quotes",
        Value::String(_) if is_plain(expected) => "; write it without quotes",
        _ => "",
    };
    format!("{kind}, where {} belongs{hint}", words(expected))
}

/// Whether what is expected is written without quotes.
fn is_plain(expected: &str) -> bool {
    expected == "a boolean" || is_number(expected)
}

fn is_number(expected: &str) -> bool {
    let bits = expected.strip_prefix(['u', 'i']);
    bits.is_some_and(|bits| bits == "size" || bits.parse::<u8>().is_ok())
}

/// What serde expects, in words.
fn words(expected: &str) -> String {
    match expected {
        "a string" => "a text".into(),
        "a boolean" => "true or false".into(),
        "a map" => "an object".into(),
        "a sequence" => "a list".into(),
        "u8" => format!("a whole number from 0 to {}", u8::MAX),
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        number if is_number(number) => "a whole number".into(),
        other => match other.strip_prefix("struct ") {
            Some(_) => "an object".into(),
            None => other.replace('`', ""),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::record::Record;
    use crate::types::{App, Env, Unwanted, Vpc};

    fn app(field: &str, value: serde_json::Value) -> String {
        let app = Record::new("app", "web").with("aaa", 1).with(field, value);
        app.parse::<App>().unwrap_err()
    }

    #[test]
    fn what_is_wrong_is_told_by_field_key_and_index() {
        let text = "a number, where a text belongs; write it in quotes";
        for (field, value, why) in [
            (
                "set",
                json!({"A": "x", "MAX_WORKERS": 1, "B": 1}),
                "set MAX_WORKERS: 1 is a number; write \"1\"",
            ),
            (
                "set",
                json!({"A": false}),
                "set A: false is no text; write \"false\"",
            ),
            ("set", json!({"PIN": 5555}), &format!("set PIN: {text}")),
            ("set", json!({"A": 1.5}), &format!("set A: {text}")),
            (
                "set",
                json!({"A": null}),
                "set A: null, where a text belongs",
            ),
            (
                "set",
                json!({"A": ["x"]}),
                "set A: a list, where a text belongs",
            ),
            (
                "set",
                json!("hunter2, expected x"),
                "set: a text, where an object belongs",
            ),
            (
                "set",
                json!(["hunter2"]),
                "set: a list, where an object belongs",
            ),
            (
                "port",
                json!("8080"),
                "port: a text, where a whole number from 0 to 65535 belongs; write it without quotes",
            ),
            (
                "port",
                json!(55555555),
                "port: a number, where a whole number from 0 to 65535 belongs",
            ),
            (
                "port",
                json!(5.5),
                "port: a number, where a whole number from 0 to 65535 belongs",
            ),
            (
                "cpu",
                json!(true),
                "cpu: true, where a whole number from 0 to 4294967295 belongs",
            ),
            (
                "public",
                json!("yes"),
                "public: a text, where true or false belongs; write it without quotes",
            ),
            ("calls", json!("api"), "calls: a text, where a list belongs"),
            (
                "calls",
                json!(["a", true, true]),
                "calls[1]: true is no text; write \"true\"",
            ),
            (
                "calls",
                json!(["a", {"b": 1}]),
                "calls[1]: an object, where a text belongs",
            ),
            ("image", json!(["a"]), "image: a list, where a text belongs"),
        ] {
            assert_eq!(app(field, value), why);
        }
    }

    #[test]
    fn so_it_is_with_records_of_other_types() {
        let vpc = Record::new("vpc", "main").with("cidr", "x");
        let why = vpc.clone().parse::<Vpc>().unwrap_err();
        assert_eq!(why, "it lacks id");
        let vpc = vpc.with("id", "x");
        let why = vpc.clone().with("change", "hunter2");
        let why = why.parse::<Vpc>().unwrap_err();
        assert!(
            why.starts_with("change: a text, where one of kept, created, "),
            "{why}"
        );
        let why = vpc.with("private_subnets", json!(["subnet-1", 7]));
        let why = why.parse::<Vpc>().unwrap_err();
        assert_eq!(why, "private_subnets[1]: 7 is a number; write \"7\"");
        let tags = Record::new("env", "a-b").with("tags", json!({"a": "x", "b": 5555}));
        let why = tags.parse::<Env>().unwrap_err();
        assert_eq!(
            why,
            "tags b: a number, where a text belongs; write it in quotes"
        );
        let unwanted = Record::new("unwanted", "x").with("record", "hunter2");
        let why = unwanted.parse::<Unwanted>().unwrap_err();
        assert_eq!(why, "record: a text, where an object belongs");
    }
}
