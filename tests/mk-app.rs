//! mk-app: a service that is wanted, as a record.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::io::Write;
use std::process::{Command, Stdio};

use support::{ENV, Value, clean, json, tool};

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-app", &["web"]);
}

#[test]
fn it_writes_what_its_flags_say() {
    let args = [
        "web",
        "--public",
        "--calls",
        "api",
        "--set",
        "ApiAddress=http://{alb.api.dns}/WeatherForecast",
        "--image",
        "x/web:1",
        "--cpu",
        "512",
        "--memory",
        "1024",
    ];
    let output = tool("mk-app", &args, "").ok();
    assert_eq!(
        output.records(),
        [
            json!({"type": "app", "name": "web", "port": 5000, "public": true, "calls": ["api"], "health": "/",
            "set": {"ApiAddress": "http://{alb.api.dns}/WeatherForecast"}, "image": "x/web:1",
            "cpu": 512, "memory": 1024, "count": 2, "grace": 60, "architecture": "X86_64"})
        ]
    );
}

/// Runs `mk-app web` with PASSWORD set and more words, in a shell whose `$file` holds some variables.
fn with_variables(words: &str, file: &str) -> (i32, String, String) {
    let script = format!("f=$(mktemp); trap 'rm $f' EXIT; cat > $f; mk-app web {words} </dev/null");
    let mut command = clean(Command::new("bash"), "http://127.0.0.1:9");
    command
        .args(["-c", &script])
        .env("PASSWORD", "from-the-shell");
    let pipes = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(file.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

#[test]
fn a_secret_need_not_be_in_the_list_of_processes() {
    let file = "# of the database\n\nUSER=me\nKEY=a=b c \nPASSWORD=from-the-file\n";
    let (code, stdout, stderr) = with_variables("--set-from $f --set PASSWORD", file);
    assert_eq!(code, 0, "{stderr}");
    let record: Value = stdout.parse().unwrap();
    assert_eq!(
        record["set"],
        json!({"KEY": "a=b c ", "PASSWORD": "from-the-shell", "USER": "me"})
    );
    for (words, told) in [
        ("--set hunter2", "a --set is neither KEY=VALUE nor the KEY"),
        ("--set =hunter2", "set: the name of a variable is empty"),
        ("--set-from $f", "line 1 of --set-from"),
        ("--set-from /nowhere", "cannot read --set-from /nowhere"),
    ] {
        let (code, stdout, stderr) = with_variables(words, "a secret\n");
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains(told), "{stderr}");
        for secret in ["a secret", "hunter2", "ter2"] {
            let told = format!("{stdout}{stderr}");
            assert!(!told.contains(secret), "{told}");
        }
    }
    let (code, _, stderr) = with_variables("--set-from $f", "export A=hunter2\n");
    assert_eq!(code, 2, "{stderr}");
    assert!(
        stderr.contains("begins with export") && !stderr.contains("hunter2"),
        "{stderr}"
    );
    let (code, stdout, stderr) = with_variables("--set-from $f", "A=a\0b\n");
    assert_eq!((code, stdout.contains("a\\u0000b")), (2, false), "{stderr}");
    assert!(stderr.contains("set A: its value holds a NUL"), "{stderr}");
}

#[test]
fn its_record_comes_after_one_of_the_same_key() {
    let output = tool(
        "mk-app",
        &["web", "--port", "8080"],
        r#"{"type":"app","name":"web","port":80}"#,
    )
    .ok();
    assert_eq!(output.record("app", "web")["port"], 8080);
    // It is the only one: tools that follow may have begun to act on the first.
    assert_eq!(output.records().len(), 1);
}

#[test]
fn a_size_that_fargate_does_not_have_is_refused() {
    let output = tool("mk-app", &["web", "--cpu", "128", "--memory", "128"], ENV);
    assert_eq!(output.code, 2);
    assert_eq!(
        output.stderr,
        "mk-app: cpu 128 is no Fargate size: 256, 512, 1024, 2048, 4096, 8192, 16384 or 32768\n"
    );
    let output = tool("mk-app", &["web", "--memory", "4096"], ENV);
    assert_eq!(
        output.stderr,
        "mk-app: memory 4096 does not go with cpu 256: 512, 1024 to 2048 MiB in steps of 1024\n"
    );
}

#[test]
fn a_grace_that_aws_would_not_take_is_refused() {
    let output = tool("mk-app", &["web", "--grace", "2147483648"], "");
    let told = "mk-app: grace 2147483648 is more than the 2147483647 seconds that ECS takes\n";
    assert_eq!((output.code, output.stderr.as_str()), (2, told));
}

#[test]
fn what_ecs_takes_as_the_name_of_a_variable_is_taken() {
    for name in [
        "discovery.type",
        "spring.datasource.url",
        "1st",
        "a-b",
        "a b",
        "grün",
    ] {
        let set = format!("{name}=x=y");
        let output = tool("mk-app", &["es", "--set", &set], "").ok();
        assert_eq!(output.record("app", "es")["set"][name], "x=y");
    }
}

#[test]
fn an_image_that_no_registry_can_have_is_refused_by_all_that_are_given_one() {
    for (image, why) in [
        ("", "it is empty"),
        (
            "https://ghcr.io/o/web:1",
            "without a scheme such as https://",
        ),
        ("docker://ghcr.io/o/web:1", "without a scheme"),
        ("ghcr.io/Owner/Web:1", "its repository has capital letters"),
        ("ghcr.io/o/web:", "its tag is empty"),
        ("./web", "it is a path"),
        ("web@sha256:abc", "its digest is not sha256: and 64 digits"),
        ("a b", "its repository has more than lower-case letters"),
    ] {
        let flag = format!("web={image}");
        let app = json!({"type": "app", "name": "web", "image": image});
        let record = json!({"type": "image", "name": "web", "image": image});
        for (name, args, stdin, code) in [
            ("mk-app", vec!["web", "--image", image], String::new(), 2),
            (
                "mk-ecs-svc",
                vec!["--image", flag.as_str()],
                format!("{ENV}\n"),
                2,
            ),
            ("mk-app", vec!["api"], format!("{ENV}\n{app}\n"), 65),
            ("mk-ecs-svc", vec![], format!("{ENV}\n{record}\n"), 65),
        ] {
            let output = tool(name, &args, &stdin);
            let told = format!("'{image}' is not an image reference: ");
            assert_eq!(output.code, code, "{name} {args:?}: {output:?}");
            assert!(
                output.stderr.contains(&told) && output.stderr.contains(why),
                "{name} {args:?}: {output:?}"
            );
        }
        let pushed = tool("push-image", &["--image", &flag], ENV);
        assert_eq!(pushed.code, 2, "{pushed:?}");
        assert!(pushed.stderr.contains(why), "{pushed:?}");
    }
    for (name, args) in [
        ("mk-app", ["web", "--image", "a.io/web:1\r"].as_slice()),
        ("mk-ecs-svc", &["--image", "web=a.io/web:1\r"]),
        ("push-image", &["--image", "web=a.io/web:1\r"]),
    ] {
        let output = tool(name, args, ENV);
        let shown = r"'a.io/web:1\r' is not an image reference: its tag";
        assert!(output.stderr.contains(shown), "{}", output.stderr);
    }
}

#[test]
fn a_number_that_is_none_is_told_in_words() {
    for (flag, value, why) in [
        ("--port", "8080/tcp", "it is not a whole number"),
        ("--port", "70000", "it is not from 1 to 65535"),
        ("--port", "0", "it is not from 1 to 65535"),
        ("--cpu", "1vcpu", "it is not a whole number"),
        ("--memory", "0.5GB", "it is not a whole number"),
        ("--count", "99999999999", "it is not from 0 to 4294967295"),
        ("--grace", "", "it is not a whole number"),
        ("--timeout", "x", "it is not a whole number"),
    ] {
        let output = tool("mk-app", &["web", flag, value], "");
        assert_eq!(output.code, 2, "{output:?}");
        assert!(
            output.stderr.contains(why),
            "{flag} {value}: {}",
            output.stderr
        );
        for word in ["digit found", "u16", "u32", "..=", "target type"] {
            assert!(!output.stderr.contains(word), "{}", output.stderr);
        }
    }
}

#[test]
fn a_name_that_some_service_would_refuse_is_refused() {
    for name in ["Web", "a_b", "-", "a--b"] {
        assert_eq!(tool("mk-app", &["--", name], "").code, 2, "{name}");
    }
}

/// The record that `mk-app web` writes with these flags.
fn web(flags: &[&str]) -> Value {
    let output = tool("mk-app", &[&["web"], flags].concat(), "").ok();
    output.record("app", "web")
}

#[test]
fn each_option_is_a_field_of_the_record() {
    for (flags, field, value) in [
        (vec!["--worker"], "worker", json!(true)),
        (
            vec![
                "--reach",
                "tcp:5432=sg-0a1b2c3d",
                "--reach",
                "udp:53=10.0.0.2/32",
            ],
            "reach",
            json!(["tcp:5432=sg-0a1b2c3d", "udp:53=10.0.0.2/32"]),
        ),
        (
            vec!["--reach-from", "10.0.0.0/8"],
            "reach_from",
            json!(["10.0.0.0/8"]),
        ),
        (
            vec!["--health-codes", "200,302"],
            "health_codes",
            json!("200,302"),
        ),
        (vec!["--health-port", "9000"], "health_port", json!(9000)),
        (
            vec!["--health-interval", "30"],
            "health_interval",
            json!(30),
        ),
        (vec!["--health-timeout", "10"], "health_timeout", json!(10)),
        (vec!["--healthy-after", "3"], "healthy_after", json!(3)),
        (vec!["--unhealthy-after", "5"], "unhealthy_after", json!(5)),
        (vec!["--live", "/live"], "live", json!("/live")),
        (vec!["--slow-start", "60"], "slow_start", json!(60)),
        (vec!["--sticky", "60"], "sticky", json!(60)),
        (vec!["--idle-timeout", "120"], "idle_timeout", json!(120)),
        (vec!["--drain", "0"], "drain", json!(0)),
        (
            vec!["--command", "serve", "--command", "--all"],
            "command",
            json!(["serve", "--all"]),
        ),
        (vec!["--entrypoint", "/app"], "entrypoint", json!(["/app"])),
        (vec!["--user", "1000:1000"], "user", json!("1000:1000")),
        (vec!["--writable"], "writable", json!(true)),
        (vec!["--tmp", "128"], "tmp", json!(128)),
        (vec!["--own-init"], "own_init", json!(true)),
        (vec!["--stop-timeout", "120"], "stop_timeout", json!(120)),
        (vec!["--storage", "100"], "storage", json!(100)),
        (
            vec![
                "--mount",
                "fs-0a1b2c3d=/data",
                "--reach",
                "tcp:2049=sg-0a1b2c3d",
            ],
            "mounts",
            json!(["fs-0a1b2c3d=/data"]),
        ),
        (
            vec!["--ulimit", "nofile=1024:4096"],
            "ulimits",
            json!({"nofile": "1024:4096"}),
        ),
        (vec!["--logs", "blocking"], "logs", json!("blocking")),
        (vec!["--secret", "A=/a"], "secrets", json!({"A": "/a"})),
        (
            vec!["--secret", "A=/a", "--restart-on-change"],
            "restart_on_change",
            json!(true),
        ),
        (
            vec!["--env-file", "arn:aws:s3:::b/a.env"],
            "env_files",
            json!(["arn:aws:s3:::b/a.env"]),
        ),
        (vec!["--scale", "2..10"], "scale", json!("2..10")),
        (
            vec!["--scale", "2..10", "--scale-on", "cpu=60,queue=jobs:9"],
            "scale_on",
            json!({"cpu": 60, "queue": "jobs:9"}),
        ),
        (
            vec![
                "--scale",
                "2..10",
                "--scale-at",
                "cron(0 8 ? * MON-FRI *)=4..20",
            ],
            "scale_at",
            json!(["cron(0 8 ? * MON-FRI *)=4..20"]),
        ),
        (
            vec![
                "--scale",
                "2..10",
                "--scale-at",
                "at(2026-12-24T18:00:00)=0..1",
                "--scale-zone",
                "Europe/Berlin",
            ],
            "scale_zone",
            json!("Europe/Berlin"),
        ),
        (vec!["--spot", "50"], "spot", json!(50)),
        (
            vec!["--context", ".", "--dockerfile", "a/Dockerfile"],
            "dockerfile",
            json!("a/Dockerfile"),
        ),
        (
            vec!["--context", ".", "--target", "run"],
            "target",
            json!("run"),
        ),
        (
            vec!["--context", ".", "--build-arg", "A=b=c"],
            "build_args",
            json!({"A": "b=c"}),
        ),
    ] {
        assert_eq!(web(&flags)[field], value, "{flags:?}");
    }
}

#[test]
fn what_is_in_a_file_is_read_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, value: Value| {
        let path = folder.path().join(name);
        std::fs::write(&path, value.to_string()).unwrap();
        path.to_str().unwrap().to_string()
    };
    let statement =
        json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
    for value in [statement.clone(), json!([statement]), policy] {
        let path = file("allow.json", value);
        assert_eq!(web(&["--allow", &path])["allow"], json!([statement]));
    }
    let proxy = json!({"name": "proxy", "image": "envoy:1", "check": "true"});
    for value in [proxy.clone(), json!([proxy])] {
        let path = file("proxy.json", value);
        let record = web(&["--container", &path, "--after", "proxy=HEALTHY"]);
        assert_eq!(record["containers"][0]["name"], "proxy");
        assert_eq!(record["after"], json!({"proxy": "HEALTHY"}));
    }
    let unchecked = file(
        "unchecked.json",
        json!({"name": "proxy", "image": "envoy:1"}),
    );
    let flags = ["web", "--container", &unchecked, "--after", "proxy=HEALTHY"];
    let output = tool("mk-app", &flags, "");
    assert_eq!(output.code, 2);
    assert!(
        output.stderr.contains("HEALTHY, which has no check"),
        "{}",
        output.stderr
    );
    let odd = file("odd.json", json!({"name": "proxy", "imgae": "envoy:1"}));
    for (flags, why) in [
        (["--container", &odd], "unknown field `imgae`"),
        (
            ["--container", "/nowhere"],
            "cannot read --container /nowhere",
        ),
        (["--allow", "/nowhere"], "cannot read --allow /nowhere"),
        (["--allow", &odd], "allow[0]: has 'name'"),
        (["--secret", "hunter2"], "a --secret is not NAME=ARN"),
        (["--secret", "A=hunter2!"], "secrets A: its value is not"),
        (
            ["--scale", "10..2"],
            "scale '10..2' is upside down: write 2..10",
        ),
        (["--scale-on", "cpu=60"], "nothing without scale"),
        (
            ["--scale-on", "disk=60"],
            "it is cpu, memory, requests or queue",
        ),
        (["--reach", "tcp:5432=10.0.0.1/8"], "write 10.0.0.0/8"),
        (["--mount", "fs-0a1b2c3d=/data"], "say reach tcp:2049=sg-"),
    ] {
        let output = tool("mk-app", &[&["web"], &flags[..]].concat(), "");
        assert_eq!(output.code, 2, "{flags:?} {}", output.stderr);
        assert!(output.stderr.contains(why), "{flags:?} {}", output.stderr);
        assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    }
}

#[test]
fn a_secret_of_another_account_or_region_is_refused_before_any_call() {
    for (arn, why) in [
        (
            "arn:aws:ssm:eu-west-1:123456789012:parameter/a",
            "is of region eu-west-1",
        ),
        (
            "arn:aws:secretsmanager:us-east-1:999999999999:secret:a-AbC123",
            "is of account 999999999999",
        ),
    ] {
        let app = json!({"type": "app", "name": "web", "image": "x", "secrets": {"A": arn}});
        let output = tool("mk-role", &[], &format!("{ENV}\n{app}\n"));
        assert_eq!(output.code, 65, "{}", output.stderr);
        assert!(output.stderr.contains(why), "{}", output.stderr);
    }
}

#[test]
fn its_schema_names_each_field_that_a_record_may_have() {
    let output = tool("mk-app", &["--schema"], "");
    assert_eq!(output.code, 0, "{}", output.stderr);
    let schema: Value = output.stdout.parse().unwrap();
    let fields = schema["properties"].as_object().unwrap();
    assert_eq!(fields["type"], json!({"const": "app"}));
    for field in [
        "name",
        "health",
        "health_codes",
        "reach",
        "secrets",
        "scale_on",
        "containers",
    ] {
        assert!(fields.contains_key(field), "{field}");
    }
    assert_eq!(schema["required"], json!(["type", "name"]));
    assert_eq!(schema["additionalProperties"], json!(false));
    assert!(
        fields["slow_start"]["description"]
            .as_str()
            .unwrap()
            .contains("30 to 900")
    );
}
