//! An app whose service moves to another target group: its requests follow its tasks there.
//!
//! ECS moves the tasks from the moment its service is told, so the move is followed to its end whatever
//! else fails meanwhile: an app that is refused must not leave another one's requests where nobody is.

use std::cell::RefCell;

use plumbing::{Aws, Error, Kind, Listener, Result, Service, Stream};
use tokio::task::{JoinHandle, LocalSet};

use crate::aws::{self, Ecs};
use crate::plan::service::{HaveService, Part, Settings};
use crate::plan::stopped::StoppedTask;
use crate::steady;

/// The apps that move. Each is followed from the moment on that it is told here.
#[derive(Default)]
pub struct Moves {
    /// Where they are followed, beside all else.
    beside: LocalSet,
    followed: RefCell<Vec<JoinHandle<Result<()>>>>,
}

impl Moves {
    /// Follows an app whose service was told to be in its listener's target group (`is_told`), or was
    /// told by an earlier run that was cut off.
    pub fn follow(&self, stream: &Stream, ecs: &Ecs, app: &str, want: &Settings, is_told: bool) {
        let Some(listener) = stream.get::<Listener>(app) else {
            return;
        };
        let moves = is_told || mk_alb::is_moving(&listener);
        if !moves || listener.target_group != want.target_group || ecs.aws.env.plan {
            return;
        }
        let aws = Aws {
            control: ecs.aws.control.finishing(),
            ..ecs.aws.clone()
        };
        let count = usize::try_from(want.count).unwrap_or_default();
        let following = self.beside.spawn_local(follow(aws, listener, count));
        self.followed.borrow_mut().push(following);
    }

    /// Has a service get its strategy once nothing of it is being deployed any more.
    pub fn set_strategy(&self, ecs: &Ecs, app: &str, have: &HaveService, want: &Settings) {
        let aws = Aws {
            control: ecs.aws.control.finishing(),
            ..ecs.aws.clone()
        };
        let service = Service {
            name: app.into(),
            arn: have.arn.clone(),
            task_definition: want.task_definition.clone(),
            ..Service::default()
        };
        let name = have.name.clone();
        let following = set_strategy(aws, name, service, want.clone());
        let following = self.beside.spawn_local(following);
        self.followed.borrow_mut().push(following);
    }

    /// Makes something, and waits until all that move have moved. Where all is made, tools downstream
    /// see the end of their input meanwhile.
    pub async fn beside(
        &self,
        stream: &Stream,
        make: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let make_and_wait = async {
            let made = make.await;
            let followed = self.followed.take();
            if made.is_ok() && !followed.is_empty() {
                stream.end_output().await;
            }
            let mut result = made;
            for following in followed {
                let moved = following.await;
                result =
                    result.and(moved.unwrap_or_else(|why| Err(Error::refused(why.to_string()))));
            }
            result
        };
        self.beside.run_until(make_and_wait).await
    }
}

/// A deployment that fails leaves the service rolling, as it was: wait-env says why.
async fn set_strategy(aws: Aws, name: String, service: Service, want: Settings) -> Result<()> {
    let ecs = aws::client(&aws);
    let no_lines = async |_: &str, _: &StoppedTask| Vec::new();
    match steady::wait(&ecs, &[service], no_lines).await {
        Ok(_) => {
            ecs.update_service(&name, &want, &[Part::Strategy]).await?;
            let strategy = want.strategy.words();
            aws.voice.say(&format!(
                "service {name} is deployed {strategy} from now on"
            ));
            Ok(())
        }
        Err(error) if error.kind == Kind::Refused => {
            aws.voice
                .say(&format!("service {name} is deployed rolling still"));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

async fn follow(aws: Aws, listener: Listener, count: usize) -> Result<()> {
    let ecs = aws::client(&aws);
    let app = &listener.name;
    let service = [aws.env.service_name(app)];
    let is_given_up = async || {
        let found = ecs.find_services(&service).await?.pop();
        Ok(found.is_none_or(|have| have.gave_up(&listener.target_group)))
    };
    if let Some(name) = mk_alb::follow(&aws, &listener, count, is_given_up).await? {
        let line = format!("app {app} has moved to target group {name}");
        aws.voice.say(&line);
    }
    Ok(())
}
