//! What each role is for. Pure.

use plumbing::App;

/// What a role is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// ECS pulls an app's image with it and writes its log. An image from a registry that is not
    /// ECR's needs no right at all.
    Execution,
    /// An app's tasks do with it what the app does in AWS.
    Task,
    /// ECS shifts an app's requests with it from one target group to another.
    Deploy,
    /// CodeBuild builds a source with it and pushes the image.
    Build,
    /// Lambda tags with it what was built, and answers the pipeline.
    Function,
    /// CodePipeline runs a source's pipeline with it.
    Pipeline,
    /// EventBridge starts a source's pipeline with it.
    Events,
}

impl Purpose {
    /// The purposes that an app's roles can have.
    const OF_AN_APP: [Purpose; 3] = [Purpose::Execution, Purpose::Task, Purpose::Deploy];

    /// The purposes of a source's roles.
    pub const OF_A_SOURCE: [Purpose; 4] = [
        Purpose::Build,
        Purpose::Function,
        Purpose::Pipeline,
        Purpose::Events,
    ];

    /// The purposes of the roles of an app.
    pub fn of_app(app: &App) -> Vec<Purpose> {
        let mut purposes = Purpose::OF_AN_APP.to_vec();
        let own = app.own_roles();
        purposes.retain(|one| *one == Purpose::Execution || own.contains(&one.word()));
        purposes
    }

    /// The purpose that a word says.
    pub(crate) fn of_word(word: &str) -> Option<Purpose> {
        let mut purposes = Purpose::OF_AN_APP.into_iter().chain(Purpose::OF_A_SOURCE);
        purposes.find(|purpose| purpose.word() == word)
    }

    /// What the names of record, role and inline policy say.
    pub fn word(self) -> &'static str {
        match self {
            Purpose::Execution => "execution",
            Purpose::Task => "task",
            Purpose::Deploy => "deploy",
            Purpose::Build => "build",
            Purpose::Function => "function",
            Purpose::Pipeline => "pipeline",
            Purpose::Events => "events",
        }
    }

    /// What people read of the role of an app or source.
    pub(crate) fn description(self, name: &str, env: &str) -> String {
        match self {
            Purpose::Execution => format!("Pulls the image and writes the log of {name} in {env}"),
            Purpose::Task => format!("What the tasks of {name} may do in AWS, in {env}"),
            Purpose::Deploy => {
                format!("Shifts the requests for {name} in {env} to another version")
            }
            Purpose::Build => format!("Builds {name} and pushes its image in {env}"),
            Purpose::Function => format!("Tags the image of {name} that was built in {env}"),
            Purpose::Pipeline => format!("Runs the pipeline of {name} in {env}"),
            Purpose::Events => format!("Starts the pipeline of {name} in {env}"),
        }
    }
}
