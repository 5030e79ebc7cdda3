//! mk-env: the head of every pipe.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{LocalAws, json, tool};

const HERE: [&str; 6] = [
    "production",
    "pr1",
    "--account",
    "123456789012",
    "--region",
    "us-east-1",
];

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-env", &HERE);
}

#[test]
fn it_writes_the_environment_with_its_tags() {
    let output = tool(
        "mk-env",
        &[&HERE[..], &["--tag", "Team=web", "--tag", "Cost=7"]].concat(),
        "",
    )
    .ok();
    assert_eq!(
        output.stdout.trim(),
        r#"{"type":"env","name":"production-pr1","version":1,"environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012","tags":{"Cost":"7","Environment":"production","ManagedBy":"plumbline","Project":"plumbline","Suffix":"pr1","Team":"web"}}"#
    );
}

#[test]
fn the_account_is_that_of_the_credentials() {
    let aws = LocalAws::start();
    assert_eq!(
        aws.pipe("mk-env production pr1")
            .ok()
            .record("env", "production-pr1")["account"],
        "123456789012"
    );
    assert_eq!(aws.calls().len(), 1);
}

#[test]
fn the_region_is_found_as_the_aws_cli_finds_it() {
    let account = "--account 123456789012";
    let aws = LocalAws::start();
    let region = |pipe: &str| aws.pipe(pipe).ok().record("env", "production-pr1")["region"].clone();
    assert_eq!(
        region(&format!("mk-env production pr1 {account}")),
        "us-east-1"
    );
    assert_eq!(
        region(&format!(
            "AWS_REGION=eu-west-1 mk-env production pr1 {account}"
        )),
        "eu-west-1"
    );
    assert_eq!(
        region(&format!(
            "AWS_REGION= AWS_DEFAULT_REGION=eu-west-2 mk-env production pr1 {account}"
        )),
        "eu-west-2"
    );
    assert_eq!(
        region(&format!(
            "AWS_REGION=eu-west-1 mk-env production pr1 {account} --region eu-west-3"
        )),
        "eu-west-3"
    );
    let profile = "printf '[profile far]\\nregion = ap-southeast-1\\n' >\"$T/config\"";
    let pipe = format!(
        "T=$(mktemp -d); {profile}; AWS_CONFIG_FILE=$T/config AWS_REGION= AWS_PROFILE=far mk-env production pr1 {account}; rm -r $T"
    );
    assert_eq!(region(&pipe), "ap-southeast-1");
}

#[test]
fn a_name_that_some_service_would_refuse_is_refused_here() {
    for (args, why) in [
        (
            ["production", "PR1"],
            "suffix 'PR1' must be 1 to 32 lower-case letters, digits and single hyphens between them",
        ),
        (
            ["pre-prod", "x"],
            "environment 'pre-prod' must be 1 to 32 lower-case letters and digits, and begin with a letter",
        ),
        (["production", ""], "suffix '' must be"),
    ] {
        let output = tool("mk-env", &args, "");
        assert_eq!((output.code, output.records().len()), (2, 1));
        assert_eq!(output.record("failed", "mk-env")["code"], 2);
        assert!(output.stderr.contains(why), "{}", output.stderr);
    }
    let output = tool("mk-env", &[&HERE[..], &["--tag", "aws:x=y"]].concat(), "");
    assert!(
        output.code == 2 && output.stderr.contains("tag key 'aws:x' is reserved"),
        "{}",
        output.stderr
    );
}

#[test]
fn tags_that_some_service_would_not_take_are_refused_before_any_call() {
    let aws = LocalAws::start();
    for (tags, why) in [
        (
            "--tag environment=prod",
            "tag key 'environment' is the same as 'Environment' to IAM",
        ),
        (
            "--tag team=x",
            "tag key 'team' is the same as 'Team' to IAM",
        ),
        (
            "--tag name=x",
            "tag key 'name' is the same as 'Name' to IAM",
        ),
        (
            "--tag Plumbline:Env=x",
            "is the same as 'plumbline:env' to IAM",
        ),
        (
            "--tag Cost=1 --tag COST=2",
            "tag key 'Cost' is the same as 'COST' to IAM",
        ),
        (
            "--tag 'e\u{301}=x'",
            "which ELB, ECS, IAM and others do not take",
        ),
        ("--tag x=aws:y", "tag value 'aws:y' is reserved"),
    ] {
        let output = aws.pipe(&format!("mk-env production pr1 {tags} | mk-ecr"));
        assert_eq!(output.code, 2, "{tags}: {output:?}");
        assert!(output.stderr.contains(why), "{tags}: {}", output.stderr);
    }
    let env = support::ENV.replace(r#""Team":"devops""#, r#""Team":"x","team":"y""#);
    let output = aws.pipe_with("mk-ecr", &env);
    assert_eq!(output.code, 65, "{output:?}");
    assert!(
        output
            .stderr
            .contains("tag key 'team' is the same as 'Team' to IAM"),
        "{}",
        output.stderr
    );
    assert_eq!(aws.calls(), Vec::<support::Value>::new());
}

#[test]
fn a_suffix_that_makes_a_bucket_name_that_s3_keeps_is_refused() {
    for suffix in ["an", "pr-an", "s3alias"] {
        let mut args = HERE;
        args[1] = suffix;
        let output = tool("mk-env", &args, "");
        assert_eq!(output.code, 2, "{output:?}");
        assert!(
            output
                .stderr
                .contains("which S3 keeps for itself; choose another suffix"),
            "{}",
            output.stderr
        );
    }
    let mut args = HERE;
    args[1] = "plan";
    tool("mk-env", &args, "").ok();
}

#[test]
fn what_is_no_region_is_refused_wherever_it_was_said() {
    let aws = LocalAws::start();
    for pipe in [
        "mk-env production pr1 --region evil.com/",
        "mk-env production pr1 --region US-EAST-1 --account 123456789012",
        "mk-env production pr1 --region '' --account 123456789012",
        "AWS_REGION='us east 1' mk-env production pr1",
        "AWS_REGION='us east 1' mk-env production pr1 --account 123456789012",
        "mk-vpc --env production-pr1 --region us_east_1 </dev/null",
    ] {
        let output = aws.pipe(pipe);
        assert!(
            output.code == 2 && output.stderr.contains("is none that this version knows"),
            "{pipe}: {output:?}"
        );
        assert_eq!(output.records().len(), 1, "{pipe}: {output:?}"); // the failed record
    }
    assert_eq!(aws.calls(), Vec::<support::Value>::new());
}

#[test]
fn more_tags_than_aws_takes_are_refused() {
    let tags: Vec<String> = (0..41).map(|n| format!("--tag=k{n}=v")).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    let output = tool("mk-env", &[&HERE[..], &tags].concat(), "");
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (
            2,
            "mk-env: 46 tags are too many: AWS takes 50, ours included\n"
        )
    );
}

#[test]
fn a_plan_says_so_in_the_record() {
    let output = tool("mk-env", &[&HERE[..], &["--plan"]].concat(), "").ok();
    assert_eq!(output.record("env", "production-pr1")["plan"], json!(true));
}

#[test]
fn without_credentials_it_says_what_to_set() {
    let aws = LocalAws::start();
    let output =
        aws.pipe("env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY mk-env production pr1");
    assert_eq!(output.code, 1);
    assert!(
        output
            .stderr
            .starts_with("mk-env: cannot find out the account of the credentials: "),
        "{}",
        output.stderr
    );
    assert!(
        output
            .stderr
            .ends_with("  try: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\n"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_profile_that_is_missing_is_named_and_a_session_that_ended_is_renewed() {
    let aws = LocalAws::start();
    let keyless = "env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY";
    let output = aws.pipe(&format!(
        "{keyless} AWS_PROFILE=nobody mk-env production pr1"
    ));
    let told = "mk-env: the profile 'nobody' (AWS_PROFILE) is neither in /nonexistent/.aws/config nor in /nonexistent/.aws/credentials\n  try: look for [profile nobody] in /nonexistent/.aws/config\n";
    assert_eq!((output.code, output.stderr.as_str()), (2, told));
    let session = "printf '[default]\\nsso_session=s\\nsso_account_id=123456789012\\nsso_role_name=r\\n[sso-session s]\\nsso_region=us-east-1\\nsso_start_url=https://x.example/start\\n' >\"$T/config\"";
    let output = aws.pipe(&format!(
        "T=$(mktemp -d); {session}; {keyless} AWS_CONFIG_FILE=$T/config mk-env production pr1"
    ));
    assert_eq!(output.code, 1, "{output:?}");
    assert!(
        output
            .stderr
            .ends_with("  try: aws sso login --profile default, and run the pipeline again\n"),
        "{output:?}"
    );
}

#[test]
fn an_endpoint_where_nobody_listens_is_named() {
    let output = tool("mk-env", &["production", "pr1", "--timeout", "1"], "");
    assert_eq!(output.code, 1);
    assert!(
        output
            .stderr
            .contains("127.0.0.1:9 (connection refused) (sts:GetCallerIdentity)"),
        "{}",
        output.stderr
    );
}
