//! What people do to a listener by hand.

use support::{LocalAws, Value, json, text};

use crate::elb::{call, create_their_target_group, fixed_response, forward, listeners, tags_of};
use crate::input::{UPSTREAM, dry_run, upstream};

#[test]
fn all_that_a_listener_says_comes_back() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let group = &made.record("target_group", "web")["arn"];
    let listener = Listener {
        input: &input,
        load_balancer: &made.record("alb", "web")["arn"],
        arn: &made.record("listener", "web")["arn"],
    };
    let before = listener.state(&aws);
    let domain = json!({"DomainName": "example.com"});
    let certificate = &aws.call("acm", "request_certificate", domain)["CertificateArn"];
    let theirs = &create_their_target_group(&aws, &input, "theirs", 80)["TargetGroupArn"];
    let both = json!([group, theirs].map(|group| json!({"TargetGroupArn": group, "Weight": 1})));
    let both = json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": both}}]);
    for (change, told) in [
        (json!({"Port": 8080}), "port: 8080 -> 80".to_string()),
        (
            json!({"Protocol": "HTTPS", "Certificates": [{"CertificateArn": certificate}]}),
            "protocol: HTTPS -> HTTP".to_string(),
        ),
        (
            json!({"DefaultActions": forward(theirs)}),
            format!("forwards to: {} -> {}", text(theirs), text(group)),
        ),
        (
            json!({"DefaultActions": both}),
            format!(
                "forwards to: {0} 1, {1} 1 -> {0}",
                text(group),
                text(theirs)
            ),
        ),
    ] {
        listener.assert_comes_back(&aws, &before, change, &told);
    }
}

/// The listeners of a load balancer, and the tags of one of them.
type State = (Vec<Value>, Value);

/// The listener of app web, and the input of the runs.
struct Listener<'a> {
    input: &'a str,
    load_balancer: &'a Value,
    arn: &'a Value,
}

impl Listener<'_> {
    /// Makes a change by hand, and asserts that a dry run announces it, that the next run undoes it
    /// and says so, and that the one after changes nothing.
    fn assert_comes_back(&self, aws: &LocalAws, before: &State, change: Value, told: &str) {
        let mut params = change.clone();
        params["ListenerArn"] = self.arn.clone();
        call(aws, "modify_listener", params);
        assert_ne!(self.state(aws), *before, "{change}");
        aws.forget();
        let dry_run = dry_run(self.input);
        let announced = aws.pipe_with("mk-alb", &dry_run).would_change();
        let record = announced.record("listener", "web");
        assert_eq!(record["change"], "update", "{change}");
        assert_eq!(aws.changes(), Vec::<String>::new());
        let again = aws.pipe_with("mk-alb", self.input).ok();
        let arn = text(self.arn);
        let line = format!("mk-alb: updated listener web {arn} ({told})\n");
        assert_eq!(again.stderr, line, "{change}");
        let mut after = self.state(aws);
        after.0[0].as_object_mut().unwrap().remove("Certificates"); // the local AWS keeps it
        assert_eq!(after, *before, "{change}");
        aws.forget();
        aws.pipe_with("mk-alb", self.input).ok();
        assert_eq!(aws.changes(), Vec::<String>::new(), "{change}");
    }

    /// The listeners of the load balancer, and the tags of this one.
    fn state(&self, aws: &LocalAws) -> State {
        (listeners(aws, self.load_balancer), tags_of(aws, self.arn))
    }
}

#[test]
fn a_listener_without_the_identity_is_left_as_it_is() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let listener = &made.record("listener", "web")["arn"];
    let identity = json!({"ResourceArns": [listener], "TagKeys": ["plumbline:env"]});
    call(&aws, "remove_tags", identity);
    let action = json!({"ListenerArn": listener, "DefaultActions": fixed_response()});
    call(&aws, "modify_listener", action);
    aws.forget();
    let output = aws.pipe_with("mk-alb", &input);
    assert_eq!((output.code, aws.changes()), (1, Vec::new()));
    assert!(
        output.stderr.contains(
            "mk-alb: listener on port 80 of load balancer alb-web-production-pr1 is there, but not this environment's: it lacks the tag plumbline:env=production-pr1\n"
        ),
        "{}",
        output.stderr
    );
}

#[test]
fn a_listener_that_was_deleted_by_hand_is_made_again() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let listener = json!({"ListenerArn": made.record("listener", "api")["arn"]});
    call(&aws, "delete_listener", listener);
    aws.forget();
    let again = aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(aws.changes(), ["elasticloadbalancing:CreateListener"]);
    assert_eq!(again.record("listener", "api")["change"], "created");
    assert_eq!(again.record("listener", "web")["change"], "kept");
}
