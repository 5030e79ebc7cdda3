//! Zones where Fargate does not run, or has no room.

use support::{Faults, json};

use crate::world::World;

const HINT: &str = "mk-vpc --zone NAME_OR_ID, once for each, takes other zones";

#[test]
fn what_ecs_refuses_in_a_zone_names_the_zone_and_the_flag() {
    let mut world = World::new();
    let faults = Faults::between(&world.aws);
    let message = "Fargate is not supported in the requested availability zone: us-east-1b";
    for call in ["ecs:CreateService", "ecs:UpdateService"] {
        faults.rules(json!([{"do": "refuse", "of": call, "code": "InvalidParameterException", "message": message}]));
        let output = faults.pipe_with("mk-ecs-svc", &world.stdin());
        assert_eq!(output.code, 1, "{}", output.stderr);
        assert!(output.stderr.contains(message), "{}", output.stderr);
        assert!(output.stderr.contains(HINT), "{}", output.stderr);
        faults.end();
        world.run().ok();
        world.set("app", "web", "count", json!(3));
    }
}
