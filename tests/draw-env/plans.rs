//! Pictures of dry runs.

use support::{LocalAws, Picture, recipe, replaced};

use super::up;

fn plan_with(pipe: &str) -> String {
    format!(
        "{} | draw-env",
        replaced(
            pipe,
            "mk-env production pr1",
            "mk-env production pr1 --plan"
        )
    )
}

#[test]
fn of_nothing_all_is_to_be_created() {
    let aws = LocalAws::start();
    let output = aws.pipe(&plan_with(&up())).would_change();
    assert!(aws.changes().is_empty(), "{:?}", aws.changes());
    let picture = Picture::read(&output.stdout);
    for id in [
        "alb/web",
        "task/web",
        "alb/api",
        "task/api",
        "vpc/main",
        "nat_gateway/a",
    ] {
        assert_eq!(picture.states[id], "new", "{id}");
    }
    let edges = picture.edges.iter();
    assert!(edges.clone().count() >= 6, "{picture:?}");
    let not_new: Vec<_> = edges.filter(|edge| edge.state != "new").collect();
    assert!(not_new.is_empty(), "{not_new:?}");
}

#[test]
fn what_is_kept_changed_created_and_deleted_is_told_apart() {
    let aws = LocalAws::start();
    aws.pipe(&up()).ok();
    let other = up()
        .replace(
            "mk-app web --public --calls api",
            "mk-app web --public --calls jobs --port 8080",
        )
        .replace(
            "--set 'ApiAddress=http://{alb.api.dns}/WeatherForecast'",
            "",
        )
        .replace("mk-app api", "mk-app jobs");
    let other = format!("{other} | prune-env --confirm production-pr1");
    aws.forget();
    let output = aws.pipe(&plan_with(&other)).would_change();
    assert!(aws.changes().is_empty(), "{:?}", aws.changes());
    let picture = Picture::read(&output.stdout);
    for (id, state) in [
        ("vpc/main", "same"),
        ("nat_gateway/a", "same"),
        ("alb/web", "changed"),
        ("task/web", "changed"),
        ("alb/jobs", "new"),
        ("task/jobs", "new"),
        ("alb/api", "gone"),
        ("task/api", "gone"),
        ("other/repo/api", "gone"),
        ("other/cluster/main", "same"),
    ] {
        assert_eq!(picture.states[id], state, "{id}");
    }
    let edge = |from: &str, to: &str, ports: &str| {
        let mut edges = picture.edges.iter();
        let found = edges.find(|one| {
            (one.from.as_str(), one.to.as_str(), one.ports.as_str()) == (from, to, ports)
        });
        found.map(|edge| edge.state.as_str())
    };
    assert_eq!(edge("internet", "alb/web", "tcp 80"), Some("same"));
    assert_eq!(edge("alb/web", "task/web", "tcp 5000"), Some("gone"));
    assert_eq!(edge("alb/web", "task/web", "tcp 8080"), Some("new"));
    assert_eq!(edge("task/web", "alb/api", "tcp 80"), Some("gone"));
    assert_eq!(edge("task/web", "alb/jobs", "tcp 80"), Some("new"));
    let unconfirmed = plan_with(&replaced(&other, " --confirm production-pr1", ""));
    let picture = Picture::read(&aws.pipe(&unconfirmed).would_change().stdout);
    assert_eq!(picture.states["alb/api"], "unwanted");
    let reached = picture.edges.iter().find(|edge| edge.to == "alb/api");
    assert_eq!(reached.unwrap().state, "unwanted");
}

#[test]
fn what_a_person_sees_has_every_sign_in_its_legend() {
    let aws = LocalAws::start();
    aws.pipe(&up()).ok();
    let other = replaced(&up(), "mk-app api", "mk-app api --count 3");
    let picture = Picture::read(&aws.pipe(&plan_with(&other)).would_change().stdout);
    for words in ["kept", "to be changed", "count: 2 → 3"] {
        assert!(
            picture.words.contains(&words.to_string()),
            "{:?}",
            picture.words
        );
    }
}

#[test]
fn the_recipes_draw_what_there_is_and_what_would_be() {
    let aws = LocalAws::start();
    let planned = aws.pipe(&recipe(&["draw-plan"], "pr1")).would_change();
    assert_eq!(Picture::read(&planned.stdout).states["task/web"], "new");
    aws.pipe(&recipe(&["up"], "pr1")).ok();
    let drawn = aws.pipe(&recipe(&["draw"], "pr1")).ok();
    assert_eq!(Picture::read(&drawn.stdout).states["task/web"], "same");
}
