use plumbing::step::without_parts;

use super::*;
use crate::plan::container::Container;
use crate::plan::definition::Definition;
use crate::plan::examples::{env, network, texts, web};

fn want_web() -> Settings {
    want(&web(), "arn:x/task-web:2", true, &network())
}

fn service(settings: Settings) -> HaveService {
    let name = "service-web-production-pr1";
    HaveService {
        name: name.into(),
        settings,
        tags: env().tags_of_app(name, "web").into_iter().collect(),
        ..HaveService::default()
    }
}

fn differences(have: &HaveService) -> Vec<String> {
    let differences = compare(&env(), &web(), &want_web(), have).unwrap();
    texts(&without_parts(differences))
}

#[test]
fn the_same_service_has_no_differences_whatever_the_order_of_its_subnets() {
    let mut have = service(want_web());
    have.settings.subnets.reverse();
    assert_eq!(differences(&have), Vec::<String>::new());
}

#[test]
fn a_service_differs_field_by_field() {
    let have = service(Settings {
        task_definition: "arn:x/task-web:1".into(),
        count: 5,
        rebalancing: "DISABLED".into(),
        ..want_web()
    });
    assert_eq!(
        differences(&have),
        [
            "task definition: task-web:1 -> task-web:2",
            "count: 5 -> 2",
            "zone rebalancing: DISABLED -> ENABLED"
        ]
    );
}

#[test]
fn each_difference_is_of_the_part_that_one_call_brings_into_line() {
    let mut have = service(Settings {
        public_ip: true,
        rollback: false,
        maximum: 100,
        ..want_web()
    });
    have.deployments = vec![Deployment {
        status: "PRIMARY".into(),
        rollout: "FAILED".into(),
        ..Deployment::default()
    }];
    have.tags.insert("Team".into(), "nobody".into());
    let differences = compare(&env(), &web(), &want_web(), &have).unwrap();
    let parts: Vec<Part> = differences.iter().map(|(part, _)| *part).collect();
    assert_eq!(
        parts,
        [
            Part::Network,
            Part::DeploymentConfiguration,
            Part::DeploymentConfiguration,
            Part::NewDeployment,
            Part::Tags
        ]
    );
    assert_eq!(
        texts(&without_parts(differences))[3..],
        ["deployment: failed -> new", "tag Team: nobody -> devops"]
    );
}

#[test]
fn what_a_service_does_not_tell_is_no_difference() {
    let settings = Settings {
        grace: 0,
        circuit_breaker: false,
        rollback: false,
        managed_tags: false,
        rebalancing: "DISABLED".into(),
        count: 1,
        ..want_web()
    };
    let have = HaveService {
        omits_settings: true,
        ..service(settings)
    };
    assert_eq!(differences(&have), ["count: 1 -> 2"]);
    let have = HaveService {
        omits_settings: false,
        ..have
    };
    assert_eq!(differences(&have).len(), 6);
}

#[test]
fn another_launch_type_is_a_conflict_and_capacity_providers_are_not() {
    let mut have = service(Settings {
        launch_type: "EC2".into(),
        ..want_web()
    });
    assert_eq!(
        compare(&env(), &web(), &want_web(), &have)
            .unwrap_err()
            .message,
        "service service-web-production-pr1 has launch type EC2, wanted FARGATE; that cannot be changed"
    );
    have.settings.launch_type = String::new();
    have.settings.providers = vec![Provider {
        name: "FARGATE_SPOT".into(),
        base: 0,
        weight: 1,
    }];
    assert_eq!(differences(&have), ["launch type: FARGATE_SPOT -> FARGATE"]);
}

#[test]
fn another_deployment_controller_is_a_conflict() {
    let have = service(Settings {
        controller: "CODE_DEPLOY".into(),
        ..want_web()
    });
    assert_eq!(
        compare(&env(), &web(), &want_web(), &have)
            .unwrap_err()
            .message,
        "service service-web-production-pr1 has deployment controller CODE_DEPLOY, wanted ECS; that cannot be changed"
    );
}

#[test]
fn other_target_groups_than_its_own_are_a_difference() {
    let own = want_web().target_group;
    let other = own.replace("tg-web", "theirs");
    for (group, count) in [
        (own.replace("tg-web/1", "tg-web/0"), 1),
        (other.clone(), 1),
        (format!("{other} {own}"), 1),
        (String::new(), 1),
        (own, 0),
    ] {
        let have = service(Settings {
            target_group: group.clone(),
            ..want_web()
        });
        assert_eq!(differences(&have).len(), count, "{group}");
    }
}

fn revision_with(ports: &str) -> HaveRevision {
    HaveRevision {
        arn: "arn/t:1".into(),
        definition: Definition {
            own: Container {
                ports: ports.into(),
                image: "web:1".into(),
                ..Container::default()
            },
            ..Definition::default()
        },
        ..HaveRevision::default()
    }
}

#[test]
fn a_revision_without_the_port_that_the_load_balancer_sends_to_does_not_fit() {
    assert_eq!(check_ports(&revision_with("5000/tcp"), &want_web()), Ok(()));
    let two = revision_with("80/tcp 5000/tcp");
    assert_eq!(check_ports(&two, &want_web()), Ok(()));
    let other = revision_with("15000/tcp");
    assert_eq!(
        check_ports(&other, &want_web()).unwrap_err().message,
        "t:1 listens on 15000/tcp, but the load balancer of its service sends to web:5000"
    );
    let without_load_balancer = Settings {
        target: String::new(),
        ..want_web()
    };
    assert_eq!(check_ports(&other, &without_load_balancer), Ok(()));
}

#[test]
fn a_token_is_stable_short_and_another_after_a_deletion() {
    let name = env().service_name("recommendations");
    let revision = "arn:x/task-recommendations-production-pr1:1";
    let first = token(&name, revision, "");
    assert_eq!(first, token(&name, revision, ""));
    assert!(first.len() <= 36);
    assert_ne!(first, token(&name, revision, "2026-11-22"));
}

#[test]
fn a_worker_has_no_target_group_and_no_grace_period() {
    let worker = App {
        worker: true,
        ..web()
    };
    let network = Network {
        target_group: String::new(),
        ..network()
    };
    let worker = want(&worker, "arn:x/task-web:2", true, &network);
    assert_eq!((worker.target.as_str(), worker.grace), ("", 0));
    let differences = compare(&env(), &web(), &worker, &service(want_web())).unwrap();
    let group = crate::plan::examples::network().target_group;
    assert_eq!(
        texts(&without_parts(differences)),
        [
            format!("target group: {group} -> "),
            "target: web:5000 -> ".to_string()
        ]
    );
    let back = compare(&env(), &web(), &want_web(), &service(worker)).unwrap();
    let parts: Vec<Part> = back.into_iter().map(|(part, _)| part).collect();
    assert_eq!(parts, [Part::Grace, Part::LoadBalancer, Part::LoadBalancer]);
}
