//! Every edge of a picture is one that the local AWS sees, and every one that it sees is in the picture.

use std::collections::BTreeSet;

use support::{ENV, LocalAws, Picture, json, list, text};

const UP: &str = "mk-vpc | mk-sg | mk-alb | mk-ecr | mk-role | mk-logs | mk-ecs-svc | wait-env";
const DRAWN: &str = "ls-env --env production-pr1 | draw-env";

/// An environment of so many apps: every third is public, and each calls up to two that are not, also in
/// circles.
fn stream(apps: usize) -> String {
    let is_public = |app: usize| app.is_multiple_of(3);
    let mut stream = format!("{ENV}\n");
    for app in 0..apps {
        let others = [(app * 5 + 1) % apps, (app * 7 + 4) % apps];
        let called = others
            .into_iter()
            .filter(|other| *other != app && !is_public(*other));
        let called: BTreeSet<String> = called.map(|other| format!("app{other}")).collect();
        let record = json!({
            "type": "app",
            "name": format!("app{app}"),
            "public": is_public(app),
            "calls": called,
            "image": "registry.example/app:1",
            "count": if apps < 10 { 2 } else { 1 },
        });
        stream += &format!("{record}\n");
    }
    stream
}

fn made(apps: usize) -> LocalAws {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    aws.pipe_with(UP, &stream(apps)).ok();
    aws
}

/// Who reaches whom now, as the local AWS sees it.
fn seen(aws: &LocalAws) -> BTreeSet<String> {
    aws.watch_edges();
    aws.forget_edges();
    let now = aws.edges().pop().unwrap();
    assert_eq!(now["broken"], json!([]), "{now}");
    list(&now["edges"])
        .iter()
        .map(|edge| text(edge).to_string())
        .collect()
}

fn drawn(aws: &LocalAws) -> Picture {
    Picture::read(&aws.pipe(DRAWN).ok().stdout)
}

#[test]
fn what_is_drawn_is_what_is_admitted() {
    for apps in [1, 2, 6] {
        let aws = made(apps);
        let (picture, seen) = (drawn(&aws), seen(&aws));
        assert_eq!(picture.reach(), seen, "{apps} apps");
        assert!(seen.contains("internet -> app0"), "{seen:?}");
        assert!(
            picture.undeclared().is_empty(),
            "{:?}",
            picture.undeclared()
        );
    }
}

#[test]
fn apps_at_one_load_balancer_are_drawn_behind_it() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let app = |name: &str, more: &str| {
        format!(r#"{{"type":"app","name":"{name}","image":"registry.example/x:1"{more}}}"#)
    };
    let apps = [
        app("web", r#","public":true,"calls":["api","more"]"#),
        app(
            "docs",
            r#","public":true,"behind":"web","path":["/docs/*"]"#,
        ),
        app("api", ""),
        app("more", r#","behind":"api","path":["/more"]"#),
    ];
    aws.pipe_with(UP, &format!("{ENV}\n{}\n", apps.join("\n")))
        .ok();
    let (picture, seen) = (drawn(&aws), seen(&aws));
    let all = [
        "internet -> docs",
        "internet -> web",
        "web -> api",
        "web -> more",
    ];
    assert_eq!(seen, all.map(String::from).into());
    assert_eq!(picture.reach(), seen);
    assert!(
        picture.undeclared().is_empty(),
        "{:?}",
        picture.undeclared()
    );
    let svg = aws.pipe(DRAWN).ok().stdout;
    assert!(svg.contains("behind web: /docs/*"));
}

#[test]
fn of_a_hundred_apps_as_well() {
    let aws = made(100);
    let (picture, seen) = (drawn(&aws), seen(&aws));
    assert!(seen.len() > 100, "{seen:?}");
    assert_eq!(picture.reach(), seen);
    assert!(
        picture.undeclared().is_empty(),
        "{:?}",
        picture.undeclared()
    );
}

/// The ID of a group, by its record's name.
fn group(aws: &LocalAws, name: &str) -> String {
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    text(&listed.record("sg", name)["id"]).to_string()
}

/// Adds a rule to a group by hand, in boto3's words; `range` is what IpRanges or UserIdGroupPairs hold.
fn authorize(aws: &LocalAws, direction: &str, group: &str, port: u16, peer: support::Value) {
    let mut permission = json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port});
    let kind = if peer.get("CidrIp").is_some() {
        "IpRanges"
    } else {
        "UserIdGroupPairs"
    };
    permission[kind] = json!([peer]);
    let operation = format!("authorize_security_group_{direction}");
    let params = json!({"GroupId": group, "IpPermissions": [permission]});
    aws.call("ec2", &operation, params);
}

#[test]
fn what_a_stranger_added_by_hand_shows_as_that() {
    let aws = made(6);
    let before = seen(&aws);
    let [client, called] = ["task/app4", "alb/app5"].map(|name| group(&aws, name));
    assert!(!before.contains("app4 -> app5"), "{before:?}");
    authorize(&aws, "ingress", &called, 80, json!({"GroupId": client}));
    // One end alone lets nothing through.
    assert!(drawn(&aws).undeclared().is_empty());
    authorize(&aws, "egress", &client, 80, json!({"GroupId": called}));
    authorize(&aws, "ingress", &client, 22, json!({"CidrIp": "0.0.0.0/0"}));
    authorize(
        &aws,
        "egress",
        &client,
        25,
        json!({"CidrIp": "10.9.0.0/16"}),
    );
    let (picture, seen) = (drawn(&aws), seen(&aws));
    assert!(seen.contains("app4 -> app5"), "{seen:?}");
    assert_eq!(picture.reach(), seen);
    let undeclared: BTreeSet<String> = picture
        .undeclared()
        .iter()
        .map(|edge| format!("{} -> {}: {}", edge.from, edge.to, edge.ports))
        .collect();
    let expected = [
        "outside/0.0.0.0/0 -> task/app4: tcp 22",
        "task/app4 -> alb/app5: tcp 80",
        "task/app4 -> outside/10.9.0.0/16: tcp 25",
    ];
    assert_eq!(undeclared, expected.map(String::from).into());
    let told = "not declared by an app, or added by hand: task/app4 → alb/app5: tcp 80";
    assert!(
        picture.words.contains(&told.to_string()),
        "{:?}",
        picture.words
    );
}

#[test]
fn an_address_range_that_holds_the_network_lets_its_tasks_in() {
    let aws = made(6);
    let [client, called] = ["task/app4", "alb/app5"].map(|name| group(&aws, name));
    authorize(
        &aws,
        "ingress",
        &called,
        80,
        json!({"CidrIp": "10.0.0.0/8"}),
    );
    authorize(&aws, "egress", &client, 80, json!({"GroupId": called}));
    let (picture, seen) = (drawn(&aws), seen(&aws));
    assert!(seen.contains("app4 -> app5"), "{seen:?}");
    assert_eq!(picture.reach(), seen);
}

#[test]
fn what_a_stranger_took_away_is_no_edge_and_is_told() {
    let aws = made(2);
    let called = group(&aws, "alb/app1");
    let filters = json!([{"Name": "group-id", "Values": [called]}]);
    let rules = aws.call(
        "ec2",
        "describe_security_group_rules",
        json!({"Filters": filters}),
    );
    let rules = list(&rules["SecurityGroupRules"]).iter();
    let incoming: Vec<_> = rules.filter(|rule| rule["IsEgress"] == false).collect();
    let [rule] = incoming[..] else {
        panic!("{incoming:?}");
    };
    let ids = json!([rule["SecurityGroupRuleId"]]);
    let params = json!({"GroupId": called, "SecurityGroupRuleIds": ids});
    aws.call("ec2", "revoke_security_group_ingress", params);
    let (picture, seen) = (drawn(&aws), seen(&aws));
    assert_eq!(seen, BTreeSet::from(["internet -> app0".to_string()]));
    assert_eq!(picture.reach(), seen);
    let told = "declared, and not admitted now: task/app0 → alb/app1: tcp 80";
    assert!(
        picture.words.contains(&told.to_string()),
        "{:?}",
        picture.words
    );
}
