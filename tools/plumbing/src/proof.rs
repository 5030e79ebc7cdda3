//! What proves that a record tells of something of this environment: helpers of the tools' checks. Pure.

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
    /// Only by a look-up: the tool has to find these IDs by the environment's tag.
    Ids(Vec<String>),
}

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

/// Proves a record by IDs that AWS chose: the tool's own look-up has to find them.
pub fn by_ids<'a>(
    env: &Env,
    record: &Record,
    ids: impl IntoIterator<Item = &'a str>,
) -> Result<Proof, String> {
    refuse_adopted(record)?;
    let mut to_find = Vec::new();
    for id in ids {
        if !is_planned(env, id)? {
            to_find.push(id.to_string());
        }
    }
    if to_find.is_empty() {
        return Ok(Proof::Name);
    }
    Ok(Proof::Ids(to_find))
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
        None | Some(serde_json::Value::Bool(false)) => Ok(()),
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
    fn ids_are_to_be_found_but_for_those_of_a_dry_run() {
        let record = Record::new("sg", "alb/web");
        let mut env = Env::example();
        assert_eq!(
            by_ids(&env, &record, ["sg-1"]),
            Ok(Proof::Ids(vec!["sg-1".into()]))
        );
        assert!(by_ids(&env, &record, ["planned:x"]).is_err());
        env.plan = true;
        assert_eq!(by_ids(&env, &record, ["planned:x"]), Ok(Proof::Name));
    }
}
