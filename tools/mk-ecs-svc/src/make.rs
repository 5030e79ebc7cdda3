//! The order in which services are made: the cluster while everything else is under way, each
//! app's task definition as soon as what it names is known, its service when traffic can leave
//! and the load balancer forwards to it.

pub mod cluster;
pub mod context;
mod lookup;
pub mod moves;
mod revision;
mod rollback;
mod service;
pub mod unwanted;
mod want;

use plumbing::{App, Change, Error, Result};
use tokio::join;

use crate::plan;
use crate::plan::definition::placeholder;
use crate::plan::service::{HaveService, Settings};
use context::Context;

/// Makes an app's task definition and service, or takes the service back to what it ran before.
///
/// The services of apps that arrive together are found in one call, so the name is noted here,
/// before anything is awaited.
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
    // Registering changes something, so it must not be dropped when one of the others fails.
    let (revision, found, network) = join!(
        revision::make(context, app),
        context.services.get(&app.name),
        want::network(context, app)
    );
    let revision = revision?;
    let has_image = revision.definition.own.image != placeholder(context.env(), &app.name);
    let want = plan::service::want(app, &revision.arn, has_image, &network?);
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
    if !have.settings.strategy.is_rolling() && have.is_deploying() {
        return rollback::stop(context, app, &have).await;
    }
    let rollback = rollback::find(context.ecs, app, &have).await?;
    rollback::mark(context.ecs, app, &rollback.from).await?;
    let to = rollback.to;
    let record = plan::record::task_definition(&app.name, &to.arn, &to.definition.own.image);
    let record = record.changed(Change::Kept, &[]);
    context.stream.write(record).await?;
    let want = Settings {
        task_definition: to.arn,
        ..have.settings.clone()
    };
    service::bring_into_line(context, app, &have, want).await
}
