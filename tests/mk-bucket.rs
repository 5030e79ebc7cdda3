//! mk-bucket: its command line, and the bucket it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{ENV, Faults, LocalAws, Value, json, tags, tool};

const NAME: &str = "bucket-123456789012-us-east-1-production-pr1";
const MAKE: &str = "mk-env production pr1 | mk-bucket";

fn get(aws: &LocalAws, what: &str) -> Value {
    aws.call("s3", what, json!({"Bucket": NAME}))
}

fn put(aws: &LocalAws, what: &str, mut params: Value) {
    params["Bucket"] = json!(NAME);
    aws.call("s3", what, params);
}

fn down(aws: &LocalAws) -> support::Output {
    aws.pipe("ls-env --env production-pr1 | rm-env --confirm production-pr1")
}

fn there(aws: &LocalAws) -> bool {
    aws.try_call("s3", "head_bucket", json!({"Bucket": NAME}))
        .is_ok()
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-bucket", &[]);
}

#[test]
fn an_encryption_that_is_none_is_refused_by_name() {
    let output = tool("mk-bucket", &["--encryption", "kms"], ENV);
    assert_eq!(output.code, 2);
    assert!(
        output.stderr.contains("must be aws:kms"),
        "{}",
        output.stderr
    );
}

#[test]
fn the_bucket_is_private_encrypted_versioned_and_forgets_and_a_second_run_changes_nothing() {
    let aws = LocalAws::start();
    let made = aws.pipe(MAKE).ok();
    let record = made.record("bucket", "artifacts");
    assert_eq!(
        (&record["bucket"], &record["encryption"], &record["change"]),
        (&json!(NAME), &json!("aws:kms"), &json!("created"))
    );
    let first = made
        .records()
        .into_iter()
        .find(|record| record["type"] == "bucket")
        .unwrap();
    assert!(
        first.get("encryption").is_none(),
        "told as soon as it exists: {first}"
    );

    let block = get(&aws, "get_public_access_block")["PublicAccessBlockConfiguration"].clone();
    assert!(
        block.as_object().unwrap().len() == 4
            && block.as_object().unwrap().values().all(|on| on == true),
        "{block}"
    );
    let rule =
        get(&aws, "get_bucket_encryption")["ServerSideEncryptionConfiguration"]["Rules"][0].clone();
    assert_eq!(
        rule["ApplyServerSideEncryptionByDefault"],
        json!({"SSEAlgorithm": "aws:kms"})
    );
    assert_eq!(rule["BucketKeyEnabled"], true);
    assert_eq!(get(&aws, "get_bucket_versioning")["Status"], "Enabled");
    let owner = get(&aws, "get_bucket_ownership_controls")["OwnershipControls"]["Rules"][0]["ObjectOwnership"].clone();
    assert_eq!(owner, "BucketOwnerEnforced");
    let policy: Value =
        serde_json::from_str(get(&aws, "get_bucket_policy")["Policy"].as_str().unwrap()).unwrap();
    assert_eq!(policy["Statement"].as_array().unwrap().len(), 1);
    assert_eq!(
        (
            &policy["Statement"][0]["Effect"],
            &policy["Statement"][0]["Condition"]
        ),
        (
            &json!("Deny"),
            &json!({"Bool": {"aws:SecureTransport": "false"}})
        )
    );
    let rules = get(&aws, "get_bucket_lifecycle_configuration")["Rules"].clone();
    let rule = |id: &str| {
        rules
            .as_array()
            .unwrap()
            .iter()
            .find(|rule| rule["ID"] == id)
            .unwrap()
            .clone()
    };
    let objects = rule("plumbline-objects");
    assert_eq!(
        (
            &objects["Expiration"]["Days"],
            &objects["NoncurrentVersionExpiration"]["NoncurrentDays"],
            &objects["Status"]
        ),
        (&json!(30), &json!(30), &json!("Enabled"))
    );
    assert_eq!(
        objects["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"],
        7
    );
    assert_eq!(
        rule("plumbline-markers")["Expiration"]["ExpiredObjectDeleteMarker"],
        true
    );
    let tags = tags(&get(&aws, "get_bucket_tagging")["TagSet"]);
    assert_eq!(
        (
            &tags["plumbline:env"],
            &tags["Environment"],
            &tags["Team"],
            &tags["Name"]
        ),
        (
            &json!("production-pr1"),
            &json!("production"),
            &json!("devops"),
            &json!(NAME)
        )
    );

    aws.forget();
    let again = aws.pipe(MAKE).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(again.record("bucket", "artifacts")["change"], "kept");
}

#[test]
fn a_dry_run_changes_nothing_and_announces_the_bucket() {
    let aws = LocalAws::start();
    let planned = aws
        .pipe("mk-env production pr1 --plan | mk-bucket")
        .would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(planned.record("bucket", "artifacts")["change"], "create");
    assert!(!there(&aws));
    aws.pipe(MAKE).ok();
    put(&aws, "delete_bucket_policy", json!({}));
    aws.forget();
    let planned = aws
        .pipe("mk-env production pr1 --plan | mk-bucket")
        .would_change();
    let record = planned.record("bucket", "artifacts");
    assert_eq!(
        (&record["change"], &record["changes"][0]["field"]),
        (&json!("update"), &json!("policy"))
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn what_was_changed_by_hand_is_brought_into_line_and_what_others_added_stays() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    put(&aws, "delete_public_access_block", json!({}));
    put(
        &aws,
        "put_bucket_versioning",
        json!({"VersioningConfiguration": {"Status": "Suspended"}}),
    );
    put(
        &aws,
        "put_bucket_encryption",
        json!({"ServerSideEncryptionConfiguration": {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}}),
    );
    put(
        &aws,
        "put_bucket_ownership_controls",
        json!({"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}}),
    );
    let theirs = json!({"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}});
    put(
        &aws,
        "put_bucket_lifecycle_configuration",
        json!({"LifecycleConfiguration": {"Rules": [theirs]}}),
    );
    let statement = json!({"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObjectAcl", "Resource": format!("arn:aws:s3:::{NAME}/*")});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    put(&aws, "put_bucket_policy", json!({"Policy": policy}));
    let set = json!([{"Key": "plumbline:env", "Value": "production-pr1"}, {"Key": "Team", "Value": "nobody"}, {"Key": "theirs", "Value": "x"}]);
    put(
        &aws,
        "put_bucket_tagging",
        json!({"Tagging": {"TagSet": set}}),
    );

    let mended = aws.pipe(MAKE).ok();
    let record = mended.record("bucket", "artifacts");
    assert_eq!(record["change"], "updated");
    let fields: Vec<&str> = record["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["field"].as_str().unwrap())
        .collect();
    for field in [
        "public access blocked",
        "object ownership",
        "policy",
        "encryption",
        "versioning",
        "lifecycle",
        "tag Team",
    ] {
        assert!(fields.contains(&field), "{field}: {fields:?}");
    }
    aws.forget();
    aws.pipe(MAKE).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let rules = get(&aws, "get_bucket_lifecycle_configuration")["Rules"]
        .as_array()
        .unwrap()
        .len();
    let policy: Value =
        serde_json::from_str(get(&aws, "get_bucket_policy")["Policy"].as_str().unwrap()).unwrap();
    assert_eq!(
        (rules, &policy["Statement"][0]["Sid"]),
        (3, &json!("Theirs"))
    );
    assert_eq!(
        tags(&get(&aws, "get_bucket_tagging")["TagSet"])["theirs"],
        "x"
    );

    let other = aws.pipe(&format!("{MAKE} --encryption AES256")).ok();
    let changes = &other.record("bucket", "artifacts")["changes"][0];
    assert_eq!(
        (&changes["old"], &changes["new"]),
        (&json!("aws:kms"), &json!("AES256"))
    );
}

#[test]
fn a_rule_of_ours_that_would_keep_something_is_put_right() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    let made = get(&aws, "get_bucket_lifecycle_configuration")["Rules"].clone();
    let changes: [fn(&mut Value); 4] = [
        |rule| rule["Expiration"]["Days"] = json!(90),
        |rule| rule["Filter"] = json!({"Prefix": "x/"}),
        |rule| rule["Status"] = json!("Disabled"),
        |rule| rule["Transitions"] = json!([{"Days": 1, "StorageClass": "GLACIER"}]),
    ];
    for change in changes {
        let mut rules = made.clone();
        change(&mut rules[0]);
        put(
            &aws,
            "put_bucket_lifecycle_configuration",
            json!({"LifecycleConfiguration": {"Rules": rules}}),
        );
        let mended = aws.pipe(MAKE).ok().record("bucket", "artifacts");
        assert_eq!(
            (&mended["changes"][0]["field"], &mended["changes"][1]),
            (&json!("lifecycle"), &Value::Null)
        );
        assert_eq!(
            get(&aws, "get_bucket_lifecycle_configuration")["Rules"],
            made
        );
    }
    aws.forget();
    aws.pipe(MAKE).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_name_that_another_account_took_is_told_and_keeps_nothing_else_from_being_deleted() {
    let aws = LocalAws::start();
    let saved = aws.pipe(MAKE).ok().stdout;
    aws.pipe("mk-env production pr1 | mk-connection").ok();
    put(&aws, "delete_bucket", json!({}));
    let faults = Faults::between(&aws);
    for (status, code, what) in [
        (403, "AccessDenied", "is another account's"),
        (301, "PermanentRedirect", "is in another region"),
    ] {
        faults.rules(
            json!([{"do": "refuse", "of": "s3:GetBucketTagging", "status": status, "code": code, "message": "No."}]),
        );
        let refused = faults.pipe(MAKE);
        assert!(
            refused.code == 1 && refused.stderr.contains("name the environment otherwise"),
            "{refused:?}"
        );
        let listed = faults.pipe("ls-env --env production-pr1").ok();
        let line = format!("ls-env: bucket {NAME} {what}; it is left alone\n");
        assert_eq!(listed.stderr.matches(&line).count(), 1, "{}", listed.stderr);
        assert!(!listed.stdout.contains("\"bucket\""), "{}", listed.stdout);
        let kept = faults
            .pipe_with("rm-env --confirm production-pr1", &saved)
            .ok();
        assert!(
            kept.stderr
                .contains(&format!("bucket {NAME} {what}; it is left alone")),
            "{}",
            kept.stderr
        );
    }
    let gone = faults
        .pipe("ls-env --env production-pr1 | rm-env --confirm production-pr1")
        .ok();
    assert_eq!(gone.record("connection", "github")["change"], "deleted");
}

#[test]
fn one_of_our_own_that_may_not_be_read_is_no_other_accounts() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    let faults = Faults::between(&aws);
    faults.rules(
        json!([{"do": "refuse", "of": "s3:GetBucketTagging", "status": 403, "code": "AccessDenied", "message": "No."}]),
    );
    let listed = faults.pipe("ls-env --env production-pr1");
    let line = format!(
        "ls-env: the list is not complete: cannot find bucket {NAME}: No (s3:GetBucketTagging, AccessDenied"
    );
    assert!(
        listed.code == 1 && listed.stderr.contains(&line),
        "{listed:?}"
    );
}

#[test]
fn what_someone_locked_is_named_in_one_line_and_goes_when_it_may() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    put(&aws, "put_object", json!({"Key": "app/kept", "Body": "x"}));
    put(&aws, "put_object", json!({"Key": "app/other", "Body": "x"}));
    let faults = Faults::between(&aws);
    let version = get(&aws, "list_object_versions")["Versions"][0]["VersionId"].clone();
    let message = "Access Denied because object protected by object lock.";
    let locked = format!(
        "<DeleteResult><Error><Key>app/kept</Key><VersionId>{}</VersionId><Code>AccessDenied</Code><Message>{message}</Message></Error></DeleteResult>",
        support::text(&version)
    );
    faults.rules(
        json!([{"do": "rewrite", "of": "s3:DeleteObjectVersion", "match": "^.*$", "by": locked}]),
    );
    let down = "ls-env --env production-pr1 | rm-env --confirm production-pr1";
    let refused = faults.pipe(down);
    let line = format!(
        "rm-env: cannot delete app/kept of bucket {NAME}: AccessDenied: {message} (s3:DeleteObjectVersion)\n"
    );
    assert_eq!(
        (refused.code, refused.stderr.matches(&line).count()),
        (1, 1),
        "{}",
        refused.stderr
    );
    faults.end();
    faults.pipe(down).ok();
    assert!(!there(&aws));
}

#[test]
fn what_s3_could_not_delete_at_the_moment_is_deleted_at_the_next_pass() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    put(&aws, "put_object", json!({"Key": "app/1", "Body": "x"}));
    let faults = Faults::between(&aws);
    let failed = "<DeleteResult><Error><Key>app/1</Key><Code>InternalError</Code><Message>Please try again.</Message></Error></DeleteResult>";
    faults.rules(json!([{"do": "rewrite", "of": "s3:DeleteObjectVersion", "times": 1, "match": "^.*$", "by": failed}]));
    faults
        .pipe("ls-env --env production-pr1 | rm-env --confirm production-pr1")
        .ok();
    assert!(!there(&aws));
}

#[test]
fn keys_that_xml_cannot_carry_are_deleted_as_they_are() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    for key in ["app/a\u{1}b", "app/c+d e"] {
        put(&aws, "put_object", json!({"Key": key, "Body": "x"}));
    }
    let faults = Faults::between(&aws);
    // As S3 answers that is asked to encode keys; the local AWS does not.
    let encoded = |what: &str, by: &str| json!({"do": "rewrite", "of": "s3:ListBucketVersions", "match": what, "by": by});
    faults.rules(json!([
        encoded("app/a\u{1}b", "app/a%01b"),
        encoded("app/c\\+d e", "app/c%2Bd+e"),
        encoded(
            "<IsTruncated>",
            "<EncodingType>url</EncodingType><IsTruncated>"
        ),
    ]));
    faults
        .pipe("ls-env --env production-pr1 | rm-env --confirm production-pr1")
        .ok();
    assert!(!there(&aws));
}

#[test]
fn one_that_was_left_half_made_is_listed_as_such_and_completed() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    put(
        &aws,
        "put_bucket_versioning",
        json!({"VersioningConfiguration": {"Status": "Suspended"}}),
    );
    let without_key =
        json!({"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]});
    put(
        &aws,
        "put_bucket_encryption",
        json!({"ServerSideEncryptionConfiguration": without_key}),
    );
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    assert!(
        listed
            .record("bucket", "artifacts")
            .get("encryption")
            .is_none(),
        "{}",
        listed.stdout
    );
    let completed = aws.pipe(MAKE).ok().record("bucket", "artifacts");
    let fields: Vec<&Value> = completed["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| &change["field"])
        .collect();
    assert_eq!(fields, [&json!("encryption"), &json!("versioning")]);
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(
        listed.record("bucket", "artifacts")["encryption"],
        "aws:kms"
    );
}

#[test]
fn a_bucket_of_that_name_that_is_not_ours_is_refused_and_stays_as_it_is() {
    let aws = LocalAws::start();
    aws.call("s3", "create_bucket", json!({"Bucket": NAME}));
    let refused = aws.pipe(MAKE);
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .stderr
            .contains(&format!("bucket {NAME} exists and is not tagged")),
        "{}",
        refused.stderr
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
    let record = format!(
        "{ENV}\n{}\n",
        json!({"type": "bucket", "name": "artifacts", "arn": format!("arn:aws:s3:::{NAME}"), "bucket": NAME})
    );
    let kept = aws.pipe_with("rm-env --confirm production-pr1", &record);
    assert_eq!(kept.code, 1, "{}", kept.stderr);
    assert!(there(&aws));
}

#[test]
fn down_empties_it_of_versions_markers_and_uploads_and_deletes_it() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    // The emulator takes the policy's denial of plain HTTP for a denial of everything.
    put(&aws, "delete_bucket_policy", json!({}));
    for n in 0..1010 {
        put(
            &aws,
            "put_object",
            json!({"Key": format!("app/{:03}", n % 505), "Body": "x"}),
        );
    }
    for key in ["app/001", "app/002", "a b&<c>"] {
        put(&aws, "delete_object", json!({"Key": key}));
    }
    put(&aws, "create_multipart_upload", json!({"Key": "half"}));
    let gone = down(&aws).ok();
    assert_eq!(gone.record("bucket", "artifacts")["change"], "deleted");
    assert!(!there(&aws));
    aws.forget();
    down(&aws).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn elsewhere_than_in_us_east_1_the_bucket_is_where_the_environment_is() {
    let aws = LocalAws::start();
    let made = aws
        .pipe("mk-env production pr1 --region ap-southeast-1 | mk-bucket")
        .ok();
    let name = made.record("bucket", "artifacts")["bucket"].clone();
    assert_eq!(name, "bucket-123456789012-ap-southeast-1-production-pr1");
    let location = aws.call("s3", "get_bucket_location", json!({"Bucket": name}));
    assert_eq!(location["LocationConstraint"], "ap-southeast-1");
}
