//! To which part of an environment a record belongs: each is a branch of the tree. Pure.

use crate::record::Record;

/// A part of an environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Network,
    /// What all apps or all pipelines share.
    Shared,
    App(String),
    /// A source and its pipeline.
    Pipeline(String),
    /// What a change has left over.
    LeftOver,
}

const NETWORK: [&str; 9] = [
    "vpc",
    "subnet",
    "internet_gateway",
    "route_table",
    "elastic_ip",
    "nat_gateway",
    "egress",
    "guardduty",
    "flow_log",
];
const SHARED: [&str; 3] = ["cluster", "connection", "bucket"];
const APP: [&str; 7] = [
    "app",
    "alb",
    "listener",
    "target_group",
    "image",
    "task_definition",
    "service",
];
const PIPELINE: [&str; 5] = ["source", "build", "function", "pipeline", "rule"];
/// What a name begins with that is of a source: `role build/web`.
const OF_A_SOURCE: [&str; 4] = ["build", "function", "pipeline", "events"];

impl Part {
    /// The part that a record belongs to; `is_app` knows the apps so far.
    pub(crate) fn of(record: &Record, is_app: impl Fn(&str) -> bool) -> Part {
        let name = record.name();
        match record.kind() {
            kind if NETWORK.contains(&kind) => Part::Network,
            kind if SHARED.contains(&kind) => Part::Shared,
            kind if APP.contains(&kind) => Part::App(name.into()),
            kind if PIPELINE.contains(&kind) => Part::Pipeline(name.into()),
            "surplus" => Part::LeftOver,
            "repo" if !is_app(name) && !serves_an_app(record) => Part::Pipeline(name.into()),
            "repo" => Part::App(name.into()),
            _ => match name.split_once('/') {
                Some((kind, source)) if OF_A_SOURCE.contains(&kind) => {
                    Part::Pipeline(source.into())
                }
                Some((_, app)) => Part::App(app.into()),
                None if record.kind() == "log_group" || is_app(name) => Part::App(name.into()),
                None => Part::Shared,
            },
        }
    }

    /// What the branch is called.
    pub(crate) fn title(&self) -> String {
        match self {
            Part::Network => "network".into(),
            Part::Shared => "shared".into(),
            Part::App(name) => name.clone(),
            Part::Pipeline(name) => format!("pipeline {name}"),
            Part::LeftOver => "left over".into(),
        }
    }
}

/// Whether mk-ecr says that an app needs a repository.
fn serves_an_app(repo: &Record) -> bool {
    let needed_by = repo.0.get("needed_by").and_then(|needed| needed.as_array());
    needed_by.is_none_or(|needed| needed.iter().any(|one| one == "app"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_record_has_its_branch() {
        let (app, pipeline) = (|| Part::App("web".into()), || Part::Pipeline("web".into()));
        for (kind, name, part) in [
            ("subnet", "public-a", Part::Network),
            ("cluster", "main", Part::Shared),
            ("sg", "task/web", app()),
            ("role", "execution/web", app()),
            ("role", "build/web", pipeline()),
            ("log_group", "web", app()),
            ("log_group", "function/web", pipeline()),
            ("rule", "web", pipeline()),
            ("certificate", "example.com", Part::Shared),
            ("surplus", "rule/sgr-1", Part::LeftOver),
        ] {
            assert_eq!(
                Part::of(&Record::new(kind, name), |_| false),
                part,
                "{kind} {name}"
            );
        }
        assert_eq!(
            Part::of(&Record::new("scaling", "web"), |name| name == "web"),
            app()
        );
    }

    #[test]
    fn a_repository_is_of_the_app_if_one_needs_it() {
        let repo = |needed| Record::new("repo", "web").with("needed_by", needed);
        let part = |needed| Part::of(&repo(needed), |_| false);
        assert_eq!(part(json!(["source"])), Part::Pipeline("web".into()));
        assert_eq!(part(json!(["app", "source"])), Part::App("web".into()));
    }
}
