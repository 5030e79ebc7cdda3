//! What somebody added to a pipeline to make it stricter, which stays: approvals and tests, conditions
//! of stages, and a key of their own. Pure.

use super::structure::{Action, BEFORE_ENTRY, ON_SUCCESS, Stage, Structure};

/// What is wanted, with what makes the pipeline that is there stricter, each where it stands.
pub fn with_gates(want: &Structure, have: &Structure) -> Structure {
    let mut stages: Vec<Stage> = want.stages.clone();
    for stage in &mut stages {
        if let Some(found) = have.stage(&stage.name) {
            add_gates(stage, found, want);
        }
    }
    for (at, found) in have.stages.iter().enumerate() {
        let actions = gates(found, want);
        if want.stage(&found.name).is_none() && !actions.is_empty() {
            let place = place(&stages, &have.stages, at);
            let name = found.name.clone();
            stages.insert(place, Stage { name, actions });
        }
    }
    let mut structure = Structure {
        artifact_key: have.artifact_key.clone(),
        stages,
        ..want.clone()
    };
    let names = have.other_settings.iter();
    let stay = names.filter(|name| stays(name, &structure, want));
    structure.other_settings = stay.cloned().collect();
    structure
}

/// The actions that somebody added to a stage and that hold a run up: approvals, and tests of what the
/// pipeline itself hands over.
fn gates(stage: &Stage, want: &Structure) -> Vec<Action> {
    let is_ours = |action: &Action| {
        let ours = want.stage(&stage.name).map(|stage| &stage.actions);
        ours.is_some_and(|ours| ours.iter().any(|own| own.name == action.name))
    };
    let can_read = |input: &String| want.actions().any(|own| own.outputs.contains(input));
    let is_gate = |action: &Action| match action.category.as_str() {
        "Approval" => true,
        "Test" => action.inputs.iter().all(can_read),
        _ => false,
    };
    let added = stage.actions.iter().filter(|action| !is_ours(action));
    let gates = added.filter(|action| is_gate(action)).cloned();
    gates
        .map(|action| Action {
            by_hand: true,
            ..action
        })
        .collect()
}

/// Adds to a stage the gates that the one that is there has. What a gate holds up comes after it.
fn add_gates(stage: &mut Stage, have: &Stage, want: &Structure) {
    let gates = gates(have, want);
    let Some(last) = gates.iter().map(|gate| gate.run_order).max() else {
        return;
    };
    let orders: Option<Vec<i32>> = stage
        .actions
        .iter()
        .map(|own| have.action(&own.name).map(|action| action.run_order))
        .collect();
    let wanted = stage.actions.iter().map(|own| own.run_order);
    // Ours may have moved to let a gate in; where they are in another order than ours, all gates go first.
    let orders = match orders {
        Some(orders) if orders.is_sorted_by(|one, next| one < next) => orders,
        _ => wanted.map(|order| last + order).collect(),
    };
    for (own, order) in stage.actions.iter_mut().zip(orders) {
        own.run_order = order;
    }
    stage.actions.extend(gates);
}

/// Where a stage of gates goes: before the stage that it held up, or else after what it came after.
fn place(stages: &[Stage], have: &[Stage], at: usize) -> usize {
    let position = |found: &Stage| stages.iter().position(|stage| stage.name == found.name);
    let before = have[at + 1..].iter().find_map(position);
    let after = || have[..at].iter().rev().find_map(position);
    before
        .or_else(|| after().map(|place| place + 1))
        .unwrap_or(stages.len())
}

/// Whether a setting that is not ours stays: a condition for going on, or one of a gate's own.
fn stays(name: &str, structure: &Structure, want: &Structure) -> bool {
    let is_of_gate = |stage: &Stage| {
        let mut gates = stage.actions.iter().filter(|action| action.by_hand);
        gates.any(|gate| name.starts_with(&format!("{}/{} ", stage.name, gate.name)))
    };
    structure.stages.iter().any(|stage| {
        let conditions = [BEFORE_ENTRY, ON_SUCCESS].map(|what| format!("{} {what}", stage.name));
        let is_added = want.stage(&stage.name).is_none();
        conditions.iter().any(|condition| condition == name)
            || is_of_gate(stage)
            || (is_added && name.starts_with(&format!("{} ", stage.name)))
    })
}

/// What is said of a pipeline that somebody made stricter.
pub fn warning(pipeline: &str, want: &Structure, have: &Structure) -> Option<String> {
    let structure = with_gates(want, have);
    let mut stays = Vec::new();
    for stage in &structure.stages {
        for gate in stage.actions.iter().filter(|action| action.by_hand) {
            let kind = gate.category.to_lowercase();
            stays.push(format!("{kind} {}/{}", stage.name, gate.name));
        }
        for what in [BEFORE_ENTRY, ON_SUCCESS] {
            let condition = format!("{} {what}", stage.name);
            if structure.other_settings.contains(&condition) {
                stays.push(format!("condition {condition}"));
            }
        }
    }
    if !structure.artifact_key.is_empty() {
        stays.push(format!("artifact key {}", structure.artifact_key));
    }
    if stays.is_empty() {
        return None;
    }
    let stays = stays.join(", ");
    Some(format!(
        "pipeline {pipeline} has what somebody added: {stays}; it stays"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(name: &str, category: &str, run_order: i32) -> Action {
        Action {
            name: name.into(),
            category: category.into(),
            run_order,
            ..Action::default()
        }
    }

    fn stage(name: &str, actions: &[(&str, &str, i32)]) -> Stage {
        let actions = actions.iter();
        Stage {
            name: name.into(),
            actions: actions
                .map(|(name, category, order)| action(name, category, *order))
                .collect(),
        }
    }

    fn structure(stages: &[Stage]) -> Structure {
        Structure {
            stages: stages.to_vec(),
            ..Structure::default()
        }
    }

    fn ours() -> Vec<Stage> {
        let mut source = stage("Source", &[("Source", "Source", 1)]);
        source.actions[0].outputs = vec!["SourceOutput".into()];
        vec![
            source,
            stage("Build", &[("Build", "Build", 1)]),
            stage("Deploy", &[("Service", "Deploy", 1), ("Tag", "Invoke", 2)]),
        ]
    }

    fn approve() -> Stage {
        stage("Approve", &[("Ask", "Approval", 1)])
    }

    fn names(stages: &[Stage]) -> Vec<&str> {
        stages.iter().map(|stage| stage.name.as_str()).collect()
    }

    /// The actions of Deploy with their orders, after ours are brought into line.
    fn deploy(have: &[(&str, &str, i32)]) -> Vec<String> {
        let mut found = ours();
        found[2] = stage("Deploy", have);
        let structure = with_gates(&structure(&ours()), &structure(&found));
        let actions = structure.stages[2].actions.iter();
        actions
            .map(|action| format!("{} {}", action.name, action.run_order))
            .collect()
    }

    #[test]
    fn a_stage_that_asks_stays_before_what_it_holds_up() {
        let want = structure(&ours());
        for (at, expected) in [
            (1, ["Source", "Approve", "Build", "Deploy"]),
            (2, ["Source", "Build", "Approve", "Deploy"]),
            (3, ["Source", "Build", "Deploy", "Approve"]),
        ] {
            let mut found = ours();
            found.insert(at, approve());
            let kept = with_gates(&want, &structure(&found));
            assert_eq!(names(&kept.stages), expected);
        }
        // Whatever else is missing, the stage that it held up comes after it.
        let found = structure(&[ours()[0].clone(), approve(), ours()[2].clone()]);
        let kept = with_gates(&want, &found);
        assert_eq!(
            names(&kept.stages),
            ["Source", "Build", "Approve", "Deploy"]
        );
        let found = structure(&[ours()[0].clone(), approve()]);
        let kept = with_gates(&want, &found);
        assert_eq!(
            names(&kept.stages),
            ["Source", "Approve", "Build", "Deploy"]
        );
    }

    #[test]
    fn an_action_that_asks_stays_before_what_it_holds_up() {
        let ask = |order| ("Ask", "Approval", order);
        assert_eq!(
            deploy(&[("Service", "Deploy", 2), ("Tag", "Invoke", 3), ask(1)]),
            ["Service 2", "Tag 3", "Ask 1"]
        );
        assert_eq!(
            deploy(&[("Service", "Deploy", 1), ask(2), ("Tag", "Invoke", 3)]),
            ["Service 1", "Tag 3", "Ask 2"]
        );
        // Of ours one is missing, or they run in another order.
        assert_eq!(
            deploy(&[ask(1), ("Tag", "Invoke", 2)]),
            ["Service 2", "Tag 3", "Ask 1"]
        );
        assert_eq!(
            deploy(&[ask(1), ("Tag", "Invoke", 2), ("Service", "Deploy", 3)]),
            ["Service 2", "Tag 3", "Ask 1"]
        );
        assert_eq!(
            deploy(&[("Service", "Deploy", 3), ("Tag", "Invoke", 4)]),
            ["Service 1", "Tag 2"]
        );
    }

    #[test]
    fn what_holds_nothing_up_goes() {
        let mut found = ours();
        found[1].actions.push(action("Theirs", "Build", 1));
        found.push(stage("More", &[("Theirs", "Invoke", 1)]));
        let mut test = action("Test", "Test", 2);
        test.inputs = vec!["SourceOutput".into()];
        found[1].actions.push(test.clone());
        let mut without_input = action("Lost", "Test", 2);
        without_input.inputs = vec!["TheirOutput".into()];
        found[1].actions.push(without_input);
        let kept = with_gates(&structure(&ours()), &structure(&found));
        assert_eq!(names(&kept.stages), ["Source", "Build", "Deploy"]);
        let build = kept.stages[1].actions.iter();
        let build: Vec<&str> = build.map(|action| action.name.as_str()).collect();
        assert_eq!(build, ["Build", "Test"]);
        // What is called as ours is, is ours, whatever somebody made of it.
        let mut found = ours();
        found[1].actions[0].category = "Approval".into();
        let want = structure(&ours());
        assert_eq!(with_gates(&want, &structure(&found)), want);
    }

    #[test]
    fn conditions_and_a_key_stay_and_are_said() {
        let want = structure(&ours());
        assert_eq!(warning("x", &want, &want), None);
        let mut found = ours();
        found.insert(2, approve());
        let have = Structure {
            artifact_key: "alias/theirs".into(),
            other_settings: [
                "Approve/Ask time limit",
                "Approve on failure",
                "Build/Build time limit",
                "Deploy before entry",
                "Deploy on failure",
                "variables",
            ]
            .map(String::from)
            .to_vec(),
            ..structure(&found)
        };
        assert_eq!(
            with_gates(&want, &have).other_settings,
            [
                "Approve/Ask time limit",
                "Approve on failure",
                "Deploy before entry"
            ]
        );
        assert_eq!(
            warning("x", &want, &have).unwrap(),
            "pipeline x has what somebody added: approval Approve/Ask, condition Deploy before entry, artifact key alias/theirs; it stays"
        );
    }
}
