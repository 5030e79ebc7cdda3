//! The order in which load balancers are deleted: they with their listeners, then the target groups
//! that they used. Their network interfaces stay for minutes; subnets and security groups, in which
//! those are, wait for them.

use plumbing::{Change, Env, Error, Record, Result, Stream};

use crate::aws::Elb;
use crate::plan::Have;
use crate::plan::listener::{Listener, PORT, on_port};
use crate::plan::load_balancer::LoadBalancer;
use crate::plan::rule::Rule;
use crate::plan::tags::app_of;
use crate::plan::target_group::{TargetGroup, used_by_another};
use crate::plan::want::load_balancer_names;
use crate::record::{self, app_name, is_named};

/// The types of the records that are deleted here.
pub const KINDS: &[&str] = &["alb", "listener", "target_group"];

/// Deletes what `records` name, if it is ours.
pub async fn delete(stream: &Stream, elb: &Elb, records: &[Record]) -> Result<()> {
    if !records.iter().any(|record| KINDS.contains(&record.kind())) {
        return Ok(());
    }
    let have = elb.find().await?;
    check_serves_no_others(&elb.aws.env, records, &have)?;
    let load_balancers = delete_load_balancers(stream, elb, records, &have).await;
    // AWS refuses to delete a target group while a listener uses it.
    let target_groups = delete_target_groups(stream, elb, records, &have).await;
    load_balancers.and(target_groups)
}

async fn delete_load_balancers(
    stream: &Stream,
    elb: &Elb,
    records: &[Record],
    have: &Have,
) -> Result<()> {
    let mut ours = have.load_balancers.clone();
    ours.retain(|load_balancer| elb.aws.env.owns(&load_balancer.tags));
    stream
        .control
        .try_all(ours, async |load_balancer| {
            if is_named(records, "alb", &load_balancer.arn) {
                delete_load_balancer(stream, elb, &load_balancer).await
            } else {
                delete_listener_alone(stream, elb, records, &load_balancer).await
            }
        })
        .await
}

/// Refuses to delete a load balancer at which another app answers that is not named.
fn check_serves_no_others(env: &Env, records: &[Record], have: &Have) -> Result<()> {
    let ours = have.load_balancers.iter().filter(|one| env.owns(&one.tags));
    for load_balancer in ours.filter(|one| is_named(records, "alb", &one.arn)) {
        let rules = load_balancer.listeners.iter().flat_map(|one| &one.rules);
        let mut rules = rules.filter(|rule| env.owns(&rule.tags));
        let goes = |rule: &Rule| {
            is_named(records, "listener", &rule.arn)
                || records.iter().any(|record| record.text("arn") == rule.arn)
        };
        if let Some(rule) = rules.find(|rule| !goes(rule)) {
            let name = &load_balancer.name;
            let app = app_of(&rule.tags).unwrap_or(&rule.arn);
            let message = format!(
                "load balancer {name} stays: app {app} answers there as well, and is not to go"
            );
            let hint =
                format!("delete {app} with it, or let {app} have a load balancer of its own first");
            return Err(Error::refused(message).hint(hint));
        }
    }
    Ok(())
}

/// Deletes a load balancer with its listeners and their rules.
pub async fn delete_load_balancer(stream: &Stream, elb: &Elb, have: &LoadBalancer) -> Result<()> {
    elb.delete_load_balancer(have).await?;
    let app = app_name(&have.name, app_of(&have.tags));
    if let Some(listener) = on_port(&have.listeners, PORT) {
        for rule in listener
            .rules
            .iter()
            .filter(|rule| elb.aws.env.owns(&rule.tags))
        {
            write_rule_as_deleted(stream, rule).await?;
        }
        write_listener_as_deleted(stream, &app, listener).await?;
    }
    let record = record::alb(&app, have);
    stream.write(record.changed(Change::Deleted, &[])).await
}

/// Deletes the listener where it is named and its load balancer is not.
async fn delete_listener_alone(
    stream: &Stream,
    elb: &Elb,
    records: &[Record],
    load_balancer: &LoadBalancer,
) -> Result<()> {
    let env = &elb.aws.env;
    let Some(listener) = on_port(&load_balancer.listeners, PORT) else {
        return Ok(());
    };
    if !is_named(records, "listener", &listener.arn) {
        return delete_rules(stream, elb, records, listener).await;
    }
    for listener in elb.with_tags(std::slice::from_ref(listener)).await? {
        if env.owns(&listener.tags) {
            elb.delete_listener(&listener.arn).await?;
            let app = app_name(&load_balancer.name, app_of(&load_balancer.tags));
            write_listener_as_deleted(stream, &app, &listener).await?;
        }
    }
    Ok(())
}

/// Deletes the rules that are named of a listener that stays.
async fn delete_rules(
    stream: &Stream,
    elb: &Elb,
    records: &[Record],
    listener: &Listener,
) -> Result<()> {
    let rules = listener.rules.iter();
    let ours = rules.filter(|rule| elb.aws.env.owns(&rule.tags));
    for rule in ours.filter(|rule| is_named(records, "listener", &rule.arn)) {
        elb.delete_rule(&rule.arn).await?;
        write_rule_as_deleted(stream, rule).await?;
    }
    Ok(())
}

async fn write_rule_as_deleted(stream: &Stream, rule: &Rule) -> Result<()> {
    let app = app_name(&rule.arn, app_of(&rule.tags));
    let target_group = rule.main_target_group().unwrap_or_default();
    let record = record::listener(&app, &rule.arn, target_group);
    stream.write(record.changed(Change::Deleted, &[])).await
}

async fn write_listener_as_deleted(stream: &Stream, app: &str, listener: &Listener) -> Result<()> {
    let target_group = listener.main_target_group().unwrap_or_default();
    let record = record::listener(app, &listener.arn, target_group);
    stream.write(record.changed(Change::Deleted, &[])).await
}

async fn delete_target_groups(
    stream: &Stream,
    elb: &Elb,
    records: &[Record],
    have: &Have,
) -> Result<()> {
    let mut ours = have.target_groups.clone();
    ours.retain(|target_group| {
        elb.aws.env.owns(&target_group.tags) && is_named(records, "target_group", &target_group.arn)
    });
    stream
        .control
        .try_all(ours, async |target_group| {
            delete_target_group(stream, elb, have, &target_group).await
        })
        .await
}

/// Deletes a target group, as soon as no listener uses it.
pub async fn delete_target_group(
    stream: &Stream,
    elb: &Elb,
    have: &Have,
    target_group: &TargetGroup,
) -> Result<()> {
    let env = &elb.aws.env;
    let app = app_name(&target_group.name, app_of(&target_group.tags));
    let another = used_by_another(target_group, &load_balancer_names(env, &app));
    // Somebody may have changed the tag with the app's name: then the load balancer that used it is
    // ours under another name than expected.
    let another = another.filter(|arn| !is_ours(env, have, arn));
    elb.delete_target_group(have, target_group, another).await?;
    let record = record::target_group(&app, target_group);
    stream.write(record.changed(Change::Deleted, &[])).await
}

/// Whether a load balancer is ours.
fn is_ours(env: &Env, have: &Have, arn: &str) -> bool {
    have.load_balancers
        .iter()
        .any(|load_balancer| load_balancer.arn == arn && env.owns(&load_balancer.tags))
}
