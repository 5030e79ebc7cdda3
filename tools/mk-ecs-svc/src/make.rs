//! The order in which services are made: the cluster beside everything, each app's task definition
//! as soon as what it names is known, its service when traffic can leave and the load balancer
//! forwards to it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{LocalBoxFuture, Shared, try_join_all};
use plumbing::{
    App, Change, Difference, Egress, Env, Error, Image, Kind, Listener, LogGroup, Record, Result,
    Role, Sg, Stream, Vpc, wait,
};
use tokio::sync::Mutex;
use tokio::{join, try_join};

use crate::aws::Ecs;
use crate::aws::going::TaskStatus;
use crate::plan::{self, HaveService, HaveTask, Settings, Surroundings, Task};
use crate::reference::{self, Piece};
use crate::rollback;

/// A service that drains ends after its targets' deregistration delay and its containers' stop
/// timeout, which take minutes; a name is free only then.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(20 * 60);
/// How often another run may make the service first: it would have to be deleted in between.
const RACES: usize = 3;

/// The cluster that every service waits for.
pub type ClusterReady<'a> = Shared<LocalBoxFuture<'a, Result<String>>>;

/// Finds or makes the cluster; answers its ARN.
pub async fn cluster(stream: &Stream, ecs: &Ecs) -> Result<String> {
    let name = ecs.aws.env.cluster_name();
    let Some(have) = ecs.cluster().await? else {
        let (arn, change) = match ecs.aws.env.plan {
            true => (
                ecs.aws.env.arn("ecs", &format!("cluster/{name}")),
                Change::Create,
            ),
            false => {
                ecs.aws.control.wait_for_account().await?;
                (ecs.create_cluster().await?, Change::Created)
            }
        };
        stream
            .write(plan::cluster_record(&arn).changed(change, &[]))
            .await?;
        return Ok(arn);
    };
    plan::ours(&ecs.aws.env, "cluster", &name, &have.tags)?;
    if !matches!(have.status.as_str(), "ACTIVE" | "PROVISIONING") {
        return Err(
            Error::unfinished(format!("cluster {name} is {}", have.status.to_lowercase()))
                .hint("run the pipeline again when it is gone"),
        );
    }
    let differences = retagged(
        ecs,
        &have.arn,
        &name,
        &have.tags,
        &ecs.aws.env.tags_of(&name),
    )
    .await?;
    written(stream, ecs, plan::cluster_record(&have.arn), &differences).await?;
    Ok(have.arn)
}

/// What an app is to run.
struct Revision {
    arn: String,
    task: Task,
    /// Whether it was there, and not registered by this run.
    kept: bool,
}

/// Makes what belongs to one app after the other, all side by side.
pub struct Make<'a> {
    stream: &'a Stream,
    ecs: &'a Ecs,
    env: &'a Env,
    images: &'a BTreeMap<String, String>,
    rollbacks: &'a [String],
    placeholder: bool,
    cluster: ClusterReady<'a>,
    asked: RefCell<Vec<String>>,
    found: RefCell<BTreeMap<String, HaveService>>,
    turn: Mutex<()>,
}

impl<'a> Make<'a> {
    /// `images` are the flags', which win over all others; `rollbacks` the apps that return to what
    /// they ran before; with `placeholder` an app may have no image yet.
    pub fn new(
        stream: &'a Stream,
        ecs: &'a Ecs,
        images: &'a BTreeMap<String, String>,
        rollbacks: &'a [String],
        placeholder: bool,
        cluster: ClusterReady<'a>,
    ) -> Self {
        let (asked, found, turn) = Default::default();
        Make {
            stream,
            ecs,
            env: &ecs.aws.env,
            images,
            rollbacks,
            placeholder,
            cluster,
            asked,
            found,
            turn,
        }
    }

    /// Makes an app's task definition and service. Apps that arrive together are looked up in one
    /// call, so the name is noted here, before anything is awaited.
    pub fn app(&self, app: App) -> impl Future<Output = Result<()>> {
        let name = self.env.service_name(&app.name);
        self.asked.borrow_mut().push(name.clone());
        async move {
            if self.rollbacks.contains(&app.name) {
                return self.rolled_back(&app, &name).await;
            }
            // Registering changes something, so it is not dropped when a look beside it fails.
            let (task, have, around) = join!(
                self.task(&app),
                self.service_named(&name),
                self.surroundings(&app)
            );
            let task = task?;
            let has_image = task.task.image != plan::placeholder(self.env, &app.name);
            let want = plan::settings(&app, &task.arn, has_image, &around?);
            self.service(&app, &name, have?, task, want).await
        }
    }

    /// Takes a service back to the revision before the one that it runs, and changes nothing else.
    async fn rolled_back(&self, app: &App, name: &str) -> Result<()> {
        let have = self
            .service_named(name)
            .await?
            .filter(|have| have.status == "ACTIVE");
        let have =
            have.ok_or_else(|| Error::refused(format!("there is no service {name} to take back")))?;
        let (to, from) = rollback::target(self.ecs, app, &have).await?;
        rollback::mark(self.ecs, &from).await?;
        self.stream
            .write(plan::task_record(&app.name, &to.arn, &to.task.image).changed(Change::Kept, &[]))
            .await?;
        let want = Settings {
            task_definition: to.arn,
            ..have.settings.clone()
        };
        self.brought_into_line(app, have, &want).await
    }

    /// Registers the task definition if it differs from the newest and from what the service runs.
    async fn task(&self, app: &App) -> Result<Revision> {
        let family = self.env.family_name(&app.name);
        let find = async {
            let have = self.ecs.task(&family).await?;
            let mut foreign = have.iter().filter(|have| !plan::owns_task(self.env, have));
            foreign.try_for_each(|have| {
                plan::ours(self.env, "task definition", &family, &have.tags)
            })?;
            Ok(have)
        };
        let (mut have, want) = try_join!(find, self.task_wanted(app))?;
        if have.as_ref().is_some_and(plan::rolled_back) {
            have = self.running(app, "").await?.or(have);
        }
        let Some(mut have) = have else {
            return self
                .register(app, None, want, &self.env.tags_of(&family), &[])
                .await;
        };
        let keeps = self.keeps_image(app, &have);
        let want = match keeps {
            true => self.with_its_image(app, &have.task.image, want),
            false => want,
        };
        let tags = plan::task_tags(self.env, &family, keeps);
        let mut differences = plan::task_differences(&have.task, &want);
        if !differences.is_empty()
            && let Some(running) = self.running(app, &have.arn).await?
            && plan::task_differences(&running.task, &want).is_empty()
        {
            (have, differences) = (running, Vec::new()); // it was taken back to it
        }
        if !differences.is_empty() {
            let service = self
                .service_named(&self.env.service_name(&app.name))
                .await?;
            if let Some(service) = service.filter(|have| have.status == "ACTIVE") {
                rollback::mark(self.ecs, &plan::given_up(&service, &have)).await?;
            }
            return self
                .register(app, Some(have), want, &tags, &differences)
                .await;
        }
        differences = retagged(self.ecs, &have.arn, &family, &have.tags, &tags).await?;
        written(
            self.stream,
            self.ecs,
            plan::task_record(&app.name, &have.arn, &want.image),
            &differences,
        )
        .await?;
        Ok(Revision {
            arn: have.arn,
            task: want,
            kept: true,
        })
    }

    /// The revision that an app's service runs, where it is ours and another one than `known`.
    async fn running(&self, app: &App, known: &str) -> Result<Option<HaveTask>> {
        let service = self
            .service_named(&self.env.service_name(&app.name))
            .await?;
        let service = service
            .filter(|have| have.status == "ACTIVE" && have.settings.task_definition != known);
        let Some(service) = service else {
            return Ok(None);
        };
        let running = self.ecs.task(&service.settings.task_definition).await?;
        Ok(running.filter(|running| plan::owns_task(self.env, running)))
    }

    async fn register(
        &self,
        app: &App,
        have: Option<HaveTask>,
        want: Task,
        tags: &[(String, String)],
        differences: &[Difference],
    ) -> Result<Revision> {
        let before = have
            .as_ref()
            .map(|have| have.arn.clone())
            .unwrap_or_default();
        let change = match (have.is_some(), self.env.plan) {
            (false, false) => Change::Created,
            (false, true) => Change::Create,
            (true, plan) => change_of(differences, plan),
        };
        let arn = match self.env.plan {
            true => self.env.planned(&self.env.family_name(&app.name)),
            false => {
                self.ecs.aws.control.wait_for_account().await?;
                self.ecs
                    .register(&app.name, &want, tags, have.and_then(|have| have.task_role))
                    .await?
            }
        };
        let record = plan::task_record(&app.name, &arn, &want.image).changed(change, differences);
        self.stream.write(record).await?;
        let mut made = Revision {
            arn,
            task: want,
            kept: false,
        };
        if !self.env.plan && !plan::next(&made.arn, &before) {
            self.elect(app, &mut made, &before, "").await?; // another run registered one as well
        }
        Ok(made)
    }

    /// ECS makes a revision at each call, so runs at the same time register alike ones. All take the
    /// one that the service `runs`, else the first after the revision `before`; the later ones go:
    /// that of this run and, of what it found, all.
    async fn elect(
        &self,
        app: &App,
        revision: &mut Revision,
        before: &str,
        runs: &str,
    ) -> Result<()> {
        let active = self
            .ecs
            .revisions(&self.env.family_name(&app.name), TaskStatus::Active)
            .await?;
        let mut alike = vec![revision.arn.clone()];
        for arn in plan::between(active, before, &revision.arn) {
            let Some(have) = self.ecs.task(&arn).await? else {
                continue;
            }; // its run had it go
            let alike_too = plan::task_differences(&have.task, &revision.task).is_empty();
            if !plan::owns_task(self.env, &have) || plan::rolled_back(&have) || !alike_too {
                break;
            }
            alike.push(arn);
        }
        let first = alike
            .iter()
            .find(|arn| *arn == runs)
            .or(alike.last())
            .cloned()
            .unwrap_or_default();
        let losers = alike.iter().filter(|arn| plan::newer(arn, &first));
        let losers: Vec<&String> = losers
            .filter(|arn| revision.kept || **arn == revision.arn)
            .collect();
        if !losers.is_empty() {
            self.ecs.aws.control.wait_for_account().await?;
        }
        for loser in losers {
            self.ecs.deregister(loser).await?;
        }
        if first != revision.arn {
            revision.arn = first;
            written(
                self.stream,
                self.ecs,
                plan::task_record(&app.name, &revision.arn, &revision.task.image),
                &[],
            )
            .await?;
        }
        Ok(())
    }

    async fn task_wanted(&self, app: &App) -> Result<Task> {
        let stream = self.stream;
        let role_name = format!("execution/{}", app.name);
        let (role, log, image, environment) = try_join!(
            stream.need::<Role>(&role_name),
            stream.need::<LogGroup>(&app.name),
            self.image(app),
            self.environment(app)
        )?;
        Ok(plan::task(
            self.env,
            app,
            image,
            role.arn,
            log.group,
            environment,
        ))
    }

    /// The flag's image, else the record's, else the app's own; waits for a record only where one
    /// will come or nothing else names an image.
    async fn image(&self, app: &App) -> Result<String> {
        let stream = self.stream;
        if let Some(image) = self.images.get(&app.name) {
            return Ok(image.clone());
        }
        let web = &app.name;
        if let Some(own) = app.image.clone().filter(|_| !self.is_pushed(app)) {
            return Ok(own);
        }
        let pushed = stream
            .need_where::<Image>(web, |record| record.image.is_some())
            .await;
        match (pushed.map(|record| record.image.unwrap_or_default()), &app.image) {
            (Err(missing), Some(own)) if missing.kind == Kind::Input && stream.control.check_stopped().is_ok() => Ok(own.clone()),
            (Err(missing), None)
                if self.placeholder
                    && missing.kind == Kind::Input
                    && stream.control.check_stopped().is_ok()
                    && !stream.upstream_failed() =>
            {
                Ok(plan::placeholder(self.env, web))
            }
            (pushed, _) => pushed.map_err(|missing| {
                let hint = format!("mk-app {web} --image REFERENCE, mk-ecs-svc --image {web}=REFERENCE, or push-image");
                self.instead(missing, format!("app '{web}' has no image")).hint(hint)
            }),
        }
    }

    /// Whether an image record of an app is there, or announced, or follows from its directory.
    fn is_pushed(&self, app: &App) -> bool {
        app.context.is_some() || self.stream.get::<Image>(&app.name).is_some()
    }

    /// Whether a revision's image stays because the app's pipeline deployed it: the image of the app
    /// record is only the first. A flag or an image record says otherwise.
    fn keeps_image(&self, app: &App, have: &HaveTask) -> bool {
        let told = self.images.contains_key(&app.name) || self.is_pushed(app);
        !told && plan::by_pipeline(self.env, have)
    }

    fn with_its_image(&self, app: &App, running: &str, want: Task) -> Task {
        if want.image != running {
            let name = &app.name;
            let kept = format!("{name} keeps {running}, which its pipeline deployed");
            self.ecs
                .aws
                .voice
                .say(&format!("{kept}; --image {name}=REFERENCE replaces it"));
        }
        Task {
            image: running.to_string(),
            ..want
        }
    }

    /// The environment variables, with what they refer to filled in.
    async fn environment(&self, app: &App) -> Result<BTreeMap<String, String>> {
        let values = app.set.iter().map(|(key, value)| async move {
            let pieces = reference::pieces(value)
                .into_iter()
                .map(|piece| async move {
                    match piece {
                        Piece::Text(text) => Ok(text),
                        Piece::Reference { kind, name, field } => {
                            self.filled(app, key, &kind, &name, &field).await
                        }
                    }
                });
            Ok::<_, Error>((key.clone(), try_join_all(pieces).await?.concat()))
        });
        Ok(try_join_all(values).await?.into_iter().collect())
    }

    async fn filled(
        &self,
        app: &App,
        key: &str,
        kind: &str,
        name: &str,
        field: &str,
    ) -> Result<String> {
        let web = &app.name;
        let sets = format!("app '{web}' sets {key} from {{{kind}.{name}.{field}}}");
        let record = self.stream.need_record(kind, name).await;
        let record = record.map_err(|missing| {
            self.instead(
                missing,
                format!("{sets}, but no {kind} record '{name}' is on stdin"),
            )
        })?;
        match record.text(field) {
            "" => Err(Error::input(format!(
                "{sets}, but {kind} '{name}' has no text '{field}'"
            ))),
            text => Ok(text.to_string()),
        }
    }

    /// Says in the app's words what the input lacks; other errors stay as they are.
    fn instead(&self, missing: Error, message: String) -> Error {
        match missing.kind == Kind::Input && self.ecs.aws.control.check_stopped().is_ok() {
            true => Error::input(message),
            false => missing,
        }
    }

    async fn surroundings(&self, app: &App) -> Result<Surroundings> {
        let stream = self.stream;
        let group_name = format!("task/{}", app.name);
        let (vpc, group, listener) = try_join!(
            stream.need_where::<Vpc>("main", |vpc| !vpc.private_subnets.is_empty()),
            stream.need::<Sg>(&group_name),
            stream.need::<Listener>(&app.name)
        )?;
        Ok(Surroundings {
            subnets: vpc.private_subnets,
            group: group.id,
            target_group: listener.target_group,
        })
    }

    /// The service of a name: all that were asked for together come with one look.
    async fn service_named(&self, name: &str) -> Result<Option<HaveService>> {
        let _turn = self.turn.lock().await;
        let asked = self.asked.take();
        if !asked.is_empty() {
            let found = self.ecs.services(&asked).await?;
            let found = found
                .into_iter()
                .map(|service| (service.name.clone(), service));
            self.found.borrow_mut().extend(found);
        }
        let found = self.found.borrow().get(name).cloned();
        match &found {
            Some(found) if found.status != "INACTIVE" => {
                plan::ours(self.env, "service", name, &found.tags)?
            }
            _ => {}
        }
        Ok(found)
    }

    async fn service(
        &self,
        app: &App,
        name: &str,
        mut have: Option<HaveService>,
        mut task: Revision,
        mut want: Settings,
    ) -> Result<()> {
        let mut dead = String::new();
        for _ in 0..RACES {
            if have
                .as_ref()
                .is_some_and(|have| have.status == "DRAINING" && !self.env.plan)
            {
                have = self.drained(name).await?;
            }
            match have.take() {
                Some(have) if have.status == "ACTIVE" => {
                    let runs = &have.settings.task_definition;
                    // Another run registered one after ours and was faster: one is enough.
                    if plan::newer(runs, &task.arn) {
                        task = self.task(app).await?;
                    }
                    if task.kept && task.arn != *runs && !self.env.plan {
                        self.elect(app, &mut task, "", runs).await?;
                    }
                    want.task_definition = task.arn;
                    return self.brought_into_line(app, have, &want).await;
                }
                Some(gone) => dead = gone.created,
                None => {}
            }
            let cluster = self.cluster.clone();
            if self.env.plan {
                let (arn, cluster) = (
                    format!("service/{}/{name}", self.env.cluster_name()),
                    cluster.await?,
                );
                let record =
                    plan::service_record(&app.name, &self.env.arn("ecs", &arn), &cluster, &want);
                return self.stream.write(record.changed(Change::Create, &[])).await;
            }
            let (cluster, egress) = join!(cluster, self.stream.need::<Egress>("main"));
            let cluster = cluster?;
            egress?;
            self.ecs.aws.control.wait_for_account().await?;
            if task.kept {
                self.elect(app, &mut task, "", "").await?;
                want.task_definition = task.arn.clone();
            }
            let token = plan::token(name, &want.task_definition, &dead);
            if let Some(arn) = self.ecs.create_service(name, &want, &token).await? {
                let record = plan::service_record(&app.name, &arn, &cluster, &want);
                return self
                    .stream
                    .write(record.changed(Change::Created, &[]))
                    .await;
            }
            self.asked.borrow_mut().push(name.to_string());
            have = self.service_named(name).await?;
        }
        Err(Error::unfinished(format!(
            "service {name} comes and goes: another run is at work"
        ))
        .hint("run the pipeline again"))
    }

    async fn drained(&self, name: &str) -> Result<Option<HaveService>> {
        let what = format!("service {name} is still draining");
        wait::until(&self.ecs.aws.control, &what, DRAIN_DEADLINE, || async {
            let found = self.ecs.services(&[name.to_string()]).await?.pop();
            Ok(found
                .as_ref()
                .is_none_or(|found| found.status != "DRAINING")
                .then_some(found))
        })
        .await
    }

    /// A count that Application Auto Scaling set stays; one that a person set does not.
    async fn with_its_count(
        &self,
        app: &App,
        have: &HaveService,
        want: &Settings,
    ) -> Result<Settings> {
        let count = have.settings.count;
        let scaled = if count == want.count {
            None
        } else {
            self.ecs.scaled(&have.name).await?
        };
        let Some((least, most)) = scaled else {
            return Ok(want.clone());
        };
        let told = format!(
            "{} keeps {count} tasks: Application Auto Scaling sets from {least} to {most}",
            app.name
        );
        self.ecs.aws.voice.say(&told);
        Ok(Settings {
            count,
            ..want.clone()
        })
    }

    async fn brought_into_line(&self, app: &App, have: HaveService, want: &Settings) -> Result<()> {
        let want = &self.with_its_count(app, &have, want).await?;
        let settings = &have.settings_beside(want);
        let mut differences = plan::service_differences(&have.name, settings, want)?;
        // Whatever made it fail may be mended; ECS does not try again by itself.
        let again = plan::gave_up(&have);
        differences.extend(Difference::between(
            "deployment",
            if again { "failed" } else { "new" },
            "new",
        ));
        if !differences.is_empty() && !self.env.plan {
            // Its new tasks pull their image through it.
            self.stream.need::<Egress>("main").await?;
            self.ecs.aws.control.wait_for_account().await?;
            self.ecs
                .update_service(&have.name, settings, want, again)
                .await?;
        }
        differences.extend(
            retagged(
                self.ecs,
                &have.arn,
                &have.name,
                &have.tags,
                &self.env.tags_of(&have.name),
            )
            .await?,
        );
        let cluster = self.cluster.clone().await?;
        written(
            self.stream,
            self.ecs,
            plan::service_record(&app.name, &have.arn, &cluster, want),
            &differences,
        )
        .await
    }
}

/// Brings tags into line, but in a dry run; answers what differed.
async fn retagged(
    ecs: &Ecs,
    arn: &str,
    name: &str,
    have: &plan::Tags,
    want: &[(String, String)],
) -> Result<Vec<Difference>> {
    let differences = Difference::of_tags(have, want);
    if !differences.is_empty() && !ecs.aws.env.plan {
        ecs.aws.control.wait_for_account().await?;
        ecs.retag(arn, name, want).await?;
    }
    Ok(differences)
}

async fn written(
    stream: &Stream,
    ecs: &Ecs,
    record: Record,
    differences: &[Difference],
) -> Result<()> {
    stream
        .write(record.changed(change_of(differences, ecs.aws.env.plan), differences))
        .await
}

/// What is done about differences.
fn change_of(differences: &[Difference], plan: bool) -> Change {
    if differences.is_empty() {
        Change::Kept
    } else if plan {
        Change::Update
    } else {
        Change::Updated
    }
}
