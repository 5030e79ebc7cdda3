//! What ECS reads with an app's execution role, and what is said of a secret that is not there.

use support::{Faults, LocalAws, Output, Value, json, text};

use crate::{WEB, policy, role_names};

/// Apps with some fields each, as a file of records.
fn apps(apps: &[(&str, Value)]) -> String {
    let mut records = String::new();
    for (name, fields) in apps {
        let mut app = json!({"type": "app", "name": name, "image": "registry.example/x:1"});
        let more = fields.as_object().unwrap().clone();
        app.as_object_mut().unwrap().extend(more);
        records += &format!("{app}\n");
    }
    records
}

fn run(aws: &LocalAws, records: &str, flags: &str) -> Output {
    let env = aws.pipe(&format!("mk-env production pr1 {flags}"));
    let ours = support::repository_and_bucket("web", "production-pr1");
    let of_api = support::repository_and_bucket("api", "production-pr1");
    aws.pipe_with("mk-role", &format!("{}{records}{ours}{of_api}", env.stdout))
}

fn make_secret(aws: &LocalAws, params: Value) -> String {
    let made = aws.call("secretsmanager", "create_secret", params);
    text(&made["ARN"]).to_string()
}

fn put_parameter(aws: &LocalAws, name: &str, value: &str, key: Option<&str>) {
    let mut params = json!({"Name": name, "Value": value, "Type": "String", "Overwrite": true});
    if let Some(key) = key {
        params["Type"] = json!("SecureString");
        params["KeyId"] = json!(key);
    }
    aws.call("ssm", "put_parameter", params);
}

/// How often each call about secrets was made.
fn looked(aws: &LocalAws) -> Vec<String> {
    let mut calls: Vec<String> = aws.calls().iter().map(support::action).collect();
    calls.retain(|call| call.starts_with("secretsmanager:") || call.starts_with("ssm:"));
    calls.sort();
    calls
}

fn statement(policy: &Value, sid: &str) -> Value {
    let all = policy["Statement"].as_array().unwrap();
    let found = all.iter().find(|one| one["Sid"] == sid);
    found
        .unwrap_or_else(|| panic!("no {sid} in {policy:#}"))
        .clone()
}

#[test]
fn ecs_reads_exactly_what_the_app_names() {
    let aws = LocalAws::start();
    let own_key = "alias/own";
    let db = make_secret(
        &aws,
        json!({"Name": "db/web", "SecretString": "{\"user\":\"x\"}", "KmsKeyId": "1234abcd-12ab-34cd-56ef-1234567890ab"}),
    );
    let plain = make_secret(&aws, json!({"Name": "plain", "SecretString": "x"}));
    put_parameter(&aws, "/web/token", "x", Some(own_key));
    put_parameter(&aws, "flat", "x", None);
    let with = apps(&[(
        "web",
        json!({
            "secrets": {"USER": format!("{db}:user::"), "PLAIN": plain, "TOKEN": "/web/token", "FLAT": "flat"},
            "env_files": ["arn:aws:s3:::files/web.env"],
        }),
    )]);
    let made = run(&aws, &with, "").ok();
    assert_eq!(made.record("role", "execution/web").get("secrets"), None);
    let rights = policy(&aws, WEB);
    let mut secrets = [db.as_str(), plain.as_str()];
    secrets.sort();
    assert_eq!(
        statement(&rights, "ReadItsSecrets")["Resource"],
        json!(secrets)
    );
    let parameter = |name: &str| format!("arn:aws:ssm:us-east-1:123456789012:parameter/{name}");
    assert_eq!(
        statement(&rights, "ReadItsParameters")["Resource"],
        json!([parameter("flat"), parameter("web/token")])
    );
    assert_eq!(
        statement(&rights, "ReadItsFiles")["Resource"],
        json!(["arn:aws:s3:::files/web.env"])
    );
    assert_eq!(
        statement(&rights, "FindItsFiles")["Resource"],
        json!(["arn:aws:s3:::files"])
    );
    assert_eq!(
        statement(&rights, "DecryptThem1")["Resource"],
        json!(["arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"])
    );
    let aliased = statement(&rights, "DecryptThem2");
    assert_eq!(
        aliased["Condition"],
        json!({"StringEquals": {"kms:ViaService": "ssm.us-east-1.amazonaws.com"},
            "ForAnyValue:StringEquals": {"kms:ResourceAliases": ["alias/own"]}})
    );
    aws.forget();
    run(&aws, &with, "").ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

/// An app with a secret that has a key of its own.
fn with_secret(aws: &LocalAws) -> String {
    let db = make_secret(
        aws,
        json!({"Name": "db", "SecretString": "x", "KmsKeyId": "alias/own"}),
    );
    apps(&[("web", json!({"secrets": {"DB": db}}))])
}

#[test]
fn what_a_hand_made_wider_is_brought_into_line() {
    let aws = LocalAws::start();
    let with = with_secret(&aws);
    run(&aws, &with, "").ok();
    let rights = policy(&aws, WEB);
    let mut wide = rights.clone();
    wide["Statement"][3]["Resource"] = json!("*");
    let wide =
        json!({"RoleName": WEB, "PolicyName": "execution", "PolicyDocument": wide.to_string()});
    aws.call("iam", "put_role_policy", wide);
    let planned = run(&aws, &with, "--plan").would_change();
    assert_eq!(
        support::changed_fields(&planned.record("role", "execution/web")),
        ["policy"]
    );
    run(&aws, &with, "").ok();
    assert_eq!(policy(&aws, WEB), rights);
}

#[test]
fn a_secret_that_is_left_out_goes_at_the_end() {
    let aws = LocalAws::start();
    let with = with_secret(&aws);
    run(&aws, &with, "").ok();
    // Left out, they go at the end, when the service runs without them.
    let without = apps(&[("web", json!({}))]);
    aws.forget();
    let told = run(&aws, &without, "").ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(
        looked(&aws),
        Vec::<String>::new(),
        "an app without secrets costs no call"
    );
    let surplus = told.record("surplus", "policy/execution/web");
    let line = "what role execution/web may still do: kms:Decrypt, secretsmanager:GetSecretValue";
    assert_eq!(surplus["what"], line);
    aws.pipe_with("prune-env", &told.stdout).ok();
    assert_eq!(
        aws.changes(),
        Vec::<String>::new(),
        "no mk-ecs-svc stood in the pipe"
    );
    let service = json!({"type": "service", "name": "web", "arn": "arn:aws:ecs:us-east-1:123456789012:service/cluster-production-pr1/service-web-production-pr1", "cluster": "x", "task_definition": "x", "change": "kept"});
    let pruned = aws
        .pipe_with("prune-env", &format!("{}{service}\n", told.stdout))
        .ok();
    assert_eq!(
        pruned.record("surplus", "policy/execution/web")["change"],
        "deleted"
    );
    assert_eq!(aws.changes(), ["iam:PutRolePolicy"]);
    assert_eq!(policy(&aws, WEB)["Statement"].as_array().unwrap().len(), 3);
    aws.forget();
    let again = run(&aws, &without, "").ok();
    assert!(!again.stdout.contains("surplus"), "{}", again.stdout);
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn each_secret_is_asked_for_once_and_parameters_together() {
    let aws = LocalAws::start();
    let db = make_secret(&aws, json!({"Name": "db", "SecretString": "x"}));
    let mut secrets = serde_json::Map::new();
    for number in 0..60 {
        let name = format!("/p/{number}");
        put_parameter(&aws, &name, "x", None);
        secrets.insert(format!("P{number}"), json!(name));
    }
    secrets.insert("DB".into(), json!(db));
    let beside = json!([{"name": "proxy", "image": "x", "secrets": {"DB": db}}]);
    let records = apps(&[
        ("web", json!({"secrets": secrets})),
        (
            "api",
            json!({"secrets": {"DB": format!("{db}:::")}, "containers": beside}),
        ),
    ]);
    aws.forget();
    run(&aws, &records, "").ok();
    let calls = looked(&aws);
    let parameters = calls
        .iter()
        .filter(|call| *call == "ssm:DescribeParameters");
    // Two lists of names, of which a page here has ten, and an empty one ends each.
    assert_eq!(parameters.count(), 8, "{calls:?}");
    assert_eq!(calls[0], "secretsmanager:DescribeSecret");
    assert_eq!(calls.len(), 9, "{calls:?}");
}

#[test]
fn a_secret_that_is_not_there_is_told_before_anything_is_made() {
    let aws = LocalAws::start();
    let db = make_secret(&aws, json!({"Name": "db", "SecretString": "x"}));
    let gone = make_secret(&aws, json!({"Name": "gone", "SecretString": "x"}));
    aws.call(
        "secretsmanager",
        "delete_secret",
        json!({"SecretId": "gone"}),
    );
    let empty = make_secret(&aws, json!({"Name": "empty"}));
    let never = "arn:aws:secretsmanager:us-east-1:123456789012:secret:never-AbC123";
    let (right, _) = db.rsplit_once('-').unwrap();
    let misspelled = format!("{right}-zzzzzz");
    let half = make_secret(&aws, json!({"Name": "my-secret", "SecretString": "x"}));
    let (partial, _) = half.rsplit_once('-').unwrap();
    for (value, code, why) in [
        (never, 1, "which does not exist".to_string()),
        ("/never", 1, "which does not exist".to_string()),
        (gone.as_str(), 1, "which is marked for deletion".to_string()),
        (empty.as_str(), 1, "which has no value yet".to_string()),
        (
            misspelled.as_str(),
            65,
            format!("but the ARN of that secret is {db}"),
        ),
        (partial, 65, format!("but the ARN of that secret is {half}")),
        (
            &format!("{db}::NEXT:"),
            65,
            "which has no version NEXT, only AWSCURRENT".to_string(),
        ),
    ] {
        let records = apps(&[
            ("api", json!({})),
            ("web", json!({"secrets": {"DB": value}})),
        ]);
        for flags in ["", "--plan"] {
            aws.forget();
            let refused = run(&aws, &records, flags);
            let line = format!("app 'web' takes DB from {value}, {why}");
            assert_eq!(
                refused.stderr.matches(&line).count(),
                1,
                "{}",
                refused.stderr
            );
            assert_eq!(refused.code, code, "{}", refused.stderr);
            assert_eq!(aws.changes(), Vec::<String>::new());
        }
    }
    assert_eq!(role_names(&aws), Vec::<Value>::new());
}

#[test]
fn a_secret_that_may_not_be_looked_up_is_told_with_aws_s_words() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    let db = make_secret(&aws, json!({"Name": "db", "SecretString": "x"}));
    put_parameter(&aws, "/p", "x", None);
    let env = aws.pipe("mk-env production pr1").ok().stdout;
    let ours = support::repository_and_bucket("web", "production-pr1");
    for (call, value) in [
        ("secretsmanager:DescribeSecret", db.as_str()),
        ("ssm:DescribeParameters", "/p"),
    ] {
        let why = format!("User: x is not authorized to perform: {call}");
        faults.rules(json!([{"of": call, "do": "refuse", "status": 400, "code": "AccessDeniedException", "message": why}]));
        let records = apps(&[("web", json!({"secrets": {"DB": value}}))]);
        aws.forget();
        let refused = faults.pipe_with("mk-role", &format!("{env}{records}{ours}"));
        assert_eq!(refused.code, 1, "{}", refused.stderr);
        let line = format!("cannot look up {value}, from which app 'web' takes DB: {why}");
        assert_eq!(
            refused.stderr.matches(&line).count(),
            1,
            "{}",
            refused.stderr
        );
        assert_eq!(aws.changes(), Vec::<String>::new());
    }
}

#[test]
fn another_value_is_another_text_in_the_record_where_the_app_says_so() {
    let aws = LocalAws::start();
    let db = make_secret(&aws, json!({"Name": "db", "SecretString": "x"}));
    put_parameter(&aws, "/p", "x", None);
    let fields = json!({"secrets": {"DB": db, "P": "/p"}, "restart_on_change": true});
    let records = apps(&[("web", fields)]);
    let versions = || {
        let made = run(&aws, &records, "").ok();
        text(&made.record("role", "execution/web")["secrets"]).to_string()
    };
    let first = versions();
    assert_eq!(versions(), first);
    aws.call(
        "secretsmanager",
        "put_secret_value",
        json!({"SecretId": db, "SecretString": "y"}),
    );
    let second = versions();
    assert_ne!(second, first);
    put_parameter(&aws, "/p", "y", None);
    assert_ne!(versions(), second);
}
