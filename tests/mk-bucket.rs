//! mk-bucket: its command line, and the bucket it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "mk-bucket/opened.rs"]
mod opened;

use support::{DOWN, ENV, Faults, LocalAws, Value, changed_fields, json, tags, tool};

const NAME: &str = "bucket-123456789012-us-east-1-production-pr1";
const MAKE: &str = "mk-env production pr1 | mk-bucket";

fn get(aws: &LocalAws, what: &str) -> Value {
    aws.call("s3", what, json!({"Bucket": NAME}))
}

fn put(aws: &LocalAws, what: &str, mut params: Value) {
    params["Bucket"] = json!(NAME);
    aws.call("s3", what, params);
}

fn exists(aws: &LocalAws) -> bool {
    let params = json!({"Bucket": NAME});
    aws.try_call("s3", "head_bucket", params).is_ok()
}

/// The rules of the bucket's lifecycle.
fn rules(aws: &LocalAws) -> Value {
    get(aws, "get_bucket_lifecycle_configuration")["Rules"].clone()
}

/// The statements of the bucket's policy.
fn statements(aws: &LocalAws) -> Value {
    let policy = get(aws, "get_bucket_policy");
    let policy: Value = serde_json::from_str(support::text(&policy["Policy"])).unwrap();
    policy["Statement"].clone()
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
fn a_name_that_s3_keeps_for_itself_is_not_asked_for() {
    let aws = LocalAws::start();
    let env = ENV.replace("pr1", "pr-an");
    let output = aws.pipe_with("mk-bucket", &env);
    assert_eq!(output.code, 65, "{output:?}");
    assert!(
        output.stderr.contains("would end in -an, which S3 keeps"),
        "{}",
        output.stderr
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn the_bucket_is_private_encrypted_versioned_and_forgets_and_a_second_run_changes_nothing() {
    let aws = LocalAws::start();
    let made = aws.pipe(MAKE).ok();
    let record = made.record("bucket", "artifacts");
    assert_eq!(record["bucket"], NAME);
    assert_eq!(record["encryption"], "aws:kms");
    assert_eq!(record["change"], "created");
    let records = made.records();
    let mut buckets = records.iter().filter(|record| record["type"] == "bucket");
    let first = buckets.next().unwrap();
    assert!(
        first.get("encryption").is_none(),
        "written as soon as it exists: {first}"
    );

    for (call, field, expected) in [
        (
            "get_public_access_block",
            "/PublicAccessBlockConfiguration",
            json!({
                "BlockPublicAcls": true,
                "IgnorePublicAcls": true,
                "BlockPublicPolicy": true,
                "RestrictPublicBuckets": true,
            }),
        ),
        (
            "get_bucket_encryption",
            "/ServerSideEncryptionConfiguration/Rules/0/ApplyServerSideEncryptionByDefault",
            json!({"SSEAlgorithm": "aws:kms"}),
        ),
        (
            "get_bucket_encryption",
            "/ServerSideEncryptionConfiguration/Rules/0/BucketKeyEnabled",
            json!(true),
        ),
        ("get_bucket_versioning", "/Status", json!("Enabled")),
        (
            "get_bucket_ownership_controls",
            "/OwnershipControls/Rules/0/ObjectOwnership",
            json!("BucketOwnerEnforced"),
        ),
    ] {
        let answer = get(&aws, call);
        assert_eq!(answer.pointer(field), Some(&expected), "{field}");
    }
    assert_refuses_all_but_tls(&aws);
    assert_forgets(&aws);
    let tags = tags(&get(&aws, "get_bucket_tagging")["TagSet"]);
    assert_eq!(tags["plumbline:env"], "production-pr1");
    assert_eq!(tags["Environment"], "production");
    assert_eq!(tags["Team"], "devops");
    assert_eq!(tags["Name"], NAME);

    aws.forget();
    let again = aws.pipe(MAKE).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(again.record("bucket", "artifacts")["change"], "kept");
}

fn assert_refuses_all_but_tls(aws: &LocalAws) {
    let statements = statements(aws);
    assert_eq!(statements.as_array().unwrap().len(), 1);
    assert_eq!(statements[0]["Effect"], "Deny");
    assert_eq!(
        statements[0]["Condition"],
        json!({"Bool": {"aws:SecureTransport": "false"}})
    );
}

fn assert_forgets(aws: &LocalAws) {
    let rules = rules(aws);
    let rules = rules.as_array().unwrap();
    let objects = rules.iter().find(|rule| rule["ID"] == "plumbline-objects");
    let objects = objects.unwrap();
    assert_eq!(objects["Status"], "Enabled");
    assert_eq!(objects["Expiration"]["Days"], 30);
    let old_versions = &objects["NoncurrentVersionExpiration"];
    assert_eq!(old_versions["NoncurrentDays"], 30);
    let uploads = &objects["AbortIncompleteMultipartUpload"];
    assert_eq!(uploads["DaysAfterInitiation"], 7);
    let markers = rules.iter().find(|rule| rule["ID"] == "plumbline-markers");
    let expiration = &markers.unwrap()["Expiration"];
    assert_eq!(expiration["ExpiredObjectDeleteMarker"], true);
}

#[test]
fn a_dry_run_changes_nothing_and_announces_the_bucket() {
    let plan = "mk-env production pr1 --plan | mk-bucket";
    let aws = LocalAws::start();
    let planned = aws.pipe(plan).would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(planned.record("bucket", "artifacts")["change"], "create");
    assert!(!exists(&aws));
    aws.pipe(MAKE).ok();
    put(&aws, "delete_bucket_policy", json!({}));
    aws.forget();
    let planned = aws.pipe(plan).would_change();
    let record = planned.record("bucket", "artifacts");
    assert_eq!(record["change"], "update");
    assert_eq!(record["changes"][0]["field"], "policy");
    assert_eq!(aws.changes(), Vec::<String>::new());
}

/// Changes everything of the bucket, and adds a rule, a statement and a tag.
fn change_by_hand(aws: &LocalAws) {
    put(aws, "delete_public_access_block", json!({}));
    let suspended = json!({"Status": "Suspended"});
    put(
        aws,
        "put_bucket_versioning",
        json!({"VersioningConfiguration": suspended}),
    );
    let aes =
        json!({"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]});
    put(
        aws,
        "put_bucket_encryption",
        json!({"ServerSideEncryptionConfiguration": aes}),
    );
    let writer = json!({"Rules": [{"ObjectOwnership": "ObjectWriter"}]});
    put(
        aws,
        "put_bucket_ownership_controls",
        json!({"OwnershipControls": writer}),
    );
    let rule = json!({"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}});
    put(
        aws,
        "put_bucket_lifecycle_configuration",
        json!({"LifecycleConfiguration": {"Rules": [rule]}}),
    );
    let statement = json!({"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObjectAcl", "Resource": format!("arn:aws:s3:::{NAME}/*")});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    put(aws, "put_bucket_policy", json!({"Policy": policy}));
    let tags = json!([{"Key": "plumbline:env", "Value": "production-pr1"}, {"Key": "Team", "Value": "nobody"}, {"Key": "theirs", "Value": "x"}]);
    put(
        aws,
        "put_bucket_tagging",
        json!({"Tagging": {"TagSet": tags}}),
    );
}

#[test]
fn a_policy_that_s3_gives_back_in_another_order_is_no_change() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": ["s3:*"],
        "Resource": [format!("arn:aws:s3:::{NAME}/*"), format!("arn:aws:s3:::{NAME}")],
        "Condition": {"Bool": {"aws:SecureTransport": [false]}},
    }});
    put(
        &aws,
        "put_bucket_policy",
        json!({"Policy": policy.to_string()}),
    );
    aws.forget();
    let kept = aws.pipe(MAKE).ok();
    assert_eq!(kept.record("bucket", "artifacts")["change"], "kept");
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn what_was_changed_by_hand_is_brought_into_line_and_what_others_added_stays() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    change_by_hand(&aws);
    let mended = aws.pipe(MAKE).ok();
    let record = mended.record("bucket", "artifacts");
    assert_eq!(record["change"], "updated");
    let fields = changed_fields(&record);
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
    assert_eq!(rules(&aws).as_array().unwrap().len(), 3);
    assert_eq!(statements(&aws)[0]["Sid"], "Theirs");
    let tags = tags(&get(&aws, "get_bucket_tagging")["TagSet"]);
    assert_eq!(tags["theirs"], "x");

    let other = aws.pipe(&format!("{MAKE} --encryption AES256")).ok();
    let changes = &other.record("bucket", "artifacts")["changes"][0];
    assert_eq!(changes["old"], "aws:kms");
    assert_eq!(changes["new"], "AES256");
}

#[test]
fn a_rule_of_ours_that_was_changed_is_put_right() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    let made = rules(&aws);
    let changes: [fn(&mut Value); 4] = [
        |rule| rule["Expiration"]["Days"] = json!(9),
        |rule| rule["Filter"] = json!({"Prefix": "x/"}),
        |rule| rule["Status"] = json!("Disabled"),
        |rule| rule["Transitions"] = json!([{"Days": 1, "StorageClass": "GLACIER"}]),
    ];
    for change in changes {
        let mut changed = made.clone();
        change(&mut changed[0]);
        put(
            &aws,
            "put_bucket_lifecycle_configuration",
            json!({"LifecycleConfiguration": {"Rules": changed}}),
        );
        let mended = aws.pipe(MAKE).ok().record("bucket", "artifacts");
        assert_eq!(changed_fields(&mended), ["lifecycle"]);
        assert_eq!(rules(&aws), made);
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
        let line = format!("bucket {NAME} {what}; it is left alone");
        assert!(kept.stderr.contains(&line), "{}", kept.stderr);
    }
    let deleted = faults.pipe(DOWN).ok();
    assert_eq!(deleted.record("connection", "github")["change"], "deleted");
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
    let refused = faults.pipe(DOWN);
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
    faults.pipe(DOWN).ok();
    assert!(!exists(&aws));
}

#[test]
fn what_s3_could_not_delete_at_the_moment_is_deleted_at_the_next_pass() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    put(&aws, "put_object", json!({"Key": "app/1", "Body": "x"}));
    let faults = Faults::between(&aws);
    let failed = "<DeleteResult><Error><Key>app/1</Key><Code>InternalError</Code><Message>Please try again.</Message></Error></DeleteResult>";
    faults.rules(json!([{"do": "rewrite", "of": "s3:DeleteObjectVersion", "times": 1, "match": "^.*$", "by": failed}]));
    faults.pipe(DOWN).ok();
    assert!(!exists(&aws));
}

#[test]
fn keys_that_xml_cannot_carry_are_deleted_as_they_are() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    for key in ["app/a\u{1}b", "app/c+d e"] {
        put(&aws, "put_object", json!({"Key": key, "Body": "x"}));
    }
    let faults = Faults::between(&aws);
    // S3 encodes keys where it is asked to; the local AWS does not.
    let rules = [
        ("app/a\u{1}b", "app/a%01b"),
        ("app/c\\+d e", "app/c%2Bd+e"),
        (
            "<IsTruncated>",
            "<EncodingType>url</EncodingType><IsTruncated>",
        ),
    ];
    let rules = rules.map(|(plain, encoded)| {
        json!({"do": "rewrite", "of": "s3:ListBucketVersions", "match": plain, "by": encoded})
    });
    faults.rules(json!(rules));
    faults.pipe(DOWN).ok();
    assert!(!exists(&aws));
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
    let record = listed.record("bucket", "artifacts");
    assert!(record.get("encryption").is_none(), "{record}");
    let completed = aws.pipe(MAKE).ok().record("bucket", "artifacts");
    assert_eq!(changed_fields(&completed), ["encryption", "versioning"]);
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
    let message = format!("bucket {NAME} exists and is not tagged");
    assert!(refused.stderr.contains(&message), "{}", refused.stderr);
    assert_eq!(aws.changes(), Vec::<String>::new());
    let arn = format!("arn:aws:s3:::{NAME}");
    let theirs = json!({"type": "bucket", "name": "artifacts", "arn": arn, "bucket": NAME});
    let records = format!("{ENV}\n{theirs}\n");
    let kept = aws.pipe_with("rm-env --confirm production-pr1", &records);
    assert_eq!(kept.code, 1, "{}", kept.stderr);
    assert!(exists(&aws));
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
    let deleted = aws.pipe(DOWN).ok();
    assert_eq!(deleted.record("bucket", "artifacts")["change"], "deleted");
    assert!(!exists(&aws));
    aws.forget();
    aws.pipe(DOWN).ok();
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
