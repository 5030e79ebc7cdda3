//! What every tool does alike, asserted for each by its own test.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::{ENV, Output, prints, tool_at};

/// Asserts the conventions of the command line and the stream for one tool; no AWS is called.
///
/// `args` are the arguments without which the tool cannot run at all.
pub fn obeys_conventions(name: &str, args: &[&str]) {
    let aws = Trap::set();
    help_and_version(&aws, name);
    policy_is_least_privilege(&aws, name);
    let unknown = aws.run(name, &[args, &["--no-such-flag"]].concat(), b"");
    assert_eq!(unknown.code, 2, "an unknown flag: {unknown:?}");
    assert_eq!(unknown.stdout.is_empty(), prints(name), "{unknown:?}");
    for (what, input, message) in [
        ("no JSON", b"hello\n".to_vec(), "record 1 (line 1) is not a JSON object"),
        ("a list", b"[1]".to_vec(), "record 1 (line 1) is not a JSON object"),
        ("a truncated record", format!("{ENV}\n{{\"type\":\"vpc\",").into_bytes(), "record 2 (line 2) ends in the middle of an object"),
        ("a wrong type", format!("{ENV}\n{{\"type\":\"vpc\",\"name\":\"main\",\"id\":5,\"cidr\":\"x\"}}").into_bytes(), "record 2 (line 2) is no vpc record: id: 5 is a number; write \"5\""),
        ("no type", format!("{ENV}\n{{\"name\":\"x\"}}").into_bytes(), "record 2 (line 2) has no type"),
        ("invalid UTF-8", [ENV.as_bytes(), b"\n{\"type\":\"x\",\"name\":\"\xff\"}"].concat(), "record 2 (line 2) is not UTF-8"),
        ("a huge line", format!("{ENV}\n{{\"type\":\"x\",\"name\":\"{}\"}}", "x".repeat(50 << 20)).into_bytes(), "record 2 (line 2) is larger than 1024 KiB"),
        ("another region", format!("{ENV}\n{{\"type\":\"alb\",\"name\":\"web\",\"arn\":\"arn:aws:elasticloadbalancing:eu-west-1:123456789012:x\",\"dns\":\"x\",\"scheme\":\"internal\"}}").into_bytes(), "record 2 (line 2): alb 'web' is of region eu-west-1, but the environment is in us-east-1"),
        ("another account", format!("{ENV}\n{{\"type\":\"role\",\"name\":\"x\",\"arn\":\"arn:aws:iam::999999999999:role/x\"}}").into_bytes(), "record 2 (line 2): role 'x' is of account 999999999999, but the environment is in 123456789012"),
        ("two environments", format!("{ENV}\n{}", ENV.replace("pr1", "pr2")).into_bytes(), "record 2 (line 2): env 'production-pr2' comes after environment 'production-pr1' of account 123456789012 in us-east-1"),
    ] {
        let output = aws.run(name, args, &input);
        assert_eq!(output.messages(), [format!("{name}: {message}")], "{what}: {output:?}");
        assert_eq!(output.code, 65, "{what}: {output:?}");
        if prints(name) {
            assert_eq!(output.stdout, "", "{what}");
            continue;
        }
        let failed = output.records().pop().unwrap_or_default();
        assert_eq!((&failed["type"], &failed["name"]), (&"failed".into(), &name.into()), "{what}: {output:?}");
    }
    upstream_failures_are_not_told_again(&aws, name, args);
    assert_eq!(aws.connections(), 0, "{name} called AWS");
}

fn help_and_version(aws: &Trap, name: &str) {
    let help = aws.run(name, &["--help"], b"");
    let first = help.stdout.lines().next().unwrap_or_default();
    assert!(
        help.code == 0 && !first.is_empty() && !first.ends_with('.'),
        "{help:?}"
    );
    for flag in [
        "--env",
        "--timeout",
        "--verbose",
        "--quiet",
        "--json-log",
        "\nExample",
        "--iam-policy",
    ] {
        assert!(
            help.stdout.contains(flag),
            "{flag} is missing in {}",
            help.stdout
        );
    }
    assert!(help.stdout.split_whitespace().any(|word| word == "--json"));
    let version = aws.run(name, &["--version"], b"");
    assert_eq!(
        (version.code, version.stdout),
        (0, format!("{name} {}\n", env!("CARGO_PKG_VERSION")))
    );
}

fn policy_is_least_privilege(aws: &Trap, name: &str) {
    let output = aws.run(name, &["--iam-policy"], b"").ok();
    let policy: Value = serde_json::from_str(&output.stdout).expect("a policy is JSON");
    assert_eq!(policy["Version"], "2012-10-17");
    for statement in policy["Statement"].as_array().expect("statements") {
        let actions = statement["Action"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![statement["Action"].clone()]);
        for action in &actions {
            let action = action.as_str().expect("an action");
            assert!(
                action.contains(':') && !action.contains('*'),
                "{name}: {action}"
            );
            let verb = action.split(':').nth(1).unwrap_or_default();
            let reads = ["Describe", "Get", "List", "BatchGet"]
                .iter()
                .any(|read| verb.starts_with(read));
            // These alone have no resources in the service authorization reference.
            let unscoped = ["CreateConnection", "DeregisterTaskDefinition"].contains(&verb);
            assert!(
                reads || unscoped || statement["Resource"] != "*",
                "{name}: {action} on *"
            );
        }
    }
}

/// What a failed tool upstream said is enough: the rest pass it on, end with 3 and keep quiet.
fn upstream_failures_are_not_told_again(aws: &Trap, name: &str, args: &[&str]) {
    if matches!(name, "mk-env" | "mk-app" | "mk-source") {
        return; // they need nothing from upstream
    }
    let failed = r#"{"type":"failed","name":"mk-x","message":"no"}"#;
    let unknown = r#"{ "type":"other",  "name":"x", "n":1.50 }"#;
    let input = format!("{ENV}\n{failed}\n{unknown}\n");
    let output: Output = aws.run(name, args, input.as_bytes());
    assert_eq!((output.code, output.stderr.as_str()), (3, ""), "{output:?}");
    let passed = if prints(name) { "" } else { &input };
    assert_eq!(output.stdout, passed);
}

/// An endpoint that nobody should ask: it counts connections and closes them.
struct Trap {
    url: String,
    connections: Arc<AtomicUsize>,
}

impl Trap {
    fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        std::thread::spawn(move || {
            listener.incoming().for_each(|_| {
                count.fetch_add(1, Ordering::SeqCst);
            })
        });
        Trap { url, connections }
    }

    fn run(&self, name: &str, args: &[&str], stdin: &[u8]) -> Output {
        tool_at(&self.url, name, args, stdin)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}
