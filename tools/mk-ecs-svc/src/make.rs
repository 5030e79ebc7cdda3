//! The order in which services are made: the cluster beside everything, each app's task definition
//! as soon as what it names is known, its service when traffic can leave and the load balancer
//! forwards to it.

pub mod cluster;
pub mod context;
mod definition;
mod lookup;
mod revision;
mod rollback;
mod service;

use plumbing::{App, Change, Error, Listener, Result, Sg, Vpc};
use tokio::{join, try_join};

use crate::plan::definition::placeholder;
use crate::plan::record;
use crate::plan::service::{HaveService, Network, Settings, want};
use context::Context;

/// Makes an app's task definition and service, or takes the service back. Apps that arrive together
/// are found in one call, so the name is noted here, before anything is awaited.
pub fn app(context: &Context<'_>, app: App) -> impl Future<Output = Result<()>> {
    context.services.note(&app.name);
    async move {
        if context.flags.rollbacks.contains(&app.name) {
            roll_back(context, &app).await
        } else {
            make(context, &app).await
        }
    }
}

async fn make(context: &Context<'_>, app: &App) -> Result<()> {
    // Registering changes something, so it is not dropped when a reading beside it fails.
    let (revision, found, network) = join!(
        revision::make(context, app),
        context.services.get(&app.name),
        network(context, app)
    );
    let revision = revision?;
    let has_image = revision.definition.image != placeholder(context.env(), &app.name);
    let want = want(app, &revision.arn, has_image, &network?);
    service::make(context, app, found?, revision, want).await
}

/// Takes a service back to the revision before the one that it runs, and changes nothing else.
async fn roll_back(context: &Context<'_>, app: &App) -> Result<()> {
    let found = context.services.get(&app.name).await?;
    let Some(have) = found.filter(HaveService::is_active) else {
        let name = context.env().service_name(&app.name);
        let message = format!("there is no service {name} to take back");
        return Err(Error::refused(message));
    };
    let rollback = rollback::find(context.ecs, app, &have).await?;
    rollback::mark(context.ecs, &rollback.from).await?;
    let to = rollback.to;
    let record = record::task_definition(&app.name, &to.arn, &to.definition.image);
    let record = record.changed(Change::Kept, &[]);
    context.stream.write(record).await?;
    let want = Settings {
        task_definition: to.arn,
        ..have.settings.clone()
    };
    service::bring_into_line(context, app, &have, want).await
}

async fn network(context: &Context<'_>, app: &App) -> Result<Network> {
    let stream = context.stream;
    let group_name = format!("task/{}", app.name);
    let (vpc, group, listener) = try_join!(
        stream.need_where("main", |vpc: &Vpc| !vpc.private_subnets.is_empty()),
        stream.need::<Sg>(&group_name),
        stream.need::<Listener>(&app.name)
    )?;
    Ok(Network {
        subnets: vpc.private_subnets,
        group: group.id,
        target_group: listener.target_group,
    })
}
