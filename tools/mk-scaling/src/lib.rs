//! The scalable targets of an environment's services, with their policies and scheduled actions.
//!
//! A target is found again by the service that it scales, and ours if it carries the identity tag; its
//! policies and scheduled actions, which have no tags, are then ours by their names. Step scaling and
//! predictive scaling are deliberately absent.

pub mod aws;
mod check;
pub mod plan;

use plan::{Have, Scaling};
use plumbing::step::delete_each;
use plumbing::{App, Aws, Deletion, Half, Owner, Range, Record, Result, Stream, Surplus};

/// The scalable targets, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-scaling",
    half: Half::Services,
    policy: include_str!("../iam-policy.json"),
    check: check::check,
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: &["scaling"],
        delete: |stream, aws, records| Box::pin(delete(stream, aws, records)),
    }],
    prune: Some(|stream, aws, records| Box::pin(prune(stream, aws, records))),
};

/// The environment's targets as records, and what they tell of their apps.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let found = aws::client(aws).find().await?;
    let mut records = records_of(aws, &found);
    let ours = found.iter().filter(|have| aws.env.owns(&have.tags));
    records.extend(ours.map(|have| plan::app_record(&aws.env, have)));
    Ok(records)
}

/// The records of those among some targets that are the environment's.
pub fn records_of(aws: &Aws, found: &[Have]) -> Vec<Record> {
    let env = &aws.env;
    let ours = found.iter().filter(|have| env.owns(&have.tags));
    ours.map(|have| plan::record(&have.app(env), &have.arn, have.range, &have.policies))
        .collect()
}

/// Deletes the targets among `records` that are the environment's.
async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    if !records.iter().any(|record| record.kind() == "scaling") {
        return Ok(());
    }
    let scaling = aws::client(aws);
    let found = scaling.find().await?;
    delete_each(stream, records, async |record: &Scaling| {
        let ours = |have: &&Have| have.arn == record.arn && aws.env.owns(&have.tags);
        let Some(have) = found.iter().find(ours) else {
            return Ok(false);
        };
        scaling.deregister(&have.resource).await?;
        Ok(true)
    })
    .await
}

/// Takes away what the apps of the stream want no more, and only that: a surplus record may have been
/// forged, or saved long ago.
async fn prune(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let mut surplus = records.iter().filter_map(Record::typed::<Surplus>);
    if !surplus.any(|one| one.owner == OWNER.tool) {
        return Ok(());
    }
    let apps: Vec<App> = records.iter().filter_map(Record::typed).collect();
    let scaling = aws::client(aws);
    let leftovers = plan::leftovers(&aws.env, &apps, &scaling.find().await?);
    delete_each(stream, records, async |surplus: &Surplus| {
        let is_it = |one: &&plan::Leftover| {
            let own = one.surplus();
            (own.name, own.owner) == (surplus.name.clone(), surplus.owner.clone())
        };
        let Some(leftover) = leftovers.iter().find(is_it) else {
            return Ok(false);
        };
        scaling.delete(leftover).await?;
        Ok(true)
    })
    .await
}

/// How a service is scaled, for `mk-ecs-svc`.
pub struct Scaled {
    /// The fewest and the most tasks.
    pub range: Range,
    /// Whether the target is the environment's, and not somebody else's.
    pub is_ours: bool,
}

/// How an app's service is scaled, if it is. An emulator that knows no tags of targets has none of ours.
pub async fn of_service(aws: &Aws, app: &str) -> Result<Option<Scaled>> {
    let scaling = aws::client(aws);
    let resource = plan::resource(&aws.env, app);
    let Some((range, arn)) = scaling.get(&resource).await? else {
        return Ok(None);
    };
    let is_ours = match scaling.tags(&arn, &resource).await {
        Ok(tags) => aws.env.owns(&tags),
        Err(error) if aws::is_lacking(&error) => false,
        Err(error) => return Err(error),
    };
    Ok(Some(Scaled { range, is_ours }))
}
