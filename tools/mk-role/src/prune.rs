//! Takes from the roles of apps what they may do no more, at the end of a pipe: the services have moved on.

use plumbing::step::delete_each;
use plumbing::{App, Aws, Record, Result, Stream, Surplus, is_deployed};

use crate::aws::{self, Iam};
use crate::lookup::{self, Lookup};
use crate::placing::{Placing, is_path};
use crate::purpose::Purpose;
use crate::want::{self, Want};

/// Takes away what the surplus among `records` says of our roles, if it is still so.
pub async fn prune(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let surplus = records.iter().filter_map(Record::typed::<Surplus>);
    if surplus.filter_map(|one| role_of(&one)).next().is_none() {
        return Ok(());
    }
    let apps: Vec<App> = records.iter().filter_map(Record::typed).collect();
    let (iam, lookup) = (aws::client(aws), lookup::client(aws));
    delete_each(stream, records, async |surplus: &Surplus| {
        let Some((purpose, app)) = role_of(surplus) else {
            return Ok(false);
        };
        let Some(app) = apps.iter().find(|one| one.name == app) else {
            return Ok(false);
        };
        // Where no mk-ecs-svc stood in the pipe, what runs may still need it.
        if !is_deployed(records, &app.name) {
            return Ok(false);
        }
        match want(aws, &lookup, purpose, app, &apps).await? {
            Some(want) => shrink(&iam, &want).await,
            None => Ok(false),
        }
    })
    .await
}

/// Which role a surplus is about; nothing where it is another tool's.
fn role_of(surplus: &Surplus) -> Option<(Purpose, String)> {
    let (word, app) = surplus.name.strip_prefix("policy/")?.split_once('/')?;
    let purpose = Purpose::of_word(word)?;
    (surplus.owner == crate::OWNER.tool).then(|| (purpose, app.into()))
}

/// What the role is to be, whatever a record says; nothing where it is not wanted at all.
async fn want(
    aws: &Aws,
    lookup: &Lookup,
    purpose: Purpose,
    app: &App,
    apps: &[App],
) -> Result<Option<Want>> {
    let placing = Placing::default(); // of a policy it says nothing
    if !Purpose::of_app(app).contains(&purpose) {
        return Ok(None);
    }
    let want = match purpose {
        Purpose::Task => want::of_tasks(&aws.env, &placing, app),
        Purpose::Deploy => want::of_deployments(&aws.env, &placing, app),
        _ => want::of_app(&aws.env, &placing, app, &lookup.learn(apps).await?),
    };
    want.map(Some)
}

async fn shrink(iam: &Iam, want: &Want) -> Result<bool> {
    let env = &iam.aws.env;
    let Some(have) = iam.get_without_policies(&want.role).await? else {
        return Ok(false);
    };
    let what = format!("role {}", want.role);
    env.check_ours(&what, &have.tags)?;
    if !is_path(env, &have.path) {
        return Err(env.not_ours(what));
    }
    iam.shrink_policy(want).await
}
