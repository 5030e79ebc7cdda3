//! An environment with two apps, and what tests do to it by hand.

use std::thread::sleep;
use std::time::Duration;

use support::{LocalAws, Output, Value, json, tags, text};

/// How long a test sleeps before it asks again, and how often it asks.
const PAUSE: Duration = Duration::from_millis(50);
const ATTEMPTS: usize = 100;

/// The fields of a task definition's description with which another one can be registered.
const DEFINITION: [&str; 11] = [
    "family",
    "containerDefinitions",
    "cpu",
    "memory",
    "networkMode",
    "executionRoleArn",
    "taskRoleArn",
    "requiresCompatibilities",
    "runtimePlatform",
    "volumes",
    "ephemeralStorage",
];

/// Two apps, web, which calls api, and api; with all that mk-ecs-svc needs of other tools.
pub struct World {
    pub aws: LocalAws,
    pub input: Vec<Value>,
}

impl World {
    pub fn new() -> Self {
        let aws = LocalAws::start();
        let mut input = aws.pipe("mk-env production pr1 | mk-vpc").ok().records();
        let vpc = input.iter().rfind(|record| record["type"] == "vpc");
        let vpc = vpc.unwrap().clone();
        input.push(json!({
            "type": "app", "name": "web", "public": true, "calls": ["api"], "image": "registry.example/web:1",
            "set": {"ApiAddress": "http://{alb.api.dns}/WeatherForecast", "Braces": "{}"},
        }));
        input.push(json!({
            "type": "app", "name": "api", "health": "/WeatherForecast", "image": "registry.example/api:1", "count": 1,
        }));
        for app in ["web", "api"] {
            input.extend(made_for(&aws, app, &vpc));
        }
        aws.forget();
        World { aws, input }
    }

    /// Changes the record of a type and name.
    pub fn set(&mut self, kind: &str, name: &str, field: &str, value: Value) {
        self.record(kind, name)[field] = value;
    }

    /// The record of a type and name that counts: the last.
    pub fn record(&mut self, kind: &str, name: &str) -> &mut Value {
        self.input
            .iter_mut()
            .rfind(|record| record["type"] == kind && record["name"] == name)
            .unwrap()
    }

    /// The same, to look at.
    pub fn find(&self, kind: &str, name: &str) -> &Value {
        let mut records = self.input.iter();
        let found = records.rfind(|record| record["type"] == kind && record["name"] == name);
        found.unwrap()
    }

    pub fn stdin(&self) -> String {
        lines(&self.input)
    }

    pub fn run(&self) -> Output {
        self.aws.pipe_with("mk-ecs-svc", &self.stdin())
    }

    /// Runs with flags, and forgets the calls before.
    pub fn run_with(&self, flags: &str) -> Output {
        self.aws.forget();
        let command = format!("mk-ecs-svc {flags}");
        self.aws.pipe_with(&command, &self.stdin())
    }

    /// Takes web back, and forgets the calls before.
    pub fn rollback(&self) -> Output {
        self.run_with("--rollback web")
    }

    /// Has web run another image, and waits until it does.
    pub fn deploy(&mut self, image: &str) -> Value {
        self.set("app", "web", "image", json!(image));
        self.run().ok();
        self.completed()["taskDefinition"].clone()
    }

    /// Has web run an image that does not work; answers the ARN of its revision.
    pub fn deploy_broken(&mut self) -> Value {
        let image = json!("registry.example/web:broken");
        self.set("app", "web", "image", image);
        self.run().ok().record("task_definition", "web")["arn"].clone()
    }

    /// A second run changes nothing.
    pub fn is_as_wanted(&self) {
        self.aws.forget();
        self.run().ok();
        assert_eq!(self.aws.changes(), Vec::<String>::new());
    }
}

/// What exists.
impl World {
    /// The service of an app, as AWS describes it.
    pub fn service(&self, app: &str) -> Value {
        let name = format!("service-{app}-production-pr1");
        let params =
            json!({"cluster": "cluster-production-pr1", "services": [name], "include": ["TAGS"]});
        self.aws.call("ecs", "describe_services", params)["services"][0].clone()
    }

    /// The newest revision of an app's task definition.
    pub fn task(&self, app: &str) -> Value {
        self.revision(&json!(format!("task-{app}-production-pr1")))
    }

    /// A revision by its ARN.
    pub fn revision(&self, arn: &Value) -> Value {
        let params = json!({"taskDefinition": arn, "include": ["TAGS"]});
        self.aws.call("ecs", "describe_task_definition", params)
    }

    pub fn is_rolled_back(&self, revision: &Value) -> bool {
        let tags = tags(&self.revision(revision)["tags"]);
        tags.get("plumbline:rolled-back").is_some()
    }

    /// The ARNs of all task definitions of a status.
    pub fn task_definitions(&self, status: &str) -> Value {
        let params = json!({"status": status});
        let listed = self.aws.call("ecs", "list_task_definitions", params);
        listed["taskDefinitionArns"].clone()
    }

    /// The names of the parameters of UpdateService.
    pub fn updated_parameters(&self) -> Vec<String> {
        let calls = self.aws.calls();
        let mut updates = calls
            .iter()
            .filter(|call| call["action"] == "UpdateService");
        let update = updates.next().unwrap();
        let mut names: Vec<String> = update["params"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        names.sort();
        names
    }

    /// What `ls-env` finds, with what is not of the environment here.
    pub fn listed(&self) -> String {
        let found = self.aws.pipe("ls-env --env production-pr1").ok();
        let own = ["env", "app", "cluster", "task_definition", "service"];
        let mut others = self.input.clone();
        others.retain(|record| !["app", "env"].contains(&text(&record["type"])));
        only(&found, &own) + &lines(&others)
    }
}

/// What is done by hand.
impl World {
    /// Updates web's service.
    pub fn update_web(&self, mut settings: Value) {
        settings["cluster"] = json!("cluster-production-pr1");
        settings["service"] = json!("service-web-production-pr1");
        self.aws.call("ecs", "update_service", settings);
    }

    /// Registers a revision from the description of another; answers its ARN.
    pub fn register(&self, definition: &Value, tags: Value) -> Value {
        let mut params = json!({});
        for field in DEFINITION {
            if let Some(value) = definition.get(field) {
                params[field] = value.clone();
            }
        }
        if tags != Value::Null {
            params["tags"] = tags;
        }
        let answer = self.aws.call("ecs", "register_task_definition", params);
        answer["taskDefinition"]["taskDefinitionArn"].clone()
    }

    /// Registers another revision of web, which nothing runs.
    pub fn register_image(&self, image: &str) -> Value {
        let mut definition = self.task("web")["taskDefinition"].clone();
        definition["containerDefinitions"][0]["image"] = json!(image);
        self.register(&definition, identity())
    }

    pub fn tag(&self, arn: &Value, key: &str, value: &str) {
        let params = json!({"resourceArn": arn, "tags": [{"key": key, "value": value}]});
        self.aws.call("ecs", "tag_resource", params);
    }

    /// Takes the identity tag away.
    pub fn untag(&self, arn: &Value) {
        let params = json!({"resourceArn": arn, "tagKeys": ["plumbline:env"]});
        self.aws.call("ecs", "untag_resource", params);
    }

    /// How long the local AWS takes for what takes a while, from now on.
    pub fn moment(&self, seconds: f64) {
        self.aws.config(json!({"moment": seconds}));
    }
}

/// What is waited for.
impl World {
    /// Waits, a moment at a time, until a service is as wanted.
    pub fn until(&self, app: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..ATTEMPTS {
            let service = self.service(app);
            if wanted(&service) {
                return service;
            }
            sleep(PAUSE);
        }
        panic!("not as wanted: {}", self.service(app));
    }

    /// Web's service, once its deployment has ended well.
    pub fn completed(&self) -> Value {
        self.until("web", |service| {
            let deployments = service["deployments"].as_array().unwrap();
            deployments.len() == 1 && deployments[0]["rolloutState"] == "COMPLETED"
        })
    }

    /// Waits until ECS has web run a revision.
    pub fn until_it_runs(&self, revision: &Value) {
        self.until("web", |service| service["taskDefinition"] == *revision);
    }

    /// Waits until tasks of what web is to run now have stopped, and then lets nothing happen any
    /// more but the next attempt.
    pub fn fails(&self) {
        self.until("web", |service| {
            service["deployments"][0]["failedTasks"].as_u64() > Some(0)
        });
        self.moment(600.0);
    }
}

/// The environment's identity tag, as ECS takes it.
pub fn identity() -> Value {
    json!([{"key": "plumbline:env", "value": "production-pr1"}])
}

/// Records as a stream.
pub fn lines(records: &[Value]) -> String {
    let lines = records.iter().map(|record| format!("{record}\n"));
    lines.collect()
}

/// The records of some types, as a stream.
pub fn only(output: &Output, kinds: &[&str]) -> String {
    let mut records = output.records();
    records.retain(|record| kinds.contains(&text(&record["type"])));
    lines(&records)
}

/// Field, old and new value of each change that a record names.
pub fn changes_of(record: &Value) -> Vec<String> {
    let mut changes = Vec::new();
    for change in record["changes"].as_array().into_iter().flatten() {
        changes.push(format!(
            "{}: {} -> {}",
            text(&change["field"]),
            text(&change["old"]),
            text(&change["new"])
        ));
    }
    changes
}

/// How often a call is among some.
pub fn count(changes: &[String], call: &str) -> usize {
    changes.iter().filter(|change| *change == call).count()
}

/// What the tools upstream would have made for an app: group, load balancer, role and log group.
fn made_for(aws: &LocalAws, app: &str, vpc: &Value) -> Vec<Value> {
    let params =
        json!({"GroupName": format!("task-{app}"), "Description": "tasks", "VpcId": vpc["id"]});
    let group = &aws.call("ec2", "create_security_group", params)["GroupId"];
    let [alb, listener] = load_balancer_for(aws, app, vpc, group);
    let log = format!("/production-pr1/{app}");
    let log_arn = format!("arn:aws:logs:us-east-1:123456789012:log-group:{log}");
    aws.call("logs", "create_log_group", json!({"logGroupName": log}));
    vec![
        json!({"type": "sg", "name": format!("task/{app}"), "id": group}),
        alb,
        listener,
        json!({"type": "role", "name": format!("execution/{app}"), "arn": role_for(aws, app)}),
        json!({"type": "log_group", "name": app, "group": log, "arn": log_arn}),
    ]
}

fn load_balancer_for(aws: &LocalAws, app: &str, vpc: &Value, group: &Value) -> [Value; 2] {
    let tags = json!([
        {"Key": "plumbline:env", "Value": "production-pr1"}, {"Key": "plumbline:app", "Value": app},
    ]);
    let scheme = if app == "web" {
        "internet-facing"
    } else {
        "internal"
    };
    let params = json!({
        "Name": format!("alb-{app}-production-pr1"), "Scheme": scheme, "Subnets": vpc["public_subnets"],
        "SecurityGroups": [group], "Tags": tags,
    });
    let balancer = &aws.call("elbv2", "create_load_balancer", params)["LoadBalancers"][0];
    let arn = &balancer["LoadBalancerArn"];
    let params = json!({
        "Name": format!("tg-{app}-production-pr1"), "Protocol": "HTTP", "Port": 5000, "VpcId": vpc["id"],
        "TargetType": "ip", "Tags": tags,
    });
    let answer = aws.call("elbv2", "create_target_group", params);
    let target_group = &answer["TargetGroups"][0]["TargetGroupArn"];
    let forward = json!([{"Type": "forward", "TargetGroupArn": target_group}]);
    let params =
        json!({"LoadBalancerArn": arn, "Protocol": "HTTP", "Port": 80, "DefaultActions": forward});
    let listener = &aws.call("elbv2", "create_listener", params)["Listeners"][0]["ListenerArn"];
    [
        json!({"type": "alb", "name": app, "arn": arn, "dns": balancer["DNSName"], "scheme": balancer["Scheme"]}),
        json!({"type": "listener", "name": app, "arn": listener, "target_group": target_group, "port": 80}),
    ]
}

fn role_for(aws: &LocalAws, app: &str) -> Value {
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole",
    }]});
    let name = format!("execution-{app}-production-pr1");
    let params = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
    aws.call("iam", "create_role", params)["Role"]["Arn"].clone()
}
