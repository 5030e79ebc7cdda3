//! The cluster that an environment's services run in.

use std::collections::BTreeMap;

use clap::ValueEnum;
use plumbing::step::in_part;
use plumbing::{Difference, Differences, Env, Error, Result, Step};

use super::service::Provider;
use super::spot::PROVIDERS;

/// The cluster that exists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HaveCluster {
    /// Its ARN.
    pub arn: String,
    /// `ACTIVE`, `PROVISIONING`, `DEPROVISIONING`, `FAILED` or `INACTIVE`.
    pub status: String,
    /// The names of its capacity providers.
    pub providers: Vec<String>,
    /// Which of them run what does not say it itself.
    pub strategy: Vec<Provider>,
    /// What CloudWatch is told of its services and tasks.
    pub insights: Insights,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What CloudWatch's Container Insights is told of a cluster's services and tasks, from little to much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Insights {
    /// Nothing beside what CloudWatch has of every service.
    #[default]
    Disabled,
    /// Metrics of services and tasks.
    Enabled,
    /// Those of each container as well.
    Enhanced,
}

impl Insights {
    /// AWS's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Insights::Disabled => "disabled",
            Insights::Enabled => "enabled",
            Insights::Enhanced => "enhanced",
        }
    }

    /// What AWS's word means; whatever else it says counts as nothing.
    pub fn of(word: &str) -> Self {
        <Insights as ValueEnum>::from_str(word, false).unwrap_or_default()
    }
}

/// A part of the cluster that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// Its tags.
    Tags,
    /// What CloudWatch is told.
    Insights,
}

/// What is to be done about the cluster. Where CloudWatch is told more than is wanted, that stays, unless
/// nothing is wanted.
///
/// Errors: it is not the environment's, or it cannot be used now.
pub fn step(
    env: &Env,
    insights: Insights,
    found: Option<HaveCluster>,
) -> Result<Step<HaveCluster, Part>> {
    let Some(have) = found else {
        return Ok(Step::Create);
    };
    let name = env.cluster_name();
    env.check_ours(format!("cluster {name}"), &have.tags)?;
    if !matches!(have.status.as_str(), "ACTIVE" | "PROVISIONING") {
        let message = format!("cluster {name} is {}", have.status.to_lowercase());
        return Err(Error::unfinished(message).hint("run the pipeline again when it is gone"));
    }
    let tags = Difference::of_tags(&have.tags, &env.tags_of(&name));
    let mut differences: Differences<Part> = in_part(Part::Tags, tags).collect();
    if !keeps_more(insights, have.insights) {
        let (old, new) = (have.insights.word(), insights.word());
        let changed = Difference::between("container insights", old, new);
        differences.extend(in_part(Part::Insights, changed));
    }
    Ok(Step::from_differences(have, differences))
}

/// Whether somebody had CloudWatch told more than is wanted: it stays, and is said.
pub fn keeps_more(wanted: Insights, have: Insights) -> bool {
    wanted != Insights::Disabled && have > wanted
}

/// The capacity providers that the cluster is to have, where some app's tasks run on Fargate Spot:
/// others' stay. Nothing where it has these already.
pub fn providers(have: &HaveCluster) -> Option<Vec<String>> {
    let lacking = PROVIDERS.iter().map(|name| name.to_string());
    let lacking: Vec<String> = lacking
        .filter(|name| !have.providers.contains(name))
        .collect();
    (!lacking.is_empty()).then(|| [have.providers.clone(), lacking].concat())
}

#[cfg(test)]
mod tests {
    use plumbing::Kind;

    use super::*;
    use crate::plan::examples::env;

    fn ours() -> HaveCluster {
        HaveCluster {
            status: "ACTIVE".into(),
            insights: Insights::Enabled,
            tags: env()
                .tags_of("cluster-production-pr1")
                .into_iter()
                .collect(),
            ..HaveCluster::default()
        }
    }

    #[test]
    fn a_missing_cluster_is_made_and_one_as_wanted_is_kept() {
        assert_eq!(step(&env(), Insights::Enabled, None), Ok(Step::Create));
        assert_eq!(
            step(&env(), Insights::Enabled, Some(ours())),
            Ok(Step::Keep(ours()))
        );
    }

    #[test]
    fn other_tags_are_a_difference() {
        let mut have = ours();
        have.tags.insert("Team".into(), "nobody".into());
        let Ok(Step::Change(_, differences)) = step(&env(), Insights::Enabled, Some(have)) else {
            panic!("other tags are no difference");
        };
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].0, Part::Tags);
        assert_eq!(differences[0].1.to_string(), "tag Team: nobody -> devops");
    }

    #[test]
    fn what_cloudwatch_is_told_is_brought_into_line_and_more_of_it_stays() {
        use Insights::{Disabled, Enabled, Enhanced};
        for (wanted, have, changes) in [
            (Enabled, Disabled, true),
            (Enhanced, Enabled, true),
            (Disabled, Enhanced, true),
            (Enabled, Enabled, false),
            (Enabled, Enhanced, false),
            (Disabled, Disabled, false),
        ] {
            let insights = have;
            let have = HaveCluster { insights, ..ours() };
            let step = step(&env(), wanted, Some(have)).unwrap();
            assert_eq!(matches!(step, Step::Change(..)), changes, "{wanted:?}");
            assert_eq!(Insights::of(wanted.word()), wanted);
        }
        assert_eq!(Insights::of("on"), Disabled);
    }

    #[test]
    fn a_cluster_without_the_identity_tag_is_refused_by_name() {
        let have = HaveCluster {
            tags: BTreeMap::new(),
            ..ours()
        };
        assert_eq!(
            step(&env(), Insights::Enabled, Some(have))
                .unwrap_err()
                .message,
            "cluster cluster-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone"
        );
    }

    #[test]
    fn a_cluster_that_is_being_deleted_is_not_finished() {
        let have = HaveCluster {
            status: "DEPROVISIONING".into(),
            ..ours()
        };
        let error = step(&env(), Insights::Enabled, Some(have)).unwrap_err();
        assert_eq!(error.kind, Kind::Unfinished);
        assert_eq!(
            error.message,
            "cluster cluster-production-pr1 is deprovisioning"
        );
    }

    #[test]
    fn providers_are_added_to_those_of_others() {
        let with = |names: &[&str]| HaveCluster {
            providers: names.iter().map(|name| name.to_string()).collect(),
            ..ours()
        };
        assert_eq!(
            providers(&with(&["machines", "FARGATE"])).unwrap(),
            ["machines", "FARGATE", "FARGATE_SPOT"]
        );
        assert_eq!(providers(&with(&["FARGATE_SPOT", "FARGATE"])), None);
    }
}
