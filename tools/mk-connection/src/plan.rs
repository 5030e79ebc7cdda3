//! Which connection is the environment's, and what follows. Pure.

use std::collections::BTreeMap;

use plumbing::{Connection, Env, Error, Record, Result};

/// The tag that says when a connection was made, in microseconds since 1970: AWS does not tell.
pub const MADE: &str = "plumbline:made";

/// The status of a connection that a person has finished.
pub const AVAILABLE: &str = "AVAILABLE";

/// A connection that somebody made and that is to be used.
#[derive(Clone, Debug, PartialEq)]
pub enum Adopt {
    /// By its ARN.
    Arn(String),
    /// By its name, which must be the only one.
    Name(String),
}

/// Reads `--adopt`.
pub fn adopt(text: &str) -> Result<Adopt, String> {
    let fields: Vec<&str> = text.split(':').collect();
    match fields[..] {
        [
            "arn",
            _,
            "codeconnections" | "codestar-connections",
            _,
            _,
            id,
        ] if is_id(id) => Ok(Adopt::Arn(text.into())),
        [name] if !name.is_empty() && name.len() <= 32 && name.bytes().all(is_plain) => {
            Ok(Adopt::Name(name.into()))
        }
        _ => Err("it is the ARN or the name of a connection".into()),
    }
}

fn is_id(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    id.strip_prefix("connection/")
        .is_some_and(|id| !id.is_empty() && id.bytes().all(plain))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.@ ".contains(&byte)
}

/// A connection that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Have {
    /// Its name.
    pub name: String,
    /// Its ARN, under either of the service's two prefixes.
    pub arn: String,
    /// `PENDING`, `AVAILABLE` or `ERROR`.
    pub status: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// Make one.
    Create,
    /// Keep this one.
    Keep(Have),
}

/// Decides among the connections of the environment's name.
///
/// Errors: they are all somebody else's.
pub fn step(env: &Env, name: &str, found: Vec<Have>) -> Result<Step> {
    let foreign_ones = !found.is_empty();
    match elect(found.into_iter().filter(|have| env.owns(&have.tags))) {
        Some(have) => Ok(Step::Keep(have)),
        None if foreign_ones => Err(foreign(env, name)),
        None => Ok(Step::Create),
    }
}

/// Of several connections, which AWS does not keep from having one name, every run takes the same:
/// one that is finished, else the one that was made first.
pub fn elect(found: impl Iterator<Item = Have>) -> Option<Have> {
    let made = |have: &Have| {
        have.tags
            .get(MADE)
            .and_then(|made| made.parse::<u64>().ok())
            .unwrap_or(u64::MAX)
    };
    found.min_by_key(|have| (have.status != AVAILABLE, made(have), have.arn.clone()))
}

/// The others of ours, which runs at the same time made: nobody has finished them.
pub fn losers(env: &Env, found: &[Have], stays: &Have) -> Vec<String> {
    let loses =
        |have: &&Have| env.owns(&have.tags) && have.arn != stays.arn && have.status == "PENDING";
    found
        .iter()
        .filter(loses)
        .map(|have| have.arn.clone())
        .collect()
}

/// The connection of a name that is to be adopted.
///
/// Errors: there are two.
pub fn named(found: &[Have], name: &str) -> Result<Option<Have>> {
    let all: Vec<&Have> = found.iter().filter(|have| have.name == name).collect();
    match all[..] {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        _ => {
            let arns: Vec<&str> = all.iter().map(|have| have.arn.as_str()).collect();
            Err(Error::refused(format!(
                "several connections are named {name}: {}",
                arns.join(", ")
            ))
            .hint("give the ARN of one to --adopt"))
        }
    }
}

/// Refuses a connection of another account or region: a pipeline reads through one of its own.
pub fn belongs(env: &Env, arn: &str) -> Result<()> {
    let fields: Vec<&str> = arn.split(':').collect();
    match fields[..] {
        [_, _, _, region, account, ..] if (region, account) == (&env.region, &env.account) => {
            Ok(())
        }
        _ => Err(Error::usage(format!(
            "connection {arn} is not in account {} and region {}, where the environment is",
            env.account, env.region
        ))),
    }
}

/// What is said where the connection that is to be adopted is not there.
pub fn absent(env: &Env, adopt: &Adopt) -> Error {
    let (Adopt::Arn(what) | Adopt::Name(what)) = adopt;
    Error::refused(format!(
        "there is no connection {what} in account {} and region {}",
        env.account, env.region
    ))
    .hint("aws codeconnections list-connections shows those that are there")
}

/// What is said of a connection that is not the environment's.
pub fn foreign(env: &Env, name: &str) -> Error {
    Error::refused(format!(
        "connection {name} exists and is not tagged plumbline:env={}; it is left alone",
        env.name
    ))
    .hint(format!("mk-connection --adopt {name} uses it as it is"))
}

/// What a person has to do: no API finishes the handshake with GitHub.
pub fn where_to_click(env: &Env, name: &str) -> String {
    let host = match env.partition() {
        "aws-cn" => "console.amazonaws.cn",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    };
    format!(
        "open https://{host}/codesuite/settings/connections?region={}, choose {name} and 'Update pending connection'",
        env.region
    )
}

/// The connection's record.
pub fn record(have: &Have, adopted: bool) -> Record {
    Record::of(&Connection {
        name: "github".into(),
        arn: have.arn.clone(),
        status: have.status.clone(),
        adopted,
        ..Connection::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b";

    fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012","tags":{"Team":"devops"}}"#;
        serde_json::from_str(text).unwrap()
    }

    fn have(id: &str, status: &str, ours: bool) -> Have {
        let name = env().connection_name();
        let tags = if ours {
            env().tags_of(&name).into_iter().collect()
        } else {
            BTreeMap::new()
        };
        Have {
            name,
            arn: format!("arn:aws:codeconnections:us-east-1:123456789012:connection/{id}"),
            status: status.into(),
            tags,
        }
    }

    #[test]
    fn an_arn_of_either_spelling_or_a_name_is_adopted_and_nothing_else() {
        assert_eq!(adopt(ARN), Ok(Adopt::Arn(ARN.into())));
        let old = ARN.replace("codeconnections", "codestar-connections");
        assert_eq!(adopt(&old), Ok(Adopt::Arn(old.clone())));
        assert_eq!(adopt("github-team"), Ok(Adopt::Name("github-team".into())));
        for bad in [
            "",
            "arn:aws:iam::123456789012:role/x",
            &format!("{ARN}/*"),
            &ARN.replace("0a1b", "*"),
            "a:b",
        ] {
            assert!(adopt(bad).is_err(), "{bad}");
        }
        assert!(belongs(&env(), ARN).is_ok());
        assert!(belongs(&env(), &ARN.replace("us-east-1", "eu-west-1")).is_err());
    }

    #[test]
    fn what_is_missing_is_made_what_is_ours_is_kept_and_what_is_not_is_refused() {
        let name = env().connection_name();
        assert_eq!(step(&env(), &name, Vec::new()).unwrap(), Step::Create);
        let ours = have("1", "PENDING", true);
        assert_eq!(
            step(
                &env(),
                &name,
                vec![have("0", "AVAILABLE", false), ours.clone()]
            )
            .unwrap(),
            Step::Keep(ours)
        );
        let error = step(&env(), &name, vec![have("0", "AVAILABLE", false)]).unwrap_err();
        assert_eq!(
            error.message,
            "connection connection-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone"
        );
    }

    #[test]
    fn of_two_the_finished_one_stays_else_the_first_made() {
        let mut pair = [have("2", "PENDING", true), have("1", "PENDING", true)];
        assert_eq!(elect(pair.clone().into_iter()), Some(pair[1].clone()));
        pair[0].tags.insert(MADE.into(), "1700000000000000".into());
        assert_eq!(elect(pair.clone().into_iter()), Some(pair[0].clone()));
        assert_eq!(losers(&env(), &pair, &pair[0]), [pair[1].arn.clone()]);
        let pair = [have("2", "AVAILABLE", true), have("1", "PENDING", true)];
        assert_eq!(elect(pair.clone().into_iter()), Some(pair[0].clone()));
    }

    #[test]
    fn a_name_that_two_have_is_not_guessed() {
        let two = [have("1", "AVAILABLE", false), have("2", "AVAILABLE", false)];
        assert!(
            named(&two, "connection-production-pr1")
                .unwrap_err()
                .message
                .contains("connection/1, arn:")
        );
        assert_eq!(
            named(&two[..1], "connection-production-pr1").unwrap(),
            Some(two[0].clone())
        );
        assert_eq!(named(&two, "other").unwrap(), None);
    }

    #[test]
    fn a_person_is_told_where_to_click() {
        assert_eq!(
            where_to_click(&env(), "connection-production-pr1"),
            "open https://console.aws.amazon.com/codesuite/settings/connections?region=us-east-1, choose connection-production-pr1 and 'Update pending connection'"
        );
    }

    #[test]
    fn the_record_tells_whether_it_was_adopted() {
        let made = serde_json::to_string(&record(&have("1", "PENDING", true), false)).unwrap();
        assert_eq!(
            made,
            r#"{"type":"connection","name":"github","arn":"arn:aws:codeconnections:us-east-1:123456789012:connection/1","status":"PENDING"}"#
        );
        assert_eq!(record(&have("1", "PENDING", true), true).0["adopted"], true);
    }
}
