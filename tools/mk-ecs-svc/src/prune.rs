//! Takes the mark of a service away that is scaled no more, at the end of a pipe.

use plumbing::step::delete_each;
use plumbing::{App, Record, Result, Stream, Surplus};

use crate::aws::Ecs;
use crate::plan::mark::{self, SCALED};

/// Takes away the marks that surplus records among `records` name, of services that are ours and that
/// nothing of ours scales.
pub async fn prune(stream: &Stream, ecs: &Ecs, records: &[Record]) -> Result<()> {
    let apps: Vec<App> = records.iter().filter_map(Record::typed).collect();
    let is_scaled = |name: &str| {
        let mut named = apps.iter().filter(|app| app.name == name);
        named.any(|app| app.scale.range().is_some())
    };
    delete_each(
        stream,
        records,
        async |surplus: &Surplus| match mark::app_of(surplus).filter(|app| !is_scaled(app)) {
            Some(app) => unmark(ecs, app).await,
            None => Ok(false),
        },
    )
    .await
}

/// Takes the mark of an app's service away; answers false where there is none, or where it has to stay.
async fn unmark(ecs: &Ecs, app: &str) -> Result<bool> {
    let env = &ecs.aws.env;
    let name = env.service_name(app);
    let found = ecs.find_services(std::slice::from_ref(&name)).await?;
    let marked = found
        .into_iter()
        .find(|have| have.is_active() && env.owns(&have.tags) && have.tags.contains_key(SCALED));
    let Some(marked) = marked else {
        return Ok(false);
    };
    // Without the mark, nobody would look for a target that is still there.
    let scaled = mk_scaling::of_service(&ecs.aws, app).await?;
    if scaled.is_some_and(|scaled| scaled.is_ours) {
        let line = format!("service {name} is still scaled, and keeps its tag {SCALED}");
        ecs.aws.voice.say(&line);
        return Ok(false);
    }
    ecs.remove_tag(&marked.arn, &name, SCALED).await?;
    Ok(true)
}
