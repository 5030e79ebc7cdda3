//! mk-connection: its command line, and the connections it makes and adopts in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{DOWN, ENV, Faults, LocalAws, Value, json, tags, text, tool};

const NAME: &str = "connection-production-pr1";
const MAKE: &str = "mk-env production pr1 | mk-connection";

/// The account's connections.
fn list(aws: &LocalAws) -> Vec<Value> {
    let listed = aws.call("codeconnections", "list_connections", json!({}));
    listed["Connections"].as_array().unwrap().clone()
}

/// Makes a connection that is nobody's, and answers its ARN.
fn create_theirs(aws: &LocalAws, name: &str) -> String {
    let params = json!({"ConnectionName": name, "ProviderType": "GitHub"});
    let created = aws.call("codeconnections", "create_connection", params);
    text(&created["ConnectionArn"]).to_string()
}

/// The tags of a connection.
fn tags_of(aws: &LocalAws, arn: &Value) -> Value {
    let params = json!({"ResourceArn": arn});
    tags(&aws.call("codeconnections", "list_tags_for_resource", params)["Tags"])
}

fn down(aws: &LocalAws) -> support::Output {
    aws.pipe(DOWN)
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-connection", &[]);
}

#[test]
fn what_is_no_connection_is_refused_before_any_call() {
    let output = tool(
        "mk-connection",
        &["--adopt", "arn:aws:iam::123456789012:role/x"],
        ENV,
    );
    assert_eq!(output.code, 2, "{output:?}");
    let other = "arn:aws:codeconnections:us-east-1:210987654321:connection/0a1b";
    let output = tool("mk-connection", &["--adopt", other], ENV);
    assert_eq!(output.code, 2, "{output:?}");
    assert!(
        output
            .stderr
            .contains("is not in account 123456789012 of partition aws"),
        "{}",
        output.stderr
    );
    for region in ["cn-north-1", "af-south-1"] {
        let env = ENV.replace("us-east-1", region);
        let output = tool("mk-connection", &[], &env);
        assert_eq!(output.code, 2, "{output:?}");
        let why = format!("region {region} has no CodeConnections");
        assert!(output.stderr.contains(&why), "{}", output.stderr);
    }
}

#[test]
fn it_makes_one_says_where_to_click_and_keeps_it() {
    let aws = LocalAws::start();
    let made = aws.pipe(MAKE).ok();
    let record = made.record("connection", "github");
    assert_eq!(
        (&record["status"], &record["change"]),
        (&json!("PENDING"), &json!("created"))
    );
    assert!(made.stderr.contains(
        "https://console.aws.amazon.com/codesuite/settings/connections?region=us-east-1"
    ));
    assert!(
        made.stderr.contains("Update pending connection"),
        "{}",
        made.stderr
    );
    let [one] = &list(&aws)[..] else {
        panic!("{:?}", list(&aws))
    };
    assert_eq!(
        (&one["ConnectionName"], &one["ProviderType"]),
        (&json!(NAME), &json!("GitHub"))
    );
    let found = tags_of(&aws, &record["arn"]);
    for (key, value) in [
        ("plumbline:env", "production-pr1"),
        ("Environment", "production"),
        ("Team", "devops"),
        ("Name", NAME),
    ] {
        assert_eq!(found[key], value, "{found}");
    }
    aws.handshake(NAME);
    aws.forget();
    let again = aws.pipe(MAKE).ok().record("connection", "github");
    assert_eq!(
        (&again["status"], &again["change"], &again["arn"]),
        (&json!("AVAILABLE"), &json!("kept"), &record["arn"])
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn it_is_as_patient_as_the_others_where_it_is_throttled() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    faults.rules(json!([
        {"do": "throttle", "of": "codeconnections:*", "times": 4},
        {"do": "fail", "of": "codeconnections:*", "times": 5},
    ]));
    assert_eq!(
        faults.pipe(MAKE).ok().record("connection", "github")["change"],
        "created"
    );
    assert_eq!(list(&aws).len(), 1);
}

/// Rules by which calls are answered with 500 and without a code of AWS's, as by a proxy that has
/// lost its AWS, or by an emulator without the service; all of them, or so many.
fn errors_without_code(times: Option<u32>) -> Value {
    let of = "codeconnections:*";
    let mut refuse = json!({"do": "refuse", "of": of, "when": "after", "status": 500, "code": "", "message": ""});
    let mut strip = json!({"do": "rewrite", "of": of, "match": "^.*$", "by": "<title>500 Internal Server Error</title>"});
    if let Some(times) = times {
        refuse["times"] = json!(times);
        strip["times"] = json!(times);
    }
    json!([refuse, strip])
}

/// How often CodeConnections was asked.
fn count_calls(faults: &Faults) -> usize {
    let told = faults.told();
    let calls = told["seen"].as_array().unwrap().iter();
    let calls = calls.filter(|call| text(&call["call"]).starts_with("codeconnections:"));
    calls.count()
}

#[test]
fn a_bare_500_that_passes_hides_no_connection() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    let faults = Faults::between(&aws);
    faults.rules(errors_without_code(Some(2)));
    assert_eq!(
        faults.pipe(MAKE).ok().record("connection", "github")["change"],
        "kept"
    );
    faults.rules(errors_without_code(Some(2)));
    let listed = faults.pipe("ls-env --env production-pr1").ok();
    assert_eq!(
        (
            listed.record("connection", "github")["status"].as_str(),
            listed.stderr
        ),
        (Some("PENDING"), String::new())
    );
    faults.rules(errors_without_code(Some(2)));
    faults.pipe(DOWN).ok();
    assert_eq!(list(&aws), Vec::<Value>::new());
}

#[test]
fn an_endpoint_without_the_service_is_asked_a_few_times_and_told_in_a_line() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    faults.rules(errors_without_code(None));
    let refused = faults.pipe(MAKE);
    assert_eq!(refused.code, 75, "{refused:?}"); // a server's fault may pass
    let hint = "an emulator (AWS_ENDPOINT_URL) may not support this call";
    assert!(refused.stderr.contains(hint), "{refused:?}");
    assert_eq!(count_calls(&faults), 6, "{}", faults.told());
    faults.rules(errors_without_code(None));
    let listed = faults.pipe("ls-env --env production-pr1").ok();
    let told = "ls-env: this endpoint knows no connections; none is listed\n";
    assert!(listed.stderr.starts_with(told), "{}", listed.stderr);
    assert_eq!(listed.stderr.matches("connections").count(), 1);
    assert_eq!(count_calls(&faults), 6, "{}", faults.told());
}

#[test]
fn a_dry_run_changes_nothing_and_announces_it() {
    let aws = LocalAws::start();
    let planned = aws
        .pipe("mk-env production pr1 --plan | mk-connection")
        .would_change();
    let planned = planned.record("connection", "github");
    assert_eq!(
        (&planned["change"], &planned["arn"]),
        (&json!("create"), &json!(format!("planned:{NAME}")))
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn tags_are_mended_and_others_tags_stay() {
    let aws = LocalAws::start();
    let arn = aws.pipe(MAKE).ok().record("connection", "github")["arn"].clone();
    let set = json!([{"Key": "Team", "Value": "nobody"}, {"Key": "theirs", "Value": "x"}]);
    aws.call(
        "codeconnections",
        "tag_resource",
        json!({"ResourceArn": arn, "Tags": set}),
    );
    let mended = aws.pipe(MAKE).ok().record("connection", "github");
    assert_eq!(
        (&mended["change"], &mended["changes"][0]["old"]),
        (&json!("updated"), &json!("nobody"))
    );
    let found = tags_of(&aws, &arn);
    assert_eq!(
        (&found["Team"], &found["theirs"]),
        (&json!("devops"), &json!("x"))
    );
}

#[test]
fn one_of_that_name_that_is_not_ours_is_refused_and_stays() {
    let aws = LocalAws::start();
    create_theirs(&aws, NAME);
    aws.forget();
    let refused = aws.pipe(MAKE);
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .stderr
            .contains(&format!("connection {NAME} exists and is not tagged")),
        "{}",
        refused.stderr
    );
    down(&aws).ok();
    assert_eq!((aws.changes(), list(&aws).len()), (Vec::new(), 1));
}

#[test]
fn one_is_adopted_by_arn_or_name_and_never_changed_or_deleted() {
    let aws = LocalAws::start();
    let arn = create_theirs(&aws, "github-team");
    aws.handshake(&arn);
    aws.forget();
    for adopt in ["github-team", &arn] {
        let adopted = aws.pipe(&format!("{MAKE} --adopt {adopt}")).ok().stdout;
        let record = connection_in(&adopted);
        assert_eq!(
            (&record["arn"], &record["status"], &record["adopted"]),
            (&json!(arn), &json!("AVAILABLE"), &json!(true))
        );
        let kept = aws
            .pipe_with("rm-env --confirm production-pr1", &adopted)
            .ok();
        assert!(
            kept.stderr.contains("was adopted: it stays"),
            "{}",
            kept.stderr
        );
    }
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(list(&aws).len(), 1);
    let absent = aws.pipe(&format!("{MAKE} --adopt nothing"));
    assert!(
        absent.code == 1 && absent.stderr.contains("there is no connection nothing"),
        "{absent:?}"
    );
    create_theirs(&aws, "github-team");
    let two = aws.pipe(&format!("{MAKE} --adopt github-team"));
    assert!(
        two.code == 1
            && two
                .stderr
                .contains("several connections are named github-team"),
        "{two:?}"
    );
}

fn connection_in(stdout: &str) -> Value {
    let mut lines = stdout.lines();
    let line = lines.find(|line| line.contains(r#""type":"connection""#));
    line.unwrap().parse().unwrap()
}

#[test]
fn two_runs_at_once_end_with_one() {
    let aws = LocalAws::start();
    aws.pipe(&format!("{MAKE} & {MAKE} & {MAKE} & wait")).ok();
    let again = aws.pipe(MAKE).ok().record("connection", "github");
    let listed = list(&aws);
    assert!(
        listed
            .iter()
            .any(|one| one["ConnectionArn"] == again["arn"]),
        "{listed:?}"
    );
    // AWS keeps no two from having one name; the others are deleted by the runs that made them.
    assert_eq!(listed.len(), 1, "{listed:?}");
}

/// Makes another connection of the environment's.
fn create_second(aws: &LocalAws) {
    let tags = json!([{"Key": "plumbline:env", "Value": "production-pr1"}]);
    let params = json!({"ConnectionName": NAME, "ProviderType": "GitHub", "Tags": tags});
    aws.call("codeconnections", "create_connection", params);
}

#[test]
fn a_second_one_of_ours_is_removed_by_the_next_run_or_by_down() {
    let aws = LocalAws::start();
    let arn = aws.pipe(MAKE).ok().record("connection", "github")["arn"].clone();
    create_second(&aws); // as a call does whose answer was lost
    let again = aws.pipe(MAKE).ok();
    assert_eq!(again.record("connection", "github")["arn"], arn);
    let told = again.stderr.matches("is one too many").count();
    assert_eq!((list(&aws).len(), told), (1, 1), "{}", again.stderr);
    create_second(&aws);
    down(&aws).ok();
    assert_eq!(list(&aws), Vec::<Value>::new());
}

#[test]
fn down_deletes_the_one_that_was_made() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(listed.record("connection", "github")["status"], "PENDING");
    assert_eq!(
        down(&aws).ok().record("connection", "github")["change"],
        "deleted"
    );
    assert_eq!(list(&aws), Vec::<Value>::new());
}

#[test]
fn one_of_another_region_serves_where_there_is_no_codeconnections() {
    let aws = LocalAws::start();
    let made = aws.pipe("mk-env production shared --region eu-west-1 | mk-connection");
    let arn = made.ok().record("connection", "github")["arn"].clone();
    let arn = text(&arn);
    let region = "af-south-1"; // has none
    let make = format!("mk-env production pr1 --region {region} | mk-connection");
    assert_eq!(aws.pipe(&make).code, 2);
    let adopted = aws.pipe(&format!("{make} --adopt {arn} | mk-bucket")).ok();
    let record = adopted.record("connection", "github");
    assert_eq!(
        (text(&record["arn"]), &record["adopted"], &record["change"]),
        (arn, &json!(true), &json!("kept"))
    );
    // Nobody asks for connections where there is no host for that.
    let listed = aws.pipe(&format!("ls-env --env production-pr1 --region {region}"));
    listed.ok().record("bucket", "artifacts");
    aws.pipe_with("rm-env --confirm production-pr1", &adopted.stdout)
        .ok();
    let there = "mk-env production shared --region eu-west-1 | mk-connection";
    let kept = aws.pipe(there).ok().record("connection", "github");
    assert_eq!((text(&kept["arn"]), &kept["change"]), (arn, &json!("kept")));
}
