//! A record as a person reads it. Pure.

use serde_json::Value;

use super::text::short;
use crate::record::Record;

/// Where a record says what it is, in the order in which that is worth telling.
const TELLING: [&str; 14] = [
    "dns", "id", "image", "group", "uri", "bucket", "project", "function", "pipeline", "rule",
    "arn", "by", "url", "value",
];

/// Which thing it is: `task definition web`.
pub(crate) fn what(record: &Record) -> String {
    match record.text("what") {
        "" => format!("{} {}", record.kind().replace('_', " "), record.name()),
        what => what.to_string(),
    }
}

/// What a person wants to know of it, in a few words; long IDs are whole where that is asked for.
pub(crate) fn told(record: &Record, is_whole: bool) -> String {
    let told = match record.kind() {
        "app" => app(record),
        "surplus" => String::new(), // what it is says all
        "source" => ["repository", "branch"]
            .map(|field| record.text(field))
            .join(" "),
        "vpc" => ["id", "cidr"].map(|field| record.text(field)).join(" "),
        "alb" => ["dns", "scheme"].map(|field| record.text(field)).join(" "),
        _ => {
            let mut told = TELLING.iter().map(|field| record.text(field));
            told.find(|text| !text.is_empty())
                .unwrap_or_default()
                .to_string()
        }
    };
    // What does not exist yet has no ID.
    let words = told
        .split(' ')
        .filter(|word| !word.is_empty() && !word.starts_with("planned:"));
    let told = words.collect::<Vec<_>>().join(" ");
    if is_whole { told } else { short(&told) }
}

fn app(record: &Record) -> String {
    let mut told = vec![match record.0.get("port") {
        Some(port) => format!("port {port}"),
        None => String::new(),
    }];
    if record.0.get("public") == Some(&Value::Bool(true)) {
        told.push("public".into());
    }
    let calls = record.0.get("calls").and_then(Value::as_array);
    let calls = calls.into_iter().flatten().filter_map(Value::as_str);
    told.extend(calls.map(|name| format!("calls {name}")));
    told.extend(["image", "context"].map(|field| record.text(field).to_string()));
    told.retain(|text| !text.is_empty());
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_is_told_in_a_few_words() {
        let alb = Record::new("alb", "web")
            .with("arn", "arn:aws:x")
            .with("dns", "web.elb");
        assert_eq!(
            told(&alb.with("scheme", "internal"), false),
            "web.elb internal"
        );
        let role = Record::new("role", "execution/web").with("arn", "arn:aws:iam::1:role/a/role-x");
        assert_eq!(told(&role, false), "role-x");
        assert_eq!(told(&role, true), "arn:aws:iam::1:role/a/role-x");
        assert_eq!(
            told(
                &Record::new("subnet", "a").with("id", "planned:subnet/a"),
                false
            ),
            ""
        );
        let app = Record::new("app", "web")
            .with("port", 5000)
            .with("public", true);
        let app = app.with("calls", json!(["api"])).with("image", "web:1");
        assert_eq!(told(&app, false), "port 5000, public, calls api, web:1");
        let surplus = Record::new("surplus", "rule/1").with("what", "rule tcp 1");
        assert_eq!(what(&surplus), "rule tcp 1");
        assert_eq!(
            what(&Record::new("task_definition", "web")),
            "task definition web"
        );
    }
}
