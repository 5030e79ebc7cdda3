//! An environment that runs in a local AWS, and becomes another.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::{LocalAws, Output, json};

use crate::compare::{differences, snapshot};
use crate::layout::Layout;
use crate::story::Story;

/// What prune-env is told, so that it deletes dropped apps as well.
pub const CONFIRM: &str = "--confirm production-pr1";

/// How long AWS's states last while an environment is made, in seconds.
const QUICK: f64 = 0.1;
/// And while it changes: ECS lets the tasks before and after serve side by side for so long, and mk-alb
/// looks every second whether they have moved. (In AWS it is a minute and more.)
const SLOW: f64 = 2.5;
/// For what AWS still does by itself after a run: targets drain, interfaces go.
const PATIENCE: Duration = Duration::from_secs(30);
/// For so long after an address was made another run may be about to use it, and it is let be.
const YOUTH: Duration = Duration::from_secs(120);

/// A local AWS with an environment in it.
pub struct World {
    pub aws: LocalAws,
    /// What is there after the first, undisturbed run.
    pub fresh: Vec<String>,
}

impl World {
    /// One with this environment.
    pub fn new(layout: &Layout) -> Self {
        let aws = LocalAws::start();
        aws.watch_edges();
        aws.make_alarm("too-many-errors");
        let made = aws.pipe(&layout.up("")).ok();
        let mut world = World {
            aws,
            fresh: Vec::new(),
        };
        world.settles("from nothing", layout, &made.stderr);
        world.fresh = snapshot(&world.aws);
        world
    }

    /// The environment becomes another: nobody who reaches an app before and after loses it on the way,
    /// and in the end all is as a fresh run makes it.
    pub fn changes(&self, from: &Layout, to: &Layout, fresh: &[String]) {
        self.begin();
        let run = self.aws.pipe(&to.up(CONFIRM));
        self.has_changed(from, to, fresh, &run);
    }

    /// From now on AWS takes its time, and what is seen is of the coming change.
    pub fn begin(&self) {
        self.aws.set_moment(SLOW);
        self.aws.forget_edges();
    }

    /// Asserts that a change, whose last run is told, was seamless and has come to its end.
    pub fn has_changed(&self, from: &Layout, to: &Layout, fresh: &[String], run: &Output) {
        let what = format!("from {from:?}\nto {to:?}");
        let story = self.story(&what, &run.stderr);
        assert_eq!(run.code, 0, "{}", story.end());
        story.keeps(&from.edges().intersection(&to.edges()).cloned().collect());
        self.settles(&what, to, &run.stderr);
        if self.has_young_addresses_more_than(fresh) {
            // Here they are made in the very change before. A later run takes them away.
            sleep(YOUTH);
            self.aws.pipe(&to.up(CONFIRM)).ok();
        }
        self.is_like(fresh, &what);
        self.stays(to, &what);
    }

    /// Whether all that is there and not wanted is an address, which a run lost that was killed between
    /// the gateway's deletion and its own.
    fn has_young_addresses_more_than(&self, fresh: &[String]) -> bool {
        self.aws.set_moment(QUICK);
        let begun = Instant::now();
        loop {
            let differences = differences(&snapshot(&self.aws), fresh);
            if differences.is_empty() {
                return false;
            }
            if begun.elapsed() > PATIENCE {
                return differences
                    .iter()
                    .all(|one| one.starts_with("+1 Addresses"));
            }
            sleep(Duration::from_millis(500));
        }
    }

    /// Waits until all edges are there, and no other; none that is kept may be broken until then.
    fn settles(&self, what: &str, layout: &Layout, stderr: &str) {
        self.reaches(what, &layout.edges(), stderr);
    }

    pub fn reaches(&self, what: &str, edges: &BTreeSet<String>, stderr: &str) {
        let begun = Instant::now();
        loop {
            let story = self.story(what, stderr);
            if begun.elapsed() > PATIENCE {
                return story.ends_with(edges);
            }
            if story.has_ended_with(edges) {
                return;
            }
            sleep(Duration::from_millis(100));
        }
    }

    /// What has been seen since the last [`begin`](Self::begin).
    pub fn story(&self, what: &str, stderr: &str) -> Story {
        Story {
            what: what.to_string(),
            log: self.aws.edges(),
            stderr: stderr.to_string(),
        }
    }

    /// Waits until the whole account is as another.
    pub fn is_like(&self, fresh: &[String], what: &str) {
        self.aws.set_moment(QUICK);
        let begun = Instant::now();
        loop {
            let differences = differences(&snapshot(&self.aws), fresh);
            if differences.is_empty() {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "too much (+) and missing (-) {what}:\n{}",
                differences.join("\n")
            );
            sleep(Duration::from_millis(500));
        }
    }

    /// Asserts that once more changes nothing.
    fn stays(&self, layout: &Layout, what: &str) {
        self.aws.forget();
        let again = self.aws.pipe(&layout.up(CONFIRM)).ok();
        let changes = self.aws.changes();
        let stderr = &again.stderr;
        assert_eq!(json!(changes), json!([]), "once more {what}\n{stderr}");
    }
}

/// What a fresh run makes of a layout.
pub fn fresh(layout: &Layout) -> Vec<String> {
    World::new(layout).fresh
}
