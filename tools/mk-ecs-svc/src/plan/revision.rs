//! The revisions of a task definition: their names and their order.

/// The name that a revision belongs to: `task-web-production-pr1` of its ARN.
pub fn family_of(arn: &str) -> &str {
    let name = arn.rsplit('/').next().unwrap_or_default();
    name.split(':').next().unwrap_or_default()
}

/// A revision as people write it: `task-web-production-pr1:3`.
pub fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Whether one revision of a family came after another.
pub fn newer(one: &str, other: &str) -> bool {
    matches!((revision(one), revision(other)), (Some((a, one)), Some((b, other))) if a == b && one > other)
}

/// Whether no revision was registered between the newest that was found, "" for none, and ours.
pub fn next(ours: &str, found: &str) -> bool {
    let number = |arn| revision(arn).map_or(0, |(_, number)| number);
    number(ours) == number(found) + 1
}

/// The revisions of a family after one and before another, the newest first.
pub fn between(revisions: Vec<String>, after: &str, before: &str) -> Vec<String> {
    let mut between: Vec<String> = revisions
        .into_iter()
        .filter(|arn| newer(before, arn) && (after.is_empty() || newer(arn, after)))
        .collect();
    between.sort_by_key(|arn| std::cmp::Reverse(revision(arn).map(|(_, number)| number)));
    between
}

/// The family, with what precedes it, and the number of a revision's ARN.
fn revision(arn: &str) -> Option<(&str, u32)> {
    let (family, number) = arn.rsplit_once(':')?;
    Some((family, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_newer_than_another_of_its_family() {
        assert!(
            newer("t:10", "t:9")
                && !newer("t:9", "t:10")
                && !newer("u:10", "t:9")
                && !newer("t:1", "t:1")
        );
        assert!(!newer(
            "arn:aws:ecs:us-east-1:1:task-definition/t:1",
            "planned:t"
        ));
    }

    #[test]
    fn a_revision_that_does_not_follow_the_one_found_had_a_rival() {
        assert!(next("t:1", "") && next("t:10", "t:9"));
        assert!(!next("t:2", "") && !next("t:11", "t:9"));
        let all = ["t:1", "t:9", "t:10", "t:11", "t:12", "u:10"].map(String::from);
        assert_eq!(
            between(all.to_vec(), "t:1", "t:12"),
            ["t:11", "t:10", "t:9"]
        );
        assert_eq!(between(all.to_vec(), "", "t:10"), ["t:9", "t:1"]);
    }
}
