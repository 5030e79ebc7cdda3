//! What is in an account, told so that two of the same are told alike.

use std::collections::BTreeMap;

use support::{Account, LocalAws, Resource, Value, json, text};

/// A line for each thing in an account and region, whoever made it: all that AWS tells of it but what
/// differs between two of the same (IDs, times, addresses).
pub fn snapshot(aws: &LocalAws, region: &str) -> Vec<String> {
    let resources = Account::new(aws, region).resources();
    resources.iter().map(line).collect()
}

fn line(resource: &Resource) -> String {
    let item = if resource.kind == "network interface" {
        interface(&resource.item)
    } else {
        resource.item.clone()
    };
    let answers = std::iter::once(&item).chain(&resource.details);
    let answers: Vec<String> = answers.map(|answer| plain(answer).to_string()).collect();
    format!("{}: {}", resource.kind, answers.join(" "))
}

/// Whose it is, without the ID of that; what it is protected by, and what state it is in.
fn interface(item: &Value) -> Value {
    let description = text(&item["Description"]).rsplit_once(['/', ' ']);
    let whose = description.map(|(whose, _)| whose);
    json!([whose, item["Groups"], item["Status"]])
}

/// A value without what differs between two of the same, and its fields and lists in one order.
fn plain(value: &Value) -> Value {
    const DIFFERENT: [&str; 15] = [
        "At",
        "Bytes",
        "Time",
        "Date",
        "Modified",
        "created",
        "updated",
        "Address",
        "Addresses",
        "DnsName",
        "Ip",
        "RoleId",
        "revision",
        "deployments",
        "events",
    ];
    match value {
        Value::Object(fields) => {
            let mut same: BTreeMap<String, Value> = BTreeMap::new();
            for (key, value) in fields {
                if !DIFFERENT.iter().any(|end| key.ends_with(end)) {
                    same.insert(key.clone(), plain(value));
                }
            }
            same.into_iter().collect()
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(plain).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        Value::String(string) => without_ids(string).into(),
        other => other.clone(),
    }
}

/// A text with `#` for each ID in it, and without the number of a task definition's revision.
fn without_ids(string: &str) -> String {
    let mut words = String::new();
    let mut after_id = false;
    for word in string.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        after_id = is_id(word, if after_id { 4 } else { 8 }); // a UUID goes on in fours
        words += if after_id { "#" } else { word };
    }
    match words.rsplit_once(':') {
        Some((family, number)) if family.contains(":task-definition/") && number != "*" => {
            family.to_string()
        }
        _ => words,
    }
}

/// `0a1b2c3d4e5f60718`, and not `ap`, `production` or the account.
fn is_id(word: &str, least: usize) -> bool {
    let word = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    word.len() >= least && word.chars().all(|c| c.is_ascii_hexdigit()) && word != "123456789012"
}

/// Panics with what is too much (`+`) and what is missing (`-`), each from where it begins to differ.
pub fn assert_same(found: &[String], wanted: &[String], what: &str) {
    let mut counts: BTreeMap<&str, i32> = BTreeMap::new();
    for line in found {
        *counts.entry(line).or_default() += 1;
    }
    for line in wanted {
        *counts.entry(line).or_default() -= 1;
    }
    counts.retain(|_, count| *count != 0);
    let mut differences = Vec::new();
    for (line, count) in &counts {
        differences.push(difference(line, *count, &counts));
    }
    assert!(
        differences.is_empty(),
        "after {what}, too much (+) and missing (-):\n{}",
        differences.join("\n")
    );
}

fn difference(line: &str, count: i32, counts: &BTreeMap<&str, i32>) -> String {
    let mut shared = 0;
    for (other, other_count) in counts {
        if other_count.signum() != count.signum() {
            shared = shared.max(common(line, other));
        }
    }
    let begin: String = line.chars().take(120).collect();
    let rest = line.chars().skip(shared.saturating_sub(60).max(120));
    let rest: String = rest.take(200).collect();
    format!("{count:+} {begin} … {rest}")
}

/// How many bytes two texts begin with alike.
fn common(a: &str, b: &str) -> usize {
    let pairs = a.bytes().zip(b.bytes());
    pairs.take_while(|(a, b)| a == b).count()
}
