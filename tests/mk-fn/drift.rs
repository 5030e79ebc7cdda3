//! What differs from what is wanted is brought into line.

use support::{LocalAws, Value, json, text};

use crate::{
    EMPTY, NAME, SECRET, change_by_hand, changed_fields, configuration, make, make_role, records,
    tags,
};

/// Asserts that a further run has nothing to do.
#[track_caller]
fn assert_changes_nothing(aws: &LocalAws, records: &str) {
    aws.forget();
    make(aws, records).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn what_was_changed_of_the_code_is_brought_into_line() {
    let aws = LocalAws::start();
    let records = records(&aws);
    make(&aws, &records).ok();
    let sha = configuration(&aws)["CodeSha256"].clone();
    change_by_hand(&aws, "update_function_code", json!({"ZipFile": EMPTY}));
    aws.forget();
    assert_eq!(changed_fields(&make(&aws, &records).ok()), ["code"]);
    assert_eq!(aws.changes(), ["lambda:UpdateFunctionCode"]);
    assert_eq!(configuration(&aws)["CodeSha256"], sha);
    assert_changes_nothing(&aws, &records);
}

#[test]
fn what_was_changed_of_the_configuration_is_brought_into_line_unseen() {
    let aws = LocalAws::start();
    let records = records(&aws);
    make(&aws, &records).ok();
    let role = configuration(&aws)["Role"].clone();
    make_role(&aws, "other", "/other/");
    let changed = json!({
        "Timeout": 3,
        "MemorySize": 128,
        "Runtime": "python3.12",
        "Handler": "a.b",
        "Description": "",
        "Role": "arn:aws:iam::123456789012:role/other/other",
        "Environment": {"Variables": {"TOKEN": SECRET}},
        "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
    });
    change_by_hand(&aws, "update_function_configuration", changed);
    aws.forget();
    let mended = make(&aws, &records).ok();
    assert_eq!(
        changed_fields(&mended),
        [
            "runtime",
            "handler",
            "role",
            "timeout",
            "memory",
            "description",
            "variables"
        ]
    );
    for output in [&mended.stdout, &mended.stderr] {
        assert!(
            !output.contains(SECRET),
            "what a variable holds is nobody's"
        );
    }
    assert_eq!(aws.changes(), ["lambda:UpdateFunctionConfiguration"]);
    assert_eq!(configuration(&aws)["Role"], role);
    assert_eq!(configuration(&aws)["Environment"], Value::Null);
    assert_changes_nothing(&aws, &records);
}

#[test]
fn what_was_changed_of_the_invocation_and_our_tags_is_brought_into_line_and_others_tags_stay() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let made = make(&aws, &records).ok();
    let arn = made.record("function", "web")["arn"].clone();
    let queue = json!({"Destination": "arn:aws:sqs:us-east-1:123456789012:theirs"});
    let twice = json!({"FunctionName": NAME, "MaximumRetryAttempts": 2, "DestinationConfig": {"OnSuccess": queue, "OnFailure": {}}});
    aws.call("lambda", "put_function_event_invoke_config", twice);
    let nobody = json!({"Resource": arn, "Tags": {"Team": "nobody", "theirs": "x"}});
    aws.call("lambda", "tag_resource", nobody);
    aws.forget();
    assert_eq!(
        changed_fields(&make(&aws, &records).ok()),
        ["retries", "event age", "destinations", "tag Team"]
    );
    assert_eq!(
        aws.changes(),
        ["lambda:PutFunctionEventInvokeConfig", "lambda:TagResource"]
    );
    assert_eq!(tags(&aws)["Team"], "devops");
    assert_eq!(tags(&aws)["theirs"], "x");
    assert_changes_nothing(&aws, &records);
}

#[test]
fn what_was_changed_of_code_and_configuration_is_brought_into_line_one_after_the_other() {
    let aws = LocalAws::start();
    let records = records(&aws);
    make(&aws, &records).ok();
    change_by_hand(&aws, "update_function_code", json!({"ZipFile": EMPTY}));
    let timeout = json!({"Timeout": 3});
    change_by_hand(&aws, "update_function_configuration", timeout);
    let params = json!({"FunctionName": NAME});
    aws.call("lambda", "delete_function_event_invoke_config", params);
    aws.forget();
    assert_eq!(
        changed_fields(&make(&aws, &records).ok()),
        ["code", "timeout", "retries", "event age"]
    );
    // The second change waits for the first.
    for call in aws.calls() {
        assert_ne!(call["code"], "ResourceConflictException", "{call}");
    }
    assert_eq!(configuration(&aws)["LastUpdateStatus"], "Successful");
    assert_changes_nothing(&aws, &records);
}

#[test]
fn code_that_would_run_beside_ours_another_log_and_a_held_up_function_are_put_right() {
    let aws = LocalAws::start();
    let records = records(&aws);
    make(&aws, &records).ok();
    let made = configuration(&aws);
    let layer = json!({"LayerName": "theirs", "Content": {"ZipFile": EMPTY}});
    let layer = aws.call("lambda", "publish_layer_version", layer);
    let layer = text(&layer["LayerVersionArn"]);
    let logging = json!({"LogFormat": "JSON", "LogGroup": "/theirs"});
    let changed = json!({"Layers": [layer], "LoggingConfig": logging});
    change_by_hand(&aws, "update_function_configuration", changed);
    let reserved = json!({"FunctionName": NAME, "ReservedConcurrentExecutions": 0});
    aws.call("lambda", "put_function_concurrency", reserved);
    aws.forget();
    let mended = make(&aws, &records).ok();
    assert_eq!(
        changed_fields(&mended),
        [
            "log group",
            "log format",
            "settings",
            "reserved concurrency"
        ]
    );
    assert_eq!(
        aws.changes(),
        [
            "lambda:UpdateFunctionConfiguration",
            "lambda:DeleteFunctionConcurrency"
        ]
    );
    let now = configuration(&aws);
    assert_eq!(now["Layers"], made["Layers"]);
    assert_eq!(now["LoggingConfig"], made["LoggingConfig"]);
    let function = aws.call("lambda", "get_function", json!({"FunctionName": NAME}));
    assert_eq!(function["Concurrency"], Value::Null);
    assert_changes_nothing(&aws, &records);
}

#[test]
fn who_else_may_invoke_it_is_told_and_stays() {
    let aws = LocalAws::start();
    let records = records(&aws);
    make(&aws, &records).ok();
    let everyone = json!({"FunctionName": NAME, "StatementId": "everyone", "Action": "lambda:InvokeFunction", "Principal": "*"});
    aws.call("lambda", "add_permission", everyone);
    let url = json!({"FunctionName": NAME, "AuthType": "NONE"});
    aws.call("lambda", "create_function_url_config", url);
    aws.call("sqs", "create_queue", json!({"QueueName": "theirs"}));
    let queue = "arn:aws:sqs:us-east-1:123456789012:theirs";
    let events = json!({"FunctionName": NAME, "EventSourceArn": queue});
    aws.call("lambda", "create_event_source_mapping", events);
    aws.forget();
    let again = make(&aws, &records).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let stderr = &again.stderr;
    assert!(
        stderr.contains("permission everyone for everyone"),
        "{stderr}"
    );
    assert!(stderr.contains("a URL with authorization NONE"), "{stderr}");
    assert!(
        stderr.contains(&format!("event source {queue}")),
        "{stderr}"
    );
}

#[test]
fn what_is_stricter_stays_and_is_said_also_where_something_else_is_mended() {
    let aws = LocalAws::start();
    let records = records(&aws);
    make(&aws, &records).ok();
    let reserved = json!({"FunctionName": NAME, "ReservedConcurrentExecutions": 2});
    aws.call("lambda", "put_function_concurrency", reserved);
    aws.forget();
    let line = format!(
        "mk-fn: function {NAME} has by somebody's hand: reserved concurrency 2; it stays so\n"
    );
    let kept = make(&aws, &records).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(kept.stderr.matches(&line).count(), 1, "{}", kept.stderr);
    let timeout = json!({"Timeout": 3});
    change_by_hand(&aws, "update_function_configuration", timeout);
    let mended = make(&aws, &records).ok();
    assert_eq!(changed_fields(&mended), ["timeout"]);
    assert_eq!(mended.stderr.matches(&line).count(), 1, "{}", mended.stderr);
    let function = aws.call("lambda", "get_function", json!({"FunctionName": NAME}));
    assert_eq!(
        function["Concurrency"]["ReservedConcurrentExecutions"],
        json!(2)
    );
}
