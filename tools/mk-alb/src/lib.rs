//! The load balancers of an environment's apps: each with its target group and its listener.
//!
//! Found again by their names and the identity tag; a listener, which has no name, by its load
//! balancer and port 80, and a rule by its tags. Certificates and access logs are deliberately absent. An app
//! behind another one has a rule of that one's listener in place of a load balancer. Where ECS shifts an
//! app's requests (blue/green), there are two target groups, and their shares are ECS's.

pub mod aws;
mod check;
mod delete;
pub mod make;
pub mod plan;
mod prune;
mod record;
mod traffic;

use std::pin::pin;

use futures_util::future::{Either, select, try_join_all};
use plumbing::{App, Aws, Deletion, Half, Listener, Owner, Record, Result, Stream};

use plan::listener::default_of;
use plan::traffic::name_of;
use plan::want::{alternate_name, target_group_name};

/// The load balancers, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-alb",
    half: Half::Services,
    policy: include_str!("../iam-policy.json"),
    check: check::check,
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: delete::KINDS,
        delete: |stream, aws, records| Box::pin(delete(stream, aws, records)),
    }],
    prune: Some(|stream, aws, records| Box::pin(prune::prune(stream, aws, records))),
};

/// The environment's load balancers as records, with what they tell of the apps.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let elb = aws::client(aws);
    let mut have = elb.find().await?;
    // Where ECS may shift the requests between two target groups, its rule is told as well.
    let ours = have.load_balancers.iter_mut();
    let ours = ours.filter(|balancer| aws.env.owns(&balancer.tags));
    let listeners = ours.flat_map(|balancer| &mut balancer.listeners);
    let shared = listeners.filter(|listener| listener.forwards.len() > 1);
    let with_rule = shared.map(async |listener| {
        let rules = elb.list_rules(&listener.arn).await?;
        listener.rule = default_of(rules).unwrap_or_default(); // it may go meanwhile
        Ok(())
    });
    try_join_all(with_rule).await?;
    Ok(record::records(&aws.env, &have))
}

/// Deletes the load balancers, listeners and target groups among `records`, once no service uses
/// them. What is not the environment's is left alone.
async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    delete::delete(stream, &aws::client(aws), records).await
}

/// Waits until all of some load balancers are active, for `wait-env`.
pub async fn wait_active(aws: &Aws, arns: &[String]) -> Result<()> {
    aws::client(aws).wait_active(arns).await
}

/// Has the requests for an app follow its tasks to the target group that its listener's record names,
/// until it has moved, for `mk-ecs-svc`. `count` is how many tasks it is to have; `is_given_up` answers
/// whether no more tasks will come. Answers that group's name if the app has moved, and nothing where it
/// was there before.
///
/// Errors: its tasks do not become healthy there; then the older target groups keep their share.
pub async fn follow(
    aws: &Aws,
    listener: &Listener,
    count: usize,
    is_given_up: impl AsyncFn() -> Result<bool>,
) -> Result<Option<String>> {
    let moving = traffic::Moving {
        app: listener.name.clone(),
        listener: listener.arn.clone(),
        target_group: listener.target_group.clone(),
        count,
    };
    let has_moved = traffic::follow(&aws::client(aws), &moving, is_given_up).await?;
    Ok(has_moved.then(|| name_of(&listener.target_group).to_string()))
}

/// Whether the tasks of an app were in other target groups when its listener's record was written.
pub fn is_moving(listener: &Listener) -> bool {
    listener.rest.contains_key(record::MOVES_FROM)
}

/// Waits until the targets of an app are healthy, for `wait-env`; where ECS shifts the requests between two
/// target groups, those of either.
pub async fn wait_healthy(aws: &Aws, app: &str, listener: &Listener) -> Result<()> {
    let elb = aws::client(aws);
    let first = elb.wait_healthy(app, &listener.target_group);
    let Some((alternate, _)) = listener.pair() else {
        return first.await;
    };
    let second = elb.wait_healthy(app, alternate);
    match select(pin!(first), pin!(second)).await {
        Either::Left((healthy, _)) | Either::Right((healthy, _)) => healthy,
    }
}

/// A target group that is healthy.
#[derive(Clone, Debug)]
pub struct Healthy {
    /// The app.
    pub app: String,
    /// Its ARN.
    pub arn: String,
    /// Where its targets are: `10.0.0.9:5000`.
    pub targets: Vec<String>,
}

/// The target groups of some apps that are healthy at this moment, for `wait-env`.
pub async fn healthy_target_groups(aws: &Aws, apps: &[App]) -> Result<Vec<Healthy>> {
    let elb = aws::client(aws);
    let mut names = Vec::new();
    let mut of_names = Vec::new();
    for app in apps.iter().filter(|app| !app.worker) {
        names.push(target_group_name(&aws.env, app));
        of_names.push(app);
        if app.deploy.shifts() {
            names.push(alternate_name(&aws.env, app));
            of_names.push(app);
        }
    }
    // AWS says how many ARNs a call takes, not how many names; the same is safe.
    let chunks = names.chunks(aws::ARNS_AT_ONCE);
    let found = chunks.map(|names| elb.healthy_target_groups(names));
    let mut healthy = Vec::new();
    for (arn, targets) in try_join_all(found).await?.concat() {
        let mut named = of_names.iter().zip(&names);
        let app = named.find(|(_, name)| *name == name_of(&arn));
        let app = app.map(|(app, _)| app.name.clone()).unwrap_or_default();
        healthy.push(Healthy { app, arn, targets });
    }
    Ok(healthy)
}

/// Whether the target groups of an app have no targets that are to stay, for `wait-env`.
pub async fn has_no_targets(aws: &Aws, listener: &Listener) -> Result<bool> {
    let elb = aws::client(aws);
    if let Some((alternate, _)) = listener.pair()
        && !elb.has_no_targets(alternate).await?
    {
        return Ok(false);
    }
    elb.has_no_targets(&listener.target_group).await
}
