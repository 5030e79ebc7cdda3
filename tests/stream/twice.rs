//! A record that comes twice and says two things: no two tools may take it differently.

use support::{ENV, LocalAws, Value, json, tool};

const WEB: &str = r#"{"type":"app","name":"web","image":"registry.example/web:1"}"#;

/// The environment's record with another field.
fn env_with(field: &str, value: Value) -> String {
    let mut env: Value = ENV.parse().unwrap();
    env[field] = value;
    env.to_string()
}

#[test]
fn two_env_records_that_differ_are_refused_before_any_call() {
    let aws = LocalAws::start();
    let plan = env_with("plan", true.into());
    let tags = env_with("tags", json!({"Team": "other"}));
    let moved = env_with("region", "eu-west-1".into());
    for (other, told) in [
        (&plan, "comes twice, and differs in plan"),
        (&tags, "comes twice, and differs in tags"),
        (&moved, "comes after environment"),
    ] {
        for [first, second] in [[ENV, other.as_str()], [other.as_str(), ENV]] {
            let input = format!("{first}\n{WEB}\n{second}\n");
            for tool in [
                "mk-vpc",
                "mk-ecr | mk-logs",
                "prune-env",
                "mk-env production pr1",
            ] {
                let output = aws.pipe_with(tool, &input);
                assert_eq!(
                    output.code,
                    if tool.contains('|') { 3 } else { 65 },
                    "{tool}: {}",
                    output.stderr
                );
                assert!(output.stderr.contains(told), "{tool}: {}", output.stderr);
                assert_eq!(aws.changes(), Vec::<String>::new(), "{tool}");
                if tool != "mk-env production pr1" {
                    assert_eq!(aws.calls(), Vec::<Value>::new(), "{tool}");
                }
            }
            aws.forget();
        }
    }
    let twice = format!("{ENV}\n{ENV}\n{WEB}\n");
    aws.pipe_with("mk-ecr", &twice).ok();
}

#[test]
fn an_env_record_waits_until_mk_env_has_made_its_own() {
    let aws = LocalAws::start();
    let saved = aws.pipe("mk-env production pr1").ok().stdout;
    let again = aws.pipe_with("mk-env production pr1", &saved).ok();
    assert_eq!(again.stdout, format!("{saved}{saved}"));
    // Else what follows would begin for real, and hear of the dry run too late.
    let pipe = "mk-env production pr1 --plan | mk-ecr";
    let output = aws.pipe_with(pipe, &format!("{saved}{WEB}\n"));
    assert_eq!(output.code, 3, "{}", output.stderr);
    assert!(
        output.stderr.contains("differs in plan"),
        "{}",
        output.stderr
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(
        output.stdout.matches("\"env\"").count(),
        1,
        "{}",
        output.stdout
    );
}

#[test]
fn of_two_apps_that_come_together_the_last_is_made_by_every_tool() {
    let aws = LocalAws::start();
    let up = "mk-vpc --nat single | mk-sg | mk-alb | mk-ecr | mk-role | mk-logs | mk-ecs-svc";
    let last = WEB.replace("}", ",\"port\":8080}");
    for wait in ["0", "1"] {
        // Also where the tools were waiting already.
        let pipe = format!("(read -r env; echo \"$env\"; sleep {wait}; cat) | {up}");
        let made = aws
            .pipe_with(&pipe, &format!("{ENV}\n{WEB}\n{last}\n"))
            .ok();
        assert_eq!(made.record("target_group", "web")["port"], 8080);
    }
    let ports = json!({"Filters": [{"Name": "group-name", "Values": ["security-group-task-web-production-pr1"]}]});
    let groups = aws.call("ec2", "describe_security_groups", ports);
    assert_eq!(
        groups["SecurityGroups"][0]["IpPermissions"][0]["FromPort"],
        8080
    );
}

#[test]
fn an_app_that_changes_its_mind_too_late_is_refused() {
    let aws = LocalAws::start();
    let source = r#"{"type":"source","name":"web","repository":"owner/web"}"#;
    for (tools, first, second, field) in [
        (
            "mk-ecr",
            WEB,
            WEB.replace("web:1", "web:2"),
            "app 'web' comes twice, and differs in image",
        ),
        (
            "mk-logs",
            source,
            source.replace("owner/web", "owner/other"),
            "source 'web' comes twice, and differs in repository",
        ),
    ] {
        let script =
            format!("(read -r env; read -r wish; echo \"$env\" \"$wish\"; sleep 1; cat) | {tools}");
        // The same again, with what is left out written out, is no change of mind.
        let same = first.replace(
            "}",
            if field.contains("app") {
                ",\"port\":5000}"
            } else {
                ",\"branch\":\"main\"}"
            },
        );
        aws.pipe_with(&script, &format!("{ENV}\n{first}\n{same}\n"))
            .ok();
        let output = aws.pipe_with(&script, &format!("{ENV}\n{first}\n{second}\n"));
        assert_eq!(output.code, 65, "{}", output.stderr);
        assert!(output.stderr.contains(field), "{}", output.stderr);
        assert_eq!(output.messages().len(), 1, "{}", output.stderr);
    }
}

#[test]
fn mk_app_has_the_last_word_of_its_app_however_slow_it_is() {
    let aws = LocalAws::start();
    let saved = format!("{ENV}\n{WEB}\n");
    let pipe = "mk-app web --image registry.example/web:2 | mk-ecr | mk-logs";
    let output = aws.pipe_with(pipe, &saved).ok();
    assert_eq!(
        output.record("app", "web")["image"],
        "registry.example/web:2"
    );
    assert_eq!(tool("mk-app", &["api"], &saved).ok().records().len(), 3);
}
