//! mk-ecs-svc: its command line, and the cluster, task definitions and services it makes in the
//! local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "mk-ecs-svc/alarms.rs"]
mod alarms;
#[path = "mk-ecs-svc/by_hand.rs"]
mod by_hand;
#[path = "mk-ecs-svc/containers.rs"]
mod containers;
#[path = "mk-ecs-svc/deletion.rs"]
mod deletion;
#[path = "mk-ecs-svc/drift.rs"]
mod drift;
#[path = "mk-ecs-svc/dropped.rs"]
mod dropped;
#[path = "mk-ecs-svc/emulators.rs"]
mod emulators;
#[path = "mk-ecs-svc/hardening.rs"]
mod hardening;
#[path = "mk-ecs-svc/images.rs"]
mod images;
#[path = "mk-ecs-svc/insights.rs"]
mod insights;
#[path = "mk-ecs-svc/made.rs"]
mod made;
#[path = "mk-ecs-svc/moves.rs"]
mod moves;
#[path = "mk-ecs-svc/pipelines.rs"]
mod pipelines;
#[path = "mk-ecs-svc/rights.rs"]
mod rights;
#[path = "mk-ecs-svc/rollback.rs"]
mod rollback;
#[path = "mk-ecs-svc/runs.rs"]
mod runs;
#[path = "mk-ecs-svc/scaled.rs"]
mod scaled;
#[path = "mk-ecs-svc/secrets.rs"]
mod secrets;
#[path = "mk-ecs-svc/spot.rs"]
mod spot;
#[path = "mk-ecs-svc/workers.rs"]
mod workers;
#[path = "mk-ecs-svc/world.rs"]
mod world;
#[path = "mk-ecs-svc/zones.rs"]
mod zones;

use support::{ENV, tool};

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-ecs-svc", &[]);
}

#[test]
fn bad_input_is_refused_before_any_call() {
    let size = r#"{"type":"app","name":"web","image":"x","cpu":256,"memory":128}"#;
    let output = tool("mk-ecs-svc", &[], &format!("{ENV}\n{size}\n"));
    assert_eq!(output.code, 65);
    assert_eq!(
        output.stderr,
        "mk-ecs-svc: record 2 (line 2) is no app record: memory 128 does not go with cpu 256: 512, 1024 to 2048 MiB in steps of 1024\n"
    );
    for args in [["--rollback", "web"], ["--image", "web=x"]] {
        let output = tool("mk-ecs-svc", &args, ENV);
        assert_eq!(output.code, 65, "{args:?}: {}", output.stderr);
    }
    let output = tool("mk-ecs-svc", &["--image", "web"], ENV);
    assert_eq!(output.code, 2);
    assert!(
        output.stderr.contains("an image is written APP=REFERENCE"),
        "{}",
        output.stderr
    );
}
