//! An environment whose services run, and whose apps are given ranges.

use support::{APPS, LocalAws, Output, Value, json, list, tags};

/// All that comes before mk-scaling.
const BEFORE: &str =
    "mk-vpc | mk-sg --private-api | mk-alb | mk-ecr | mk-role | mk-logs | mk-ecs-svc";
pub const TARGET: &str = "service/cluster-production-pr1/service-web-production-pr1";

/// The records of the apps web and api, and of all that runs them.
pub struct World {
    pub aws: LocalAws,
    pub input: Vec<Value>,
}

impl World {
    pub fn new() -> Self {
        let aws = LocalAws::start();
        let up = format!("mk-env production pr1 | {APPS} | {BEFORE} | wait-env");
        let input = aws.pipe(&up).ok().records();
        aws.forget();
        World { aws, input }
    }

    /// One where web has this beside a range of 2 to 10 tasks.
    pub fn with(more: Value) -> Self {
        let mut world = World::new();
        world.set(json!({"scale": "2..10"}));
        world.set(more);
        world
    }

    /// Sets fields of web's record.
    pub fn set(&mut self, fields: Value) {
        let web = self.app();
        web.extend(fields.as_object().unwrap().clone());
    }

    /// Takes fields of web's record away.
    pub fn drop(&mut self, fields: &[&str]) {
        for field in fields {
            self.app().remove(*field).unwrap();
        }
        // mk-ecs-svc says so of a service that it has made for an app with a range.
        let mut records = self.input.iter_mut();
        let web = records.rfind(|record| record["type"] == "service" && record["name"] == "web");
        web.unwrap()["scaled"] = json!(true);
    }

    fn app(&mut self) -> &mut serde_json::Map<String, Value> {
        let mut records = self.input.iter_mut();
        let web = records.rfind(|record| record["type"] == "app" && record["name"] == "web");
        web.unwrap().as_object_mut().unwrap()
    }

    pub fn stdin(&self) -> String {
        let mut lines = String::new();
        for record in &self.input {
            lines.push_str(&format!("{record}\n"));
        }
        lines
    }

    pub fn run(&self) -> Output {
        self.run_into("mk-scaling")
    }

    /// Runs a pipe that begins with mk-scaling, and forgets the calls before.
    pub fn run_into(&self, pipe: &str) -> Output {
        self.aws.forget();
        self.aws.pipe_with(pipe, &self.stdin())
    }

    /// A run that changes nothing.
    pub fn is_as_wanted(&self) -> Output {
        let run = self.run().ok();
        assert_eq!(self.aws.changes(), Vec::<String>::new(), "{}", run.stderr);
        run
    }

    fn ask(&self, operation: &str, more: Value) -> Value {
        let mut params = json!({"ServiceNamespace": "ecs"});
        let more = more.as_object().unwrap().clone();
        params.as_object_mut().unwrap().extend(more);
        self.aws.call("application-autoscaling", operation, params)
    }

    /// A call about web's target.
    pub fn call(&self, operation: &str, more: Value) -> Value {
        let mut params =
            json!({"ResourceId": TARGET, "ScalableDimension": "ecs:service:DesiredCount"});
        let more = more.as_object().unwrap().clone();
        params.as_object_mut().unwrap().extend(more);
        self.ask(operation, params)
    }

    /// All targets.
    pub fn targets(&self) -> Vec<Value> {
        let targets = self.ask("describe_scalable_targets", json!({}));
        list(&targets["ScalableTargets"]).to_vec()
    }

    /// The fewest and the most tasks of web.
    pub fn range(&self) -> [Value; 2] {
        let [target] = &self.targets()[..] else {
            panic!("{:?}", self.targets())
        };
        ["MinCapacity", "MaxCapacity"].map(|field| target[field].clone())
    }

    pub fn tags(&self) -> Value {
        let arn = self.targets()[0]["ScalableTargetARN"].clone();
        let params = json!({"ResourceARN": arn});
        let answer = self
            .aws
            .call("application-autoscaling", "list_tags_for_resource", params);
        answer["Tags"].clone()
    }

    /// The policies of web, in the order of their names.
    pub fn policies(&self) -> Vec<Value> {
        let policies = self.call("describe_scaling_policies", json!({}));
        sorted(&policies["ScalingPolicies"], "PolicyName")
    }

    /// The scheduled actions of web, in the order of what they say.
    pub fn actions(&self) -> Vec<Value> {
        let actions = self.call("describe_scheduled_actions", json!({}));
        sorted(&actions["ScheduledActions"], "Schedule")
    }

    /// How many tasks web is to have.
    pub fn count(&self) -> Value {
        let params = json!({"cluster": "cluster-production-pr1", "services": ["service-web-production-pr1"], "include": ["TAGS"]});
        let answer = self.aws.call("ecs", "describe_services", params);
        let service = &answer["services"][0];
        assert_eq!(tags(&service["tags"])["plumbline:app"], "web");
        service["desiredCount"].clone()
    }
}

fn sorted(found: &Value, by: &str) -> Vec<Value> {
    let mut found = list(found).to_vec();
    found.sort_by_key(|one| one[by].to_string());
    found
}

/// The names of the changing calls of a run, each once.
pub fn changing(world: &World) -> Vec<String> {
    let mut changes = world.aws.changes();
    for change in &mut changes {
        *change = change.rsplit(':').next().unwrap().to_string();
    }
    changes.dedup();
    changes
}
