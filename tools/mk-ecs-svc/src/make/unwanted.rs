//! What is of no app of the stream: an app that was dropped or renamed. It runs on untouched; it is
//! told, for `prune-env` to take away where that is confirmed.

use plumbing::{App, Record, RecordType, Result, Stream, Unwanted};

use crate::aws::Ecs;
use crate::find;

/// Lists what there is at once, and writes what is of no app once all apps are known.
pub async fn report(stream: &Stream, ecs: &Ecs) -> Result<()> {
    let listed = find::list(ecs).await?;
    let records = stream.all().await?;
    if stream.upstream_failed() {
        return Ok(()); // not all apps came
    }
    let env = &ecs.aws.env;
    let apps = records.iter().filter(|record| record.kind() == App::TYPE);
    let unwanted = listed.without(env, apps.map(Record::name));
    let cluster = env.arn("ecs", &format!("cluster/{}", env.cluster_name()));
    for record in find::describe(ecs, unwanted, &cluster).await? {
        if ![App::TYPE, Record::LEFT_OUT].contains(&record.kind()) {
            stream.write(Record::of(&Unwanted::of(record))).await?;
        }
    }
    Ok(())
}
