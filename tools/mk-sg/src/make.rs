//! The order in which groups are made: each app's two as it arrives, then each direction's rules
//! as soon as the groups that they name exist. So apps may call each other in circles.

use futures_util::FutureExt;
use plumbing::{App, Change, Difference, Result, Stream, Vpc};
use tokio::join;
use tokio::sync::watch;

use crate::aws::Ec2;
use crate::plan::{self, DIRECTIONS, Group, Known, PARTS, Part, Step, Want};

/// Makes the groups of every app of the stream and brings their rules into line.
pub async fn groups(stream: &Stream, ec2: &Ec2, want: &Want, have: &[Group]) -> Result<()> {
    let here = have.iter().filter(|group| group.vpc == want.vpc);
    let maker = Maker {
        stream,
        ec2,
        want,
        have,
        known: watch::channel(plan::known(&ec2.aws.env, here)).0,
    };
    let apps = stream.for_each_record::<App, _, _>(|app| {
        maker.arrived(&app); // now, so that apps that come together are compared together
        maker.app(app)
    });
    // The end first: where the input has ended, nothing waits for a caller. If it fails, apps say why.
    let (_, apps) = join!(maker.input_ended(), apps);
    apps
}

struct Maker<'a> {
    stream: &'a Stream,
    ec2: &'a Ec2,
    want: &'a Want,
    have: &'a [Group],
    known: watch::Sender<Known>,
}

impl Maker<'_> {
    fn arrived(&self, app: &App) {
        self.known.send_modify(|known| {
            known
                .apps
                .entry(app.name.clone())
                .or_insert_with(|| app.clone());
        });
    }

    /// From here on no caller can come that is not known.
    async fn input_ended(&self) -> Result<()> {
        let records = self.stream.all().await?;
        records
            .iter()
            .filter_map(|record| record.typed())
            .for_each(|app| self.arrived(&app));
        self.known.send_modify(|known| known.whole = true);
        Ok(())
    }

    async fn app(&self, app: App) -> Result<()> {
        self.stream
            .control
            .run_all(PARTS.map(|part| self.group(&app, part)))
            .await
            .map(drop)
    }

    async fn group(&self, app: &App, part: Part) -> Result<()> {
        let key = part.key(&app.name);
        let name = plan::name(&self.ec2.aws.env, &key);
        let (group, fresh) = match plan::found(self.have, self.want, &name)? {
            Some(found) => (found.clone(), false),
            None => self.ec2.create(&name, || self.current_vpc()).await?,
        };
        self.known.send_modify(|known| {
            known.groups.insert(key.clone(), group.id.clone());
        });
        if !fresh {
            return self.rules(app, part, group, false).await;
        }
        let record = plan::record(&key, &group.id).changed(Change::Created, &[]);
        let created = self.stream.write(record).boxed_local();
        let closed = self.ec2.revoke_default(&group).boxed_local();
        let rules = self.rules(app, part, group.clone(), true).boxed_local();
        self.stream
            .control
            .run_all([created, closed, rules])
            .await
            .map(drop)
    }

    /// The VPC by its latest record: one without subnets may go to another run's, and then another
    /// record of it comes.
    fn current_vpc(&self) -> String {
        match self.stream.get::<Vpc>("main") {
            Some(vpc) => vpc.id,
            None => self.want.vpc.clone(),
        }
    }

    /// Brings a group's rules into line, again whenever more is known, until all is known. Writes
    /// the record of a group that was there, once nothing about it waits for a later app.
    async fn rules(&self, app: &App, part: Part, mut group: Group, fresh: bool) -> Result<()> {
        let mut changed = self.known.subscribe();
        let mut made = DIRECTIONS.map(Step::none);
        let mut tags: Vec<Difference> = Vec::new();
        let mut told = fresh;
        loop {
            let steps: Vec<Step> = {
                let known = changed.borrow_and_update();
                let step = |way| plan::step(self.want, app, part, way, &known, &group.rules);
                DIRECTIONS.into_iter().filter_map(step).collect()
            };
            self.stream
                .control
                .run_all(steps.iter().map(|step| self.take(&group, step)))
                .await?;
            let compared = steps.len() == DIRECTIONS.len();
            let settled = compared
                && steps
                    .iter()
                    .all(|step| step.whole || step.surplus.is_empty());
            if settled && !told {
                tags = self.tags(&group, &steps).await?;
            }
            let more = steps.iter().any(Step::changes);
            for step in &steps {
                plan::apply(&mut group.rules, step);
                made.iter_mut()
                    .filter(|sum| sum.direction == step.direction)
                    .for_each(|sum| sum.add(step));
            }
            if settled && !fresh && (!told || more) {
                let differences = plan::differences(&tags, &made, &self.known.borrow());
                let change = if differences.is_empty() {
                    Change::Kept
                } else {
                    Change::Updated
                };
                let record =
                    plan::record(&part.key(&app.name), &group.id).changed(change, &differences);
                self.stream.write(record).await?;
                told = true;
            }
            if compared && steps.iter().all(|step| step.whole) {
                return Ok(());
            }
            let _ = self
                .stream
                .control
                .unless_stopped(changed.changed())
                .await?;
        }
    }

    /// Adds first, so that traffic that goes on being allowed is at no moment refused.
    async fn take(&self, group: &Group, step: &Step) -> Result<()> {
        self.ec2
            .authorise(group, step.direction, &step.missing)
            .await?;
        match step.whole {
            true => {
                self.ec2
                    .revoke(group, step.direction, &step.surplus, false)
                    .await
            }
            false => Ok(()),
        }
    }

    async fn tags(&self, group: &Group, steps: &[Step]) -> Result<Vec<Difference>> {
        let (differences, ids) =
            plan::tag_differences(&self.ec2.aws.env, group, steps, &self.known.borrow());
        if !ids.is_empty() {
            self.ec2.retag(ids, &group.name).await?;
        }
        Ok(differences)
    }
}
