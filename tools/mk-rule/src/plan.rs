//! What a rule should be, what exists, and what follows. Pure.

use std::collections::BTreeMap;

use plumbing::name::SOURCE;
use plumbing::step::in_part;
use plumbing::{Difference, Differences, Env, Record, Result, Rule, Source};
use serde_json::{Value, json};

/// The ID of our target; others' targets stay.
pub const TARGET: &str = "pipeline";

/// The state in which a rule does nothing.
const DISABLED: &str = "DISABLED";

/// A rule as it is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Want {
    /// Its name in EventBridge.
    pub rule: String,
    /// For people.
    pub description: String,
    /// Which events it matches.
    pub pattern: Value,
    /// Whether it is enabled.
    pub enabled: bool,
    /// The pipeline's ARN.
    pub pipeline: String,
    /// The ARN of the role that may start it.
    pub role: String,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// A target that exists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// Its ID.
    pub id: String,
    /// The ARN of what it starts.
    pub arn: String,
    /// The ARN of the role that it starts it with.
    pub role: String,
    /// The names of what else is set: a run's input, what follows where it could not be started.
    pub settings: Vec<String>,
}

/// A rule that exists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Have {
    /// For people.
    pub description: String,
    /// Which events it matches; AWS escapes some characters, so it is compared parsed.
    pub pattern: Value,
    /// `DISABLED`, or one of the states in which it is enabled.
    pub state: String,
    /// When it starts its targets without any event; empty where never.
    pub schedule: String,
    /// A role for all its targets; empty where each has its own.
    pub role: String,
    /// Its targets.
    pub targets: Vec<Target>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Have {
    /// Whether it starts its targets.
    pub fn is_enabled(&self) -> bool {
        self.state != DISABLED
    }
}

/// A part of a rule that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The rule itself.
    Rule,
    /// Its target.
    Target,
    /// Its tags.
    Tags,
}

/// What is wanted of a source's rule.
pub fn want(env: &Env, source: &Source, pipeline: &str, role: &str) -> Want {
    let rule = env.rule_name(&source.name);
    Want {
        description: format!(
            "Starts the pipeline of {} in {} on a push to {}",
            source.name, env.name, source.branch
        ),
        pattern: pattern(source),
        enabled: source.trigger == "events",
        pipeline: pipeline.into(),
        role: role.into(),
        tags: env.tags_of_source(&rule, &source.name),
        rule,
    }
}

/// The pattern of a push: the event's `detail` is all that GitHub's webhook sends.
fn pattern(source: &Source) -> Value {
    json!({
        "source": ["github"],
        "detail-type": ["push"],
        "detail": {
            "ref": [format!("refs/heads/{}", source.branch)],
            "repository": {"full_name": [source.repository]},
        },
    })
}

/// In what a rule differs from what is wanted.
///
/// Errors: it is not the environment's.
pub fn compare(env: &Env, want: &Want, have: &Have) -> Result<Differences<Part>> {
    env.check_ours(format!("rule {}", want.rule), &have.tags)?;
    let mut differences = Differences::new();
    differences.extend(in_part(Part::Rule, differences_of_rule(want, have)));
    differences.extend(in_part(Part::Target, differences_of_target(want, have)));
    let tags = Difference::of_tags(&have.tags, &want.tags);
    differences.extend(in_part(Part::Tags, tags));
    Ok(differences)
}

/// What is said of a rule to which somebody gave other targets, which get what GitHub tells of a push.
pub fn warning_of_targets(rule: &str, have: &Have) -> Option<String> {
    let others = have.targets.iter().filter(|target| target.id != TARGET);
    let mut others: Vec<String> = others
        .map(|target| format!("{} {}", target.id, target.arn))
        .collect();
    if others.is_empty() {
        return None;
    }
    others.sort_unstable(); // AWS has no order
    let others = others.join(", ");
    Some(format!(
        "rule {rule} has targets that are not its pipeline: {others}; they stay until you take them away"
    ))
}

fn differences_of_rule(want: &Want, have: &Have) -> Vec<Difference> {
    // The patterns are compared parsed: the order of their fields says nothing.
    let pattern = if have.pattern == want.pattern {
        None
    } else {
        Difference::between("event pattern", &have.pattern, &want.pattern)
    };
    let state = if want.enabled { "ENABLED" } else { DISABLED };
    let differences = [
        Difference::between("description", &have.description, &want.description),
        pattern,
        Difference::between("state", &have.state, state),
        Difference::between("schedule", or_none(&have.schedule), "none"),
        Difference::between("role", or_none(&have.role), "none"),
    ];
    differences.into_iter().flatten().collect()
}

/// In what our target differs; others' targets do not count.
fn differences_of_target(want: &Want, have: &Have) -> Vec<Difference> {
    let mut targets = have.targets.iter();
    let ours = targets.find(|target| target.id == TARGET);
    let ours = ours.cloned().unwrap_or_default();
    let settings = ours.settings.join(", ");
    let differences = [
        Difference::between("target", ours.arn, &want.pipeline),
        Difference::between("target role", ours.role, &want.role),
        Difference::between("target settings", or_none(&settings), "none"),
    ];
    differences.into_iter().flatten().collect()
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

/// The name of a rule's record: the source by its tag, since a name that was cut does not tell it.
/// Without that tag it is the rule's own name, since no two records may have one name.
pub fn record_name<'a>(rule: &'a str, have: &'a Have) -> &'a str {
    match have.tags.get(SOURCE) {
        Some(source) => source,
        None => rule,
    }
}

/// A rule's record.
pub fn record(env: &Env, source: &str, rule: &str, enabled: bool) -> Record {
    let arn = env.arn("events", &format!("rule/{rule}"));
    Record::of(&Rule {
        name: source.into(),
        arn,
        rule: rule.into(),
        ..Rule::default()
    })
    .with("enabled", enabled)
}

#[cfg(test)]
mod tests {
    use plumbing::step::parts;

    use super::*;

    const PIPELINE: &str =
        "arn:aws:codepipeline:us-east-1:123456789012:pipeline-web-production-pr1";
    const ROLE: &str = "arn:aws:iam::123456789012:role/x";

    fn env() -> Env {
        Env::example()
    }

    fn wanted(trigger: &str) -> Want {
        let text = format!(r#"{{"name":"web","repository":"owner/web","trigger":"{trigger}"}}"#);
        want(
            &env(),
            &serde_json::from_str(&text).unwrap(),
            PIPELINE,
            ROLE,
        )
    }

    fn ours() -> Have {
        let want = wanted("events");
        Have {
            description: want.description,
            pattern: want.pattern,
            state: "ENABLED".into(),
            targets: vec![Target {
                id: TARGET.into(),
                arn: PIPELINE.into(),
                role: ROLE.into(),
                settings: Vec::new(),
            }],
            tags: want.tags.into_iter().collect(),
            ..Have::default()
        }
    }

    fn differing(want: &Want, have: &Have) -> Vec<String> {
        let differences = compare(&env(), want, have).unwrap();
        let fields = differences
            .into_iter()
            .map(|(_, difference)| difference.field);
        fields.collect()
    }

    #[test]
    fn it_acts_only_where_events_are_the_trigger() {
        assert!(wanted("events").enabled && !wanted("connection").enabled);
        assert_eq!(differing(&wanted("connection"), &ours()), ["state"]);
    }

    #[test]
    fn the_pattern_is_a_push_to_one_branch_of_one_repository() {
        assert_eq!(
            wanted("events").pattern,
            json!({"source": ["github"], "detail-type": ["push"], "detail": {"ref": ["refs/heads/main"], "repository": {"full_name": ["owner/web"]}}})
        );
    }

    #[test]
    fn what_is_as_wanted_does_not_differ() {
        assert_eq!(differing(&wanted("events"), &ours()), Vec::<String>::new());
    }

    #[test]
    fn others_targets_are_no_difference_and_ours_is_put_right() {
        let mut have = ours();
        have.targets.insert(
            0,
            Target {
                id: "theirs".into(),
                arn: "arn:q".into(),
                ..Target::default()
            },
        );
        assert_eq!(differing(&wanted("events"), &have), Vec::<String>::new());
        assert_eq!(
            warning_of_targets("r", &have).unwrap(),
            "rule r has targets that are not its pipeline: theirs arn:q; they stay until you take them away"
        );
        assert_eq!(warning_of_targets("r", &ours()), None);
        have.targets[1].role = "other".into();
        assert_eq!(differing(&wanted("events"), &have), ["target role"]);
    }

    #[test]
    fn what_would_start_it_otherwise_or_with_something_else_is_a_difference() {
        let mut have = ours();
        have.targets[0].settings = vec!["input".into(), "retry policy".into()];
        have.schedule = "rate(5 minutes)".into();
        have.role = ROLE.into();
        assert_eq!(
            differing(&wanted("events"), &have),
            ["schedule", "role", "target settings"]
        );
        let acts = Have {
            state: "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS".into(),
            ..ours()
        };
        for trigger in ["events", "connection"] {
            assert_eq!(differing(&wanted(trigger), &acts), ["state"], "{trigger}");
        }
        let record = record(&env(), "web", "rule-web-production-pr1", acts.is_enabled());
        assert_eq!(record.0["enabled"], true);
    }

    #[test]
    fn each_kind_of_difference_is_mended_by_one_call() {
        let tags = BTreeMap::from([("plumbline:env".to_string(), "production-pr1".to_string())]);
        let have = Have {
            tags,
            ..Have::default()
        };
        let differences = compare(&env(), &wanted("events"), &have).unwrap();
        assert_eq!(parts(&differences), [Part::Rule, Part::Target, Part::Tags]);
    }

    #[test]
    fn a_rule_without_our_tag_is_refused() {
        let have = Have {
            tags: BTreeMap::new(),
            ..ours()
        };
        let error = compare(&env(), &wanted("events"), &have).unwrap_err();
        assert_eq!(
            error.message,
            "rule rule-web-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone"
        );
    }

    #[test]
    fn a_record_holds_name_arn_and_whether_it_acts() {
        assert_eq!(
            serde_json::to_string(&record(&env(), "web", "rule-web-production-pr1", false))
                .unwrap(),
            r#"{"type":"rule","name":"web","arn":"arn:aws:events:us-east-1:123456789012:rule/rule-web-production-pr1","rule":"rule-web-production-pr1","enabled":false}"#
        );
        let mut have = ours();
        assert_eq!(record_name("rule-web-production-pr1", &have), "web");
        have.tags.remove(SOURCE);
        assert_eq!(
            record_name("rule-web-production-pr1", &have),
            "rule-web-production-pr1"
        );
    }
}
