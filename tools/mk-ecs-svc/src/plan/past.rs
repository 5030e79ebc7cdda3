//! What became of the deployments of a service.

/// How a deployment ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending {
    /// All its tasks ran.
    Well,
    /// ECS gave it up, and went back.
    Badly,
    /// It failed, or another one took its place before it had ended.
    Stopped,
}

/// A deployment that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct PastDeployment {
    /// The ARN of the revision that it was to run.
    pub revision: String,
    /// How it ended.
    pub ending: Ending,
}

/// Whether a revision did not run well when it was last tried. `past` are the deployments of its
/// service, the newest first. One that another took the place of tells something only of what was
/// tried in no other.
pub fn has_failed(past: &[PastDeployment], revision: &str) -> bool {
    let mut of_revision = past
        .iter()
        .filter(|one| one.revision == revision)
        .peekable();
    let was_tried = of_revision.peek().is_some();
    match of_revision.find(|one| one.ending != Ending::Stopped) {
        Some(newest) => newest.ending == Ending::Badly,
        None => was_tried,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(endings: &[Ending]) -> Vec<PastDeployment> {
        let mut past = vec![PastDeployment {
            revision: "t:9".into(),
            ending: Ending::Well,
        }];
        for ending in endings {
            past.push(PastDeployment {
                revision: "t:1".into(),
                ending: *ending,
            });
        }
        past
    }

    #[test]
    fn what_did_not_run_well_when_it_was_last_tried_has_failed() {
        use Ending::{Badly, Stopped, Well};
        for (newest_first, failed) in [
            (&[][..], false),
            (&[Well], false),
            (&[Badly], true),
            (&[Stopped], true),
            (&[Stopped, Well], false),
            (&[Badly, Well], true),
            (&[Well, Badly], false),
        ] {
            assert_eq!(
                has_failed(&past(newest_first), "t:1"),
                failed,
                "{newest_first:?}"
            );
        }
    }
}
