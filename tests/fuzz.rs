//! Every tool, given streams that nobody would write: it ends by itself, with a code that the manual
//! tells, without a panic, and its stdout is records alone, or a whole picture. The streams follow from a seed, so what
//! fails once fails again.
//!
//! TORTURE=all tries many more of them.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::{
    ENV, LocalAws, NOWHERE, Value, arguments, bin, clean, json, prints, root, text, tool, tools,
};

/// The exit codes of plumbline(7).
const CODES: [i32; 7] = [0, 1, 2, 3, 65, 75, 130];
/// A watchdog, not a limit: what runs for so long hangs.
const HANGS: Duration = Duration::from_secs(120);
/// Against an AWS that answers, waiting for what will never be is right; then it is interrupted.
const PATIENCE: Duration = Duration::from_secs(2);

/// One record of each type as the tools write them, and two apps that belong together.
const STREAM: &str = r#"{"type":"app","name":"web","port":5000,"public":true,"calls":["api"],"health":"/","set":{"ApiAddress":"http://{alb.api.dns}/"},"image":"registry.example/web:1"}
{"type":"app","name":"api","image":"registry.example/api:1"}
{"type":"source","name":"web","repository":"owner/web","branch":"main"}
{"type":"vpc","name":"main","id":"vpc-0a1b","cidr":"10.0.0.0/16","public_subnets":["subnet-1","subnet-2"],"private_subnets":["subnet-3","subnet-4"],"change":"created"}
{"type":"subnet","name":"public/a","id":"subnet-1","cidr":"10.0.0.0/20"}
{"type":"nat_gateway","name":"a","id":"nat-1"}
{"type":"egress","name":"main","by":"nat"}
{"type":"sg","name":"alb/web","id":"sg-1"}
{"type":"sg","name":"task/web","id":"sg-2"}
{"type":"alb","name":"web","arn":"arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/alb-web-production-pr1/1","dns":"web.example","scheme":"internet-facing"}
{"type":"alb","name":"api","arn":"arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/alb-api-production-pr1/2","dns":"api.example","scheme":"internal"}
{"type":"target_group","name":"web","arn":"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/tg-web-production-pr1/3"}
{"type":"listener","name":"web","arn":"arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/alb-web-production-pr1/1/4","target_group":"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/tg-web-production-pr1/3","port":80}
{"type":"repo","name":"web","arn":"arn:aws:ecr:us-east-1:123456789012:repository/repo-web-production-pr1","uri":"123456789012.dkr.ecr.us-east-1.amazonaws.com/repo-web-production-pr1"}
{"type":"role","name":"execution/web","arn":"arn:aws:iam::123456789012:role/plumbline/us-east-1/production-pr1/execution-web"}
{"type":"log_group","name":"web","group":"/ecs/production-pr1/web","arn":"arn:aws:logs:us-east-1:123456789012:log-group:/ecs/production-pr1/web"}
{"type":"image","name":"web","image":"registry.example/web@sha256:0000000000000000000000000000000000000000000000000000000000000000"}
{"type":"cluster","name":"main","arn":"arn:aws:ecs:us-east-1:123456789012:cluster/cluster-production-pr1"}
{"type":"task_definition","name":"web","arn":"arn:aws:ecs:us-east-1:123456789012:task-definition/task-web-production-pr1:1"}
{"type":"service","name":"web","arn":"arn:aws:ecs:us-east-1:123456789012:service/cluster-production-pr1/service-web-production-pr1","cluster":"arn:aws:ecs:us-east-1:123456789012:cluster/cluster-production-pr1","task_definition":"arn:aws:ecs:us-east-1:123456789012:task-definition/task-web-production-pr1:1","change":"kept"}
{"type":"connection","name":"github","arn":"arn:aws:codeconnections:us-east-1:123456789012:connection/1","status":"PENDING"}
{"type":"bucket","name":"artifacts","bucket":"bucket-1","arn":"arn:aws:s3:::bucket-1"}
{"type":"build","name":"web","project":"build-web-production-pr1","arn":"arn:aws:codebuild:us-east-1:123456789012:project/build-web-production-pr1"}
{"type":"function","name":"web","function":"function-web-production-pr1","arn":"arn:aws:lambda:us-east-1:123456789012:function:function-web-production-pr1"}
{"type":"pipeline","name":"web","pipeline":"pipeline-web-production-pr1","arn":"arn:aws:codepipeline:us-east-1:123456789012:pipeline-web-production-pr1"}
{"type":"rule","name":"web","rule":"rule-web-production-pr1","arn":"arn:aws:events:us-east-1:123456789012:rule/rule-web-production-pr1"}
{"type":"surplus","name":"rule/sgr-1","owner":"mk-sg","what":"ingress rule tcp 80 from 0.0.0.0/0 of security group alb/web","group":"sg-1","rule":"sgr-1"}
{"type":"surplus","name":"target_group/tg-old","owner":"mk-alb","what":"target group tg-old of web","arn":"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/tg-old/5"}
{"type":"surplus","name":"route/rtb-1/0.0.0.0/1","owner":"mk-vpc","what":"route 0.0.0.0/1 to igw-1 of route table public"}
{"type":"unwanted","name":"log_group/jobs","record":{"type":"log_group","name":"jobs","group":"/production-pr1/jobs","arn":"arn:aws:logs:us-east-1:123456789012:log-group:/production-pr1/jobs"}}
{"type":"failed","name":"mk-x","message":"no","code":1}
{"type":"mine","name":"x","n":1.50}
"#;

#[test]
fn each_tool_gets_the_arguments_without_which_it_reads_no_stream() {
    let tools = tools();
    assert!(!tools.is_empty());
    for name in tools {
        let output = tool(&name, arguments(&name), "no record");
        assert_eq!(output.code, 65, "{name}: {output:?}");
    }
}

#[test]
fn the_stream_has_a_record_of_each_type_that_the_tools_read() {
    let mut written: BTreeSet<String> = BTreeSet::from(["env".into()]);
    for line in STREAM.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        written.insert(text(&record["type"]).to_string());
    }
    let mut types = BTreeSet::new();
    for file in sources(&root().join("tools/plumbing/src")) {
        let source = std::fs::read_to_string(file).unwrap();
        for after in source.split("const TYPE: &'static str = \"").skip(1) {
            types.insert(after.split('"').next().unwrap().to_string());
        }
    }
    assert!(types.contains("vpc"), "{types:?}");
    let missing: Vec<&String> = types.difference(&written).collect();
    assert_eq!(missing, Vec::<&String>::new());
}

/// All files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[test]
fn streams_with_bytes_wrong_are_refused_or_passed_on() {
    every_tool(NOWHERE, None, rounds(20), |dice| {
        let stream = wild(dice);
        broken(dice, stream)
    });
}

#[test]
fn wild_records_are_refused_or_passed_on() {
    every_tool(NOWHERE, None, rounds(20), wild);
}

#[test]
fn wild_records_bring_no_tool_down_while_it_asks_aws() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    every_tool(&aws.url, Some(PATIENCE), rounds(8), wild);
}

#[test]
fn apps_that_do_not_go_together_are_refused_or_made() {
    let env = format!("{ENV}\n");
    let app = |more: &str| format!("{{\"type\":\"app\",\"name\":{more}}}\n");
    let (mut many, mut circle) = (env.clone(), env.clone());
    for n in 0..300 {
        many += &app("\"web\"");
        circle += &app(&format!("\"app{n}\",\"calls\":[\"app{}\"]", (n + 1) % 300));
    }
    let streams = [
        many,
        circle,
        env.clone() + &app("\"a\",\"calls\":[\"a\"]"),
        env.clone() + &app("\"a\",\"calls\":[\"b\"]"),
        env.clone() + &app("\"a\",\"calls\":[\"b\",\"b\"]") + &app("\"b\",\"calls\":[\"a\"]"),
        env.clone() + &app("\"a\",\"set\":{\"X\":\"{alb.a.dns}{alb.nobody.dns}\"}"),
        env.clone() + &app("\"a\",\"set\":{\"X\":\"{app.a.set}{{app.a.name}}{alb..dns}\"}"),
        env.clone() + &app("\"a\",\"port\":0"),
        env.clone() + &app("\"a\",\"port\":70000"),
        env.clone() + &app("\"a\",\"count\":4294967295"),
        env.clone() + &app("\"a\",\"grace\":4294967295,\"cpu\":4294967295,\"memory\":4294967295"),
        env.clone() + &app("\"a/b\\n\\u001b[2J\""),
        env.replace("123456789012", "1234"),
        env.replace("us-east-1", "nowhere-1"),
        env.replace("us-east-1", "Ä"),
        env.clone()
            + "{\"type\":\"vpc\",\"name\":\"main\",\"id\":\"\",\"cidr\":\"\",\"public_subnets\":[],\"private_subnets\":[]}\n",
    ];
    let next = AtomicUsize::new(0);
    let tools = tools();
    every_one(&tools, &|tool| {
        for stream in &streams {
            survives(tool, NOWHERE, None, stream.as_bytes());
            next.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert_eq!(next.into_inner(), tools.len() * streams.len());
}

#[test]
fn a_long_stream_without_an_environment_is_no_hang() {
    let record = |n| {
        format!("{{\"type\":\"log_group\",\"name\":\"n{n}\",\"group\":\"/x/{n}\",\"arn\":\"a\"}}\n")
    };
    let stream: String = (0..60_000).map(record).collect();
    survives("mk-app", NOWHERE, None, stream.as_bytes());
    // Each calls the one before it, and the first is missing.
    let app = |n| {
        format!(
            "{{\"type\":\"app\",\"name\":\"n{n}\",\"calls\":[\"n{}\"]}}\n",
            n - 1
        )
    };
    let stream: String = (1..100_000).map(app).collect();
    survives("mk-ecr", NOWHERE, None, stream.as_bytes());
}

fn rounds(default: u64) -> u64 {
    if std::env::var("TORTURE").is_ok_and(|how| how == "all") {
        default * 20
    } else {
        default
    }
}

fn every_tool(
    url: &str,
    patience: Option<Duration>,
    rounds: u64,
    stream: impl Fn(&mut Dice) -> Vec<u8> + Sync,
) {
    every_one(&tools(), &|tool| {
        for seed in 0..rounds {
            survives(tool, url, patience, &stream(&mut Dice(seed)));
        }
    });
}

/// Some at a time: most of them wait.
fn every_one(tools: &[String], work: &(impl Fn(&str) + Sync)) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(tool) = tools.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(tool);
                }
            });
        }
    });
}

/// Runs a tool with a stream and asserts that it ended as the manual says.
fn survives(tool: &str, url: &str, patience: Option<Duration>, stream: &[u8]) {
    let mut command = clean(Command::new(bin().join(tool)), url);
    command
        .args(arguments(tool))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (code, stdout, stderr) = std::thread::scope(|scope| {
        scope.spawn(move || drop(stdin.write_all(stream)));
        let read = |pipe: &mut dyn Read| {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let stdout = scope.spawn(move || read(&mut stdout));
        let stderr = scope.spawn(move || read(&mut stderr));
        let code = ended(&mut child, patience);
        (code, stdout.join().unwrap(), stderr.join().unwrap())
    });
    let told = || {
        format!(
            "{tool}, given:\n{}\nstderr:\n{stderr}",
            String::from_utf8_lossy(stream)
        )
    };
    let code = code.unwrap_or_else(|| panic!("hangs: {}", told()));
    assert!(
        CODES.contains(&code) && !stderr.contains("panicked"),
        "ended with {code}: {}",
        told()
    );
    assert!(
        !stderr.contains(|c: char| c.is_control() && c != '\n'),
        "{}",
        told()
    );
    if prints(tool) {
        let whole = stdout.starts_with("<svg ") && stdout.ends_with("</svg>\n");
        assert!(
            stdout.is_empty() || whole,
            "stdout has {stdout}: {}",
            told()
        );
        return;
    }
    for line in stdout.lines() {
        let record: Result<Value, _> = serde_json::from_str(line);
        assert!(
            record.is_ok_and(|record| record.is_object()),
            "stdout has {line}: {}",
            told()
        );
    }
}

/// The exit code; none where it hangs.
fn ended(child: &mut Child, patience: Option<Duration>) -> Option<i32> {
    let (begun, mut patience) = (Instant::now(), patience);
    while begun.elapsed() < HANGS {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.code().unwrap_or(-1));
        }
        if patience.is_some_and(|patience| begun.elapsed() > patience) {
            patience = None;
            let _ = Command::new("kill")
                .args(["-INT", &child.id().to_string()])
                .status();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    None
}

/// A stream of good records of which some were changed, repeated, left out or put elsewhere.
fn wild(dice: &mut Dice) -> Vec<u8> {
    let mut records: Vec<Value> = STREAM
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|_| dice.below(8) > 0)
        .collect();
    for _ in 0..=dice.below(6) {
        let at = dice.below(records.len());
        match dice.below(5) {
            0 => records.push(records[at].clone()),
            1 => {
                let to = dice.below(records.len());
                records.swap(at, to);
            }
            _ => {
                change(dice, &mut records[at]);
            }
        }
    }
    // Most have an environment, else nothing is worked on.
    let mut env: Value = serde_json::from_str(ENV).unwrap();
    match dice.below(6) {
        0 => {}
        1 => {
            change(dice, &mut env);
            records.insert(dice.below(records.len()), env);
        }
        _ => records.insert(0, env),
    }
    if dice.below(4) > 0 {
        records.retain(|record| record["type"] != "failed");
    }
    let mut stream = String::new();
    for record in records {
        stream += &if dice.below(3) == 0 {
            format!("{record:#}")
        } else {
            record.to_string()
        };
        stream += ["\n", "", "\r\n", " \n\n"][dice.below(4)];
    }
    stream.into_bytes()
}

/// Gives a field of a record another value: as a rule one of its kind, since others are refused at once.
fn change(dice: &mut Dice, record: &mut Value) {
    let fields = record.as_object_mut().unwrap();
    let field = fields
        .keys()
        .nth(dice.below(fields.len()))
        .cloned()
        .unwrap();
    let kind = |value: &Value| {
        (
            value.is_string(),
            value.is_array(),
            value.is_object(),
            value.is_number(),
        )
    };
    let mut new = value(dice);
    while kind(&new) != kind(&fields[&field]) && dice.below(20) > 0 {
        new = value(dice);
    }
    fields.insert(field, new);
}

/// What no field expects.
fn value(dice: &mut Dice) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(70000),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("x"),
        json!("web"),
        json!("a/b/../c"),
        json!("a\nb\u{1b}[2J\u{0}"),
        json!("é".repeat(300)),
        json!("x".repeat(70_000)),
        json!("{alb.web.dns}{{}"),
        json!("arn:aws:iam::123456789012:role/"),
        json!("arn:::::::::"),
        json!("::"),
        json!([]),
        json!({}),
        json!(["web", "web", "nobody"]),
        json!({"A": "{alb.web.dns}", "B": "{service.web.arn}"}),
        json!({"": ""}),
        json!([[[[[[[[{"a": []}]]]]]]]]),
    ];
    values[dice.below(values.len())].clone()
}

/// A stream with some bytes changed, added, taken away, or cut off.
fn broken(dice: &mut Dice, mut stream: Vec<u8>) -> Vec<u8> {
    for _ in 0..=dice.below(4) {
        let at = dice.below(stream.len());
        match dice.below(6) {
            0 => stream[at] = dice.below(256) as u8,
            1 => stream.insert(at, b"{}[]\"\\,:\n\0\xff"[dice.below(11)]),
            2 => drop(stream.remove(at)),
            3 => stream.truncate(at + 1),
            4 => drop(stream.splice(at..at, "[".repeat(100_000).into_bytes())),
            _ => drop(stream.splice(at..at, b"\xc3\x28\xf0\x28\x8c\xbc".to_vec())),
        }
    }
    stream
}

/// Numbers that follow from a seed (SplitMix64): a generator that depends on nothing.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }
}
