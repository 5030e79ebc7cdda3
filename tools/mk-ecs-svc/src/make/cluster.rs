//! The cluster, which every service waits for.

use plumbing::step::{parts, without_parts};
use plumbing::{App, Change, Difference, Env, Error, Kind, Result, Step, Stream};

use super::context::Context;
use crate::aws::Ecs;
use crate::plan::cluster::{HaveCluster, Insights, Part};
use crate::plan::{cluster, record, spot};

/// Finds or makes the cluster, and brings it into line; answers its ARN.
pub async fn make(stream: &Stream, ecs: &Ecs, insights: Insights) -> Result<String> {
    let env = &ecs.aws.env;
    let name = env.cluster_name();
    let mut differences = Vec::new();
    let found = ecs.get_cluster().await?;
    tell_of_more(ecs, insights, found.as_ref());
    let step = cluster::step(env, insights, found)?;
    if step == Step::Create {
        need_app(stream, env).await?;
    }
    let (arn, change) = match step {
        Step::Create if env.plan => {
            let arn = env.arn("ecs", &format!("cluster/{name}"));
            (arn, Change::Create)
        }
        Step::Create => {
            ecs.aws.control.wait_for_account().await?;
            (
                ecs.create_cluster(insights, &providers(stream)).await?,
                Change::Created,
            )
        }
        Step::Keep(have) => (have.arn, Change::Kept),
        Step::Change(have, differing) => {
            let parts = parts(&differing);
            differences = without_parts(differing);
            if env.plan {
                (have.arn, Change::Update)
            } else {
                ecs.aws.control.wait_for_account().await?;
                let set = parts.iter().map(|part| set(ecs, &have, insights, *part));
                ecs.aws.control.run_all(set).await?;
                (have.arn, Change::Updated)
            }
        }
    };
    let record = record::cluster(&arn).changed(change, &differences);
    stream.write(record).await?;
    Ok(arn)
}

/// Says what stays, since CloudWatch is told more than is wanted.
fn tell_of_more(ecs: &Ecs, insights: Insights, found: Option<&HaveCluster>) {
    let more = found.filter(|found| cluster::keeps_more(insights, found.insights));
    if let Some(more) = more {
        let name = ecs.aws.env.cluster_name();
        let line = format!(
            "cluster {name} keeps Container Insights {}; --insights disabled ends it",
            more.insights.word()
        );
        ecs.aws.voice.say(&line);
    }
}

/// Brings one part of the cluster into line.
async fn set(ecs: &Ecs, have: &HaveCluster, insights: Insights, part: Part) -> Result<()> {
    let env = &ecs.aws.env;
    let name = env.cluster_name();
    match part {
        Part::Tags => ecs.set_tags(&have.arn, &name, &env.tags_of(&name)).await,
        Part::Insights => ecs.set_insights(insights).await,
    }
}

/// Waits for an app. Without any, nobody needs a cluster, and the environment's name is likely to be
/// a wrong one.
///
/// Errors: none came.
async fn need_app(stream: &Stream, env: &Env) -> Result<()> {
    let Err(missing) = stream.need_first::<App>().await else {
        return Ok(());
    };
    if missing.kind != Kind::Input || stream.control.check_stopped().is_err() {
        return Err(missing);
    }
    let message = format!("no app record on stdin, and {} has no cluster", env.name);
    let hint = format!(
        "mk-app web | {}; or is that another environment?",
        stream.tool()
    );
    Err(Error::input(message).hint(hint))
}

/// The capacity providers of a new cluster: none, unless an app that has arrived needs them.
fn providers(stream: &Stream) -> Vec<String> {
    if stream.arrived::<App>().iter().any(spot::is_wanted) {
        return spot::PROVIDERS.map(String::from).to_vec();
    }
    Vec::new()
}

/// Has the cluster take what an app's tasks on Fargate Spot need, where it lacks that. It is looked at
/// again: another run may have made it.
pub async fn ensure_spot(context: &Context<'_>, app: &App) -> Result<()> {
    context.cluster.clone().await?;
    if !spot::is_wanted(app) {
        return Ok(());
    }
    let ensure = || ensure_providers(context);
    context.spot.get_or_try_init(ensure).await.map(drop)
}

async fn ensure_providers(context: &Context<'_>) -> Result<()> {
    let ecs = context.ecs;
    let Some(have) = ecs.get_cluster().await? else {
        return Ok(()); // a dry run would make it with these
    };
    let Some(providers) = cluster::providers(&have) else {
        return Ok(());
    };
    if !ecs.aws.env.plan {
        ecs.aws.control.wait_for_account().await?;
        ecs.put_providers(&have, &providers).await?;
    }
    let (old, new) = (have.providers.join(" "), providers.join(" "));
    let difference = Difference::between("capacity providers", old, new);
    let differences: Vec<Difference> = difference.into_iter().collect();
    let record = record::cluster(&have.arn);
    context.write_found(record, &differences).await
}
