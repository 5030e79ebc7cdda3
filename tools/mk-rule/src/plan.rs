//! What a rule should be, what is there, and what follows. Pure.

use std::collections::BTreeMap;

use plumbing::name::SOURCE;
use plumbing::{Difference, Env, Error, Record, Result, Rule, Source, Step};
use serde_json::{Value, json};

/// The ID of our target; others' targets stay.
pub const TARGET: &str = "pipeline";

/// A rule as it is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Want {
    /// Its name in EventBridge.
    pub rule: String,
    /// For people.
    pub description: String,
    /// Which events it is about.
    pub pattern: Value,
    /// Whether it acts.
    pub enabled: bool,
    /// The pipeline's ARN.
    pub pipeline: String,
    /// The ARN of the role that may start it.
    pub role: String,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// A target that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// Its ID.
    pub id: String,
    /// The ARN of what it starts.
    pub arn: String,
    /// The ARN of the role that it starts it with.
    pub role: String,
    /// What else is set, by name: a run's input, what follows where it could not be started.
    pub settings: Vec<String>,
}

/// A rule that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Have {
    /// For people.
    pub description: String,
    /// Which events it is about; AWS escapes some characters, so it is compared parsed.
    pub pattern: Value,
    /// `DISABLED`, or a state in which it acts.
    pub state: String,
    /// When it acts whatever happens; empty where never.
    pub schedule: String,
    /// A role for all its targets; empty where each has its own.
    pub role: String,
    /// Its targets.
    pub targets: Vec<Target>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
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

/// The pattern of a push as GitHub's webhook tells it, whole, in the event's `detail`.
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

/// The state in which a rule does nothing.
const DISABLED: &str = "DISABLED";

/// Decides what is to be done.
///
/// Errors: a rule of that name is there and not the environment's.
pub fn step(env: &Env, want: &Want, have: Option<&Have>) -> Result<Step> {
    let Some(have) = have else {
        return Ok(Step::Create);
    };
    if !env.owns(&have.tags) {
        return Err(foreign(env, &want.rule));
    }
    let state = if want.enabled { "ENABLED" } else { DISABLED };
    let none = |text: &str| {
        if text.is_empty() {
            "none".to_string()
        } else {
            text.to_string()
        }
    };
    let ours = have
        .targets
        .iter()
        .find(|target| target.id == TARGET)
        .cloned()
        .unwrap_or_default();
    let fields = [
        Difference::between("description", &have.description, &want.description),
        Difference::between("event pattern", &have.pattern, &want.pattern)
            .filter(|_| have.pattern != want.pattern), // the order of fields says nothing
        Difference::between("state", &have.state, state),
        Difference::between("schedule", none(&have.schedule), "none"),
        Difference::between("role", none(&have.role), "none"),
        Difference::between("target", ours.arn, &want.pipeline),
        Difference::between("target role", ours.role, &want.role),
        Difference::between("target settings", none(&ours.settings.join(", ")), "none"),
    ];
    let tags = Difference::of_tags(&have.tags, &want.tags);
    Ok(Step::Change(
        fields.into_iter().flatten().chain(tags).collect(),
    ))
}

/// The calls that bring differences into line, each once.
pub fn fields(differences: &[Difference]) -> Vec<Field> {
    let field = |difference: &Difference| match difference.field.as_str() {
        "description" | "event pattern" | "state" | "schedule" | "role" => Field::Rule,
        "target" | "target role" | "target settings" => Field::Target,
        _ => Field::Tags,
    };
    let mut fields: Vec<Field> = differences.iter().map(field).collect();
    fields.dedup(); // they come in this order
    fields
}

/// What is said of a rule that is not the environment's.
pub fn foreign(env: &Env, rule: &str) -> Error {
    Error::refused(format!(
        "rule {rule} exists and is not tagged plumbline:env={}; it is left alone",
        env.name
    ))
    .hint("delete it, or name the environment or the source otherwise")
}

/// The record of a rule that is there, under its source's name: one that was cut does not tell it.
/// Without that tag, all it is called, since no two records may have one name.
pub fn found(env: &Env, rule: &str, have: &Have) -> Record {
    record(
        env,
        have.tags.get(SOURCE).map_or(rule, String::as_str),
        rule,
        have.state != DISABLED,
    )
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
    use super::*;

    const PIPELINE: &str =
        "arn:aws:codepipeline:us-east-1:123456789012:pipeline-web-production-pr1";
    const ROLE: &str = "arn:aws:iam::123456789012:role/x";

    fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012","tags":{"Team":"devops"}}"#;
        serde_json::from_str(text).unwrap()
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
        match step(&env(), want, Some(have)).unwrap() {
            Step::Create => panic!("create"),
            Step::Change(differences) => differences
                .into_iter()
                .map(|difference| difference.field)
                .collect(),
        }
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
    fn what_is_missing_is_made_and_what_is_as_wanted_is_kept() {
        assert_eq!(step(&env(), &wanted("events"), None).unwrap(), Step::Create);
        assert_eq!(differing(&wanted("events"), &ours()), Vec::<String>::new());
    }

    #[test]
    fn others_targets_are_no_difference_and_ours_is_put_right() {
        let mut have = ours();
        have.targets.insert(
            0,
            Target {
                id: "theirs".into(),
                ..Target::default()
            },
        );
        assert_eq!(differing(&wanted("events"), &have), Vec::<String>::new());
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
        assert_eq!(
            found(&env(), "rule-web-production-pr1", &acts).0["enabled"],
            true
        );
    }

    #[test]
    fn each_kind_of_difference_is_mended_by_one_call() {
        let tags = BTreeMap::from([("plumbline:env".to_string(), "production-pr1".to_string())]);
        let have = Have {
            tags,
            ..Have::default()
        };
        let Step::Change(differences) = step(&env(), &wanted("events"), Some(&have)).unwrap()
        else {
            panic!()
        };
        assert_eq!(
            fields(&differences),
            [Field::Rule, Field::Target, Field::Tags]
        );
    }

    #[test]
    fn a_rule_without_our_tag_is_refused() {
        let error = step(
            &env(),
            &wanted("events"),
            Some(&Have {
                tags: BTreeMap::new(),
                ..ours()
            }),
        )
        .unwrap_err();
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
        assert_eq!(
            found(&env(), "rule-web-production-pr1", &have).name(),
            "web"
        );
        have.tags.remove(SOURCE);
        assert_eq!(
            found(&env(), "rule-web-production-pr1", &have).name(),
            "rule-web-production-pr1"
        );
    }
}
