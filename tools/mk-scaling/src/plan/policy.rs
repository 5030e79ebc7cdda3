//! The policies of a target: each keeps a measure where it is. Pure.

use std::collections::BTreeMap;

use plumbing::{App, Difference, Env, Listener};

use super::name_of;

/// For how many seconds after tasks were added, or taken away, Application Auto Scaling waits before it
/// does so again. More come soon and fewer late: that is where a mistake costs visitors.
const OUT_COOLDOWN: i32 = 60;
const IN_COOLDOWN: i32 = 300;

/// Percent of the tasks' CPU, where an app says nothing.
const CPU: u32 = 60;

/// What policies keep where it is: as an app says it, and as Application Auto Scaling calls it; a queue's
/// it has no word for.
const MEASURES: [(&str, &str); 4] = [
    ("cpu", "ECSServiceAverageCPUUtilization"),
    ("memory", "ECSServiceAverageMemoryUtilization"),
    ("requests", "ALBRequestCountPerTarget"),
    ("queue", ""),
];

/// A policy that keeps a measure where it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// What Application Auto Scaling calls its measure; "" where it is computed.
    pub predefined: String,
    /// The load balancer and target group of its measure, `app/…/targetgroup/…`; "" of others.
    pub label: String,
    /// What its measure is computed from, and how.
    pub queries: Vec<Query>,
    /// Where the measure is kept.
    pub target: f64,
    /// Seconds between two times that tasks are added.
    pub out_cooldown: Option<i32>,
    /// Seconds between two times that tasks are taken away.
    pub in_cooldown: Option<i32>,
    /// Whether it takes no tasks away.
    pub only_out: bool,
}

/// A metric of CloudWatch, or what is computed from some.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// What others call it.
    pub id: String,
    /// What is computed; "" of a metric.
    pub expression: String,
    /// `AWS/SQS`; "" of what is computed.
    pub namespace: String,
    /// The metric's name.
    pub metric: String,
    /// What the metric is of.
    pub dimensions: BTreeMap<String, String>,
    /// `Sum`, `SampleCount`.
    pub stat: String,
}

impl Query {
    fn words(&self) -> String {
        let Query {
            id,
            expression,
            namespace,
            metric,
            dimensions,
            stat,
        } = self;
        if !expression.is_empty() {
            return format!("{id} = {expression}");
        }
        let of: Vec<&str> = dimensions.values().map(String::as_str).collect();
        format!("{id} = {stat} of {namespace} {metric} of {}", of.join(" "))
    }
}

/// The policies that an app wants.
pub(super) fn wanted(env: &Env, app: &App, label: &str) -> Vec<Policy> {
    let on = &app.scale.on;
    let (queue, backlog) = on.queue().unzip();
    let said = [on.cpu, on.memory, on.requests, backlog];
    let says_nothing = said.iter().all(Option::is_none);
    let mut policies = Vec::new();
    for ((measure, predefined), target) in MEASURES.into_iter().zip(said) {
        let default = (says_nothing && measure == "cpu").then_some(CPU);
        let Some(target) = target.or(default) else {
            continue;
        };
        let of_queue = queue.filter(|_| measure == "queue");
        policies.push(Policy {
            name: name_of(env, &app.name, measure),
            predefined: predefined.into(),
            label: if measure == "requests" { label } else { "" }.into(),
            queries: of_queue.map_or(Vec::new(), |queue| backlog_per_task(env, app, queue)),
            target: target.into(),
            out_cooldown: Some(OUT_COOLDOWN),
            in_cooldown: Some(IN_COOLDOWN),
            only_out: false,
        });
    }
    policies
}

/// How many messages of a queue wait for each task that runs.
///
/// Each task on Fargate reports its CPU once a minute, so that the number of reports of a minute is that
/// of the tasks (ECS developer guide, "Amazon ECS CloudWatch metrics", on the number of RUNNING tasks):
/// that needs no Container Insights, which cost. Where no task runs, nothing is reported, and all that
/// waits counts.
fn backlog_per_task(env: &Env, app: &App, queue: &str) -> Vec<Query> {
    let of = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect()
    };
    let (cluster, service) = (env.cluster_name(), env.service_name(&app.name));
    vec![
        Query {
            id: "visible".into(),
            namespace: "AWS/SQS".into(),
            metric: "ApproximateNumberOfMessagesVisible".into(),
            dimensions: of(&[("QueueName", queue)]),
            stat: "Maximum".into(),
            ..Query::default()
        },
        Query {
            id: "tasks".into(),
            namespace: "AWS/ECS".into(),
            metric: "CPUUtilization".into(),
            dimensions: of(&[("ClusterName", &cluster), ("ServiceName", &service)]),
            stat: "SampleCount".into(),
            ..Query::default()
        },
        Query {
            id: "backlog".into(),
            expression: "visible / IF(FILL(tasks, 0) > 0, FILL(tasks, 0), 1)".into(),
            ..Query::default()
        },
    ]
}

/// Which load balancer and target group the requests of an app come through: the end of the ARNs of
/// both. A listener's ARN, and that of a rule of one, has its load balancer's in it. Nothing of what a
/// dry run would make.
pub fn label(listener: &Listener) -> Option<String> {
    let (_, path) = listener.arn.split_once('/')?;
    let parts: Vec<&str> = path.split('/').take(3).collect();
    let group = listener.target_group.rsplit(':').next()?;
    if parts.len() < 3 || !group.starts_with("targetgroup/") {
        return None;
    }
    Some(format!("{}/{group}", parts.join("/")))
}

impl Policy {
    /// What an app calls its measure.
    pub(super) fn measure(&self) -> &'static str {
        let mut measures = MEASURES.iter();
        let found = measures.find(|(_, predefined)| *predefined == self.predefined);
        found.map_or("", |(measure, _)| measure)
    }

    /// In what one that is there differs from this one.
    pub(super) fn differences(&self, have: Option<&Policy>) -> Vec<Difference> {
        let measure = self.measure();
        let Some(have) = have else {
            let policy = format!("policy {measure}");
            return Difference::between(&policy, "none", self.target)
                .into_iter()
                .collect();
        };
        let of = |field: &str| format!("{measure} {field}");
        let seconds = |cooldown: Option<i32>| cooldown.unwrap_or(IN_COOLDOWN); // AWS's own default
        let differences = [
            Difference::between(measure, have.target, self.target),
            Difference::between(&of("measure"), &have.predefined, &self.predefined),
            Difference::between(&of("label"), &have.label, &self.label),
            Difference::between(&of("metrics"), have.metrics(), self.metrics()),
            Difference::between(&of("only out"), have.only_out, self.only_out),
            Difference::between(
                &of("seconds between more"),
                seconds(have.out_cooldown),
                seconds(self.out_cooldown),
            ),
            Difference::between(
                &of("seconds between fewer"),
                seconds(have.in_cooldown),
                seconds(self.in_cooldown),
            ),
        ];
        differences.into_iter().flatten().collect()
    }

    fn metrics(&self) -> String {
        let words: Vec<String> = self.queries.iter().map(Query::words).collect();
        words.join("; ")
    }

    /// The queue that its measure is of, if it is one.
    pub(super) fn queue(&self) -> Option<&String> {
        let mut queries = self.queries.iter();
        queries.find_map(|query| query.dimensions.get("QueueName"))
    }
}
