//! What a pipeline does, stage by stage and action by action, and in what two of them differ. Pure.

use std::collections::{BTreeMap, BTreeSet};

use plumbing::Difference;

/// What must hold before a stage is entered.
pub const BEFORE_ENTRY: &str = "before entry";
/// What must hold after a stage went well.
pub const ON_SUCCESS: &str = "on success";
/// What follows where a stage fails.
pub const ON_FAILURE: &str = "on failure";

/// What a pipeline does, in so far as we set it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Structure {
    /// The ARN of the role that it runs with.
    pub role: String,
    /// The artifact bucket's name.
    pub bucket: String,
    /// The key that artifacts are encrypted with, where it is not the bucket's own.
    pub artifact_key: String,
    /// `V1` or `V2`.
    pub pipeline_type: String,
    /// `QUEUED`, `SUPERSEDED` or `PARALLEL`.
    pub execution_mode: String,
    /// How many triggers it has of its own, which replace the connection's.
    pub triggers: usize,
    /// The stages, in their order.
    pub stages: Vec<Stage>,
    /// The names of what else is set: an update replaces all of it.
    pub other_settings: Vec<String>,
}

/// One stage of a pipeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// What it does.
    pub actions: Vec<Action>,
}

/// One action of a stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Action {
    /// Its name.
    pub name: String,
    /// `Source`, `Build`, `Deploy`, `Invoke`.
    pub category: String,
    /// Who offers this type of action: `AWS`.
    pub owner: String,
    /// `CodeStarSourceConnection`, `CodeBuild`, `ECS`, `Lambda`.
    pub provider: String,
    /// The version of this type of action.
    pub version: String,
    /// Actions of one number run side by side.
    pub run_order: i32,
    /// What the names of its variables begin with.
    pub namespace: String,
    /// Its settings.
    pub configuration: BTreeMap<String, String>,
    /// The artifacts that it reads.
    pub inputs: Vec<String>,
    /// The artifacts that it writes.
    pub outputs: Vec<String>,
    /// Whether somebody added it, and it stays.
    pub by_hand: bool,
}

impl Structure {
    /// The actions of all stages.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.stages.iter().flat_map(|stage| &stage.actions)
    }

    /// The stage of a name.
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }
}

impl Stage {
    /// The action of a name.
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.name == name)
    }
}

impl Action {
    /// A setting by its name; empty where it is not set.
    pub fn setting(&self, name: &str) -> &str {
        match self.configuration.get(name) {
            Some(value) => value,
            None => "",
        }
    }
}

/// In what a structure differs from what is wanted, field by field.
pub fn differences(want: &Structure, have: &Structure) -> Vec<Difference> {
    let old_fields = fields(have);
    let new_fields = fields(want);
    let names: BTreeSet<&String> = old_fields.keys().chain(new_fields.keys()).collect();
    let mut differences = Vec::new();
    for name in names {
        let new = new_fields.get(name);
        let old = match old_fields.get(name) {
            None => "none",
            // What is not ours is removed and not shown: a setting of someone's may be a secret.
            Some(_) if new.is_none() => "set",
            Some(old) => old,
        };
        let new = new.map_or("none", String::as_str);
        differences.extend(Difference::between(name, old, new));
    }
    differences
}

/// All that a structure says, each value by what a difference in it is called.
fn fields(structure: &Structure) -> BTreeMap<String, String> {
    let stages: Vec<&str> = structure
        .stages
        .iter()
        .map(|stage| stage.name.as_str())
        .collect();
    let mut fields = BTreeMap::from([
        ("role".to_string(), structure.role.clone()),
        ("artifact bucket".to_string(), structure.bucket.clone()),
        ("type".to_string(), structure.pipeline_type.clone()),
        (
            "execution mode".to_string(),
            structure.execution_mode.clone(),
        ),
        ("triggers".to_string(), structure.triggers.to_string()),
        ("stages".to_string(), stages.join(", ")),
    ]);
    for stage in &structure.stages {
        for action in &stage.actions {
            for (name, value) in fields_of_action(action) {
                let name = format!("{}/{} {name}", stage.name, action.name);
                fields.insert(name, value);
            }
        }
    }
    for name in &structure.other_settings {
        fields.insert(name.clone(), String::new());
    }
    fields
}

fn fields_of_action(action: &Action) -> BTreeMap<String, String> {
    let kind = format!(
        "{}/{}/{}/{}",
        action.category, action.owner, action.provider, action.version
    );
    let mut fields = BTreeMap::from([
        ("kind".to_string(), kind),
        ("order".to_string(), action.run_order.to_string()),
        ("namespace".to_string(), action.namespace.clone()),
        ("input".to_string(), action.inputs.join(", ")),
        ("output".to_string(), action.outputs.join(", ")),
    ]);
    fields.extend(action.configuration.clone());
    fields
}
