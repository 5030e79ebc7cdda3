//! Which connection is the environment's, and what follows. Pure.

use std::collections::BTreeMap;

use plumbing::region::{self, Service};
use plumbing::step::in_part;
use plumbing::{Connection, Difference, Env, Error, Record, Result, Step};

/// The tag that says when a connection was made, in microseconds since 1970: AWS does not tell.
pub const CREATED: &str = "plumbline:made";

/// The status of a connection that a person has finished.
pub const AVAILABLE: &str = "AVAILABLE";
/// The status of a connection that nobody has finished yet.
pub const PENDING: &str = "PENDING";

/// A connection that somebody made and that is to be used.
#[derive(Clone, Debug, PartialEq)]
pub enum Adopt {
    /// By its ARN.
    Arn(String),
    /// By its name, which must be the only one.
    Name(String),
}

/// Reads `--adopt`.
pub fn read_adopt(text: &str) -> Result<Adopt, String> {
    let fields: Vec<&str> = text.split(':').collect();
    match fields[..] {
        ["arn", _, service, _, _, resource] if is_service(service) && is_resource(resource) => {
            Ok(Adopt::Arn(text.into()))
        }
        [name] if is_name(name) => Ok(Adopt::Name(name.into())),
        _ => Err("it is the ARN or the name of a connection".into()),
    }
}

/// The service was renamed, and its older connections keep their ARNs.
fn is_service(service: &str) -> bool {
    ["codeconnections", "codestar-connections"].contains(&service)
}

fn is_resource(resource: &str) -> bool {
    let Some(id) = resource.strip_prefix("connection/") else {
        return false;
    };
    !id.is_empty()
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.@ ".contains(&byte))
}

/// A connection that exists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Have {
    /// Its name.
    pub name: String,
    /// Its ARN, with either of the service's two names in it.
    pub arn: String,
    /// `PENDING`, `AVAILABLE` or `ERROR`.
    pub status: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A part of a connection that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// Its tags.
    Tags,
}

/// Decides among the connections of the environment's name.
///
/// Errors: none of them is the environment's.
pub fn step(env: &Env, name: &str, found: &[Have]) -> Result<Step<Have, Part>> {
    let Some(have) = elect(env, found) else {
        if found.is_empty() {
            return Ok(Step::Create);
        }
        return Err(env.not_ours(format!("connection {name}")));
    };
    let tags = Difference::of_tags(&have.tags, &env.tags_of(name));
    let differences = in_part(Part::Tags, tags).collect();
    Ok(Step::from_differences(have.clone(), differences))
}

/// Of several connections of ours, which AWS does not keep from having one name, every run takes
/// the same: one that is finished, else the one that was made first.
pub fn elect<'a>(env: &Env, found: &'a [Have]) -> Option<&'a Have> {
    let ours = found.iter().filter(|have| env.owns(&have.tags));
    ours.min_by_key(|have| (have.status != AVAILABLE, created(have), &have.arn))
}

/// When a connection was made; one that does not tell counts as the last.
fn created(have: &Have) -> u64 {
    match have.tags.get(CREATED) {
        Some(microseconds) => microseconds.parse().unwrap_or(u64::MAX),
        None => u64::MAX,
    }
}

/// The ARNs of our other connections, which runs at the same time made and nobody has finished.
pub fn duplicates(env: &Env, found: &[Have], kept: &Have) -> Vec<String> {
    let mut arns = Vec::new();
    for have in found {
        if env.owns(&have.tags) && have.arn != kept.arn && have.status == PENDING {
            arns.push(have.arn.clone());
        }
    }
    arns
}

/// What is said of a connection that goes since runs at the same time made one too many.
pub fn word_of_duplicate(arn: &str) -> String {
    format!(
        "connection {arn} is one too many, made by a run at the same time and finished by nobody: it is deleted"
    )
}

/// The connection of a name that is to be adopted.
///
/// Errors: there are two.
pub fn only_one_named(found: &[Have], name: &str) -> Result<Option<Have>> {
    let named: Vec<&Have> = found.iter().filter(|have| have.name == name).collect();
    match named[..] {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        _ => {
            let arns: Vec<&str> = named.iter().map(|have| have.arn.as_str()).collect();
            let arns = arns.join(", ");
            let message = format!("several connections are named {name}: {arns}");
            Err(Error::refused(message).hint("give the ARN of one to --adopt"))
        }
    }
}

/// Refuses a connection of another account or partition. Of another region it may be: connections are
/// global (CodeConnections guide, "Global resources in AWS CodeConnections").
pub fn check_account(env: &Env, arn: &str) -> Result<()> {
    let fields: Vec<&str> = arn.split(':').collect();
    match fields[..] {
        [_, partition, _, _, account, ..]
            if partition == env.partition() && account == env.account =>
        {
            Ok(())
        }
        _ => Err(Error::usage(format!(
            "connection {arn} is not in account {} of partition {}, where the environment is",
            env.account,
            env.partition()
        ))),
    }
}

/// Refuses to make a connection, or to look for one by its name, in a region without CodeConnections.
pub fn check_service(env: &Env, adopt: Option<&Adopt>) -> Result<()> {
    let needs_service = !matches!(adopt, Some(Adopt::Arn(_)));
    if !needs_service || !region::lacks(&env.region, Service::CodeConnections) {
        return Ok(());
    }
    let message = format!("region {} has no CodeConnections", env.region);
    let error = Error::usage(message);
    Err(match env.partition() {
        "aws" => error.hint("make the connection in another region, such as us-east-1, and give its ARN to --adopt: a connection serves all regions"),
        _ => error.hint("pipelines from GitHub cannot be here"),
    })
}

/// The region of a connection; the environment's where its ARN does not say one.
pub fn region_of<'a>(env: &'a Env, arn: &'a str) -> &'a str {
    match arn.split(':').nth(3) {
        Some(region) if !region.is_empty() => region,
        _ => &env.region,
    }
}

/// What is said where the connection that is to be adopted does not exist.
pub fn absent(env: &Env, adopt: &Adopt) -> Error {
    let (Adopt::Arn(what) | Adopt::Name(what)) = adopt;
    let message = format!(
        "there is no connection {what} in account {} and region {}",
        env.account, env.region
    );
    Error::refused(message).hint("aws codeconnections list-connections shows those that are there")
}

/// What a person has to do: no API finishes the handshake with GitHub.
pub fn how_to_finish(env: &Env, name: &str) -> String {
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

/// The connection that a dry run announces.
pub fn planned(env: &Env, name: &str) -> Have {
    Have {
        name: name.into(),
        arn: env.planned(name),
        status: PENDING.into(),
        tags: BTreeMap::new(),
    }
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
        Env::example()
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
        assert_eq!(read_adopt(ARN), Ok(Adopt::Arn(ARN.into())));
        let old = ARN.replace("codeconnections", "codestar-connections");
        assert_eq!(read_adopt(&old), Ok(Adopt::Arn(old.clone())));
        assert_eq!(
            read_adopt("github-team"),
            Ok(Adopt::Name("github-team".into()))
        );
        for bad in [
            "",
            "arn:aws:iam::123456789012:role/x",
            &format!("{ARN}/*"),
            &ARN.replace("0a1b", "*"),
            "a:b",
        ] {
            assert!(read_adopt(bad).is_err(), "{bad}");
        }
        assert!(check_account(&env(), ARN).is_ok());
        let elsewhere = ARN.replace("us-east-1", "eu-west-1");
        assert!(check_account(&env(), &elsewhere).is_ok());
        assert_eq!(region_of(&env(), &elsewhere), "eu-west-1");
        for other in [
            ARN.replace("123456789012", "210987654321"),
            ARN.replace("arn:aws:", "arn:aws-us-gov:"),
        ] {
            assert!(check_account(&env(), &other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_region_without_the_service_has_to_adopt_one_of_another_region() {
        let at = |region: &str| Env {
            region: region.into(),
            ..env()
        };
        let (arn, name) = (read_adopt(ARN).unwrap(), read_adopt("github").unwrap());
        for region in ["af-south-1", "ap-east-1", "eu-central-2", "mx-central-1"] {
            assert!(check_service(&at(region), Some(&arn)).is_ok(), "{region}");
            for adopt in [None, Some(&name)] {
                let error = check_service(&at(region), adopt).unwrap_err();
                assert_eq!(error.kind.exit_code(), 2, "{region}");
                assert!(error.hint.unwrap().contains("--adopt"), "{region}");
            }
        }
        let error = check_service(&at("cn-north-1"), None).unwrap_err();
        assert_eq!(error.message, "region cn-north-1 has no CodeConnections");
        assert!(check_service(&at("eu-south-1"), None).is_ok());
    }

    #[test]
    fn what_is_missing_is_made_what_is_ours_is_kept_and_what_is_not_is_refused() {
        let name = env().connection_name();
        assert_eq!(step(&env(), &name, &[]).unwrap(), Step::Create);
        let ours = have("1", "PENDING", true);
        assert_eq!(
            step(
                &env(),
                &name,
                &[have("0", "AVAILABLE", false), ours.clone()]
            )
            .unwrap(),
            Step::Keep(ours)
        );
        let error = step(&env(), &name, &[have("0", "AVAILABLE", false)]).unwrap_err();
        assert_eq!(
            error.message,
            "connection connection-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone"
        );
    }

    #[test]
    fn of_two_the_finished_one_stays_else_the_first_made() {
        let mut pair = [have("2", "PENDING", true), have("1", "PENDING", true)];
        assert_eq!(elect(&env(), &pair), Some(&pair[1]));
        pair[0]
            .tags
            .insert(CREATED.into(), "1700000000000000".into());
        assert_eq!(elect(&env(), &pair), Some(&pair[0]));
        assert_eq!(duplicates(&env(), &pair, &pair[0]), [pair[1].arn.clone()]);
        let pair = [have("2", "AVAILABLE", true), have("1", "PENDING", true)];
        assert_eq!(elect(&env(), &pair), Some(&pair[0]));
    }

    #[test]
    fn a_name_that_two_have_is_not_guessed() {
        let two = [have("1", "AVAILABLE", false), have("2", "AVAILABLE", false)];
        assert!(
            only_one_named(&two, "connection-production-pr1")
                .unwrap_err()
                .message
                .contains("connection/1, arn:")
        );
        assert_eq!(
            only_one_named(&two[..1], "connection-production-pr1").unwrap(),
            Some(two[0].clone())
        );
        assert_eq!(only_one_named(&two, "other").unwrap(), None);
    }

    #[test]
    fn a_person_is_told_where_to_click() {
        assert_eq!(
            how_to_finish(&env(), "connection-production-pr1"),
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
