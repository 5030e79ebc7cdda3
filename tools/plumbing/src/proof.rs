//! What proves that a record tells of something of this environment: helpers of the tools' checks. Pure.

use serde_json::Value;

use crate::name::could_be;
use crate::record::Record;
use crate::types::Env;

/// Checks whether a record of one of the tool's types can only be of this environment, and answers how
/// that is known. Pure. Errors: it is something else; what is said follows the record's type and name.
pub type Check = fn(&Env, &Record) -> Result<Proof, String>;

/// How it is known that what a record tells of is the environment's.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// By what it is called, which nothing else can be.
    Name,
    /// Only by a look-up: what the tool finds by the environment's tag has to say the same, but for
    /// these fields, which may change between two runs.
    LookUp(&'static [&'static str]),
}

/// What a record tells of the run that wrote it.
const OF_A_RUN: [&str; 2] = ["change", "changes"];

/// What the ID of something begins with that a dry run would make.
const PLANNED: &str = "planned:";

/// Proves a record by what follows from its name: these fields must say the same as in `expected`.
pub fn by_name(record: &Record, expected: &Record, fields: &[&str]) -> Result<Proof, String> {
    refuse_adopted(record)?;
    for field in fields {
        let value = record.text(field);
        let expected = expected.text(field);
        if value != expected {
            return Err(format!(
                "has {field} {value}, and this environment's is {expected}"
            ));
        }
    }
    Ok(Proof::Name)
}

/// What something is called in AWS by its record: what follows from the record's name; or that name
/// itself, where it could be ours and its tags do not tell what it is for.
pub fn called(env: &Env, record: &Record, kind: &str, limit: usize, from_name: String) -> String {
    let name = record.name();
    if name != from_name && could_be(name, kind, &env.name, limit) {
        return name.to_string();
    }
    from_name
}

/// Proves a record by what AWS chose, such as IDs: the tool's own look-up has to find all that it says,
/// but for the fields that may change between two runs.
pub fn by_look_up(
    env: &Env,
    record: &Record,
    may_change: &'static [&'static str],
) -> Result<Proof, String> {
    refuse_adopted(record)?;
    for value in record.0.values() {
        for text in texts(value) {
            is_planned(env, text)?;
        }
    }
    let (_, id) = identity(record);
    if is_planned(env, id)? {
        return Ok(Proof::Name);
    }
    Ok(Proof::LookUp(may_change))
}

/// What a record says otherwise than all that was found; nothing where it agrees with one of these.
pub(crate) fn disagreement(
    record: &Record,
    found: &[Record],
    may_change: &[&str],
) -> Option<String> {
    let (field, id) = identity(record);
    let mut first = None;
    for one in found {
        if one.kind() != record.kind() || one.text(field) != id {
            continue;
        }
        let why = match differing_field(record, one, may_change) {
            None => return None,
            Some("name") => format!("has {field} {id}, which is of '{}'", one.name()),
            Some(other) => format!("has another {other} than what is there with {field} {id}"),
        };
        first.get_or_insert(why);
    }
    let unknown = || format!("has {field} {id}, which is not among this environment's");
    Some(first.unwrap_or_else(unknown))
}

/// The field that tells which resource a record is of, and what it says.
fn identity(record: &Record) -> (&'static str, &str) {
    let field = if record.0.contains_key("id") {
        "id"
    } else {
        "arn"
    };
    (field, record.text(field))
}

/// The first field that both have and in which they differ.
fn differing_field<'a>(record: &'a Record, found: &Record, may_change: &[&str]) -> Option<&'a str> {
    let mut fields = record.0.iter();
    let (field, _) = fields.find(|(field, value)| {
        let is_free = OF_A_RUN.contains(&field.as_str()) || may_change.contains(&field.as_str());
        let said = found.0.get(*field);
        !is_free && said.is_some_and(|said| !is_said(value, said))
    })?;
    Some(field)
}

/// Whether what was found says a value. Of a list that may have grown since, it says each part.
fn is_said(value: &Value, said: &Value) -> bool {
    match (value, said) {
        (Value::Array(parts), Value::Array(said)) => {
            let mut parts = parts.iter();
            parts.all(|part| said.iter().any(|said| is_said(part, said)))
        }
        (Value::String(text), _) if text.starts_with(PLANNED) => true, // a dry run
        _ => value == said,
    }
}

/// The texts of a value, and of a list.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(parts) => parts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether an ID stands for what a dry run would make.
///
/// Errors: this is no dry run.
pub fn is_planned(env: &Env, id: &str) -> Result<bool, String> {
    if !id.starts_with(PLANNED) {
        return Ok(false);
    }
    if env.plan {
        return Ok(true);
    }
    Err(format!("has ID {id}, which only a dry run knows"))
}

/// Refuses a record of something of somebody else's, for a tool that takes none.
pub fn refuse_adopted(record: &Record) -> Result<(), String> {
    match record.0.get("adopted") {
        None | Some(Value::Bool(false)) => Ok(()),
        Some(_) => Err("is adopted, and its tool takes nothing that is somebody else's".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(arn: &str) -> Record {
        Record::new("role", "build/web").with("arn", arn)
    }

    #[test]
    fn another_name_than_the_records_own_is_no_proof() {
        assert_eq!(by_name(&role("a"), &role("a"), &["arn"]), Ok(Proof::Name));
        assert_eq!(
            by_name(&role("b"), &role("a"), &["arn"]),
            Err("has arn b, and this environment's is a".into())
        );
        let adopted = role("a").with("adopted", true);
        assert!(by_name(&adopted, &role("a"), &["arn"]).is_err());
    }

    #[test]
    fn what_a_dry_run_would_make_is_not_looked_for() {
        let mut env = Env::example();
        let sg = |id: &str| Record::new("sg", "alb/web").with("id", id);
        let look_up = Ok(Proof::LookUp(&[]));
        assert_eq!(by_look_up(&env, &sg("sg-1"), &[]), look_up);
        let planned = sg("planned:x");
        let vpc = Record::new("vpc", "main").with("id", "vpc-1");
        let vpc = vpc.with("public_subnets", vec!["subnet-1", "planned:y"]);
        assert!(by_look_up(&env, &planned, &[]).is_err());
        assert!(by_look_up(&env, &vpc, &[]).is_err());
        env.plan = true;
        assert_eq!(by_look_up(&env, &planned, &[]), Ok(Proof::Name));
        assert_eq!(by_look_up(&env, &vpc, &[]), look_up);
        let found = vpc.clone().with("public_subnets", vec!["subnet-1"]);
        assert_eq!(disagreement(&vpc, &[found], &[]), None);
    }

    #[test]
    fn a_record_says_what_was_found_in_every_field_that_stays() {
        let alb = |name: &str, arn: &str, dns: &str| {
            let record = Record::new("alb", name).with("arn", arn);
            record.with("dns", dns)
        };
        let found = [alb("web", "1", "one"), alb("api", "2", "two")];
        let told = |record: Record, may_change: &[&str]| disagreement(&record, &found, may_change);
        let web = alb("web", "1", "one");
        assert_eq!(told(web.clone(), &[]), None);
        let kept = web.clone().with("change", "kept").with("mine", 5);
        assert_eq!(told(kept, &[]), None);
        for (record, why) in [
            (
                alb("web", "1", "evil"),
                "has another dns than what is there with arn 1",
            ),
            (alb("web", "2", "two"), "has arn 2, which is of 'api'"),
            (
                alb("web", "3", "one"),
                "has arn 3, which is not among this environment's",
            ),
            (
                Record::new("alb", "web"),
                "has arn , which is not among this environment's",
            ),
        ] {
            assert_eq!(told(record.clone(), &[]), Some(why.into()), "{record:?}");
        }
        assert_eq!(told(alb("web", "2", "x"), &["name", "dns"]), None);
    }

    #[test]
    fn a_list_may_have_grown_and_is_of_its_own_parts() {
        let vpc = |subnets: &[&str]| {
            let record = Record::new("vpc", "main").with("id", "vpc-1");
            record.with("public_subnets", subnets)
        };
        let found = [vpc(&["a", "b"])];
        assert_eq!(disagreement(&vpc(&["a"]), &found, &[]), None);
        assert!(disagreement(&vpc(&["a", "c"]), &found, &[]).is_some());
    }
}
