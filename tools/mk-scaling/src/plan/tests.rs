use plumbing::{Listener, Record, RecordType, ScaleOn};
use serde_json::{Value, json};

use super::*;

fn env() -> Env {
    Env::example()
}

fn app(more: Value) -> App {
    let mut app = json!({"name": "web", "scale": "2..10"});
    let more = more.as_object().unwrap().clone();
    app.as_object_mut().unwrap().extend(more);
    let app: App = serde_json::from_value(app).unwrap();
    assert_eq!(app.check(), Ok(()));
    app
}

fn want_of(app: &App) -> Want {
    want(&env(), app, app.scale.range().unwrap(), "label")
}

/// What a run leaves behind that made this.
fn made(want: &Want) -> Have {
    Have {
        resource: want.resource.clone(),
        arn: "arn:target".into(),
        range: want.range,
        suspended: Vec::new(),
        policies: want.policies.clone(),
        actions: want.actions.clone(),
        tags: want.tags.iter().cloned().collect(),
    }
}

fn differences(want: &Want, have: &Have) -> Vec<String> {
    let differences = compare(&env(), want, have).unwrap();
    differences
        .iter()
        .map(|(part, difference)| format!("{part:?}: {difference}"))
        .collect()
}

fn everything() -> App {
    app(json!({
        "scale_on": {"cpu": 50, "memory": 70, "requests": 1000, "queue": "jobs:100"},
        "scale_at": ["cron(0 8 ? * MON-FRI *)=4..20", "rate(1 day)=2..4"],
        "scale_zone": "Europe/Berlin",
    }))
}

#[test]
fn what_was_made_is_as_wanted_and_the_app_comes_back_from_it() {
    let app = everything();
    let want = want_of(&app);
    let have = made(&want);
    assert_eq!(differences(&want, &have), Vec::<String>::new());
    let record = app_record(&env(), &have);
    let found: App = record.typed().unwrap();
    assert_eq!(found.scale, app.scale);
    assert_eq!(leftovers(&env(), &[app], &[have]), []);
}

#[test]
fn the_cpu_decides_where_nothing_is_said() {
    let want = want_of(&app(json!({})));
    let [policy] = &want.policies[..] else {
        panic!("{want:?}")
    };
    assert_eq!(policy.name, "scaling-web-cpu-production-pr1");
    assert_eq!(policy.predefined, "ECSServiceAverageCPUUtilization");
    assert_eq!(policy.target, 60.0);
    let record = record("web", "arn:target", want.range, &want.policies);
    assert_eq!(
        serde_json::to_string(&record).unwrap(),
        r#"{"type":"scaling","name":"web","arn":"arn:target","least":2,"most":10,"on":{"cpu":60}}"#
    );
}

#[test]
fn the_backlog_of_a_queue_is_shared_by_the_tasks_that_run() {
    let want = want_of(&app(json!({"scale_on": {"queue": "jobs:100"}})));
    let queries: Vec<(&str, &str, &str)> = want.policies[0]
        .queries
        .iter()
        .map(|one| (one.id.as_str(), one.stat.as_str(), one.expression.as_str()))
        .collect();
    assert_eq!(
        queries,
        [
            ("visible", "Maximum", ""),
            ("tasks", "SampleCount", ""),
            (
                "backlog",
                "",
                "visible / IF(FILL(tasks, 0) > 0, FILL(tasks, 0), 1)"
            ),
        ]
    );
    assert_eq!(want.policies[0].target, 100.0);
}

#[test]
fn each_thing_that_a_hand_changed_is_told_by_its_part() {
    let want = want_of(&everything());
    let mut have = made(&want);
    have.range.most = 3;
    have.policies[0].target = 90.0;
    have.policies[1].only_out = true;
    have.policies[2].label = "other".into();
    have.policies.remove(3);
    have.actions[0].zone = "UTC".into();
    have.actions[1].has_bounds = true;
    have.tags.insert("Team".into(), "nobody".into());
    assert_eq!(
        differences(&want, &have),
        [
            "Range: range: 2..3 -> 2..10",
            "Policy(0): cpu: 90 -> 50",
            "Policy(1): memory only out: true -> false",
            "Policy(2): requests label: other -> label",
            "Policy(3): policy queue: none -> 100",
            "Action(0): scheduled: cron(0 8 ? * MON-FRI *)=4..20 UTC -> cron(0 8 ? * MON-FRI *)=4..20 Europe/Berlin",
            "Action(1): scheduled: rate(1 day)=2..4 UTC, for some days -> rate(1 day)=2..4 UTC",
            "Tags: tag Team: nobody -> devops",
        ]
    );
}

#[test]
fn a_range_that_a_schedule_set_stays_until_another_one_is_asked_for() {
    let want = want_of(&everything());
    let mut have = made(&want);
    have.range = want.actions[0].range;
    assert_eq!(differences(&want, &have), Vec::<String>::new());
    let record = app_record(&env(), &have);
    assert_eq!(record.text("scale"), "2..10");
    let mut other = everything();
    other.scale.range = Some("3..10".into());
    assert_eq!(
        differences(&want_of(&other), &have),
        [
            "Range: range: 2..10 -> 3..10",
            "Tags: tag plumbline:scale: 2..10 -> 3..10"
        ]
    );
    // Without the schedule it is nobody's.
    have.actions.clear();
    assert_eq!(differences(&want, &have)[0], "Range: range: 4..20 -> 2..10");
}

#[test]
fn a_target_without_our_tag_is_refused_and_never_surplus() {
    let want = want_of(&everything());
    let have = Have {
        tags: BTreeMap::new(),
        ..made(&want)
    };
    let error = compare(&env(), &want, &have).unwrap_err();
    assert!(error.message.contains("is left alone"), "{error}");
    let mut without = everything();
    without.scale = Default::default();
    assert_eq!(leftovers(&env(), &[without], &[have]), []);
}

#[test]
fn what_is_ours_and_wanted_no_more_is_surplus() {
    let mut have = made(&want_of(&everything()));
    let others = Policy {
        name: "theirs".into(),
        ..Policy::default()
    };
    have.policies.push(others);
    have.suspended.push("its scheduled actions");
    let names = |apps: &[App]| -> Vec<String> {
        let leftovers = leftovers(&env(), apps, std::slice::from_ref(&have));
        leftovers.iter().map(|one| one.surplus().what).collect()
    };
    let fewer = app(json!({"scale_on": {"cpu": 50}, "scale_at": ["rate(1 day)=2..4"]}));
    let gone = names(&[fewer]);
    assert_eq!(gone.len(), 4, "{gone:?}");
    assert_eq!(
        gone[0],
        "policy scaling-web-memory-production-pr1 of app web"
    );
    assert!(
        gone[3].starts_with("scheduled action scaling-web-"),
        "{gone:?}"
    );
    let mut without = everything();
    without.scale = Default::default();
    assert_eq!(names(&[without]), ["scalable target of app web"]);
    // One that is dropped is not a part of anything that stays.
    assert_eq!(names(&[]), Vec::<String>::new());
    assert_eq!(
        by_hand(&env(), "web", &have),
        [
            "app web: somebody suspended its scheduled actions; it stays so",
            "app web is scaled by policy theirs of somebody else's as well; it stays",
        ]
    );
}

#[test]
fn a_label_is_the_ends_of_two_arns() {
    let listener = |arn: &str, target_group: &str| Listener {
        arn: format!("arn:aws:elasticloadbalancing:us-east-1:1:{arn}"),
        target_group: format!("arn:aws:elasticloadbalancing:us-east-1:1:{target_group}"),
        ..Listener::default()
    };
    for arn in [
        "listener/app/alb-web/a/b",
        "listener-rule/app/alb-web/a/b/c",
    ] {
        assert_eq!(
            label(&listener(arn, "targetgroup/tg-web/d")).unwrap(),
            "app/alb-web/a/targetgroup/tg-web/d"
        );
    }
    assert_eq!(label(&listener("x", "targetgroup/tg-web/d")), None);
    let planned = Listener {
        arn: "planned:listener".into(),
        ..listener("x", "targetgroup/tg-web/d")
    };
    assert_eq!(label(&planned), None);
}

#[test]
fn a_service_without_an_image_is_not_scaled() {
    let range = |least| Range { least, most: 4 };
    assert!(has_no_image(range(1), Some(0)));
    assert!(!has_no_image(range(0), Some(0)));
    assert!(!has_no_image(range(1), Some(1)));
    assert!(!has_no_image(range(1), None));
}

#[test]
fn a_record_has_only_what_policies_of_ours_say() {
    let mut have = made(&want_of(&app(json!({}))));
    have.policies[0].name = "theirs".into();
    let record: Record = app_record(&env(), &have);
    assert_eq!(record.0.get("scale_on"), None);
    assert_eq!(ScaleOn::default(), record.typed::<App>().unwrap().scale.on);
}
