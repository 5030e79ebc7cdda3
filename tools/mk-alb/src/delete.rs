//! The order in which load balancers go: they with their listeners, then the target groups that
//! they used. Their network interfaces stay for minutes; what the interfaces are in waits for them.

use plumbing::{Change, Record, Result, Stream};

use crate::aws::Elb;
use crate::plan::{self, Balancer};
use crate::record;

/// Deletes what `records` name, if it is ours.
pub async fn all(stream: &Stream, elb: &Elb, records: &[Record]) -> Result<()> {
    let named = |kind: &str, arn: &str| {
        records
            .iter()
            .any(|record| record.kind() == kind && record.text("arn") == arn)
    };
    if !records
        .iter()
        .any(|record| matches!(record.kind(), "alb" | "listener" | "target_group"))
    {
        return Ok(());
    }
    let have = elb.find().await?;
    let balancers = have
        .balancers
        .iter()
        .filter(|balancer| elb.aws.env.owns(&balancer.tags));
    let balancers = stream
        .control
        .try_all(balancers, async |balancer| {
            match named("alb", &balancer.arn) {
                true => whole(stream, elb, balancer).await,
                false => listeners(stream, elb, balancer, named).await,
            }
        })
        .await;
    let groups = have
        .groups
        .iter()
        .filter(|group| elb.aws.env.owns(&group.tags) && named("target_group", &group.arn));
    let groups = stream
        .control
        .try_all(groups, async |group| {
            let app = record::app_of(&elb.aws.env, "tg", group);
            let ours = |arn: &&str| {
                have.balancers
                    .iter()
                    .any(|one| one.arn == *arn && elb.aws.env.owns(&one.tags))
            };
            let another = plan::anothers(group, &plan::balancer_name(&elb.aws.env, &app))
                .filter(|arn| !ours(arn));
            elb.delete_group(group, another).await?;
            stream
                .write(record::group(&app, group).changed(Change::Deleted, &[]))
                .await
        })
        .await;
    balancers.and(groups)
}

async fn whole(stream: &Stream, elb: &Elb, balancer: &Balancer) -> Result<()> {
    elb.delete_balancer(balancer).await?;
    let app = record::app_of(&elb.aws.env, "alb", balancer);
    if let Some(listener) = plan::on_port(&balancer.listeners) {
        let group = listener.target_group.as_deref().unwrap_or_default();
        let record = record::listener(&app, &listener.arn, group);
        stream.write(record.changed(Change::Deleted, &[])).await?;
    }
    stream
        .write(record::alb(&app, balancer).changed(Change::Deleted, &[]))
        .await
}

/// A listener alone, where its load balancer is to stay.
async fn listeners(
    stream: &Stream,
    elb: &Elb,
    balancer: &Balancer,
    named: impl Fn(&str, &str) -> bool,
) -> Result<()> {
    let Some(listener) =
        plan::on_port(&balancer.listeners).filter(|one| named("listener", &one.arn))
    else {
        return Ok(());
    };
    let tagged = elb.tagged(std::slice::from_ref(listener)).await?;
    if !tagged
        .iter()
        .any(|listener| elb.aws.env.owns(&listener.tags))
    {
        return Ok(());
    }
    elb.delete_listener(&listener.arn).await?;
    let group = listener.target_group.as_deref().unwrap_or_default();
    let record = record::listener(
        &record::app_of(&elb.aws.env, "alb", balancer),
        &listener.arn,
        group,
    );
    stream.write(record.changed(Change::Deleted, &[])).await
}
