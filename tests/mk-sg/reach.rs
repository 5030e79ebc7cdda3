//! What an app reaches and who reaches it that is no app, and the group of an app without a load balancer.

use std::collections::BTreeSet;

use support::{LocalAws, json, text};

use super::{
    API, change_rules, described_rules, groups, id, network, planned, rule_in_words, rules, set,
    tcp, vpc_id,
};

/// What other people have in the account.
struct Theirs {
    group: String,
    list: String,
}

fn theirs(aws: &LocalAws, input: &str) -> Theirs {
    let vpc = vpc_id(input);
    let group = json!({"GroupName": "database", "Description": "x", "VpcId": vpc});
    let group = aws.call("ec2", "create_security_group", group);
    let list = json!({"PrefixListName": "mail", "MaxEntries": 2, "AddressFamily": "IPv4"});
    let list = aws.call("ec2", "create_managed_prefix_list", list);
    Theirs {
        group: text(&group["GroupId"]).into(),
        list: text(&list["PrefixList"]["PrefixListId"]).into(),
    }
}

/// An app api that says more.
fn api(more: &str) -> String {
    format!("{{\"type\":\"app\",\"name\":\"api\",{more}}}\n")
}

/// The rules of a group that name no group of ours, also those with a prefix list.
fn of_others(aws: &LocalAws, group: &str) -> BTreeSet<String> {
    let groups = groups(aws);
    let mut found = BTreeSet::new();
    for rule in described_rules(aws) {
        let list = text(&rule["PrefixListId"]);
        let words = rule_in_words(&rule, &groups) + list;
        if words.starts_with(group)
            && !words.contains("alb/")
            && !words.contains("task/api ingress")
        {
            found.insert(words);
        }
    }
    found
}

const OWN: &str = "task/api egress tcp 443 0.0.0.0/0";

#[test]
fn what_an_app_reaches_is_exact_and_taken_away_by_leaving_it_out() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let Theirs { group, list } = theirs(&aws, &input);
    let reach = api(&format!(
        r#""reach":["tcp:5432={group}","tcp:25={list}","udp:8000-8010=10.9.0.0/16"]"#
    ));
    let plan = aws
        .pipe_with("mk-sg", &planned(&(input.clone() + &reach)))
        .would_change();
    assert_eq!(plan.record("sg", "task/api")["change"], "create");
    let made = aws.pipe_with("mk-sg", &(input.clone() + &reach)).ok();
    let wanted = [
        OWN.to_string(),
        format!("task/api egress tcp 25 {list}"),
        "task/api egress tcp 5432 database".into(),
        "task/api egress udp 8000-8010 10.9.0.0/16".into(),
    ];
    assert_eq!(of_others(&aws, "task/api"), BTreeSet::from(wanted));
    aws.forget();
    aws.pipe_with("mk-sg", &(input.clone() + &reach)).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());

    let fewer = input.clone() + &api(r#""reach":["tcp:26=10.9.0.0/16"]"#);
    let plan = aws.pipe_with("mk-sg", &planned(&fewer)).would_change();
    let line = "(egress: nothing -> tcp 26 to 10.9.0.0/16)";
    assert!(plan.stderr.contains(line), "{}", plan.stderr);
    let changed = aws.pipe_with("mk-sg", &fewer).ok();
    assert!(changed.stderr.contains(line), "{}", changed.stderr);
    let line = format!("nothing needs egress rule tcp 25 to {list} of security group task/api");
    assert!(changed.stderr.contains(&line), "{}", changed.stderr);
    aws.pipe_with("prune-env", &changed.stdout).ok();
    let left = [OWN, "task/api egress tcp 26 10.9.0.0/16"];
    assert_eq!(of_others(&aws, "task/api"), set(&left));
    let changed = aws.pipe_with("mk-sg | prune-env", &(input + API)).ok();
    assert_eq!(of_others(&aws, "task/api"), set(&[OWN]));
    assert_eq!(
        changed.record("sg", "task/api")["id"],
        made.record("sg", "task/api")["id"]
    );
}

#[test]
fn others_reach_an_app_where_its_record_says_so_and_rm_env_leaves_their_groups_alone() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let Theirs { group, .. } = theirs(&aws, &input);
    let from = api(&format!(
        r#""reach_from":["{group}","10.9.0.0/16"],"health_port":9000"#
    ));
    let jobs = format!(
        r#"{{"type":"app","name":"jobs","worker":true,"reach_from":["tcp:9000={group}"],"reach":["tcp:5432={group}"]}}"#
    );
    let made = aws
        .pipe_with("mk-sg", &format!("{input}{from}{jobs}\n"))
        .ok();
    let wanted = set(&[
        "alb/api ingress tcp 80 10.9.0.0/16",
        "alb/api ingress tcp 80 database",
        "alb/api egress tcp 5000 task/api",
        "alb/api egress tcp 9000 task/api",
        "task/api ingress tcp 5000 alb/api",
        "task/api ingress tcp 9000 alb/api",
        OWN,
        "task/jobs ingress tcp 9000 database",
        "task/jobs egress tcp 443 0.0.0.0/0",
        "task/jobs egress tcp 5432 database",
    ]);
    let ours: BTreeSet<String> = rules(&aws)
        .into_iter()
        .filter(|rule| !rule.starts_with("database"))
        .collect();
    assert_eq!(ours, wanted);
    assert!(
        made.records()
            .iter()
            .all(|record| record["name"] != "alb/jobs")
    );

    let records = aws
        .pipe_with("rm-env --confirm production-pr1", &made.stdout)
        .ok();
    assert_eq!(records.record("sg", "task/jobs")["change"], "deleted");
    let left: Vec<String> = groups(&aws).into_values().collect();
    assert_eq!(left, ["database"]);
}

#[test]
fn what_is_not_there_or_is_its_own_is_refused_before_anything_is_made() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let Theirs { group, list } = theirs(&aws, &input);
    for (peer, kind) in [
        ("sg-0a1b2c3d", "security group"),
        ("pl-0a1b2c3d", "prefix list"),
    ] {
        aws.forget();
        let wrong = api(&format!(
            r#""reach":["tcp:1={group}","tcp:2={peer}","tcp:3={list}"]"#
        ));
        let web = r#"{"type":"app","name":"web","public":true}"#;
        let all = format!("{input}{wrong}{web}\n");
        for input in [planned(&all), all] {
            let output = aws.pipe_with("mk-sg", &input);
            assert_eq!((output.code, aws.changes()), (65, Vec::new()), "{output:?}");
            let line = format!(
                "mk-sg: app 'api': reach names {kind} {peer}, which is not in us-east-1 of account 123456789012\n"
            );
            assert_eq!(output.stderr, line);
        }
    }
    let made = aws.pipe_with("mk-sg", &(input.clone() + API)).ok();
    let own = id(&made, "alb/api");
    let web = format!(r#"{{"type":"app","name":"web","reach":["tcp:80={own}"]}}"#);
    aws.forget();
    let output = aws.pipe_with("mk-sg", &format!("{input}{API}\n{web}\n"));
    assert_eq!((output.code, aws.changes()), (65, Vec::new()), "{output:?}");
    let line = format!(
        "mk-sg: app 'web': reach names {own}, which is alb/api of this environment: say calls for an app\n"
    );
    assert_eq!(output.stderr, line);
}

#[test]
fn who_says_nothing_of_it_is_asked_nothing_more() {
    let aws = LocalAws::start();
    let input = network(&aws);
    aws.forget();
    let range = api(r#""reach":["tcp:5432=10.9.0.0/16"]"#);
    aws.pipe_with("mk-sg", &(input + &range)).ok();
    let looks: Vec<String> = aws.calls().iter().map(support::action).collect();
    assert!(
        !looks.contains(&"ec2:DescribeManagedPrefixLists".into()),
        "{looks:?}"
    );
    let groups = looks
        .iter()
        .filter(|call| *call == "ec2:DescribeSecurityGroups");
    assert_eq!(groups.count(), 1, "{looks:?}");
}

#[test]
fn what_somebody_opened_by_hand_stays_once_the_record_says_it() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let made = aws.pipe_with("mk-sg", &(input.clone() + API)).ok();
    let database = tcp(5432, "10.9.0.0/16");
    let group = id(&made, "task/api");
    change_rules(&aws, "authorize_security_group_egress", &group, &database);
    aws.forget();
    let reach = input + &api(r#""reach":["tcp:5432=10.9.0.0/16"]"#);
    let kept = aws.pipe_with("mk-sg", &reach).ok();
    assert_eq!(aws.changes(), ["ec2:CreateTags"]);
    assert!(
        kept.stderr.contains("of tcp 5432 to 10.9.0.0/16:  -> "),
        "{}",
        kept.stderr
    );
    aws.forget();
    aws.pipe_with("mk-sg | prune-env", &reach).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn the_local_aws_takes_no_prefix_list_that_is_not_there() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let Theirs { group, list } = theirs(&aws, &input);
    let rule = |list: &str| {
        let lists = json!([{"PrefixListId": list}]);
        let rule =
            json!([{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "PrefixListIds": lists}]);
        json!({"GroupId": group, "IpPermissions": rule})
    };
    let operation = "authorize_security_group_egress";
    let refused = aws.try_call("ec2", operation, rule("pl-0a1b2c3d"));
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("InvalidPrefixListID.NotFound")
    );
    aws.call("ec2", operation, rule(&list));
}

#[test]
fn an_app_becomes_a_worker_and_back() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let web = r#"{"type":"app","name":"web","calls":["api"]}"#;
    let both = format!("{input}{web}\n{API}\n");
    let before = aws.pipe_with("mk-sg", &both).ok();
    let rules_before = rules(&aws);
    let jobs = format!(
        "{input}{API}\n{}\n",
        web.replace(r#""web""#, r#""web","worker":true"#)
    );
    let plan = aws.pipe_with("mk-sg", &planned(&jobs)).ok();
    let alb = id(&before, "alb/web");
    let line = "security group alb/web";
    let told = |output: &support::Output| {
        let surplus = output.record("surplus", &format!("group/{alb}"));
        assert_eq!(surplus["what"], line);
    };
    told(&plan);
    aws.forget();
    let changed = aws.pipe_with("mk-sg", &jobs).ok();
    told(&changed);
    assert_eq!(aws.changes(), Vec::<String>::new(), "it shrinks at the end");
    aws.pipe_with("prune-env", &changed.stdout).ok();
    assert!(groups(&aws).values().all(|name| name != "alb/web"));
    let left = [
        "task/web egress tcp 80 alb/api",
        "task/web egress tcp 443 0.0.0.0/0",
    ];
    let of_web = rules(&aws)
        .into_iter()
        .filter(|rule| rule.contains("task/web egress"));
    assert_eq!(of_web.collect::<BTreeSet<_>>(), set(&left));
    aws.forget();
    aws.pipe_with("mk-sg | prune-env", &jobs).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    aws.pipe_with("mk-sg | prune-env", &both).ok();
    assert_eq!(rules(&aws), rules_before);
}
