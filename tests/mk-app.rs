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
