//! A name that is mistyped, in whatever way, makes nothing of another environment.

use support::{LocalAws, Value, tool_at};

/// The tools that need an environment.
const TOOLS: [&str; 16] = [
    "mk-vpc",
    "mk-sg",
    "mk-alb",
    "mk-ecr",
    "mk-role",
    "mk-logs",
    "mk-ecs-svc",
    "mk-scaling",
    "mk-connection",
    "mk-bucket",
    "mk-build",
    "mk-fn",
    "mk-pipeline",
    "mk-rule",
    "push-image",
    "wait-env",
];

#[test]
fn a_suffix_that_is_refused_changes_no_other_environment() {
    let aws = LocalAws::start();
    for head in [
        "mk-env production Feature",
        "mk-env production pr1 --no-such-flag",
    ] {
        let pipe = format!(
            "export PLUMBLINE_ENV=production-main; {head} </dev/null | mk-app web | mk-vpc | mk-sg --private-api | mk-ecr | mk-role"
        );
        let output = aws.pipe(&format!("set +o pipefail; {pipe}"));
        assert_eq!(output.code, 2, "{}", output.stderr);
        let messages = output.stderr.lines().filter(|line| line.contains("mk-"));
        let messages: Vec<&str> = messages.collect();
        assert!(messages.len() <= 2, "{messages:?}"); // clap names the tool again in its usage
        assert!(!output.stderr.contains("mk-vpc"), "{}", output.stderr);
        assert_eq!(aws.calls(), Vec::<Value>::new(), "{}", output.stderr);
    }
}

#[test]
fn an_empty_pipe_is_no_head_and_dev_null_is_one() {
    let aws = LocalAws::start();
    for tool in TOOLS {
        let pipe = format!("export PLUMBLINE_ENV=production-main; printf '' | {tool}");
        let output = aws.pipe(&pipe);
        assert_eq!(output.code, 65, "{tool}: {}", output.stderr);
        assert!(
            output.stderr.contains("no env record on stdin"),
            "{tool}: {}",
            output.stderr
        );
        assert_eq!(aws.calls(), Vec::<Value>::new(), "{tool}");
    }
    let head = "export PLUMBLINE_ENV=production-main; mk-ecr </dev/null";
    let env = aws.pipe(head).ok().record("env", "production-main");
    assert_eq!(env["suffix"], "main");
}

#[test]
fn a_region_that_is_none_is_refused_before_any_call_wherever_it_comes_from() {
    let aws = LocalAws::start();
    let env = support::ENV.replace("us-east-1", "us-east1");
    let output = tool_at(&aws.url, "mk-role", &[], env.as_bytes());
    assert_eq!(output.code, 65, "{output:?}");
    for pipe in [
        "mk-env production pr1 --region us-east1",
        "mk-vpc --env production-pr1 --region us-east1",
        "AWS_REGION=us-east1 mk-env production pr1",
        "unset AWS_REGION; AWS_DEFAULT_REGION=us-east1 mk-env production pr1",
        "unset AWS_REGION; c=$(mktemp); trap 'rm $c' EXIT; printf '[default]\nregion=us-east1\n' > $c; AWS_CONFIG_FILE=$c mk-env production pr1",
    ] {
        let output = aws.pipe(pipe);
        assert_eq!(output.code, 2, "{pipe}: {}", output.stderr);
        let told = "'us-east1' is none that this version knows; did you mean us-east-1?";
        assert!(
            output.stderr.contains("us-east1"),
            "{pipe}: {}",
            output.stderr
        );
        assert!(
            output.stderr.contains(told.split_at(11).1),
            "{pipe}: {}",
            output.stderr
        );
    }
    assert_eq!(aws.calls(), Vec::<Value>::new());
}
