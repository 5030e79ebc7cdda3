//! mk-ecs-svc: its command line, and the cluster, task definitions and services it makes in the
//! local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{ENV, Faults, LocalAws, Output, Value, json, tags, text, tool};

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-ecs-svc", &[]);
}

#[test]
fn bad_input_is_refused_before_any_call() {
    let size = r#"{"type":"app","name":"web","image":"x","cpu":256,"memory":128}"#;
    let output = tool("mk-ecs-svc", &[], &format!("{ENV}\n{size}\n"));
    assert_eq!(output.code, 65);
    assert_eq!(
        output.stderr,
        "mk-ecs-svc: record 2 (line 2) is no app record: memory 128 does not go with cpu 256: 512, 1024 to 2048 MiB in steps of 1024\n"
    );
    let output = tool("mk-ecs-svc", &["--image", "web"], ENV);
    assert_eq!(output.code, 2);
    assert!(
        output.stderr.contains("an image is written APP=REFERENCE"),
        "{}",
        output.stderr
    );
}

/// Web, which calls api, and api; with all that mk-ecs-svc needs of others' work.
struct World {
    aws: LocalAws,
    input: Vec<Value>,
}

impl World {
    fn new() -> Self {
        let aws = LocalAws::start();
        let mut input = aws.pipe("mk-env production pr1 | mk-vpc").ok().records();
        let vpc = input
            .iter()
            .rfind(|record| record["type"] == "vpc")
            .unwrap()
            .clone();
        input.push(
            json!({"type": "app", "name": "web", "public": true, "calls": ["api"], "image": "registry.example/web:1",
            "set": {"ApiAddress": "http://{alb.api.dns}/WeatherForecast", "Braces": "{}"}}),
        );
        input.push(json!({"type": "app", "name": "api", "health": "/WeatherForecast", "image": "registry.example/api:1", "count": 1}));
        for app in ["web", "api"] {
            input.extend(surroundings(&aws, app, &vpc));
        }
        aws.forget();
        World { aws, input }
    }

    /// Changes the record of a type and name.
    fn set(&mut self, kind: &str, name: &str, field: &str, value: Value) {
        let record = self
            .input
            .iter_mut()
            .rfind(|record| record["type"] == kind && record["name"] == name);
        record.unwrap()[field] = value;
    }

    fn stdin(&self) -> String {
        self.input
            .iter()
            .map(|record| format!("{record}\n"))
            .collect()
    }

    fn run(&self) -> Output {
        self.aws.pipe_with("mk-ecs-svc", &self.stdin())
    }

    /// The service of an app, as AWS describes it.
    fn service(&self, app: &str) -> Value {
        let params = json!({"cluster": "cluster-production-pr1", "services": [format!("service-{app}-production-pr1")], "include": ["TAGS"]});
        self.aws.call("ecs", "describe_services", params)["services"][0].clone()
    }

    /// The newest revision of an app's task definition.
    fn task(&self, app: &str) -> Value {
        let params =
            json!({"taskDefinition": format!("task-{app}-production-pr1"), "include": ["TAGS"]});
        self.aws.call("ecs", "describe_task_definition", params)
    }

    /// Registers a revision by hand, from what AWS told of another; answers its ARN.
    fn register(&self, definition: &Value, tags: Value) -> Value {
        let fields = [
            "family",
            "containerDefinitions",
            "cpu",
            "memory",
            "networkMode",
            "executionRoleArn",
        ];
        let fields = fields
            .into_iter()
            .chain(["requiresCompatibilities", "runtimePlatform"]);
        let mut params: Value = fields
            .map(|field| (field.to_string(), definition[field].clone()))
            .collect();
        if tags != Value::Null {
            params["tags"] = tags;
        }
        self.aws.call("ecs", "register_task_definition", params)["taskDefinition"]["taskDefinitionArn"].clone()
    }

    /// Waits, a moment at a time, until a service is as wanted.
    fn until(&self, app: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..100 {
            let service = self.service(app);
            if wanted(&service) {
                return service;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("not as wanted: {}", self.service(app));
    }
}

/// What the tools upstream would have made for an app: group, load balancer, role and log group.
fn surroundings(aws: &LocalAws, app: &str, vpc: &Value) -> Vec<Value> {
    let tags = json!([{"Key": "plumbline:env", "Value": "production-pr1"}]);
    let group = aws.call(
        "ec2",
        "create_security_group",
        json!({"GroupName": format!("task-{app}"), "Description": "tasks", "VpcId": vpc["id"]}),
    );
    let balancer = aws.call("elbv2", "create_load_balancer", json!({"Name": format!("alb-{app}-production-pr1"), "Subnets": vpc["public_subnets"], "SecurityGroups": [group["GroupId"]], "Scheme": if app == "web" { "internet-facing" } else { "internal" }, "Tags": tags}));
    let balancer = &balancer["LoadBalancers"][0];
    let target = aws.call("elbv2", "create_target_group", json!({"Name": format!("tg-{app}-production-pr1"), "Protocol": "HTTP", "Port": 5000, "VpcId": vpc["id"], "TargetType": "ip", "Tags": tags}));
    let target = &target["TargetGroups"][0]["TargetGroupArn"];
    let forward = json!([{"Type": "forward", "TargetGroupArn": target}]);
    let listener = aws.call("elbv2", "create_listener", json!({"LoadBalancerArn": balancer["LoadBalancerArn"], "Protocol": "HTTP", "Port": 80, "DefaultActions": forward}));
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let role = aws.call(
        "iam",
        "create_role",
        json!({"RoleName": format!("execution-{app}-production-pr1"), "AssumeRolePolicyDocument": trust}),
    );
    let log = format!("/production-pr1/{app}");
    aws.call("logs", "create_log_group", json!({"logGroupName": log}));
    vec![
        json!({"type": "sg", "name": format!("task/{app}"), "id": group["GroupId"]}),
        json!({"type": "alb", "name": app, "arn": balancer["LoadBalancerArn"], "dns": balancer["DNSName"], "scheme": balancer["Scheme"]}),
        json!({"type": "listener", "name": app, "arn": listener["Listeners"][0]["ListenerArn"], "target_group": target, "port": 80}),
        json!({"type": "role", "name": format!("execution/{app}"), "arn": role["Role"]["Arn"]}),
        json!({"type": "log_group", "name": app, "group": log, "arn": format!("arn:aws:logs:us-east-1:123456789012:log-group:{log}")}),
    ]
}

fn count(changes: &[String], call: &str) -> usize {
    changes.iter().filter(|change| *change == call).count()
}

#[test]
fn it_makes_a_cluster_and_a_service_for_each_app_and_a_second_run_changes_nothing() {
    let world = World::new();
    let made = world.run().ok();
    assert_eq!(world.aws.calls().len(), 10, "{:?}", world.aws.calls());
    let cluster = made.record("cluster", "main");
    assert_eq!(
        cluster["arn"],
        "arn:aws:ecs:us-east-1:123456789012:cluster/cluster-production-pr1"
    );
    assert_eq!(made.record("service", "web")["count"], 2);
    assert_eq!(made.record("service", "web")["cluster"], cluster["arn"]);
    assert_eq!(
        made.record("task_definition", "web")["image"],
        "registry.example/web:1"
    );
    let clusters = world.aws.call(
        "ecs",
        "describe_clusters",
        json!({"clusters": [cluster["arn"]], "include": ["TAGS"]}),
    );
    assert_eq!(
        tags(&clusters["clusters"][0]["tags"])["plumbline:env"],
        "production-pr1"
    );

    let task = world.task("web");
    let definition = &task["taskDefinition"];
    let dns = text(&made.record("alb", "api")["dns"]).to_string();
    assert_eq!(
        definition["taskDefinitionArn"],
        made.record("task_definition", "web")["arn"]
    );
    assert_eq!(
        (
            &definition["cpu"],
            &definition["memory"],
            &definition["networkMode"]
        ),
        (&json!("256"), &json!("512"), &json!("awsvpc"))
    );
    assert_eq!(definition["requiresCompatibilities"], json!(["FARGATE"]));
    assert_eq!(
        definition["runtimePlatform"],
        json!({"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"})
    );
    assert_eq!(
        definition["executionRoleArn"],
        made.record("role", "execution/web")["arn"]
    );
    assert_eq!(definition.get("taskRoleArn"), None);
    assert_eq!(
        definition["containerDefinitions"].as_array().unwrap().len(),
        1
    );
    let container = &definition["containerDefinitions"][0];
    assert_eq!(
        (&container["name"], &container["image"]),
        (&json!("web"), &json!("registry.example/web:1"))
    );
    assert_eq!(
        (&container["essential"], &container["stopTimeout"]),
        (&json!(true), &json!(30))
    );
    assert_eq!(
        container["portMappings"],
        json!([{"containerPort": 5000, "hostPort": 5000, "protocol": "tcp"}])
    );
    assert_eq!(container["linuxParameters"]["initProcessEnabled"], true);
    assert_eq!(
        container["environment"],
        json!([{"name": "ApiAddress", "value": format!("http://{dns}/WeatherForecast")}, {"name": "Braces", "value": "{}"}])
    );
    assert_eq!(
        container["logConfiguration"],
        json!({"logDriver": "awslogs", "options": {"awslogs-group": "/production-pr1/web", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "web"}})
    );
    assert_eq!(
        (
            &tags(&task["tags"])["plumbline:env"],
            &tags(&task["tags"])["Team"]
        ),
        (&json!("production-pr1"), &json!("devops"))
    );

    let service = world.service("web");
    let vpc = made.record("vpc", "main");
    assert_eq!(
        (
            &service["launchType"],
            &service["platformVersion"],
            &service["desiredCount"]
        ),
        (&json!("FARGATE"), &json!("LATEST"), &json!(2))
    );
    assert_eq!(
        service["taskDefinition"],
        made.record("service", "web")["task_definition"]
    );
    let network = &service["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!(
        (&network["subnets"], &network["assignPublicIp"]),
        (&vpc["private_subnets"], &json!("DISABLED"))
    );
    assert_eq!(
        network["securityGroups"],
        json!([made.record("sg", "task/web")["id"]])
    );
    assert_eq!(
        service["loadBalancers"],
        json!([{"targetGroupArn": made.record("listener", "web")["target_group"], "containerName": "web", "containerPort": 5000}])
    );
    assert_eq!(service["healthCheckGracePeriodSeconds"], 60);
    let deployment = &service["deploymentConfiguration"];
    assert_eq!(
        deployment["deploymentCircuitBreaker"],
        json!({"enable": true, "rollback": true})
    );
    assert_eq!(
        (
            &deployment["minimumHealthyPercent"],
            &deployment["maximumPercent"]
        ),
        (&json!(100), &json!(200))
    );
    assert_eq!(
        (
            &service["availabilityZoneRebalancing"],
            &service["propagateTags"]
        ),
        (&json!("ENABLED"), &json!("SERVICE"))
    );
    assert_eq!(
        (&service["enableECSManagedTags"], &service.get("roleArn")),
        (&json!(true), &None)
    );
    assert_eq!(
        (
            &tags(&service["tags"])["plumbline:env"],
            &tags(&service["tags"])["Team"]
        ),
        (&json!("production-pr1"), &json!("devops"))
    );

    world.aws.forget();
    let again = world.run().ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    assert_eq!(world.aws.calls().len(), 5, "{:?}", world.aws.calls());
    assert!(
        again
            .stderr
            .contains("mk-ecs-svc: nothing to change (5 kept)"),
        "{}",
        again.stderr
    );
}

#[test]
fn a_dry_run_changes_nothing_and_announces_everything() {
    let mut world = World::new();
    world.set("env", "production-pr1", "plan", json!(true));
    let planned = world.run().would_change();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    assert_eq!(planned.record("service", "web")["change"], "create");
    assert_eq!(
        planned.record("task_definition", "web")["arn"],
        "planned:task-web-production-pr1"
    );
    world.set("env", "production-pr1", "plan", json!(false));
    let made = world.run().ok();
    let keys = |output: &Output| {
        let mut keys: Vec<String> = output
            .records()
            .iter()
            .map(|r| format!("{} {}", r["type"], r["name"]))
            .collect();
        keys.sort();
        keys.dedup();
        keys
    };
    assert_eq!(keys(&planned), keys(&made));

    world.set("env", "production-pr1", "plan", json!(true));
    world.set("app", "web", "image", json!("registry.example/web:2"));
    world.aws.forget();
    let planned = world.run().would_change();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    assert_eq!(planned.record("task_definition", "web")["change"], "update");
    assert_eq!(planned.record("service", "web")["change"], "update");
    assert_eq!(planned.record("service", "api")["change"], "kept");
}

#[test]
fn a_changed_image_is_rolled_out() {
    let mut world = World::new();
    let made = world.run().ok();
    world.set("app", "web", "image", json!("registry.example/web:2"));
    world.aws.forget();
    let rolled = world.run().ok();
    assert_eq!(
        world.aws.changes(),
        ["ecs:RegisterTaskDefinition", "ecs:UpdateService"]
    );
    let (old, new) = (
        made.record("task_definition", "web"),
        rolled.record("task_definition", "web"),
    );
    assert_ne!(old["arn"], new["arn"]);
    assert_eq!(
        new["changes"],
        json!([{"field": "image", "old": "registry.example/web:1", "new": "registry.example/web:2"}])
    );
    let differences =
        "task-web-production-pr1:2 (image: registry.example/web:1 -> registry.example/web:2)";
    assert!(rolled.stderr.contains(differences), "{}", rolled.stderr);
    assert_eq!(
        rolled.record("service", "web")["task_definition"],
        new["arn"]
    );
    assert_eq!(world.service("web")["taskDefinition"], new["arn"]);
    // UpdateService says nothing of what did not change.
    let update = world
        .aws
        .calls()
        .into_iter()
        .find(|call| call["action"] == "UpdateService")
        .unwrap();
    let mut said: Vec<&String> = update["params"].as_object().unwrap().keys().collect();
    said.sort();
    assert_eq!(said, ["cluster", "service", "taskDefinition"]);
}

#[test]
fn a_check_in_the_container_may_fail_while_the_app_starts() {
    let mut world = World::new();
    world.set(
        "app",
        "web",
        "check",
        json!("wget -q -O /dev/null http://localhost:5000/"),
    );
    let made = world.run().ok();
    let arn = made.record("task_definition", "web")["arn"].clone();
    let answer = world.aws.call(
        "ecs",
        "describe_task_definition",
        json!({"taskDefinition": arn}),
    );
    let check = &answer["taskDefinition"]["containerDefinitions"][0]["healthCheck"];
    assert_eq!(
        check["command"],
        json!(["CMD-SHELL", "wget -q -O /dev/null http://localhost:5000/"])
    );
    assert_eq!(check["startPeriod"], 60);
    world.aws.forget();
    world.run().ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
}

#[test]
fn a_flag_wins_over_an_image_record_and_that_over_the_apps_own() {
    let mut world = World::new();
    world
        .input
        .push(json!({"type": "image", "name": "web", "image": "registry.example/web@sha256:1"}));
    world
        .input
        .push(json!({"type": "image", "name": "api", "image": "registry.example/api@sha256:1"}));
    let made = world
        .aws
        .pipe_with(
            "mk-ecs-svc --image web=registry.example/web:flag",
            &world.stdin(),
        )
        .ok();
    assert_eq!(
        made.record("task_definition", "web")["image"],
        "registry.example/web:flag"
    );
    assert_eq!(
        made.record("task_definition", "api")["image"],
        "registry.example/api@sha256:1"
    );
}

#[test]
fn an_app_without_an_image_is_bad_input() {
    let mut world = World::new();
    world.set("app", "web", "image", Value::Null);
    let output = world.run();
    assert_eq!(output.code, 65);
    assert!(
        output.stderr.contains("mk-ecs-svc: app 'web' has no image\n  try: mk-app web --image REFERENCE, mk-ecs-svc --image web=REFERENCE, or push-image\n"),
        "{}",
        output.stderr
    );
    let of_web =
        |call: &Value| call["changing"] == true && call["params"].to_string().contains("-web-");
    assert_eq!(world.aws.calls().into_iter().find(of_web), None);
}

#[test]
fn a_reference_to_nothing_is_bad_input() {
    for (value, why) in [
        (
            "{alb.apo.dns}",
            "mk-ecs-svc: app 'web' sets X from {alb.apo.dns}, but no alb record 'apo' is on stdin",
        ),
        (
            "{alb.api.port}",
            "mk-ecs-svc: app 'web' sets X from {alb.api.port}, but alb 'api' has no text 'port'",
        ),
    ] {
        let mut world = World::new();
        world.set("app", "web", "set", json!({"X": value}));
        let output = world.run();
        assert_eq!(output.code, 65);
        assert!(output.stderr.contains(why), "{}", output.stderr);
    }
}

#[test]
fn what_was_changed_by_hand_is_brought_into_line() {
    let world = World::new();
    let made = world.run().ok();
    let service = made.record("service", "web");
    world.until("web", |service| service["runningCount"] == 2);
    world.aws.call("ecs", "update_service", json!({"cluster": service["cluster"], "service": service["arn"], "desiredCount": 5,
        "healthCheckGracePeriodSeconds": 5, "availabilityZoneRebalancing": "DISABLED", "propagateTags": "NONE", "enableECSManagedTags": false,
        "deploymentConfiguration": {"minimumHealthyPercent": 0, "maximumPercent": 100, "deploymentCircuitBreaker": {"enable": false, "rollback": false}},
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": [made.record("vpc", "main")["private_subnets"][0]], "securityGroups": [], "assignPublicIp": "ENABLED"}}}));
    for arn in [
        &service["arn"],
        &service["cluster"],
        &service["task_definition"],
    ] {
        world.aws.call(
            "ecs",
            "tag_resource",
            json!({"resourceArn": arn, "tags": [{"key": "Team", "value": "nobody"}]}),
        );
    }
    world.aws.forget();
    let again = world.run().ok();
    let mut changes = world.aws.changes();
    changes.sort();
    assert_eq!(
        changes,
        [
            "ecs:TagResource",
            "ecs:TagResource",
            "ecs:TagResource",
            "ecs:UpdateService"
        ]
    );
    assert!(
        again
            .stderr
            .contains("count: 5 -> 2; grace: 5 -> 60; subnets: "),
        "{}",
        again.stderr
    );
    assert!(
        again
            .stderr
            .contains("public ip: true -> false; circuit breaker: false -> true"),
        "{}",
        again.stderr
    );
    assert!(
        again.stderr.contains("updated cluster main"),
        "{}",
        again.stderr
    );
    assert_eq!(world.service("web")["desiredCount"], 2);
    assert_eq!(tags(&world.service("web")["tags"])["Team"], "devops");
    world.aws.forget();
    world.run().ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
}

#[test]
fn a_revision_registered_by_hand_is_not_left_running() {
    let world = World::new();
    let made = world.run().ok();
    let (service, task) = (made.record("service", "web"), world.task("web"));
    let definition = &task["taskDefinition"];
    let mut container = definition["containerDefinitions"][0].clone();
    container["environment"] = json!([{"name": "Debug", "value": "1"}]);
    let by_hand = world.aws.call("ecs", "register_task_definition", json!({"family": definition["family"], "cpu": "512", "memory": "1024",
        "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "executionRoleArn": definition["executionRoleArn"],
        "containerDefinitions": [container], "tags": task["tags"]}));
    let arn = &by_hand["taskDefinition"]["taskDefinitionArn"];
    world.aws.call(
        "ecs",
        "update_service",
        json!({"cluster": service["cluster"], "service": service["arn"], "taskDefinition": arn}),
    );
    let again = world.run().ok();
    assert!(
        again.stderr.contains(
            "(cpu: 512 -> 256; memory: 1024 -> 512; environment ApiAddress: (none) -> http://"
        ),
        "{}",
        again.stderr
    );
    assert!(
        again.stderr.contains("environment Debug: 1 -> (none)"),
        "{}",
        again.stderr
    );
    assert_eq!(
        world.service("web")["taskDefinition"],
        again.record("task_definition", "web")["arn"]
    );
    // And one that is as wanted is run, without another beside it.
    world.aws.call(
        "ecs",
        "update_service",
        json!({"cluster": service["cluster"], "service": service["arn"], "taskDefinition": arn}),
    );
    world.aws.forget();
    let again = world.run().ok();
    assert_eq!(world.aws.changes(), ["ecs:UpdateService"]);
    assert!(
        again
            .stderr
            .contains("(task definition: task-web-production-pr1:2 -> task-web-production-pr1:3)"),
        "{}",
        again.stderr
    );
}

#[test]
fn what_an_emulator_forgets_of_a_service_is_not_set_again_and_again() {
    let mut world = World::new();
    world.run().ok();
    let faults = Faults::between(&world.aws);
    let forgotten = [
        "healthCheckGracePeriodSeconds",
        "availabilityZoneRebalancing",
        "deploymentCircuitBreaker",
        "enableECSManagedTags",
    ];
    let rule = |field: &str| json!({"do": "rewrite", "of": "ecs:DescribeServices", "match": field, "by": "forgotten"});
    faults.rules(forgotten.iter().copied().map(rule).collect());
    world.aws.forget();
    faults.pipe_with("mk-ecs-svc", &world.stdin()).ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    // What it does tell is brought into line, and nothing else said.
    world.set("app", "web", "count", json!(3));
    faults.pipe_with("mk-ecs-svc", &world.stdin()).ok();
    let update = world
        .aws
        .calls()
        .into_iter()
        .find(|call| call["action"] == "UpdateService")
        .unwrap();
    let mut said: Vec<&String> = update["params"].as_object().unwrap().keys().collect();
    said.sort();
    assert_eq!(said, ["cluster", "desiredCount", "service"]);
    // Where one of them is told, the others are as they are told: ECS leaves none out.
    faults.rules(forgotten[1..].iter().copied().map(rule).collect());
    let output = faults.pipe_with("mk-ecs-svc", &world.stdin()).ok();
    assert!(
        output.stderr.contains("circuit breaker: false -> true"),
        "{}",
        output.stderr
    );
}

#[test]
fn what_an_emulator_tells_as_an_empty_text_was_not_said() {
    let world = World::new();
    world.run().ok();
    let faults = Faults::between(&world.aws);
    let empty = |before: &str, by: &str| json!({"do": "rewrite", "of": "ecs:DescribeTaskDefinition", "match": format!("\"{before}\":"), "by": format!("{by}, \"{before}\":")});
    faults.rules(json!([
        empty("networkMode", r#""pidMode": "", "taskRoleArn": """#),
        empty("image", r#""workingDirectory": "", "user": """#),
    ]));
    world.aws.forget();
    faults.pipe_with("mk-ecs-svc", &world.stdin()).ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    assert!(!faults.told()["done"].as_array().unwrap().is_empty());
    // A text that says something is a difference still.
    faults.rules(json!([empty("networkMode", r#""pidMode": "task""#)]));
    faults.pipe_with("mk-ecs-svc", &world.stdin()).ok();
    assert!(
        world
            .aws
            .changes()
            .contains(&"ecs:RegisterTaskDefinition".to_string())
    );
}

#[test]
fn what_is_not_of_the_environment_is_refused_and_left_alone() {
    let world = World::new();
    world.aws.call(
        "ecs",
        "create_cluster",
        json!({"clusterName": "cluster-production-pr1"}),
    );
    world.aws.forget();
    let output = world.run();
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains("cluster cluster-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone"),
        "{}",
        output.stderr
    );
    assert_eq!(
        count(&world.aws.changes(), "ecs:CreateService")
            + count(&world.aws.changes(), "ecs:TagResource"),
        0
    );

    let world = World::new();
    let made = world.run().ok();
    for (kind, record) in [
        ("service", made.record("service", "web")),
        ("task definition", made.record("task_definition", "api")),
    ] {
        world.aws.call(
            "ecs",
            "untag_resource",
            json!({"resourceArn": record["arn"], "tagKeys": ["plumbline:env"]}),
        );
        world.aws.forget();
        let output = world.run();
        assert_eq!((output.code, world.aws.changes()), (1, Vec::new()));
        assert!(
            output.stderr.contains(&format!("mk-ecs-svc: {kind} ")),
            "{}",
            output.stderr
        );
        world.aws.call(
            "ecs",
            "tag_resource",
            json!({"resourceArn": record["arn"], "tags": [{"key": "plumbline:env", "value": "production-pr1"}]}),
        );
    }
}

/// Old and new of each field by which a record tells that it was changed.
fn told(record: &Value) -> Vec<String> {
    let changes = record["changes"].as_array().into_iter().flatten();
    changes
        .map(|change| {
            format!(
                "{}: {} -> {}",
                text(&change["field"]),
                text(&change["old"]),
                text(&change["new"])
            )
        })
        .collect()
}

#[test]
fn a_service_is_brought_back_from_another_platform_launch_type_or_load_balancer() {
    let world = World::new();
    let made = world.run().ok();
    let (own, other) = (
        &made.record("listener", "web")["target_group"],
        &made.record("listener", "api")["target_group"],
    );
    let balancer = |group: &Value| json!({"targetGroupArn": group, "containerName": "web", "containerPort": 5000});
    let before = world.completed();
    for (field, value, difference) in [
        (
            "platformVersion",
            json!("1.3.0"),
            "platform version: 1.3.0 -> LATEST".to_string(),
        ),
        (
            "capacityProviderStrategy",
            json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]),
            "launch type: FARGATE_SPOT -> FARGATE".into(),
        ),
        (
            "loadBalancers",
            json!([balancer(other)]),
            format!("target group: {} -> {}", text(other), text(own)),
        ),
    ] {
        let mut set =
            json!({"cluster": "cluster-production-pr1", "service": "service-web-production-pr1"});
        set[field] = value;
        world.aws.call("ecs", "update_service", set);
        world.completed();
        world.aws.forget();
        let mended = world.run().ok();
        assert_eq!(world.aws.changes(), ["ecs:UpdateService"], "{field}");
        assert_eq!(told(&mended.record("service", "web")), [difference]);
        let after = world.completed();
        for same in [
            "platformVersion",
            "launchType",
            "loadBalancers",
            "taskDefinition",
            "networkConfiguration",
        ] {
            assert_eq!(after[same], before[same], "{field}: {same}");
        }
        assert_eq!(
            after["capacityProviderStrategy"]
                .as_array()
                .map_or(0, Vec::len),
            0
        );
        world.aws.forget();
        world.run().ok();
        assert_eq!(world.aws.changes(), Vec::<String>::new(), "{field}");
    }

    // One beside its own, whichever comes first, and none at all.
    for groups in [vec![own, other], vec![other, own], vec![]] {
        let balancers: Vec<Value> = groups.into_iter().map(balancer).collect();
        let set = json!({"cluster": "cluster-production-pr1", "service": "service-web-production-pr1", "loadBalancers": balancers});
        world.aws.call("ecs", "update_service", set);
        world.completed();
        world.run().ok();
        assert_eq!(world.completed()["loadBalancers"], before["loadBalancers"]);
    }
}

#[test]
fn what_hands_added_to_a_task_definition_goes_and_is_told() {
    let world = World::new();
    world.run().ok();
    let wanted = world.task("web")["taskDefinition"].clone();
    let secret = json!([{"name": "PASSWORD", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:x"}]);
    let log = |option: &str, value: &str| {
        let mut log = wanted["containerDefinitions"][0]["logConfiguration"].clone();
        log["options"][option] = json!(value);
        log
    };
    for (field, value, difference) in [
        (
            "command",
            json!(["sleep", "1d"]),
            "other settings: command -> none",
        ),
        (
            "entryPoint",
            json!(["sh"]),
            "other settings: entryPoint -> none",
        ),
        ("user", json!("root"), "other settings: user -> none"),
        ("secrets", secret, "other settings: secrets -> none"),
        (
            "ulimits",
            json!([{"name": "nofile", "softLimit": 64, "hardLimit": 64}]),
            "other settings: ulimits -> none",
        ),
        (
            "memory",
            json!(128),
            "other settings: container memory -> none",
        ),
        (
            "readonlyRootFilesystem",
            json!(true),
            "other settings: readonlyRootFilesystem -> none",
        ),
        (
            "logConfiguration",
            log("mode", "non-blocking"),
            "other settings: log options -> none",
        ),
        (
            "logConfiguration",
            log("awslogs-region", "eu-west-1"),
            "log region: eu-west-1 -> us-east-1",
        ),
        (
            "portMappings",
            json!([{"containerPort": 5000, "protocol": "udp"}]),
            "port: 5000/udp -> 5000/tcp",
        ),
        ("essential", json!(true), ""),
        ("cpu", json!(0), ""),
    ] {
        let mut definition = wanted.clone();
        definition["containerDefinitions"][0][field] = value;
        let theirs = world.register(
            &definition,
            json!([{"key": "plumbline:env", "value": "production-pr1"}]),
        );
        world.aws.call("ecs", "update_service", json!({"cluster": "cluster-production-pr1", "service": "service-web-production-pr1", "taskDefinition": theirs}));
        world.completed();
        let mended = world.run().ok();
        let differences = told(&mended.record("task_definition", "web"));
        let differences: Vec<&String> = differences
            .iter()
            .filter(|text| !text.starts_with("tag "))
            .collect();
        let runs = world.completed()["taskDefinition"].clone();
        if difference.is_empty() {
            assert_eq!(
                (differences.len(), &runs),
                (0, &theirs),
                "{field}: {differences:?}"
            );
            continue;
        }
        assert_eq!(differences, [difference], "{field}");
        assert_ne!(runs, theirs, "{field}");
        assert_eq!(
            world.task("web")["taskDefinition"]["containerDefinitions"],
            wanted["containerDefinitions"],
            "{field}"
        );
    }
    world.aws.forget();
    world.run().ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
}

#[test]
fn a_service_that_drains_is_made_again_when_it_is_gone() {
    let world = World::new();
    let made = world.run().ok();
    let service = made.record("service", "web");
    world.moment(3.0); // long enough to be seen, however busy the machine
    world.aws.call(
        "ecs",
        "delete_service",
        json!({"cluster": service["cluster"], "service": service["arn"], "force": true}),
    );
    assert_eq!(world.service("web")["status"], "DRAINING");
    world.moment(0.1);
    let again = world.run().ok();
    assert_eq!(again.record("service", "web")["change"], "created");
    assert_eq!(again.record("service", "api")["change"], "kept");
    assert_eq!(world.service("web")["status"], "ACTIVE");
}

#[test]
fn two_runs_at_once_end_with_one_environment() {
    let world = World::new();
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| world.run());
        (world.run(), other.join().unwrap())
    });
    let (one, other) = (one.ok(), other.ok());
    assert_eq!(
        one.record("service", "web")["arn"],
        other.record("service", "web")["arn"]
    );
    world.aws.forget();
    world.run().ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
}

#[test]
fn an_image_for_an_app_that_nobody_names_is_bad_input() {
    let world = World::new();
    let output = world
        .aws
        .pipe_with("mk-ecs-svc --image wep=x", &world.stdin());
    assert_eq!(output.code, 65);
    assert!(
        output
            .stderr
            .contains("a flag names app 'wep', which no app record names"),
        "{}",
        output.stderr
    );
}

/// The records of some types, as a stream.
fn only(output: &Output, kinds: &[&str]) -> String {
    let records = output
        .records()
        .into_iter()
        .filter(|record| kinds.contains(&text(&record["type"])));
    records.map(|record| format!("{record}\n")).collect()
}

#[test]
fn what_ls_env_finds_makes_the_same_again() {
    let mut world = World::new();
    world.set("app", "web", "cpu", json!(1024));
    world.set("app", "web", "memory", json!(2048));
    world.set("app", "web", "grace", json!(30));
    world.set("app", "web", "architecture", json!("ARM64"));
    world.run().ok();
    let found = world.aws.pipe("ls-env --env production-pr1").ok();
    let app = found.record("app", "web");
    assert_eq!(
        (&app["cpu"], &app["memory"], &app["grace"], &app["count"]),
        (&json!(1024), &json!(2048), &json!(30), &json!(2))
    );
    assert_eq!(
        (&app["architecture"], &app["image"], &app["port"]),
        (
            &json!("ARM64"),
            &json!("registry.example/web:1"),
            &json!(5000)
        )
    );
    // What the others made has no tags here, so it is given by hand.
    let others = world
        .input
        .iter()
        .filter(|record| !["app", "env"].contains(&text(&record["type"])));
    let others: String = others.map(|record| format!("{record}\n")).collect();
    let ours = only(
        &found,
        &["env", "app", "cluster", "task_definition", "service"],
    );
    world.aws.forget();
    let again = world
        .aws
        .pipe_with("mk-ecs-svc", &format!("{ours}{others}"))
        .ok();
    assert_eq!(
        world.aws.changes(),
        Vec::<String>::new(),
        "{}",
        again.stderr
    );
    assert!(
        again.stderr.contains("nothing to change (5 kept)"),
        "{}",
        again.stderr
    );
}

#[test]
fn rm_env_leaves_nothing_and_takes_absent_for_done() {
    let mut world = World::new();
    world.run().ok();
    world.set("app", "web", "image", json!("registry.example/web:2"));
    world.run().ok();
    let found = world.aws.pipe("ls-env --env production-pr1").ok();
    let ours = only(&found, &["env", "cluster", "task_definition", "service"]);
    let gone = world
        .aws
        .pipe_with("rm-env --confirm production-pr1", &ours)
        .ok();
    for (kind, name) in [
        ("service", "web"),
        ("service", "api"),
        ("task_definition", "web"),
        ("cluster", "main"),
    ] {
        assert_eq!(gone.record(kind, name)["change"], "deleted");
    }
    let clusters = world.aws.call(
        "ecs",
        "describe_clusters",
        json!({"clusters": ["cluster-production-pr1"]}),
    );
    assert_eq!(clusters["clusters"][0]["status"], "INACTIVE");
    std::thread::sleep(std::time::Duration::from_millis(200)); // DELETE_IN_PROGRESS takes the local AWS's moment
    for status in ["ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"] {
        let left = world
            .aws
            .call("ecs", "list_task_definitions", json!({"status": status}));
        assert_eq!(left["taskDefinitionArns"], json!([]), "{status}");
    }
    let nothing = world.aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(
        only(&nothing, &["cluster", "task_definition", "service"]),
        ""
    );
    world.aws.forget();
    world
        .aws
        .pipe_with("rm-env --confirm production-pr1", &ours)
        .ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());

    // The names are free again, and the counter of revisions goes on.
    let made = world.run().ok();
    assert_eq!(made.record("service", "web")["change"], "created");
    assert!(
        text(&made.record("task_definition", "web")["arn"]).ends_with("task-web-production-pr1:3")
    );
}

#[test]
fn rm_env_leaves_alone_what_is_not_of_the_environment() {
    let world = World::new();
    let made = world.run().ok();
    let ours = only(&made, &["env", "task_definition", "service"]);
    for record in [
        made.record("service", "web"),
        made.record("task_definition", "web"),
    ] {
        world.aws.call(
            "ecs",
            "untag_resource",
            json!({"resourceArn": record["arn"], "tagKeys": ["plumbline:env"]}),
        );
    }
    world
        .aws
        .pipe_with("rm-env --confirm production-pr1", &ours)
        .ok();
    assert_eq!(
        (
            &world.service("web")["status"],
            &world.service("api")["status"]
        ),
        (&json!("ACTIVE"), &json!("INACTIVE"))
    );
    assert_eq!(world.task("web")["taskDefinition"]["status"], "ACTIVE");
}

/// The image that web's pipeline pushed, by its digest.
fn pushed_by_its_pipeline(world: &World) -> String {
    let repository = "repo-web-production-pr1";
    let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "config": {"digest": "sha256:1"}, "layers": []});
    let _ = world.aws.try_call(
        "ecr",
        "create_repository",
        json!({"repositoryName": repository}),
    );
    let params = json!({"repositoryName": repository, "imageManifest": manifest.to_string()});
    let put = world.aws.call("ecr", "put_image", params);
    format!(
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/{repository}@{}",
        text(&put["image"]["imageId"]["imageDigest"])
    )
}

/// What an app's pipeline does: a revision with another image and no tags, and the service on it.
fn deployed_by_its_pipeline(world: &World, image: &str) -> Value {
    let mut definition = world.task("web")["taskDefinition"].clone();
    definition["containerDefinitions"][0]["image"] = json!(image);
    let arn = world.register(&definition, Value::Null);
    let params = json!({"cluster": "cluster-production-pr1", "service": "service-web-production-pr1", "taskDefinition": arn});
    world.aws.call("ecs", "update_service", params);
    world.until("web", |service| {
        service["deployments"].as_array().unwrap().len() == 1
    });
    world.aws.forget();
    arn
}

#[test]
fn the_image_that_its_pipeline_deployed_stays_until_a_flag_says_otherwise() {
    let mut world = World::new();
    world.run().ok();
    let image = pushed_by_its_pipeline(&world);
    let arn = deployed_by_its_pipeline(&world, &image);
    let again = world.run().ok();
    assert!(
        again
            .stderr
            .contains(&format!("web keeps {image}, which its pipeline deployed")),
        "{}",
        again.stderr
    );
    assert_eq!(world.service("web")["taskDefinition"], arn);
    assert_eq!(
        world.aws.changes(),
        ["ecs:TagResource"],
        "the revision becomes the environment's"
    );
    world.aws.forget();
    world.run().ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());

    // Another field changes: the image stays.
    world.set("app", "web", "set", json!({"New": "1"}));
    world.run().ok();
    assert_eq!(
        world.task("web")["taskDefinition"]["containerDefinitions"][0]["image"],
        json!(image)
    );

    let replaced = world
        .aws
        .pipe_with(
            "mk-ecs-svc --image web=registry.example/web:2",
            &world.stdin(),
        )
        .ok();
    assert_eq!(
        replaced.record("task_definition", "web")["image"],
        "registry.example/web:2"
    );
}

#[test]
fn what_its_pipeline_registered_gets_the_environments_tags_when_it_is_left() {
    let world = World::new();
    let one = world.run().ok().record("task_definition", "web")["arn"].clone();
    let image = pushed_by_its_pipeline(&world);
    let two = deployed_by_its_pipeline(&world, &image);
    world.rollback("").ok();
    assert_eq!(world.completed()["taskDefinition"], one);
    // The policy lets an untagged revision be tagged only with the identity tag among the others.
    let left = world.aws.call(
        "ecs",
        "describe_task_definition",
        json!({"taskDefinition": two, "include": ["TAGS"]}),
    );
    let left = tags(&left["tags"]);
    for (key, value) in [
        ("plumbline:env", "production-pr1"),
        ("plumbline:image", "pipeline"),
        ("plumbline:rolled-back", "true"),
        ("Team", "devops"),
    ] {
        assert_eq!(left[key], value, "{key}");
    }
}

#[test]
fn a_revision_that_is_not_ours_is_left_without_a_mark() {
    let world = World::new();
    let one = world.run().ok().record("task_definition", "web")["arn"].clone();
    let mut definition = world.task("web")["taskDefinition"].clone();
    definition["containerDefinitions"][0]["image"] = json!("registry.example/theirs:1");
    let theirs = world.register(&definition, Value::Null);
    let set = json!({"cluster": "cluster-production-pr1", "service": "service-web-production-pr1", "taskDefinition": theirs});
    world.aws.call("ecs", "update_service", set);
    world.completed();
    world.rollback("").ok();
    assert_eq!(world.completed()["taskDefinition"], one);
    assert_eq!(world.aws.changes(), ["ecs:UpdateService"]);
}

#[test]
fn what_its_pipeline_registered_goes_with_the_rest() {
    let world = World::new();
    world.run().ok();
    let image = pushed_by_its_pipeline(&world);
    deployed_by_its_pipeline(&world, &image);
    let listed = world.aws.pipe("ls-env --env production-pr1").ok();
    world
        .aws
        .pipe_with(
            "rm-env --confirm production-pr1",
            &only(&listed, &["env", "service", "task_definition"]),
        )
        .ok();
    for status in ["ACTIVE", "INACTIVE"] {
        let left = world
            .aws
            .call("ecs", "list_task_definitions", json!({"status": status}));
        assert_eq!(left["taskDefinitionArns"], json!([]), "{status}");
    }
}

impl World {
    /// Has web run another image, and waits until it does.
    fn deploy(&mut self, image: &str) -> Value {
        self.set("app", "web", "image", json!(image));
        self.run().ok();
        self.completed()["taskDefinition"].clone()
    }

    /// Web's service, once its deployment has ended well.
    fn completed(&self) -> Value {
        self.until("web", |service| {
            let deployments = service["deployments"].as_array().unwrap();
            deployments.len() == 1 && deployments[0]["rolloutState"] == "COMPLETED"
        })
    }

    fn rollback(&self, flags: &str) -> Output {
        self.aws.forget();
        self.aws
            .pipe_with(&format!("mk-ecs-svc --rollback web {flags}"), &self.stdin())
    }

    /// What `ls-env` finds, with what is not of the environment here.
    fn listed(&self) -> String {
        let found = self.aws.pipe("ls-env --env production-pr1").ok();
        let others = self
            .input
            .iter()
            .filter(|record| !["app", "env"].contains(&text(&record["type"])));
        let others: String = others.map(|record| format!("{record}\n")).collect();
        only(
            &found,
            &["env", "app", "cluster", "task_definition", "service"],
        ) + &others
    }

    fn is_rolled_back(&self, arn: &Value) -> bool {
        let answer = self.aws.call(
            "ecs",
            "describe_task_definition",
            json!({"taskDefinition": arn, "include": ["TAGS"]}),
        );
        tags(&answer["tags"]).get("plumbline:rolled-back").is_some()
    }
}

#[test]
fn a_service_is_taken_back_to_what_it_ran_before_and_stays_there() {
    let mut world = World::new();
    let (one, two) = (
        world.deploy("registry.example/web:1"),
        world.deploy("registry.example/web:2"),
    );
    let back = world.rollback("").ok();
    assert_eq!(
        world.aws.changes(),
        ["ecs:TagResource", "ecs:UpdateService"]
    );
    let service = back.record("service", "web");
    assert_eq!(
        (&service["task_definition"], &service["change"]),
        (&one, &json!("updated"))
    );
    assert_eq!(
        back.record("task_definition", "web")["image"],
        "registry.example/web:1"
    );
    assert_eq!(back.record("service", "api")["change"], "kept");
    assert_eq!(world.completed()["taskDefinition"], one);
    assert_eq!(
        (world.is_rolled_back(&one), world.is_rolled_back(&two)),
        (false, true)
    );

    // What it runs now is what the environment is: nothing brings the newer revision back.
    world.aws.forget();
    let kept = world.aws.pipe_with("mk-ecs-svc", &world.listed()).ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new(), "{}", kept.stderr);

    // After another deployment, back is what ran before it, and not what was given up.
    let three = world.deploy("registry.example/web:3");
    assert!(three != one && three != two);
    world.rollback("").ok();
    assert_eq!(world.completed()["taskDefinition"], one);
    assert_eq!(
        (world.is_rolled_back(&one), world.is_rolled_back(&three)),
        (false, true)
    );

    // What was given up may be asked for again.
    let again = world.deploy("registry.example/web:2");
    let answer = world.aws.call(
        "ecs",
        "describe_task_definition",
        json!({"taskDefinition": again}),
    );
    assert_eq!(
        answer["taskDefinition"]["containerDefinitions"][0]["image"],
        "registry.example/web:2"
    );
    assert!(!world.is_rolled_back(&again));
}

#[test]
fn a_service_with_nothing_before_is_not_taken_back() {
    let mut world = World::new();
    let nothing = world.rollback("");
    assert_eq!(nothing.code, 1);
    assert!(
        nothing
            .stderr
            .ends_with("mk-ecs-svc: there is no service service-web-production-pr1 to take back\n"),
        "{}",
        nothing.stderr
    );
    let one = world.deploy("registry.example/web:1");
    let none = world.rollback("");
    assert_eq!((none.code, world.aws.changes()), (1, Vec::new()));
    assert_eq!(
        none.stderr,
        "mk-ecs-svc: service service-web-production-pr1 runs task-web-production-pr1:1, and there is none before it\n  \
         try: mk-ecs-svc --image web=REFERENCE names what it is to run\n"
    );
    assert_eq!(world.service("web")["taskDefinition"], one);

    // Nor is one that was just taken back.
    world.deploy("registry.example/web:2");
    world.rollback("").ok();
    world.completed();
    let none = world.rollback("");
    assert_eq!((none.code, world.aws.changes()), (1, Vec::new()));
    assert_eq!(world.service("web")["taskDefinition"], one);
}

#[test]
fn a_rollback_that_is_run_again_while_ecs_is_about_it_goes_no_further_back() {
    let mut world = World::new();
    world.deploy("registry.example/web:1");
    let two = world.deploy("registry.example/web:2");
    world.deploy("registry.example/web:3");
    let slowly = json!({"moment": 600});
    support::ureq::post(format!("{}/_local/config", world.aws.url))
        .send_json(slowly)
        .unwrap();
    world.rollback("").ok();
    assert_eq!(world.service("web")["taskDefinition"], two);
    let again = world.rollback("").ok();
    assert_eq!(
        world.aws.changes(),
        Vec::<String>::new(),
        "{}",
        again.stderr
    );
    let service = world.service("web");
    assert_eq!(
        (
            &service["taskDefinition"],
            service["deployments"].as_array().unwrap().len()
        ),
        (&two, 2)
    );
    assert_eq!(again.record("service", "web")["task_definition"], two);
}

#[test]
fn a_rollback_that_makes_no_sense_changes_nothing() {
    let mut world = World::new();
    world.deploy("registry.example/web:1");
    let two = world.deploy("registry.example/web:2");
    let both = world.rollback("--image web=registry.example/web:1");
    assert_eq!((both.code, world.aws.calls().len()), (2, 0));
    assert_eq!(
        both.stderr,
        "mk-ecs-svc: --image and --rollback both say what app 'web' runs\n"
    );

    let unknown = world
        .aws
        .pipe_with("mk-ecs-svc --rollback wep", &world.stdin());
    assert_eq!((unknown.code, world.aws.changes()), (65, Vec::new()));
    assert!(
        unknown
            .stderr
            .contains("a flag names app 'wep', which no app record names"),
        "{}",
        unknown.stderr
    );

    world.set("env", "production-pr1", "plan", json!(true));
    let planned = world.rollback("").would_change();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    let service = planned.record("service", "web");
    assert_eq!(service["change"], "update");
    assert!(
        text(&service["task_definition"]).ends_with("task-web-production-pr1:1"),
        "{service}"
    );
    assert_eq!(world.service("web")["taskDefinition"], two);
}

impl World {
    /// How long the local AWS takes for what takes a while, from now on.
    fn moment(&self, seconds: f64) {
        let wanted = json!({"moment": seconds});
        support::ureq::post(format!("{}/_local/config", self.aws.url))
            .send_json(wanted)
            .unwrap();
    }

    /// Waits until tasks of what web is to run now have stopped, and then lets nothing happen any more but
    /// the next attempt.
    fn fails(&self) {
        self.until("web", |service| {
            service["deployments"][0]["failedTasks"].as_u64() > Some(0)
        });
        self.moment(600.0);
    }

    /// Another revision of web, by hand, which nothing runs.
    fn registered(&self, image: &str) -> Value {
        let mut definition = self.task("web")["taskDefinition"].clone();
        definition["containerDefinitions"][0]["image"] = json!(image);
        self.register(
            &definition,
            json!([{"key": "plumbline:env", "value": "production-pr1"}]),
        )
    }
}

#[test]
fn a_rollback_passes_over_what_never_ran() {
    let mut world = World::new();
    let one = world.deploy("registry.example/web:1");
    // ECS takes it back from this one, and the next deployment succeeds.
    world.set("app", "web", "image", json!("registry.example/web:broken"));
    let broken = world.run().ok().record("task_definition", "web")["arn"].clone();
    world.until("web", |service| service["taskDefinition"] == one);
    let three = world.deploy("registry.example/web:3");
    assert_eq!(
        (world.is_rolled_back(&broken), world.is_rolled_back(&one)),
        (true, false)
    );
    // One that nothing ran is no deployment that ECS took back.
    let never = world.registered("registry.example/web:never");
    let back = world.rollback("").ok();
    assert!(!back.stderr.contains("ECS has taken"), "{}", back.stderr);
    assert_eq!(world.completed()["taskDefinition"], one);
    assert_eq!(
        (world.is_rolled_back(&three), world.is_rolled_back(&never)),
        (true, true)
    );
    let none = world.rollback("");
    assert_eq!(
        (none.code, world.aws.changes()),
        (1, Vec::new()),
        "{}",
        none.stderr
    );
}

#[test]
fn a_deployment_that_is_mended_before_ecs_gave_it_up_is_not_what_ran_before() {
    let mut world = World::new();
    world.deploy("registry.example/web:1");
    world.set("app", "web", "image", json!("registry.example/web:broken"));
    let broken = world.run().ok().record("task_definition", "web")["arn"].clone();
    world.fails();
    world.set("app", "web", "image", json!("registry.example/web:3"));
    world.aws.forget();
    world.run().ok();
    assert_eq!(
        world.aws.changes(),
        [
            "ecs:TagResource",
            "ecs:RegisterTaskDefinition",
            "ecs:UpdateService"
        ]
    );
    assert!(world.is_rolled_back(&broken));
}

#[test]
fn a_rollback_that_fails_goes_further_back_when_it_is_repeated() {
    let mut world = World::new();
    let one = world.deploy("registry.example/web:1");
    let image = pushed_by_its_pipeline(&world);
    let two = world.deploy(&image);
    let three = world.deploy("registry.example/web:3");
    let (_, digest) = image.rsplit_once('@').unwrap();
    world.aws.call(
        "ecr",
        "batch_delete_image",
        json!({"repositoryName": "repo-web-production-pr1", "imageIds": [{"imageDigest": digest}]}),
    );
    world.rollback("").ok();
    assert_eq!(world.service("web")["taskDefinition"], two);
    world.fails();
    world.until("web", |service| service["taskDefinition"] == three);
    world.rollback("").ok();
    assert_eq!(world.service("web")["taskDefinition"], one);
    assert!(world.is_rolled_back(&two) && world.is_rolled_back(&three));
}

#[test]
fn a_revision_that_listens_elsewhere_than_the_load_balancer_sends_is_not_taken_back_to() {
    let mut world = World::new();
    world.deploy("registry.example/web:1");
    world.set("app", "web", "port", json!(8080));
    let two = world.deploy("registry.example/web:2");
    let refused = world.rollback("");
    assert_eq!((refused.code, world.aws.changes()), (1, Vec::new()));
    assert_eq!(
        refused.stderr,
        "mk-ecs-svc: task-web-production-pr1:1 listens on 5000/tcp, but the load balancer of its service sends to web:8080\n  \
         try: --image with registry.example/web:1 runs that image as the app is now\n"
    );
    assert_eq!(
        (
            world.service("web")["taskDefinition"].clone(),
            world.is_rolled_back(&two)
        ),
        (two.clone(), false)
    );
}

#[test]
fn an_image_that_is_announced_is_waited_for() {
    let world = World::new();
    let late = "registry.example/web@sha256:1";
    let pipe = format!(
        "{{ echo '{}'; cat; sleep 1; echo '{}'; }} | mk-ecs-svc",
        json!({"type": "image", "name": "web"}),
        json!({"type": "image", "name": "web", "image": late})
    );
    let made = world.aws.pipe_with(&pipe, &world.stdin()).ok();
    assert_eq!(made.record("task_definition", "web")["image"], late);
    assert_eq!(
        count(&world.aws.changes(), "ecs:RegisterTaskDefinition"),
        2,
        "web's and api's, once each"
    );
}

#[test]
fn an_image_that_never_comes_is_the_apps_own_or_none() {
    for field in ["mark", "context"] {
        let mut world = World::new();
        match field {
            "mark" => world
                .input
                .insert(0, json!({"type": "image", "name": "web"})),
            context => world.set("app", "web", context, json!("./web")),
        }
        let made = world.run().ok();
        assert_eq!(
            made.record("task_definition", "web")["image"],
            "registry.example/web:1",
            "{field}"
        );

        world.set("app", "web", "image", Value::Null);
        world.aws.forget();
        let none = world.run();
        assert_eq!(
            (none.code, world.aws.changes()),
            (65, Vec::new()),
            "{field}"
        );
        assert!(
            none.stderr
                .contains("mk-ecs-svc: app 'web' has no image\n  try: "),
            "{}",
            none.stderr
        );
    }
}

#[test]
fn where_ecs_itself_went_back_a_rollback_goes_no_further() {
    let mut world = World::new();
    let one = world.deploy("registry.example/web:1");
    let two = world.deploy("registry.example/web:2");
    world.set("app", "web", "image", json!("registry.example/web:broken"));
    world.run().ok();
    world.until("web", |service| service["taskDefinition"] == two);
    world.completed();
    let back = world.rollback("").ok();
    assert!(back.stderr.contains("ECS has taken web back from task-web-production-pr1:3 already: it runs registry.example/web:2 (task-web-production-pr1:2)\n"), "{}", back.stderr);
    assert_eq!(world.aws.changes(), ["ecs:TagResource"]);
    assert_eq!(world.service("web")["taskDefinition"], two);
    // Once more is one further.
    world.rollback("").ok();
    assert_eq!(world.completed()["taskDefinition"], one);
}

#[test]
fn without_an_image_there_are_no_tasks_until_there_is_one() {
    let mut world = World::new();
    let app = world
        .input
        .iter_mut()
        .find(|record| record["type"] == "app" && record["name"] == "web")
        .unwrap();
    app.as_object_mut().unwrap().remove("image");
    let run = |world: &World| {
        world.aws.forget();
        world
            .aws
            .pipe_with("mk-ecs-svc --placeholder", &world.stdin())
            .ok()
    };
    run(&world);
    assert_eq!(world.service("web")["desiredCount"], 0);
    run(&world);
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    let ends = world.aws.pipe_with("mk-ecs-svc", &world.stdin());
    assert_eq!(
        ends.code, 65,
        "without the flag it is missing: {}",
        ends.stderr
    );
    world.set("app", "web", "image", json!("registry.example/web:1"));
    run(&world);
    assert_eq!(world.service("web")["desiredCount"], 2);
}
