//! What proves that a `role` record tells of this environment's role: its name, which no other role of the
//! account has, on whatever path. Pure.

use plumbing::{Env, Proof, Record, Role, proof};

use crate::name::role_name;
use crate::placing::{Placing, before, is_path};
use crate::purpose::Purpose;

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    let name = record.name();
    let role = match name.split_once('/') {
        Some((word, of)) => match Purpose::of_word(word) {
            Some(purpose) => role_name(env, purpose, of),
            None => return Err(format!("is for '{word}', which no role here is")),
        },
        // The tag that says what it is for is lost: its record has its own name.
        None => name.to_string(),
    };
    let expected = Record::of(&Role {
        name: name.into(),
        arn: placing(env, record.text("arn")).arn(env, &role),
        ..Role::default()
    });
    proof::by_name(record, &expected, &["arn"])
}

/// Where the roles are by a role's ARN; where they are unless said otherwise if it says no such place.
fn placing(env: &Env, arn: &str) -> Placing {
    let end = Placing::default().path(env);
    let path = arn.find(":role/").map(|at| &arn[at + ":role".len()..]);
    let path = path.and_then(|path| Some(&path[..=path.rfind('/')?]));
    let said = path.filter(|path| is_path(env, path));
    let said = said.and_then(|path| before(&path[..path.len() - end.len() + 1]).ok());
    Placing {
        before: said.unwrap_or_else(|| "/".into()),
        boundary: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_known_by_its_name_on_whatever_path() {
        let env = Env::example();
        let role = "role-execution-web-us-east-1-production-pr1";
        let checked = |arn: &str| {
            let record = Record::new("role", "execution/web").with("arn", arn);
            check(&env, &record)
        };
        for path in ["", "team/", "a/b/"] {
            let arn = format!(
                "arn:aws:iam::123456789012:role/{path}plumbline/us-east-1/production-pr1/{role}"
            );
            assert_eq!(checked(&arn), Ok(Proof::Name), "{arn}");
        }
        for arn in [
            format!("arn:aws:iam::123456789012:role/{role}"),
            format!("arn:aws:iam::123456789012:role/team/{role}"),
            format!("arn:aws:iam::210987654321:role/plumbline/us-east-1/production-pr1/{role}"),
            format!("arn:aws:iam::123456789012:role/plumbline/us-east-1/production-pr2/{role}"),
            format!("arn:aws:iam::123456789012:role/*/plumbline/us-east-1/production-pr1/{role}"),
            format!("arn:aws:iam::123456789012:role/plumbline/us-east-1/production-pr1/x{role}"),
            String::new(),
        ] {
            assert!(checked(&arn).is_err(), "{arn}");
        }
        let task = "role-task-web-us-east-1-production-pr1";
        let arn = Placing::default().arn(&env, task);
        let record = Record::new("role", "task/web").with("arn", arn);
        assert_eq!(check(&env, &record), Ok(Proof::Name));
    }
}
