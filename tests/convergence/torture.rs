//! Recipes, run in an account behind faults and compared with an undisturbed run.

use std::ops::RangeInclusive;

use support::{Faults, LocalAws, Output, Value, json, recipe};

use crate::snapshot::{assert_same, snapshot};

/// A pair of recipes, and where what they make is.
pub struct Recipes {
    pub region: &'static str,
    pub up: String,
    pub down: String,
    /// Whether a person has to finish a connection first.
    pub connected: bool,
}

pub fn environment() -> Recipes {
    Recipes {
        region: "us-east-1",
        up: recipe(&["up"], "pr1"),
        down: recipe(&["down"], "pr1"),
        connected: false,
    }
}

pub fn pipeline() -> Recipes {
    Recipes {
        region: "ap-southeast-1",
        up: recipe(&["pipeline-up"], "pr1"),
        down: recipe(&["pipeline-down"], "pr1"),
        connected: true,
    }
}

/// A local AWS with faults before it, and what an undisturbed run makes of it.
pub struct Torture {
    pub aws: LocalAws,
    pub faults: Faults,
    recipes: Recipes,
    /// The account before anything was made, and with everything made.
    empty: Vec<String>,
    complete: Vec<String>,
    /// How many changing calls it takes to make everything, and to delete it.
    pub ups: u64,
    pub downs: u64,
}

impl Torture {
    pub fn of(recipes: Recipes) -> Self {
        let aws = LocalAws::start();
        let faults = Faults::between(&aws);
        let empty = snapshot(&aws, recipes.region);
        let mut torture = Torture {
            aws,
            faults,
            recipes,
            empty,
            complete: Vec::new(),
            ups: 0,
            downs: 0,
        };
        torture.connect();
        torture.faults.end();
        torture.up().ok();
        torture.ups = torture.faults.changes();
        torture.complete = torture.snapshot();
        for line in &torture.complete {
            assert!(!line.contains("\"refused\""), "not complete: {line}");
        }
        torture.faults.end();
        torture.down().ok();
        torture.downs = torture.faults.changes();
        torture.is_empty("an undisturbed run");
        torture
    }

    /// Makes the connection that a person has to finish, where the recipes need one.
    pub fn connect(&self) {
        if self.recipes.connected {
            self.aws.connect(self.recipes.region);
        }
    }

    pub fn up(&self) -> Output {
        self.faults.pipe(&self.recipes.up)
    }

    pub fn down(&self) -> Output {
        self.faults.pipe(&self.recipes.down)
    }

    fn snapshot(&self) -> Vec<String> {
        snapshot(&self.aws, self.recipes.region)
    }

    /// After `what`, everything is as an undisturbed run makes it, and another run changes nothing.
    pub fn is_complete(&self, what: &str) {
        assert_same(&self.snapshot(), &self.complete, what);
        self.faults.end();
        let again = self.up();
        assert_eq!(again.code, 0, "{what}, and once more: {}", again.stderr);
        let mut changes = self.faults.seen();
        changes.retain(|call| call["changing"] == true);
        assert_eq!(changes, Vec::<Value>::new(), "{what}, and once more");
    }

    /// After `what`, nothing is left, and ls-env lists nothing.
    pub fn is_empty(&self, what: &str) {
        assert_same(&self.snapshot(), &self.empty, what);
        let inactive = json!({"status": "INACTIVE"});
        let (aws, region) = (&self.aws, self.recipes.region);
        let left = aws.call_in(region, "ecs", "list_task_definitions", inactive);
        assert_eq!(left["taskDefinitionArns"], json!([]), "{what}");
        let list = self.recipes.down.split("|").next().unwrap();
        let listed = self.aws.pipe(&list.replace(" \\", "")).ok().records();
        let types: Vec<&Value> = listed.iter().map(|record| &record["type"]).collect();
        assert_eq!(types, ["env"], "{what}");
    }

    /// Whether the nth change met its fault: a run may need fewer, as what is refused until a new
    /// role is known is asked again.
    pub fn was_hit(&self, nth: u64) -> bool {
        let hit = self.faults.done().len() == 1;
        assert!(
            hit || self.faults.changes() < nth,
            "nothing met change {nth}: {}",
            self.faults.told()
        );
        hit
    }

    /// The seeds of the noise, one for each day of it.
    pub fn seeds(&self) -> RangeInclusive<u64> {
        1..=if everything() { 10 } else { 1 }
    }

    /// Pairs of changes to hit, of `up` and of `down`, spread over all of them.
    fn changes_to_hit(&self, sample: u64) -> Vec<(u64, u64)> {
        let all = self.ups.max(self.downs);
        let number = if everything() { all } else { sample };
        let nth = |of: u64, n: u64| {
            if number == of {
                n + 1
            } else {
                1 + n * (of - 1) / (number - 1)
            }
        };
        let pairs = (0..number).map(|n| (nth(self.ups, n), nth(self.downs, n)));
        pairs.collect()
    }
}

/// Tries each place to hit a run; one where something went wrong is no reason not to try the others.
pub fn at_all(
    recipes: fn() -> Recipes,
    sample: u64,
    attempt: impl Fn(&Torture, usize, (u64, u64)),
) {
    let mut torture = Torture::of(recipes());
    let mut failed = 0;
    for (n, changes) in torture.changes_to_hit(sample).into_iter().enumerate() {
        let attempt = std::panic::AssertUnwindSafe(|| attempt(&torture, n, changes));
        if std::panic::catch_unwind(attempt).is_err() {
            failed += 1;
            torture = Torture::of(recipes());
        }
    }
    assert_eq!(failed, 0, "places where it went wrong, as told above");
}

/// Whether all is to be tried, and not a sample of it.
fn everything() -> bool {
    std::env::var("TORTURE").is_ok_and(|which| which == "all")
}
