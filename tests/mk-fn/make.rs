//! The function that is made, and what is not made.

use support::{LocalAws, json, text};

use crate::{
    EMPTY, NAME, change_by_hand, configuration, functions, make, make_role, records, tags,
};

#[test]
fn the_function_is_as_wanted_and_a_second_run_changes_nothing() {
    let aws = LocalAws::start();
    let records = records(&aws);
    aws.forget();
    let made = make(&aws, &records).ok();
    let record = made.record("function", "web");
    let arn = format!("arn:aws:lambda:us-east-1:123456789012:function:{NAME}");
    assert_eq!(record["function"], NAME);
    assert_eq!(record["arn"], arn);
    assert_eq!(record["change"], "created");
    let function = configuration(&aws);
    assert_eq!(
        function["State"], "Active",
        "it ended before the function was ready"
    );
    for (field, wanted) in [
        ("PackageType", json!("Zip")),
        ("Runtime", json!("python3.13")),
        ("Handler", json!("index.handler")),
        ("Architectures", json!(["x86_64"])),
        ("Timeout", json!(60)),
        ("MemorySize", json!(256)),
        (
            "Description",
            json!("Tags the image that pipeline-web-production-pr1 just built production"),
        ),
        ("Environment", json!(null)),
    ] {
        assert_eq!(function[field], wanted, "{field}");
    }
    let role = text(&function["Role"]);
    assert!(
        role.contains(":role/plumbline/us-east-1/production-pr1/role-function-"),
        "{role}"
    );
    let params = json!({"FunctionName": NAME});
    let invocation = aws.call("lambda", "get_function_event_invoke_config", params);
    assert_eq!(invocation["MaximumRetryAttempts"], 0);
    assert_eq!(invocation["MaximumEventAgeInSeconds"], 900);
    let tags = tags(&aws);
    assert_eq!(tags["plumbline:env"], "production-pr1");
    assert_eq!(tags["plumbline:source"], "web");
    assert_eq!(tags["Team"], "devops");
    assert_eq!(tags["Name"], NAME);

    aws.forget();
    let again = make(&aws, &records).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(again.record("function", "web")["change"], "kept");
    let mut calls = aws.calls();
    calls.retain(|call| call["service"] == "lambda");
    let mut actions: Vec<&str> = calls.iter().map(|call| text(&call["action"])).collect();
    actions.sort_unstable(); // the list that tells what is unwanted is asked for beside the others
    assert_eq!(
        actions,
        [
            "GetFunction",
            "GetFunctionEventInvokeConfig",
            "GetFunctionUrlConfig",
            "GetPolicy",
            "ListEventSourceMappings",
            "ListFunctions"
        ]
    );
}

#[test]
fn a_dry_run_changes_nothing_and_announces_the_function() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let plan = records.replace(r#""region""#, r#""plan":true,"region""#);
    aws.forget();
    let planned = make(&aws, &plan).would_change();
    assert_eq!(planned.record("function", "web")["change"], "create");
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(functions(&aws), 0);
    make(&aws, &records).ok();
    let params = json!({"Timeout": 3});
    change_by_hand(&aws, "update_function_configuration", params);
    aws.forget();
    let planned = make(&aws, &plan).would_change();
    let record = planned.record("function", "web");
    assert_eq!(record["change"], "update");
    assert_eq!(
        record["changes"],
        json!([{"field": "timeout", "old": "3", "new": "60"}])
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn two_runs_at_once_make_one_function() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let both = "records=$(cat); mk-fn <<<\"$records\" >/dev/null & one=$!; mk-fn <<<\"$records\"; wait $one";
    let made = aws.pipe_with(both, &records).ok();
    assert_eq!(made.record("function", "web")["function"], NAME);
    assert_eq!(functions(&aws), 1);
    aws.forget();
    make(&aws, &records).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_function_of_that_name_that_is_not_ours_is_refused_and_stays_as_it_is() {
    let aws = LocalAws::start();
    let records = records(&aws);
    make_role(&aws, "theirs", "/");
    let role = "arn:aws:iam::123456789012:role/theirs";
    let theirs = json!({"FunctionName": NAME, "Runtime": "nodejs22.x", "Handler": "index.handler", "Role": role, "Code": {"ZipFile": EMPTY}, "Tags": {"Team": "theirs"}});
    aws.call("lambda", "create_function", theirs);
    aws.forget();
    let refused = make(&aws, &records);
    assert_eq!(refused.code, 1);
    let message = format!(
        "mk-fn: function {NAME} exists and is not tagged plumbline:env=production-pr1; it is left alone"
    );
    assert!(refused.stderr.contains(&message), "{}", refused.stderr);
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(configuration(&aws)["Runtime"], "nodejs22.x");
    assert_eq!(tags(&aws), json!({"Team": "theirs"}));
}
