//! The cluster, which every service waits for.

use plumbing::step::without_parts;
use plumbing::{Change, Result, Step, Stream};

use crate::aws::Ecs;
use crate::plan::{cluster, record};

/// Finds or makes the cluster, and brings it into line; answers its ARN.
pub async fn make(stream: &Stream, ecs: &Ecs) -> Result<String> {
    let env = &ecs.aws.env;
    let name = env.cluster_name();
    let mut differences = Vec::new();
    let (arn, change) = match cluster::step(env, ecs.get_cluster().await?)? {
        Step::Create if env.plan => {
            let arn = env.arn("ecs", &format!("cluster/{name}"));
            (arn, Change::Create)
        }
        Step::Create => {
            ecs.aws.control.wait_for_account().await?;
            (ecs.create_cluster().await?, Change::Created)
        }
        Step::Keep(have) => (have.arn, Change::Kept),
        Step::Change(have, differing) => {
            differences = without_parts(differing);
            if env.plan {
                (have.arn, Change::Update)
            } else {
                ecs.aws.control.wait_for_account().await?;
                ecs.set_tags(&have.arn, &name, &env.tags_of(&name)).await?;
                (have.arn, Change::Updated)
            }
        }
    };
    let record = record::cluster(&arn).changed(change, &differences);
    stream.write(record).await?;
    Ok(arn)
}
