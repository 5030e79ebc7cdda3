//! How the requests for an app move from the target groups that its tasks were in to the wanted one.
//! Pure.
//!
//! A load balancer sends a target group its share of the requests whether anyone is in there or not.
//! ECS starts new tasks in the wanted target group, and stops old ones, some seconds later, once new
//! ones are healthy. So the wanted one gets no request before it has a healthy target, then a share by
//! its healthy targets, and all of them as soon as it has as many as the older ones together, or as many
//! as the app is to have where that is fewer: only then ECS stops the last task there. A deployment that
//! fails leaves the older ones their share.

use std::time::Duration;

use super::health::Targets;

/// An image may have to be built before ECS starts a task in the wanted target group.
const FIRST_TARGET_DEADLINE: Duration = Duration::from_secs(15 * 60);
/// A task that ECS stops is replaced within a minute or two: where none comes, the deployment was given
/// up, and the last good tasks stay.
const LOST_DEADLINE: Duration = Duration::from_secs(3 * 60);
/// As long as a deployment may take: image, grace period, health checks, in several steps.
const MOVED_DEADLINE: Duration = Duration::from_secs(30 * 60);
/// After so long a description of the service says what the service was told.
const SETTLED: Duration = Duration::from_secs(30);
/// The largest weight that AWS takes.
const MOST: i32 = 999;

/// A target group that a listener forwards to, and its share of the requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Forward {
    /// Its ARN.
    pub target_group: String,
    /// Its share, beside those of the others.
    pub weight: i32,
}

/// A target group of an app, and how it is at this moment.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Its ARN.
    pub arn: String,
    /// Its share of the requests.
    pub weight: i32,
    /// Its targets.
    pub targets: Targets,
}

/// To one target group alone: what a listener says in the end.
pub fn plain(target_group: &str) -> Vec<Forward> {
    vec![Forward {
        target_group: target_group.into(),
        weight: 1,
    }]
}

/// The shares that the wanted target group and the older ones that the listener forwards to should
/// have now, where the app is to have `count` tasks. All stay attached, as ECS takes no other: the
/// older ones go at the end.
pub fn forwards(wanted: &Group, older: &[Group], count: usize) -> Vec<Forward> {
    let (of_wanted, of_older) = shares(wanted, older, count);
    let mut forwards = plain(&wanted.arn);
    forwards[0].weight = of_wanted;
    for (group, weight) in older.iter().zip(of_older) {
        forwards.push(Forward {
            target_group: group.arn.clone(),
            weight,
        });
    }
    only_is_one(&forwards)
}

/// The shares of the wanted target group and of each older one.
fn shares(wanted: &Group, older: &[Group], count: usize) -> (i32, Vec<i32>) {
    let healthy: Vec<i32> = older
        .iter()
        .map(|group| weight(group.targets.healthy))
        .collect();
    let healthy_older: usize = older.iter().map(|group| group.targets.healthy).sum();
    let healthy_wanted = wanted.targets.healthy;
    if healthy_wanted == 0 && has_targets(older) {
        if healthy_older > 0 {
            return (0, healthy);
        }
        return (0, shares_of_unhealthy(older));
    }
    if healthy_wanted >= healthy_older.min(count) {
        return (1, vec![0; older.len()]);
    }
    (weight(healthy_wanted), healthy)
}

/// Where no target is healthy, a load balancer asks all of a target group: the shares stay.
fn shares_of_unhealthy(older: &[Group]) -> Vec<i32> {
    let now: Vec<i32> = older.iter().map(|group| group.weight).collect();
    if now.iter().any(|weight| *weight > 0) {
        return now;
    }
    older
        .iter()
        .map(|group| weight(group.targets.staying))
        .collect()
}

/// Whether the app has moved: the older target groups have no healthy target any more.
pub fn is_moved(wanted: &Group, older: &[Group]) -> bool {
    let is_healthy = older.iter().any(|group| group.targets.healthy > 0);
    !is_healthy && (wanted.targets.healthy > 0 || !has_targets(older))
}

/// Why an app is not waited for any longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GiveUp {
    /// Its wanted target group never had a target.
    NeverHadTargets,
    /// It had targets, and has none any more.
    LostTargets,
    /// It is not healthy, or older targets stay.
    TookTooLong,
    /// ECS starts no more tasks there.
    Deployment,
}

/// Whether to wait no longer. `without_target` tells for how long the wanted target group has had none,
/// if it ever had one.
pub fn give_up(waited: Duration, without_target: Option<Duration>) -> Option<GiveUp> {
    if waited > MOVED_DEADLINE {
        return Some(GiveUp::TookTooLong);
    }
    match without_target {
        None if waited > FIRST_TARGET_DEADLINE => Some(GiveUp::NeverHadTargets),
        Some(without) if without > LOST_DEADLINE => Some(GiveUp::LostTargets),
        _ => None,
    }
}

/// Whether it is worth asking whether a deployment was given up: no target is there, and ECS had the
/// time to say what it was told. One that it took back has no target there any more.
pub fn may_be_given_up(wanted: &Group, waited: Duration, without_target: Option<Duration>) -> bool {
    wanted.targets.staying == 0 && (without_target.is_some() || waited > SETTLED)
}

/// The name in the ARN of a target group: `…:targetgroup/NAME/ID`.
pub fn name_of(arn: &str) -> &str {
    arn.rsplit('/').nth(1).unwrap_or(arn)
}

/// The target group that most requests are forwarded to.
pub fn main_of(forwards: &[Forward]) -> Option<&str> {
    let most = forwards.iter().max_by_key(|forward| forward.weight)?;
    Some(&most.target_group)
}

/// Whether two listeners forward alike, in whatever order AWS answers.
pub fn are_alike(one: &[Forward], other: &[Forward]) -> bool {
    if let ([one], [other]) = (one, other) {
        return one.target_group == other.target_group; // alone, any share is all
    }
    let (one, other) = (only_is_one(one), only_is_one(other));
    one.len() == other.len() && one.iter().all(|forward| other.contains(forward))
}

/// The same shares, with 1 for the only one: ECS says 100.
fn only_is_one(forwards: &[Forward]) -> Vec<Forward> {
    let mut forwards = forwards.to_vec();
    let mut with_share = forwards.iter_mut().filter(|one| one.weight > 0);
    if let (Some(only), None) = (with_share.next(), with_share.next()) {
        only.weight = 1;
    }
    forwards
}

/// Whether these are two target groups and no other, one of which gets requests.
pub fn are_pair(forwards: &[Forward], pair: [&str; 2]) -> bool {
    let has = |arn: &str| forwards.iter().any(|one| one.target_group == arn);
    let is_of = |one: &Forward| pair.contains(&one.target_group.as_str());
    forwards.len() == 2
        && pair.iter().all(|arn| has(arn))
        && forwards.iter().all(is_of)
        && forwards.iter().any(|one| one.weight > 0)
}

/// The shares of two target groups as they are now, and of no other. Where one of them has all, or neither
/// any, they are said as ECS says them, in percent.
pub fn of_pair(now: &[Forward], pair: [&str; 2]) -> Vec<Forward> {
    let weight = |arn: &str| {
        let mut named = now.iter().filter(|one| one.target_group == arn);
        named.next().map_or(0, |one| one.weight)
    };
    let [first, second] = pair;
    let (of_first, of_second) = match (weight(first), weight(second)) {
        (_, 0) => (100, 0),
        (0, _) => (0, 100),
        both => both,
    };
    let forward = |arn: &str, weight| Forward {
        target_group: arn.into(),
        weight,
    };
    vec![forward(first, of_first), forward(second, of_second)]
}

/// Whether the second of two has a share: ECS has begun to shift between them.
pub fn has_shifted(now: &[Forward], pair: [&str; 2]) -> bool {
    now.iter()
        .any(|one| one.target_group == pair[1] && one.weight > 0)
}

/// Whether a listener forwards to one target group alone.
pub fn are_only(forwards: &[Forward], target_group: &str) -> bool {
    forwards.iter().all(|one| one.target_group == target_group)
}

/// What the listener of an app that moves forwards to, where `found` is what it says and `known` what it
/// said before, if that was looked at. Where the wanted target group is not among `found`, that does not
/// show yet what the listener was told; what came to it since is somebody else's.
pub fn known_among(known: &[Forward], mut found: Vec<Forward>, wanted: &str) -> Vec<Forward> {
    let is_known = |group: &str| known.iter().any(|one| one.target_group == group);
    let is_current = found.iter().any(|one| one.target_group == wanted);
    match (known.is_empty(), is_current) {
        (true, true) => {}
        (true, false) => found.push(Forward {
            target_group: wanted.into(),
            weight: 0,
        }),
        (false, true) => found.retain(|one| is_known(&one.target_group)),
        (false, false) => return known.to_vec(),
    }
    found
}

/// What a listener forwards to, in words.
pub fn describe(forwards: &[Forward]) -> String {
    match forwards {
        [] => "something else".into(),
        [only] => only.target_group.clone(),
        several => {
            let words = several
                .iter()
                .map(|one| format!("{} {}", one.target_group, one.weight));
            words.collect::<Vec<_>>().join(", ")
        }
    }
}

fn has_targets(groups: &[Group]) -> bool {
    groups.iter().any(|group| group.targets.staying > 0)
}

fn weight(targets: usize) -> i32 {
    i32::try_from(targets).unwrap_or(MOST).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(arn: &str, healthy: usize, staying: usize) -> Group {
        Group {
            arn: arn.into(),
            weight: 0,
            targets: Targets {
                healthy,
                staying,
                trouble: String::new(),
            },
        }
    }

    /// As many tasks as the older target groups have, or more.
    const MANY: usize = 9000;

    /// The weights of the wanted target group with so many healthy targets, and of an older one.
    fn weights(wanted: usize, older: usize) -> [i32; 2] {
        weights_of(MANY, wanted, older)
    }

    /// The same for an app that is to have `count` tasks.
    fn weights_of(count: usize, wanted: usize, older: usize) -> [i32; 2] {
        let older = [group("old", older, older)];
        let forwards = forwards(&group("new", wanted, wanted), &older, count);
        assert_eq!(forwards[0].target_group, "new");
        [forwards[0].weight, forwards[1].weight]
    }

    #[test]
    fn an_app_moves_without_a_moment_in_which_a_request_meets_an_empty_target_group() {
        assert_eq!(weights(0, 2), [0, 1], "nobody is there yet");
        assert_eq!(weights(1, 2), [1, 2], "one of three");
        assert_eq!(weights(2, 2), [1, 0], "ECS may stop all old ones now");
        assert_eq!(weights(2, 1), [1, 0]);
        assert_eq!(weights(2, 0), [1, 0]);
        for (wanted, older) in (0..81).map(|pair| (pair / 9, pair % 9)) {
            for count in [0, 1, 2, 5, MANY] {
                let [new, old] = weights_of(count, wanted, older);
                let what = format!("{count} {wanted} {older}");
                assert!(new == 0 || wanted > 0 || older == 0, "{what}");
                assert!(old == 0 || older > 0, "{what}");
                assert!(new + old > 0, "{what}");
            }
        }
    }

    #[test]
    fn an_app_that_moves_with_fewer_tasks_waits_for_no_more_than_it_is_to_have() {
        assert_eq!(weights_of(1, 0, 2), [0, 1]);
        assert_eq!(
            weights_of(1, 1, 2),
            [1, 0],
            "ECS may stop both old ones now"
        );
        assert_eq!(weights_of(2, 1, 4), [1, 4]);
        assert_eq!(weights_of(2, 2, 4), [1, 0]);
        assert_eq!(weights_of(3, 1, 1), [1, 0], "more than before: by what was");
    }

    #[test]
    fn a_deployment_that_fails_goes_back_to_the_older_one() {
        let older = [group("old", 2, 2)];
        let failed = group("new", 0, 2);
        assert_eq!(forwards(&failed, &older, 2)[1].weight, 1);
        assert!(!is_moved(&failed, &older));
    }

    #[test]
    fn without_targets_there_is_nothing_to_wait_for() {
        let older = [group("old", 0, 0)];
        let wanted = group("new", 0, 0);
        assert_eq!(weights(0, 0), [1, 0]);
        assert!(is_moved(&wanted, &older));
    }

    #[test]
    fn targets_that_are_not_healthy_keep_their_requests_until_others_are() {
        let mut older = [group("a", 0, 2), group("b", 0, 1)];
        older[1].weight = 1;
        let wanted = group("new", 0, 0);
        let told = describe(&forwards(&wanted, &older, MANY));
        assert_eq!(told, "new 0, a 0, b 1");
        assert!(!is_moved(&wanted, &older));
        let wanted = group("new", 1, 1);
        assert_eq!(
            describe(&forwards(&wanted, &older, MANY)),
            "new 1, a 0, b 0"
        );
        assert!(is_moved(&wanted, &older));
    }

    #[test]
    fn several_older_ones_share_by_their_healthy_targets() {
        let older = [group("a", 3, 3), group("b", 1, 1)];
        let told = describe(&forwards(&group("new", 2, 2), &older, MANY));
        assert_eq!(told, "new 2, a 3, b 1");
        let told = describe(&forwards(&group("new", 4, 4), &older, MANY));
        assert_eq!(told, "new 1, a 0, b 0");
    }

    #[test]
    fn no_weight_is_larger_than_aws_takes() {
        assert_eq!(weights(1, 5000), [1, 999]);
    }

    #[test]
    fn of_two_between_which_ecs_shifts_either_may_serve() {
        let pair = ["a", "b"];
        let forward = |arn: &str, weight| Forward {
            target_group: arn.into(),
            weight,
        };
        for (now, is_pair, told, shifted) in [
            (plain("a"), false, "a 100, b 0", false),
            (plain("b"), false, "a 0, b 100", true),
            (vec![], false, "a 100, b 0", false),
            (
                vec![forward("b", 100), forward("a", 0)],
                true,
                "a 0, b 100",
                true,
            ),
            (
                vec![forward("a", 90), forward("b", 10)],
                true,
                "a 90, b 10",
                true,
            ),
            (
                vec![forward("a", 0), forward("b", 0)],
                false,
                "a 100, b 0",
                false,
            ),
            (
                vec![forward("a", 1), forward("c", 0)],
                false,
                "a 100, b 0",
                false,
            ),
        ] {
            assert_eq!(are_pair(&now, pair), is_pair, "{now:?}");
            assert_eq!(describe(&of_pair(&now, pair)), told, "{now:?}");
            assert_eq!(has_shifted(&now, pair), shifted, "{now:?}");
        }
    }

    #[test]
    fn listeners_are_alike_in_any_order() {
        let older = [group("old", 2, 2)];
        let one = forwards(&group("new", 1, 1), &older, 2);
        let other: Vec<Forward> = one.iter().rev().cloned().collect();
        assert!(are_alike(&one, &other));
        let mut heavy = plain("new");
        heavy[0].weight = 7;
        assert!(are_alike(&heavy, &plain("new")));
        assert!(!are_alike(&one, &plain("new")));
        let by_ecs = of_pair(&plain("new"), ["new", "old"]);
        let moved = forwards(&group("new", 2, 2), &[group("old", 0, 0)], 2);
        assert!(are_alike(&by_ecs, &moved) && by_ecs != moved);
    }

    #[test]
    fn a_deployment_may_be_given_up_where_no_target_is_and_ecs_had_its_time() {
        let seconds = Duration::from_secs;
        let nobody = group("new", 0, 0);
        assert!(!may_be_given_up(&nobody, seconds(9), None));
        assert!(may_be_given_up(&nobody, seconds(31), None));
        assert!(may_be_given_up(&nobody, seconds(9), Some(seconds(1))));
        let starting = group("new", 0, 1);
        assert!(!may_be_given_up(&starting, seconds(31), Some(seconds(0))));
    }

    #[test]
    fn a_move_knows_the_target_groups_that_it_began_with_and_no_others() {
        let forward = |name: &str, weight: i32| Forward {
            target_group: name.into(),
            weight,
        };
        let both = [forward("old", 1), forward("new", 0)];
        assert!(are_only(&plain("new"), "new") && !are_only(&both, "new"));
        // What AWS does not show yet.
        assert_eq!(known_among(&[], plain("old"), "new"), both);
        assert_eq!(known_among(&both, plain("old"), "new"), both);
        // What another run has set, and what a person has added.
        let mut found = vec![forward("old", 2), forward("new", 1)];
        assert_eq!(known_among(&both, found.clone(), "new"), found);
        found.push(forward("theirs", 5));
        assert_eq!(known_among(&both, found.clone(), "new"), found[..2]);
    }

    #[test]
    fn a_deployment_has_its_time_and_one_that_was_given_up_is_noticed() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        assert_eq!(give_up(minutes(14), None), None);
        assert_eq!(give_up(minutes(16), None), Some(GiveUp::NeverHadTargets));
        assert_eq!(give_up(minutes(29), Some(minutes(0))), None);
        let lost = give_up(minutes(9), Some(minutes(4)));
        assert_eq!(lost, Some(GiveUp::LostTargets));
        let late = give_up(minutes(31), Some(minutes(0)));
        assert_eq!(late, Some(GiveUp::TookTooLong));
    }
}
