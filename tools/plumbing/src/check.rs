//! What makes a record a good one: read from bytes, its fields by type, its names and sizes, and
//! whether it belongs to the stream's environment. Pure; nothing here asks AWS.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::name::is_word;
use crate::proof::Proof;
use crate::record::{Record, RecordType, without_position};
use crate::region::{self, Service};
use crate::types::{App, Connection, Env, Source, known_type};

/// Reads one record and checks all that can be checked without its neighbours.
pub fn read(bytes: &[u8]) -> Result<Record, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_string())?;
    let record: Record = serde_json::from_str(text)
        .map_err(|why| format!("is not valid JSON: {}", without_position(&why)))?;
    for field in ["type", "name"] {
        match record.0.get(field) {
            Some(Value::String(text)) if !text.is_empty() => {}
            Some(Value::String(_)) => return Err(format!("has a {field} that is empty")),
            Some(_) => return Err(format!("has a {field} that is not a text")),
            None => return Err(format!("has no {field}")),
        }
    }
    check(&record).map_err(|why| format!("is no {} record: {why}", record.kind()))?;
    Ok(record)
}

fn check(record: &Record) -> Result<(), String> {
    let Some(known) = known_type(record.kind()) else {
        return Ok(());
    };
    (known.check)(record)?;
    for field in known.asked_with {
        let values = match record.0.get(*field) {
            Some(Value::Array(list)) => list.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        let mut texts = values.iter().filter_map(Value::as_str);
        if texts.any(|text| !is_word(text)) {
            return Err(format!(
                "{field} is empty or holds more than letters, digits and marks"
            ));
        }
    }
    Ok(())
}

/// Refuses a record whose ARN is of another account or region than the environment's. A connection that
/// was adopted may be of any region: all can use it (CodeConnections guide, "Global resources").
pub fn belongs(record: &Record, env: &Env) -> Result<(), String> {
    if record.kind() == Source::TYPE && region::lacks(&env.region, Service::CodeBuild) {
        return Err(format!(
            "cannot be built in region {}, which has no CodeBuild",
            env.region
        ));
    }
    if let Some(app) = record.typed::<App>() {
        return app.check_in(env);
    }
    if known_type(record.kind()).is_some_and(|known| !known.is_resource) {
        return Ok(());
    }
    let is_global =
        record.kind() == Connection::TYPE && record.0.get("adopted") == Some(&true.into());
    let arn: Vec<&str> = record.text("arn").split(':').collect();
    let field = |n: usize| arn.get(n).copied().unwrap_or_default();
    let (partition, region, account) = (field(1), field(3), field(4));
    if !account.is_empty() && account != env.account {
        return Err(format!(
            "is of account {account}, but the environment is in {}",
            env.account
        ));
    }
    if !region.is_empty() && region != env.region && !is_global {
        return Err(format!(
            "is of region {region}, but the environment is in {}",
            env.region
        ));
    }
    if arn[0] == "arn" && partition != env.partition() {
        return Err(format!(
            "is of partition {partition}, but the environment is in {}",
            env.partition()
        ));
    }
    Ok(())
}

/// Refuses a second environment, or the same one with other tags, or as a dry run beside a real one:
/// tools that follow would take the one or the other.
pub fn same_environment(known: &Env, new: &Env) -> Result<(), String> {
    if (&known.name, &known.region, &known.account) != (&new.name, &new.region, &new.account) {
        let itself = if known.name == new.name {
            format!("of account {} in {} ", new.account, new.region)
        } else {
            String::new()
        };
        return Err(format!(
            "{itself}comes after environment '{}' of account {} in {}",
            known.name, known.account, known.region
        ));
    }
    let fields = [
        ("plan", known.plan == new.plan),
        ("tags", known.tags == new.tags),
        ("environment", known.environment == new.environment), // a name can be split in two ways
    ];
    match fields.iter().find(|(_, is_same)| !is_same) {
        Some((field, _)) => Err(format!("comes twice, and differs in {field}")),
        None => Ok(()),
    }
}

/// The same of a record, for a tool that makes the env record: what comes in waits for it.
pub fn is_environment(known: &Env, record: &Record) -> Result<Proof, String> {
    match record.typed::<Env>() {
        Some(new) => same_environment(known, &new).map(|()| Proof::Name),
        None => Ok(Proof::Name),
    }
}

/// Refuses an app that calls one which is not there.
pub fn calls(apps: &[App]) -> Result<(), String> {
    for app in apps {
        for called in &app.calls {
            let name = &app.name;
            match apps.iter().find(|app| app.name == *called) {
                None => {
                    return Err(format!(
                        "app '{name}' calls '{called}', which no app record names"
                    ));
                }
                Some(called) if called.worker => {
                    return Err(format!(
                        "app '{name}' calls '{}', a worker, which has no load balancer",
                        called.name
                    ));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

/// Refuses an app that is behind one which is not there.
pub fn behind(apps: &[App]) -> Result<(), String> {
    for app in apps {
        if let Some(host) = &app.sharing.behind
            && !apps.iter().any(|app| app.name == *host)
        {
            let name = &app.name;
            return Err(format!(
                "app '{name}' is behind '{host}', which no app record names"
            ));
        }
    }
    Ok(())
}

/// Refuses a load balancer for several apps that could not do what they say. Other apps may be still to
/// come.
pub fn share_well(apps: &[App]) -> Result<(), String> {
    let mut hosts: BTreeMap<&str, Vec<&App>> = BTreeMap::new();
    for app in apps {
        if let Some(host) = &app.sharing.behind {
            hosts.entry(host).or_default().push(app);
        }
    }
    for (host, behind) in hosts {
        let found = apps.iter().find(|app| app.name == host);
        for (n, app) in behind.iter().enumerate() {
            if let Some(why) = found.and_then(|host| cannot_be_behind(app, host)) {
                return Err(format!("app '{}' is behind '{host}', {why}", app.name));
            }
            for other in &behind[..n] {
                if let Some((at, path)) = app.sharing.same_as(&other.sharing) {
                    let (one, other) = (&other.name, &app.name);
                    return Err(format!(
                        "apps '{one}' and '{other}' are both behind '{host}' for {at}{path}"
                    ));
                }
            }
        }
        calls_all(apps, host, &behind)?;
    }
    Ok(())
}

/// Why an app cannot be behind another one.
fn cannot_be_behind(app: &App, host: &App) -> Option<&'static str> {
    if host.worker {
        Some("a worker, which has no load balancer")
    } else if host.sharing.behind.is_some() {
        Some("which is behind another app itself")
    } else if host.public && !app.public {
        Some("which is public: say so of it as well, or let it have a load balancer of its own")
    } else if app.public && !host.public {
        Some("which is not public")
    } else {
        None
    }
}

/// Refuses an app that calls some of those at one load balancer and not the others: a load balancer does not
/// tell callers apart, so it would reach all.
fn calls_all(apps: &[App], host: &str, behind: &[&App]) -> Result<(), String> {
    let behind = behind.iter().map(|app| app.name.as_str());
    let together: Vec<&str> = std::iter::once(host).chain(behind).collect();
    for caller in apps {
        let calls = |name: &str| caller.calls.iter().any(|called| called == name);
        let Some(called) = together.iter().find(|name| calls(name)) else {
            continue;
        };
        let mut others = together.iter().filter(|name| **name != caller.name);
        if let Some(lacks) = others.find(|name| !calls(name)) {
            let name = &caller.name;
            return Err(format!(
                "app '{name}' calls '{called}' and not '{lacks}', which have one load balancer, that of '{host}': who reaches one of them reaches both. Have it call both, or give '{lacks}' one of its own"
            ));
        }
    }
    Ok(())
}

/// Refuses an app that calls one which is on the internet, or is that one. The name of a public load
/// balancer leads to its public addresses, also from within the VPC, and a rule that names a security
/// group does not match these (EC2 user guide, "Security group referencing").
pub fn calls_nothing_public(new: &App, earlier: &[App]) -> Result<(), String> {
    let caller = |app: &App| app.calls.contains(&new.name);
    let public = |app: &App| app.public && new.calls.contains(&app.name);
    let (caller, called) = match earlier.iter().find(|app| public(app)) {
        Some(called) => (&new.name, &called.name),
        None if new.public => match earlier.iter().find(|app| caller(app)) {
            Some(app) => (&app.name, &new.name),
            None => return Ok(()),
        },
        None => return Ok(()),
    };
    Err(format!(
        "app '{caller}' calls '{called}', which is public: it is reached from the internet alone. Have both call a private app, or use its public address without --calls"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> Env {
        let text = r#"{"type":"env","name":"production-pr123","environment":"production","suffix":"pr123","region":"us-east-1","account":"123456789012"}"#;
        read(text.as_bytes()).unwrap().typed().unwrap()
    }

    fn apps(wishes: &[&str]) -> Vec<App> {
        let wishes = wishes.iter().map(|wish| serde_json::from_str(wish));
        wishes.map(Result::unwrap).collect()
    }

    #[test]
    fn apps_share_a_load_balancer_that_serves_all_of_them() {
        for good in [
            &[r#"{"name":"a"}"#, r#"{"name":"b"}"#][..],
            &[
                r#"{"name":"web","public":true}"#,
                r#"{"name":"api","public":true,"behind":"web","path":["/api/*"]}"#,
                r#"{"name":"docs","public":true,"behind":"web","path":["/docs/*"]}"#,
            ],
            &[
                r#"{"name":"web","public":true,"calls":["api","more"]}"#,
                r#"{"name":"api","calls":["more"]}"#,
                r#"{"name":"more","behind":"api","path":["/more"]}"#,
            ],
            &[r#"{"name":"more","behind":"to-come","path":["/more"]}"#],
        ] {
            assert_eq!(share_well(&apps(good)), Ok(()), "{good:?}");
        }
        for (bad, why) in [
            (
                &[
                    r#"{"name":"web","public":true}"#,
                    r#"{"name":"api","behind":"web","path":["/api/*"]}"#,
                ][..],
                "behind 'web', which is public",
            ),
            (
                &[
                    r#"{"name":"web"}"#,
                    r#"{"name":"api","public":true,"behind":"web","path":["/api/*"]}"#,
                ],
                "behind 'web', which is not public",
            ),
            (
                &[
                    r#"{"name":"jobs","worker":true}"#,
                    r#"{"name":"api","behind":"jobs","path":["/api/*"]}"#,
                ],
                "behind 'jobs', a worker",
            ),
            (
                &[
                    r#"{"name":"a","behind":"b","path":["/a"]}"#,
                    r#"{"name":"b","behind":"c","path":["/b"]}"#,
                ],
                "'a' is behind 'b', which is behind another",
            ),
            (
                &[
                    r#"{"name":"a","behind":"c","path":["/a"]}"#,
                    r#"{"name":"b","behind":"c","path":["/b","/a"]}"#,
                ],
                "'a' and 'b' are both behind 'c' for /a",
            ),
            (
                &[
                    r#"{"name":"web","public":true,"calls":["api"]}"#,
                    r#"{"name":"api"}"#,
                    r#"{"name":"more","behind":"api","path":["/more"]}"#,
                ],
                "calls 'api' and not 'more'",
            ),
            (
                &[
                    r#"{"name":"web","public":true,"calls":["more"]}"#,
                    r#"{"name":"more","behind":"api","path":["/more"]}"#,
                    r#"{"name":"api"}"#,
                ],
                "calls 'more' and not 'api'",
            ),
        ] {
            let refused = share_well(&apps(bad)).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn whom_an_app_is_behind_must_be_there_in_the_end() {
        let alone = apps(&[r#"{"name":"api","behind":"web","path":["/api/*"]}"#]);
        let refused = behind(&alone).unwrap_err();
        assert!(
            refused.contains("'web', which no app record names"),
            "{refused}"
        );
    }

    #[test]
    fn an_app_needs_only_its_name() {
        let app: App = read(br#"{"type":"app","name":"web"}"#)
            .unwrap()
            .typed()
            .unwrap();
        assert_eq!(
            (
                app.port,
                app.health.as_str(),
                app.cpu,
                app.memory,
                app.count
            ),
            (5000, "/", 256, 512, 2)
        );
    }

    #[test]
    fn wrong_types_and_values_are_refused() {
        for (text, why) in [
            (r#"{"name":"x"}"#, "has no type"),
            (r#"{"type":"x"}"#, "has no name"),
            (r#"{"type":"x","name":5}"#, "has a name that is not a text"),
            (r#"{"type":"x","name":""}"#, "has a name that is empty"),
            (
                r#"{"type":"vpc","name":"main","id":"","cidr":"x"}"#,
                "is no vpc record: id is empty or holds more than letters, digits and marks",
            ),
            (
                r#"{"type":"vpc","name":"main","id":"x","cidr":"x","private_subnets":["subnet-1",""]}"#,
                "is no vpc record: private_subnets is empty or holds more than letters, digits and marks",
            ),
            (
                r#"{"type":"repo","name":"web","arn":"a b","uri":"u"}"#,
                "is no repo record: arn is empty or holds more than letters, digits and marks",
            ),
            (
                r#"{"type":"log_group","name":"web","arn":"x","group":"arn:x"}"#,
                "is no log_group record: group 'arn:x' is not the name of a log group",
            ),
            (
                r#"{"type":"app","name":"web","image":""}"#,
                "is no app record: '' is not an image reference: it is empty",
            ),
            (
                r#"{"type":"image","name":"web","image":"a.io/Web:1"}"#,
                "is no image record: 'a.io/Web:1' is not an image reference: its repository has capital letters, which no registry takes",
            ),
            (
                r#"{"type":"app","name":"web","set":{"MAX_WORKERS":1}}"#,
                "is no app record: set MAX_WORKERS: 1 is a number; write \"1\"",
            ),
            (
                r#"{"type":"env","name":"a-b","environment":"a","suffix":"b","region":"us-east-1","account":"123456789012","tags":{"Team":"x","team":"y"}}"#,
                "is no env record: tag key 'team' is the same as 'Team' to IAM",
            ),
            (
                r#"{"type":"app","name":"web","check":""}"#,
                "is no app record: check is an empty command",
            ),
            (
                r#"{"type":"app","name":"web","grace":2147483648}"#,
                "is no app record: grace 2147483648 is more than the 2147483647 seconds that ECS takes",
            ),
            (
                r#"{"type":"vpc","name":"main","id":5,"cidr":"x"}"#,
                "is no vpc record: id: 5 is a number; write \"5\"",
            ),
            (
                r#"{"type":"app","name":"Web"}"#,
                "is no app record: app 'Web' must be 1 to 32 lower-case letters, digits and single hyphens between them",
            ),
            (
                r#"{"type":"app","name":"web","memory":128}"#,
                "is no app record: memory 128 does not go with cpu 256: 512, 1024 to 2048 MiB in steps of 1024",
            ),
            (
                r#"{"type":"app","name":"web","health":"x"}"#,
                "is no app record: health 'x' is not a path: it begins with / and has no spaces",
            ),
            (
                r#"{"type":"app","name":"web","calls":["web"]}"#,
                "is no app record: app 'web' calls itself",
            ),
            (
                r#"{"type":"x","name":"y",}"#,
                "is not valid JSON: trailing comma",
            ),
        ] {
            assert_eq!(read(text.as_bytes()), Err(why.to_string()), "{text}");
        }
        assert_eq!(
            read(b"{\"type\":\"\xff\"}"),
            Err("is not UTF-8".to_string())
        );
    }

    #[test]
    fn an_app_that_calls_a_public_one_is_refused_whichever_comes_first() {
        let app = |text: &str| read(text.as_bytes()).unwrap().typed::<App>().unwrap();
        let public = app(r#"{"type":"app","name":"web","public":true,"calls":["api"]}"#);
        let private = app(r#"{"type":"app","name":"api"}"#);
        let caller = app(r#"{"type":"app","name":"job","calls":["api","web"]}"#);
        for (new, earlier) in [(&caller, &public), (&public, &caller)] {
            let why = calls_nothing_public(new, std::slice::from_ref(earlier)).unwrap_err();
            assert!(
                why.starts_with("app 'job' calls 'web', which is public"),
                "{why}"
            );
        }
        for (new, earlier) in [
            (&private, &public),
            (&public, &private),
            (&caller, &private),
        ] {
            assert_eq!(
                calls_nothing_public(new, std::slice::from_ref(earlier)),
                Ok(())
            );
        }
        // The latest record of a name counts: what was public may not be any more.
        let hidden = app(r#"{"type":"app","name":"web","calls":["api"]}"#);
        assert_eq!(calls_nothing_public(&hidden, &[caller]), Ok(()));
    }

    #[test]
    fn a_record_of_another_account_or_region_is_refused() {
        let role =
            Record::new("role", "execution/web").with("arn", "arn:aws:iam::999999999999:role/x");
        assert!(
            belongs(&role, &env())
                .unwrap_err()
                .contains("account 999999999999")
        );
        let alb = Record::new("alb", "web").with(
            "arn",
            "arn:aws:elasticloadbalancing:eu-west-1:123456789012:x",
        );
        assert!(
            belongs(&alb, &env())
                .unwrap_err()
                .contains("region eu-west-1")
        );
        let connection = Record::new("connection", "github").with(
            "arn",
            "arn:aws:codeconnections:eu-west-1:123456789012:connection/1",
        );
        assert!(belongs(&connection, &env()).is_err());
        assert_eq!(belongs(&connection.with("adopted", true), &env()), Ok(()));
    }

    #[test]
    fn a_source_is_refused_where_nothing_can_build_it() {
        let source = Record::new("source", "web").with("repository", "owner/web");
        let elsewhere = Env {
            region: "mx-central-1".into(),
            ..env()
        };
        assert_eq!(belongs(&source, &env()), Ok(()));
        assert_eq!(
            belongs(&source, &elsewhere),
            Err("cannot be built in region mx-central-1, which has no CodeBuild".into())
        );
    }
}
