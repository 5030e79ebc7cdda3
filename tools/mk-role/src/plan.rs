//! What a role should be, what is there, and what follows. Pure.
//!
//! What a role may do stands in `policies/`, one file for the trust and one for the permissions of
//! each kind of role, with `${placeholders}`.

use std::collections::BTreeMap;

use plumbing::name::ROLE_LIMIT;
use plumbing::{Difference, Env, Error, Record, Result, Role};
use serde_json::Value;

/// The tag that says which role it is, `execution/web`: a name may be cut.
pub const ROLE: &str = "plumbline:role";

const EXECUTION_TRUST: &str = include_str!("../policies/execution-trust.json");
const EXECUTION: &str = include_str!("../policies/execution.json");

/// A role as it is to be.
#[derive(Clone, Debug)]
pub struct Want {
    /// Its record's name: `execution/web`.
    pub name: String,
    /// Its name in IAM.
    pub role: String,
    /// What it is for, in ASCII.
    pub description: String,
    /// Who may assume it, and when.
    pub trust: Value,
    /// The name of its inline policy.
    pub policy_name: &'static str,
    /// What it may do.
    pub policy: Value,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// A role that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Have {
    /// Its path.
    pub path: String,
    /// Who may assume it; nothing where that is no JSON.
    pub trust: Option<Value>,
    /// What its inline policy lets it do.
    pub policy: Option<Value>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What is to be done about a role.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// Make it.
    Create,
    /// Bring it into line in these fields; none: keep it.
    Change(Vec<Difference>),
}

/// What one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The trust policy.
    Trust,
    /// The inline policy.
    Policy,
    /// The tags.
    Tags,
}

/// The role with which ECS pulls an app's image and writes its log.
///
/// An image from a registry that is not ECR's needs no right at all.
pub fn execution(env: &Env, app: &str) -> Result<Want> {
    // Roles are the account's, not the region's: two environments of one name differ in the region.
    let role = env.named("role", &format!("execution-{app}-{}", env.region), ROLE_LIMIT);
    let name = format!("execution/{app}");
    let repository = env.arn("ecr", &format!("repository/{}", env.repository_name(app)));
    let log_group = env.arn("logs", &format!("log-group:{}", env.log_group_name(app)));
    let values = [
        ("account", env.account.as_str()),
        ("region", &env.region),
        ("partition", env.partition()),
        ("repository", &repository),
        ("log_group", &log_group),
    ];
    let mut tags = env.tags_of(&role);
    tags.push((ROLE.into(), name.clone()));
    Ok(Want {
        description: format!("Pulls the image and writes the log of {app} in {}", env.name),
        trust: fill(EXECUTION_TRUST, &values)?,
        policy_name: "execution",
        policy: fill(EXECUTION, &values)?,
        name,
        role,
        tags,
    })
}

/// Fills a template's `${placeholders}`.
///
/// Errors: a placeholder is not among the values, or never ends; the result is no JSON.
pub fn fill(template: &str, values: &[(&str, &str)]) -> Result<Value> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        let end = after.split_once('}');
        let Some((key, after)) = end else { return Err(Error::refused("a placeholder of the policy never ends")) };
        let value = values.iter().find(|(known, _)| *known == key).map(|(_, value)| *value);
        let value = value.ok_or_else(|| Error::refused(format!("the policy's placeholder ${{{key}}} is not known")))?;
        text.push_str(before);
        text.push_str(value);
        rest = after;
    }
    text.push_str(rest);
    serde_json::from_str(&text).map_err(|why| Error::refused(format!("the filled policy is no JSON: {why}")))
}

/// Decides what is to be done.
///
/// Errors: a role of that name is there and not the environment's, or has another path.
pub fn step(env: &Env, want: &Want, have: Option<&Have>) -> Result<Step> {
    let Some(have) = have else { return Ok(Step::Create) };
    if !env.owns(&have.tags) {
        return Err(foreign(env, &want.role));
    }
    if have.path != path(env) {
        return Err(Error::refused(format!(
            "role {} has path {}, wanted {}; a path cannot be changed",
            want.role,
            have.path,
            path(env)
        ))
        .hint("delete the role and run the pipeline again"));
    }
    let document = |field: &str, have: &Option<Value>, want: &Value| {
        let old = have.as_ref().map_or("none".to_string(), Value::to_string);
        let same = have.as_ref().is_some_and(|have| same(have, want));
        (!same).then(|| Difference { field: field.into(), old, new: want.to_string() })
    };
    let documents = [document("trust", &have.trust, &want.trust), document("policy", &have.policy, &want.policy)];
    let tags = Difference::of_tags(&have.tags, &want.tags);
    Ok(Step::Change(documents.into_iter().flatten().chain(tags).collect()))
}

/// The calls that bring differences into line, each once.
pub fn fields(differences: &[Difference]) -> Vec<Field> {
    let field = |difference: &Difference| match difference.field.as_str() {
        "trust" => Field::Trust,
        "policy" => Field::Policy,
        _ => Field::Tags,
    };
    let mut fields: Vec<Field> = differences.iter().map(field).collect();
    fields.dedup(); // the tags come last and together
    fields
}

/// What is said of a role that is not the environment's.
pub fn foreign(env: &Env, role: &str) -> Error {
    Error::refused(format!("role {role} exists and is not tagged plumbline:env={}; it is left alone", env.name))
        .hint("delete it, or name the environment or the app otherwise")
}

/// Whether two policies say the same: the order of fields and of lists of words says nothing, and
/// a list of one is that one.
fn same(a: &Value, b: &Value) -> bool {
    canonical(a) == canonical(b)
}

fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), canonical(value))).collect(),
        Value::Array(items) => match items.iter().map(Value::as_str).collect::<Option<Vec<&str>>>() {
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
pub fn document(encoded: &str) -> Option<Value> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = (byte == b'%').then(|| after.get(..2)).flatten().and_then(|hex| std::str::from_utf8(hex).ok());
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

/// The path of all the environment's roles, so that one listing by path finds them and no others.
pub fn path(env: &Env) -> String {
    format!("/plumbline/{}/{}/", env.region, env.name)
}

/// A role's ARN.
pub fn arn(env: &Env, role: &str) -> String {
    format!("arn:{}:iam::{}:role{}{role}", env.partition(), env.account, path(env))
}

/// A role's record.
pub fn record(name: &str, arn: &str) -> Record {
    Record::of(&Role { name: name.into(), arn: arn.into(), ..Role::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012","tags":{"Team":"devops"}}"#;
        serde_json::from_str(text).unwrap()
    }

    fn want() -> Want {
        execution(&env(), "web").unwrap()
    }

    fn ours() -> Have {
        let want = want();
        let tags = want.tags.into_iter().collect();
        Have { path: path(&env()), trust: Some(want.trust), policy: Some(want.policy), tags }
    }

    fn differing(have: &Have) -> Vec<String> {
        match step(&env(), &want(), Some(have)).unwrap() {
            Step::Create => panic!("create"),
            Step::Change(differences) => differences.into_iter().map(|difference| difference.field).collect(),
        }
    }

    /// Every statement as effect, actions, resource and condition: nothing hides in another field.
    fn rights(policy: &Value) -> Vec<(String, Vec<String>, Value, Value)> {
        let words = |value: &Value| match value {
            Value::String(word) => vec![word.clone()],
            list => list.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_string()).collect(),
        };
        let statements = policy["Statement"].as_array().unwrap().iter();
        statements
            .map(|s| {
                let known = ["Sid", "Effect", "Action", "Resource", "Condition", "Principal"];
                assert!(s.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{s}");
                (
                    s["Effect"].as_str().unwrap().into(),
                    words(&s["Action"]),
                    s["Resource"].clone(),
                    s["Condition"].clone(),
                )
            })
            .collect()
    }

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| word.to_string()).collect()
    }

    #[test]
    fn an_execution_role_pulls_one_image_and_writes_one_log_and_no_more() {
        let allow = || "Allow".to_string();
        assert_eq!(
            rights(&want().policy),
            [
                (allow(), strings(&["ecr:GetAuthorizationToken"]), json!("*"), Value::Null),
                (
                    allow(),
                    strings(&["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]),
                    json!("arn:aws:ecr:us-east-1:123456789012:repository/repo-web-production-pr1"),
                    Value::Null
                ),
                (
                    allow(),
                    strings(&["logs:CreateLogStream", "logs:PutLogEvents"]),
                    json!("arn:aws:logs:us-east-1:123456789012:log-group:/ecs/production-pr1/web:*"),
                    Value::Null
                ),
            ]
        );
    }

    #[test]
    fn only_tasks_of_this_account_and_region_assume_an_execution_role() {
        let trust = want().trust;
        let condition = json!({
            "StringEquals": {"aws:SourceAccount": "123456789012"},
            "ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-east-1:123456789012:*"},
        });
        assert_eq!(rights(&trust), [("Allow".to_string(), strings(&["sts:AssumeRole"]), Value::Null, condition)]);
        assert_eq!(trust["Statement"][0]["Principal"], json!({"Service": "ecs-tasks.amazonaws.com"}));
    }

    #[test]
    fn other_partitions_have_their_own_arns() {
        let env = Env { region: "cn-north-1".into(), ..env() };
        let want = execution(&env, "web").unwrap();
        assert!(!format!("{} {} {}", want.trust, want.policy, arn(&env, &want.role)).contains("arn:aws:"));
    }

    #[test]
    fn the_policies_fit_what_iam_takes_also_with_the_longest_names() {
        let suffix = "s".repeat(32);
        let env =
            Env { name: format!("{}-{suffix}", "e".repeat(32)), suffix, region: "ap-southeast-1".into(), ..env() };
        let want = execution(&env, &"a".repeat(32)).unwrap();
        assert_eq!(want.role.len(), ROLE_LIMIT);
        assert!(want.trust.to_string().len() <= 2048 && want.policy.to_string().len() <= 10240);
        assert!(want.description.is_ascii() && want.description.len() <= 1000);
        assert!(path(&env).len() <= 512);
    }

    #[test]
    fn an_unknown_or_open_placeholder_is_refused() {
        let values = [("region", "us-east-1")];
        assert_eq!(fill(r#"{"a":"${region}:${region}"}"#, &values).unwrap(), json!({"a": "us-east-1:us-east-1"}));
        let unknown = fill(r#"{"a":"${bucket}"}"#, &values).unwrap_err();
        assert_eq!(unknown.message, "the policy's placeholder ${bucket} is not known");
        assert_eq!(fill(r#"{"a":"${region"#, &values).unwrap_err().message, "a placeholder of the policy never ends");
        assert!(fill(r#"{"a":"#, &values).unwrap_err().message.starts_with("the filled policy is no JSON"));
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_as_wanted_is_kept() {
        assert_eq!(step(&env(), &want(), None).unwrap(), Step::Create);
        assert_eq!(differing(&ours()), Vec::<String>::new());
    }

    #[test]
    fn the_order_of_actions_and_a_list_of_one_are_no_difference() {
        let mut have = ours();
        let policy = have.policy.as_mut().unwrap();
        policy["Statement"][0]["Resource"] = json!(["*"]);
        policy["Statement"][2]["Action"] = json!(["logs:PutLogEvents", "logs:CreateLogStream"]);
        assert_eq!(differing(&have), Vec::<String>::new());
    }

    #[test]
    fn one_more_right_or_a_wider_trust_is_a_difference() {
        let mut have = ours();
        have.policy.as_mut().unwrap()["Statement"][1]["Resource"] = json!("*");
        have.trust.as_mut().unwrap()["Statement"][0].as_object_mut().unwrap().remove("Condition");
        have.tags.insert("Team".into(), "nobody".into());
        have.tags.remove(ROLE);
        assert_eq!(differing(&have), ["trust", "policy", "tag Team", "tag plumbline:role"]);
        assert_eq!(differing(&Have { policy: None, ..ours() }), ["policy"]);
        let Step::Change(differences) = step(&env(), &want(), Some(&have)).unwrap() else { panic!() };
        assert_eq!(fields(&differences), [Field::Trust, Field::Policy, Field::Tags]);
    }

    #[test]
    fn a_role_without_our_tag_or_elsewhere_is_refused() {
        let error = step(&env(), &want(), Some(&Have { tags: BTreeMap::new(), ..ours() })).unwrap_err();
        assert_eq!(
            error.message,
            "role role-execution-web-us-east-1-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone"
        );
        let error = step(&env(), &want(), Some(&Have { path: "/".into(), ..ours() })).unwrap_err();
        assert_eq!(
            error.message,
            "role role-execution-web-us-east-1-production-pr1 has path /, wanted /plumbline/us-east-1/production-pr1/; a path cannot be changed"
        );
    }

    #[test]
    fn a_document_is_read_as_iam_writes_it() {
        assert_eq!(document("%7B%22a%22%3A%20%22b%2Bc+%c3%a4%22%7D"), Some(json!({"a": "b+c+ä"})));
        assert_eq!(document(r#"{"a":"100%"}"#), Some(json!({"a": "100%"})));
        assert_eq!(document("%7B"), None);
    }

    #[test]
    fn a_record_holds_name_and_arn() {
        let arn = arn(&env(), &want().role);
        assert_eq!(
            serde_json::to_string(&record("execution/web", &arn)).unwrap(),
            r#"{"type":"role","name":"execution/web","arn":"arn:aws:iam::123456789012:role/plumbline/us-east-1/production-pr1/role-execution-web-us-east-1-production-pr1"}"#
        );
    }
}
