//! What is shown of which records.

use mk_sg::plan::{Direction, Rule};

use super::*;
use crate::samples::{app, by_hand, groups, record, two_services};

fn shown(records: &[Record], plan: bool, groups: Option<&[Group]>) -> Picture {
    let env = Env {
        plan,
        ..Env::example()
    };
    picture(&env, records, groups)
}

fn edges(picture: &Picture) -> Vec<String> {
    let edges = picture.traffic.edges.iter();
    let told = edges.map(|edge| format!("{} ({})", edge.words(), edge.state.word()));
    told.collect()
}

fn notes(picture: &Picture) -> Vec<&str> {
    picture
        .notes
        .iter()
        .map(|note| note.text.as_str())
        .collect()
}

#[test]
fn every_record_is_somewhere() {
    let records = two_services();
    let picture = shown(&records, false, None);
    let told: Vec<&String> = picture.nodes().iter().flat_map(|node| &node.told).collect();
    for record in &records {
        let (kind, name) = (record.kind().replace('_', " "), record.name());
        let line = format!("{kind} {name}");
        let is_told = told.iter().any(|told| told.starts_with(&line));
        assert!(is_told || kind == "app", "{line} in {told:?}");
    }
    let network = picture.network.unwrap();
    let zones: Vec<&str> = network
        .zones
        .iter()
        .map(|zone| zone.name.as_str())
        .collect();
    assert_eq!(zones, ["us-east-1a", "us-east-1b"]);
    let leaves: Vec<_> = network
        .zones
        .iter()
        .filter_map(|zone| zone.leaves_by.as_deref())
        .collect();
    assert_eq!(leaves, ["nat_gateway/a", "nat_gateway/b"]);
    let steps: Vec<&str> = picture.pipelines[0]
        .steps
        .iter()
        .map(|step| step.caption.as_str())
        .collect();
    assert_eq!(
        steps,
        ["source", "build", "repository", "deploy", "function"]
    );
}

#[test]
fn with_one_nat_gateway_every_zone_leaves_by_it() {
    let mut records = two_services();
    records.retain(|record| record.key() != ("nat_gateway".into(), "b".into()));
    let network = shown(&records, false, None).network.unwrap();
    let leaves: Vec<_> = network
        .zones
        .iter()
        .filter_map(|zone| zone.leaves_by.as_deref())
        .collect();
    assert_eq!(leaves, ["nat_gateway/a", "nat_gateway/a"]);
}

#[test]
fn without_a_look_it_is_said_that_edges_are_as_declared() {
    let picture = shown(&[app("web", true, &[])], false, None);
    assert_eq!(
        edges(&picture),
        [
            "alb/web → task/web: tcp 5000 (same)",
            "internet → alb/web: tcp 80 (same)"
        ]
    );
    assert_eq!(
        notes(&picture),
        ["Who may reach whom: as the apps declare it, not looked up"]
    );
}

#[test]
fn what_is_declared_and_not_admitted_is_no_edge_and_is_told() {
    let records = two_services();
    let mut groups = groups(&records);
    let of_api = groups.iter_mut().find(|group| group.id == "sg-alb/api");
    of_api
        .unwrap()
        .rules
        .retain(|rule| rule.direction == Direction::Egress);
    let picture = shown(&records, false, Some(&groups));
    assert!(
        !edges(&picture)
            .iter()
            .any(|edge| edge.starts_with("task/web → alb/api"))
    );
    let told = "declared, and not admitted now: task/web → alb/api: tcp 80";
    assert!(notes(&picture).contains(&told), "{:?}", notes(&picture));
    let planned = shown(&records, true, Some(&groups));
    let new = "task/web → alb/api: tcp 80 (new)".to_string();
    assert!(edges(&planned).contains(&new), "{:?}", edges(&planned));
}

#[test]
fn what_a_plan_takes_away_goes_with_its_edges() {
    let mut records = two_services();
    records.push(app("web", true, &["api".into()]).with("port", 8080));
    let mut groups = groups(&two_services());
    for group in &mut groups {
        for (number, rule) in group.rules.iter_mut().enumerate() {
            rule.id = format!("sgr-{}-{number}", group.name);
        }
    }
    let old = groups
        .iter()
        .find(|group| group.id == "sg-alb/web")
        .unwrap();
    let old = old
        .rules
        .iter()
        .find(|rule| rule.direction == Direction::Egress)
        .unwrap();
    let surplus = Record::new("surplus", &format!("rule/{}", old.id))
        .with("owner", "mk-sg")
        .with("what", "a rule")
        .with("rule", old.id.as_str());
    records.push(surplus.with("change", "delete"));
    records.push(record(
        r#"{"type":"sg","name":"task/api","id":"sg-1","change":"delete"}"#,
    ));
    let picture = shown(&records, true, Some(&groups));
    for edge in [
        "alb/web → task/web: tcp 5000 (gone)",
        "alb/web → task/web: tcp 8080 (new)",
        "alb/api → task/api: tcp 5000 (gone)",
        "task/web → alb/api: tcp 80 (same)",
    ] {
        assert!(
            edges(&picture).contains(&edge.to_string()),
            "{:?}",
            edges(&picture)
        );
    }
    assert!(notes(&picture).contains(&"prune-env takes away: a rule"));
}

#[test]
fn what_is_not_declared_stands_out_wherever_it_leads() {
    let records = two_services();
    let mut groups = groups(&records);
    by_hand(
        &mut groups,
        "sg-task/api",
        Direction::Egress,
        Rule::tcp(25, "10.9.0.0/16"),
    );
    by_hand(
        &mut groups,
        "sg-task/api",
        Direction::Ingress,
        Rule::tcp(22, "sg-9"),
    );
    let picture = shown(&records, false, Some(&groups));
    let loud: Vec<&Note> = picture
        .notes
        .iter()
        .filter(|note| note.stands_out)
        .collect();
    assert_eq!(loud.len(), 2, "{loud:?}");
    let service = picture.traffic.apps["api"].service.as_ref().unwrap();
    let line = service
        .lines
        .iter()
        .find(|line| line.text == "sends 25 to 10.9.0.0/16");
    assert_eq!(line.unwrap().tone, crate::picture::Tone::Loud);
    assert!(picture.traffic.outside.contains_key("outside/sg-9"));
}

#[test]
fn records_of_types_that_nobody_knows_are_shown() {
    let picture = shown(
        &[Record::new("queue", "mail").with("id", "q-1")],
        false,
        None,
    );
    let other = &picture.others[0];
    assert_eq!(
        (other.caption.as_str(), other.name.as_str()),
        ("queue", "mail")
    );
    assert_eq!(other.told, ["queue mail q-1"]);
}

#[test]
fn what_an_app_reaches_that_is_no_app_is_a_box_and_so_is_who_reaches_it() {
    let api = app("api", false, &[])
        .with("reach", vec!["tcp:5432=sg-0a1b2c3d", "tcp:25=10.9.0.0/16"])
        .with("reach_from", vec!["pl-0a1b2c3d"]);
    let records = [app("web", true, &["api".to_string()]), api];
    let picture = shown(&records, false, Some(&groups(&records)));
    for edge in [
        "task/api → sg-0a1b2c3d: tcp 5432 (same)",
        "task/api → 10.9.0.0/16: tcp 25 (same)",
        "pl-0a1b2c3d → alb/api: tcp 80 (same)",
    ] {
        assert!(
            edges(&picture).contains(&edge.to_string()),
            "{edge} in {:?}",
            edges(&picture)
        );
    }
    let boxes = &picture.traffic.outside;
    let captions: Vec<&str> = boxes.values().map(|node| node.caption.as_str()).collect();
    assert_eq!(
        captions,
        ["anybody", "addresses", "prefix list", "security group"]
    );
    assert!(
        notes(&picture)
            .iter()
            .all(|note| !note.contains("declared"))
    );
    // One that a run would open, and one that it would close.
    let before = [app("api", false, &[])];
    let plan = shown(&records, true, Some(&groups(&before)));
    let new = "task/api → sg-0a1b2c3d: tcp 5432 (new)".to_string();
    assert!(edges(&plan).contains(&new), "{:?}", edges(&plan));
}

#[test]
fn a_worker_has_no_load_balancer() {
    let worker = app("jobs", false, &[])
        .with("worker", true)
        .with("reach_from", vec!["tcp:9000=sg-0a1b2c3d"]);
    let picture = shown(&[worker], false, None);
    let jobs = &picture.traffic.apps["jobs"];
    assert!(jobs.balancer.is_none());
    assert_eq!(jobs.service.as_ref().unwrap().lines[0].text, "2 tasks");
    assert_eq!(
        edges(&picture),
        ["sg-0a1b2c3d → task/jobs: tcp 9000 (same)"]
    );
}
