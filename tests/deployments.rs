//! Blue/green, linear and canary deployments: what the whole pipe makes of them, and how an environment
//! changes to them and back while it serves.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::thread::sleep;
use std::time::Duration;

use support::{
    Account, DOWN, ENV, Faults, LocalAws, Output, UP, Value, json, list,
    policies_allow_what_was_called, rewrite, text,
};

const CLUSTER: &str = "cluster-production-pr1";

struct World {
    aws: LocalAws,
    app: Value,
}

impl World {
    fn new(fields: Value) -> World {
        let aws = LocalAws::start();
        aws.set_moment(0.1);
        let mut app = json!({"type": "app", "name": "web", "public": true, "image": "registry.example/web:1"});
        let all = app.as_object_mut().unwrap();
        all.extend(fields.as_object().unwrap().clone());
        World { aws, app }
    }

    fn set(&mut self, field: &str, value: Value) {
        self.app[field] = value;
    }

    fn unset(&mut self, field: &str) {
        self.app.as_object_mut().unwrap().remove(field);
    }

    fn stream(&self) -> String {
        format!("{ENV}\n{}\n", self.app)
    }

    fn up(&self) -> Output {
        self.aws.forget();
        self.aws.pipe_with(UP, &self.stream())
    }

    fn until_mk_ecs_svc(&self) -> Output {
        let (pipe, _) = UP.split_once(" | wait-env").unwrap();
        self.aws.pipe_with(pipe, &self.stream())
    }

    /// A second run changes nothing, nor does one with what is found again from the name alone.
    fn is_as_wanted(&self) -> Output {
        let again = self.up().ok();
        assert_eq!(self.aws.changes(), Vec::<String>::new(), "{}", again.stderr);
        self.aws.forget();
        let listed = format!("ls-env --env production-pr1 </dev/null | {UP}");
        let listed = self.aws.pipe(&listed).ok();
        assert_eq!(
            self.aws.changes(),
            Vec::<String>::new(),
            "{}",
            listed.stderr
        );
        listed
    }

    fn service(&self) -> Value {
        let params = json!({"cluster": CLUSTER, "services": ["service-web-production-pr1"]});
        self.aws.call("ecs", "describe_services", params)["services"][0].clone()
    }

    /// The word of each target group that the listener forwards to, with its share.
    fn shares(&self) -> Vec<(String, u64)> {
        let balancer = &self.aws.call("elbv2", "describe_load_balancers", json!({}));
        let arn = &balancer["LoadBalancers"][0]["LoadBalancerArn"];
        let listeners = self.aws.call(
            "elbv2",
            "describe_listeners",
            json!({"LoadBalancerArn": arn}),
        );
        let action = &listeners["Listeners"][0]["DefaultActions"][0];
        let mut shares = Vec::new();
        if let Some(only) = action["TargetGroupArn"].as_str() {
            return vec![(only.rsplit('/').nth(1).unwrap().to_string(), 1)];
        }
        for group in list(&action["ForwardConfig"]["TargetGroups"]) {
            let name = text(&group["TargetGroupArn"]).rsplit('/').nth(1).unwrap();
            shares.push((name.to_string(), group["Weight"].as_u64().unwrap_or(1)));
        }
        shares.sort();
        shares
    }

    /// The share of the second target group in percent.
    fn of_second(&self) -> u64 {
        let shares = self.shares();
        let all: u64 = shares.iter().map(|(_, share)| share).sum();
        let second = shares.iter().filter(|(name, _)| name.contains("-alt-"));
        100 * second.map(|(_, share)| share).sum::<u64>() / all
    }

    fn until(&self, what: &str, is_so: impl Fn(&World) -> bool) {
        for _ in 0..2400 {
            if is_so(self) {
                return;
            }
            sleep(Duration::from_millis(25));
        }
        panic!("not {what}: {:?} {}", self.shares(), self.service());
    }

    fn down(&self) {
        self.aws.pipe(DOWN).ok();
    }
}

fn blue_green() -> World {
    World::new(json!({"deploy": "blue-green", "bake": 1}))
}

#[test]
fn an_app_has_two_target_groups_a_rule_and_a_role_and_all_of_it_goes() {
    let world = blue_green();
    let before = Account::new(&world.aws, "us-east-1").left();
    let plan = world
        .stream()
        .replacen("\"region\"", "\"plan\":true,\"region\"", 1);
    world.aws.pipe_with(UP, &plan).would_change();
    assert_eq!(world.aws.changes(), Vec::<String>::new());

    let made = world.up().ok();
    let service = world.service();
    let configuration = &service["deploymentConfiguration"];
    assert_eq!(configuration["strategy"], "BLUE_GREEN");
    assert_eq!(configuration["bakeTimeInMinutes"], 1);
    let listener = made.record("listener", "web");
    let advanced = &service["loadBalancers"][0]["advancedConfiguration"];
    assert_eq!(
        advanced["alternateTargetGroupArn"],
        listener["alternate_target_group"]
    );
    assert_eq!(advanced["productionListenerRule"], listener["rule"]);
    assert_eq!(
        advanced["roleArn"],
        made.record("role", "deploy/web")["arn"]
    );
    assert_eq!(world.of_second(), 0);
    let listed = world.is_as_wanted();
    let app = listed.record("app", "web");
    assert_eq!(
        (&app["deploy"], &app["bake"]),
        (&json!("blue-green"), &json!(1))
    );
    world.down();
    assert_eq!(Account::new(&world.aws, "us-east-1").left(), before);
}

#[test]
fn requests_go_to_and_fro_and_either_target_group_is_right() {
    let mut world = blue_green();
    world.up().ok();
    for (image, second) in [("2", 100), ("3", 0)] {
        world.set("image", json!(format!("registry.example/web:{image}")));
        let run = world.up().ok();
        assert_eq!(world.of_second(), second, "{}", run.stderr);
        assert!(
            run.stderr.contains("web has all requests on its new tasks"),
            "{}",
            run.stderr
        );
        let service = world.service();
        assert_eq!(
            service["deployments"].as_array().unwrap().len(),
            1,
            "{service}"
        );
        assert_eq!(service["runningCount"], 2);
        let callers = UP
            .split(" | ")
            .filter(|tool| !["mk-scaling", "prune-env"].contains(tool));
        policies_allow_what_was_called(&world.aws, &callers.map(String::from).collect());
        world.is_as_wanted();
    }
}

#[test]
fn a_canary_gets_a_few_requests_and_then_all() {
    let mut world = World::new(
        json!({"deploy": "canary", "deploy_percent": 10, "deploy_wait": 100, "bake": 1}),
    );
    world.up().ok();
    world.set("image", json!("registry.example/web:2"));
    world.until_mk_ecs_svc().ok();
    world.until("at 10 percent", |world| world.of_second() == 10);
    // A second run changes nothing meanwhile, and waits until it has ended.
    let run = world.up().ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new(), "{}", run.stderr);
    assert!(run.stderr.contains("shifts its requests"), "{}", run.stderr);
    assert_eq!(world.of_second(), 100);

    // Linear differs in its steps alone.
    world.set("deploy", json!("linear"));
    world.set("deploy_percent", json!(50));
    let run = world.up().ok();
    assert_eq!(world.aws.changes(), ["ecs:UpdateService"], "{}", run.stderr);
    assert_eq!(world.of_second(), 100);
    world.is_as_wanted();
    world.set("image", json!("registry.example/web:3"));
    world.until_mk_ecs_svc().ok();
    world.until("at 50 percent", |world| world.of_second() == 50);
    world.until("back at the first", |world| world.of_second() == 0);
}

#[test]
fn what_is_baking_goes_back_at_once_by_rollback_and_takes_up_nothing_else() {
    let mut world = World::new(json!({"deploy": "blue-green", "bake": 1000}));
    world.set("bake", json!(0));
    world.up().ok();
    let before = world.service()["taskDefinition"].clone();
    world.set("bake", json!(1000));
    world.up().ok();
    world.set("image", json!("registry.example/web:2"));
    world.until_mk_ecs_svc().ok();
    world.until("shifted", |world| world.of_second() == 100);

    let baking = world.stream();
    world.set("image", json!("registry.example/web:3"));
    let run = world.until_mk_ecs_svc();
    assert_eq!(run.code, 75, "{}", run.stderr);
    assert!(
        run.stderr.contains("takes up nothing else meanwhile"),
        "{}",
        run.stderr
    );
    let again = world
        .aws
        .pipe_with(UP.split_once(" | wait-env").unwrap().0, &baking)
        .ok();
    assert_eq!(again.record("service", "web")["change"], "kept");

    world.aws.forget();
    let back = "ls-env --env production-pr1 </dev/null | mk-ecs-svc --rollback web | wait-env";
    // Where it has ended before it could be stopped, that is no success.
    let faults = Faults::between(&world.aws);
    let ended = rewrite(
        "ecs:ListServiceDeployments",
        r#""serviceDeployments": ?\[.*\]"#,
        r#""serviceDeployments": []"#,
    );
    faults.rules(json!([ended]));
    let late = faults.pipe(back);
    assert_ne!(late.code, 0, "{}", late.stderr);
    let told = "has ended meanwhile: nothing is taken back";
    assert!(late.stderr.contains(told), "{}", late.stderr);
    assert_eq!(world.aws.changes(), ["ecs:TagResource"]);

    world.aws.forget();
    let run = world.aws.pipe(back).ok();
    let changes = world.aws.changes();
    assert_eq!(changes, ["ecs:StopServiceDeployment"], "{}", run.stderr);
    assert_eq!(world.of_second(), 0);
    let service = world.service();
    assert_eq!(service["taskDefinition"], before);
    assert_eq!(service["runningCount"], 2);
}

#[test]
fn what_fails_leaves_the_older_tasks_their_requests() {
    let mut world = blue_green();
    world.up().ok();
    let before = world.service()["taskDefinition"].clone();
    world.set("image", json!("registry.example/web:broken"));
    let run = world.up();
    assert_eq!(run.code, 3, "{}", run.stderr); // of prune-env
    assert!(
        run.stderr.contains("wait-env: service web failed"),
        "{}",
        run.stderr
    );
    world.until("taken back", |world| {
        world.service()["taskDefinition"] == before
    });
    assert_eq!(world.of_second(), 0);
    world.set("image", json!("registry.example/web:2"));
    world.up().ok();
    assert_eq!(world.of_second(), 100);
    world.is_as_wanted();
}

#[test]
fn a_rolling_app_becomes_blue_green_and_back_from_either_target_group() {
    for (image, second) in [("1", 0), ("2", 100)] {
        let mut world = World::new(json!({}));
        world.up().ok();
        let alone = Account::new(&world.aws, "us-east-1")
            .of_environment("production-pr1")
            .len();
        world.set("deploy", json!("blue-green"));
        world.set("bake", json!(1));
        let run = world.up().ok();
        assert!(
            run.stderr
                .contains("is deployed blue-green, bakes 1 min from now on"),
            "{}",
            run.stderr
        );
        assert_eq!(
            world.service()["deploymentConfiguration"]["strategy"],
            "BLUE_GREEN"
        );
        world.is_as_wanted();
        world.set("image", json!(format!("registry.example/web:{image}")));
        world.up().ok();
        assert_eq!(world.of_second(), second);

        world.unset("deploy");
        world.unset("bake");
        let confirmed = UP.replace("prune-env", "prune-env --confirm production-pr1");
        world.aws.pipe_with(&confirmed, &world.stream()).ok();
        let service = world.service();
        assert_eq!(service["deploymentConfiguration"]["strategy"], "ROLLING");
        assert_eq!(
            service["loadBalancers"][0].get("advancedConfiguration"),
            None
        );
        assert_eq!(world.shares().len(), 1, "{:?}", world.shares());
        let left = Account::new(&world.aws, "us-east-1").of_environment("production-pr1");
        let revisions = if image == "1" { 0 } else { 1 };
        assert_eq!(left.len(), alone + revisions);
        world.is_as_wanted();
    }
}

#[test]
fn another_port_is_another_pair_beside_the_older_one() {
    let mut world = blue_green();
    world.up().ok();
    world.set("image", json!("registry.example/web:2"));
    world.up().ok();
    world.set("port", json!(8080));
    let run = world.up().ok();
    let names: Vec<String> = world.shares().into_iter().map(|(name, _)| name).collect();
    assert!(
        names.iter().all(|name| name.contains("8080")),
        "{names:?} {}",
        run.stderr
    );
    assert_eq!(
        world.service()["deploymentConfiguration"]["strategy"],
        "BLUE_GREEN"
    );
    world.is_as_wanted();
}

#[test]
fn what_somebody_changed_comes_back_and_shares_stay_ecss() {
    let world = blue_green();
    world.up().ok();
    let other = json!({"cluster": CLUSTER, "service": "service-web-production-pr1",
        "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 9,
            "deploymentCircuitBreaker": {"enable": true, "rollback": true}}});
    world.aws.call("ecs", "update_service", other);
    let run = world.up().ok();
    assert_eq!(world.aws.changes(), ["ecs:UpdateService"]);
    let change = &run.record("service", "web")["changes"][0];
    assert_eq!(change["field"], "deploy");
    assert_eq!(change["old"], "blue-green, bakes 9 min");
    world.is_as_wanted();
    // A listener that forwards to one of both alone is no pair.
    let listener = run.record("listener", "web");
    let alone = json!({"ListenerArn": listener["arn"], "DefaultActions": [
        {"Type": "forward", "TargetGroupArn": listener["target_group"]}]});
    world.aws.call("elbv2", "modify_listener", alone);
    world.up().ok();
    assert_eq!(world.aws.changes(), ["elasticloadbalancing:ModifyListener"]);
    world.is_as_wanted();
}
