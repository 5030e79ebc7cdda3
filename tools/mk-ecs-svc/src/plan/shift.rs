//! How the requests get to a new deployment: task by task, or as ECS shifts them between two target groups;
//! and in which order a service changes from one to the other. Pure.

use plumbing::{App, Error, Record, Result, Shift};

use super::service::{HaveService, Part, Settings};

/// What ECS calls a deployment that replaces tasks one by one.
pub const ROLLING: &str = "ROLLING";

/// What begins a deployment.
const DEPLOYS: [Part; 7] = [
    Part::TaskDefinition,
    Part::Network,
    Part::LoadBalancer,
    Part::ExecuteCommand,
    Part::Platform,
    Part::LaunchType,
    Part::NewDeployment,
];

/// How the requests get to a new deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Strategy {
    /// `ROLLING`, `BLUE_GREEN`, `LINEAR` or `CANARY`.
    pub name: String,
    /// For how many minutes the older tasks stay, when others have all requests.
    pub bake: i32,
    /// The share of each step, or the first one, in tenths of a percent.
    pub tenths: i32,
    /// The minutes after it.
    pub wait: i32,
}

/// The second target group of a service, and what ECS needs to shift requests there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pair {
    /// The ARN of the second target group.
    pub alternate: String,
    /// The ARN of the listener's rule that forwards to both.
    pub rule: String,
    /// The ARN of the role with which ECS sets its shares.
    pub role: String,
}

impl Default for Strategy {
    fn default() -> Self {
        Strategy {
            name: ROLLING.into(),
            bake: 0,
            tenths: 0,
            wait: 0,
        }
    }
}

impl Strategy {
    /// Whether tasks are replaced one by one.
    pub fn is_rolling(&self) -> bool {
        self.name == ROLLING
    }

    /// For how many minutes a deployment waits at least.
    pub fn minutes(&self) -> u64 {
        let steps = match self.name.as_str() {
            "LINEAR" if self.tenths > 0 => (999 / self.tenths).max(0),
            "CANARY" => 1,
            _ => 0,
        };
        u64::try_from(self.bake + steps * self.wait).unwrap_or_default()
    }

    fn percent(&self) -> f64 {
        f64::from(self.tenths) / 10.0
    }

    /// In words.
    pub fn words(&self) -> String {
        let (percent, wait, bake) = (self.percent(), self.wait, self.bake);
        match self.name.as_str() {
            ROLLING => "rolling".into(),
            "BLUE_GREEN" => format!("blue-green, bakes {bake} min"),
            "LINEAR" => format!("linear, {percent}% each {wait} min, bakes {bake} min"),
            "CANARY" => format!("canary, {percent}% for {wait} min, bakes {bake} min"),
            other => other.to_string(),
        }
    }
}

/// What an app asks for.
pub fn wanted(app: &App) -> Strategy {
    let Some(shift) = app.deploy.shift() else {
        return Strategy::default();
    };
    let (name, tenths, wait) = match shift {
        Shift::BlueGreen => ("BLUE_GREEN", 0, 0),
        Shift::Linear(tenths, wait) => ("LINEAR", tenths, wait),
        Shift::Canary(tenths, wait) => ("CANARY", tenths, wait),
    };
    Strategy {
        name: name.into(),
        bake: app.deploy.bake().cast_signed(),
        tenths: tenths.cast_signed(),
        wait: wait.cast_signed(),
    }
}

/// An app's record with what a service says of it; nothing of a rolling one.
pub fn told(record: Record, strategy: &Strategy) -> Record {
    let word = match strategy.name.as_str() {
        "BLUE_GREEN" => "blue-green",
        "LINEAR" => "linear",
        "CANARY" => "canary",
        _ => return record,
    };
    let record = record.with("deploy", word).with("bake", strategy.bake);
    if word == "blue-green" {
        return record;
    }
    record
        .with("deploy_percent", strategy.percent())
        .with("deploy_wait", strategy.wait)
}

/// Whether a service is to be in another target group than where its tasks may be now.
pub fn moves(have: &Settings, want: &Settings) -> bool {
    have.target_group != want.target_group || have.pair.is_some() && want.pair.is_none()
}

/// In which calls a service is brought into line.
#[derive(Debug, PartialEq)]
pub struct Turns {
    /// Whether it is made rolling before all else: ECS moves no service to other target groups else.
    pub rolling_first: bool,
    /// What one call sets then.
    pub parts: Vec<Part>,
    /// Whether it gets its strategy at the end: ECS changes that of no service that is being deployed.
    pub strategy_last: bool,
}

/// The calls by which parts of a service are brought into line.
///
/// Errors: requests are being shifted, and something else is wanted than what they are shifted to.
pub fn turns(have: &HaveService, want: &Settings, mut parts: Vec<Part>) -> Result<Turns> {
    let was_rolling = have.settings.strategy.is_rolling();
    let will_roll = want.strategy.is_rolling();
    let deploys = parts.iter().any(|part| DEPLOYS.contains(part));
    let changes = parts.contains(&Part::Strategy);
    let moves = parts.contains(&Part::LoadBalancer);
    if !was_rolling && have.is_deploying() && (deploys || changes) {
        let message = format!(
            "service {} is being deployed ({}): it takes up nothing else meanwhile",
            have.name,
            have.settings.strategy.words()
        );
        let hint = "run the pipeline again when wait-env says that it runs, or take it back with mk-ecs-svc --rollback";
        return Err(Error::unfinished(message).hint(hint));
    }
    let strategy_last = !will_roll
        && if was_rolling {
            changes && (deploys || have.is_deploying())
        } else {
            moves
        };
    let rolling_first = !was_rolling && (changes && will_roll || moves);
    if strategy_last || rolling_first {
        parts.retain(|part| *part != Part::Strategy);
    }
    Ok(Turns {
        rolling_first,
        parts,
        strategy_last,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::service::Deployment;
    use super::*;

    fn strategy(fields: serde_json::Value) -> Strategy {
        let mut app = json!({"name": "web"});
        let known = app.as_object_mut().unwrap();
        known.extend(fields.as_object().unwrap().clone());
        wanted(&serde_json::from_value(app).unwrap())
    }

    #[test]
    fn a_strategy_is_told_and_read_back() {
        for (fields, words, minutes) in [
            (json!({}), "rolling", 0),
            (json!({"deploy": "rolling"}), "rolling", 0),
            (
                json!({"deploy": "blue-green", "bake": 0}),
                "blue-green, bakes 0 min",
                0,
            ),
            (
                json!({"deploy": "linear", "deploy_percent": 33.3, "deploy_wait": 2, "bake": 1}),
                "linear, 33.3% each 2 min, bakes 1 min",
                7,
            ),
            (
                json!({"deploy": "canary", "deploy_percent": 0.5, "deploy_wait": 3, "bake": 5}),
                "canary, 0.5% for 3 min, bakes 5 min",
                8,
            ),
        ] {
            let strategy = strategy(fields);
            assert_eq!(
                (strategy.words().as_str(), strategy.minutes()),
                (words, minutes)
            );
            let told = told(Record::new("app", "web"), &strategy);
            assert_eq!(wanted(&told.typed().unwrap()), strategy);
        }
        assert_eq!(
            strategy(json!({"deploy": "linear", "deploy_wait": 1, "bake": 0})).minutes(),
            9
        );
    }

    fn service(strategy: &Strategy, rollout: &str) -> HaveService {
        let deployment = Deployment {
            rollout: rollout.into(),
            ..Deployment::default()
        };
        let mut have = HaveService {
            deployments: vec![deployment],
            ..HaveService::default()
        };
        have.settings.strategy = strategy.clone();
        have
    }

    fn told_turns(have: &HaveService, want: &Strategy, parts: &[Part]) -> String {
        let want = Settings {
            strategy: want.clone(),
            ..Settings::default()
        };
        match turns(have, &want, parts.to_vec()) {
            Ok(turns) => {
                let first = if turns.rolling_first { "rolling, " } else { "" };
                let last = if turns.strategy_last {
                    ", strategy"
                } else {
                    ""
                };
                format!("{first}{:?}{last}", turns.parts)
            }
            Err(error) => error.message,
        }
    }

    #[test]
    fn a_service_changes_its_strategy_while_nothing_is_deployed_and_moves_while_it_rolls() {
        let blue = strategy(json!({"deploy": "blue-green"}));
        let canary = strategy(json!({"deploy": "canary"}));
        let roll = Strategy::default();
        let (rolls, shifts) = (service(&roll, "COMPLETED"), service(&blue, "COMPLETED"));
        use Part::{LoadBalancer, Strategy as Change, TaskDefinition};
        assert_eq!(
            told_turns(&rolls, &roll, &[TaskDefinition]),
            "[TaskDefinition]"
        );
        assert_eq!(
            told_turns(&rolls, &blue, &[LoadBalancer, Change]),
            "[LoadBalancer], strategy"
        );
        assert_eq!(
            told_turns(&rolls, &blue, &[Change]),
            "[Strategy]",
            "cut before"
        );
        let deploying = service(&roll, "IN_PROGRESS");
        assert_eq!(told_turns(&deploying, &blue, &[Change]), "[], strategy");
        assert_eq!(
            told_turns(&shifts, &roll, &[LoadBalancer, Change]),
            "rolling, [LoadBalancer]"
        );
        assert_eq!(
            told_turns(&shifts, &blue, &[TaskDefinition, LoadBalancer]),
            "rolling, [TaskDefinition, LoadBalancer], strategy"
        );
        assert_eq!(told_turns(&shifts, &canary, &[Change]), "[Strategy]");
        assert_eq!(
            told_turns(&shifts, &blue, &[TaskDefinition]),
            "[TaskDefinition]"
        );
    }

    #[test]
    fn what_is_being_shifted_takes_up_nothing_else() {
        let blue = strategy(json!({"deploy": "blue-green"}));
        let shifting = service(&blue, "IN_PROGRESS");
        assert_eq!(told_turns(&shifting, &blue, &[]), "[]");
        assert_eq!(told_turns(&shifting, &blue, &[Part::Count]), "[Count]");
        let refused = told_turns(&shifting, &blue, &[Part::TaskDefinition]);
        assert!(refused.contains("takes up nothing else"), "{refused}");
        let refused = told_turns(&shifting, &Strategy::default(), &[Part::Strategy]);
        assert!(refused.contains("takes up nothing else"), "{refused}");
    }
}
