//! Whom the bucket lets in beside us: what is stricter stays, what is wider is named.

use support::{LocalAws, Value, changed_fields, json};

use crate::{MAKE, NAME, get, put, rules, statements};

#[test]
fn a_statement_that_lets_everyone_in_is_taken_away_and_named() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    let open = json!({"PublicAccessBlockConfiguration": {"BlockPublicPolicy": false}});
    put(&aws, "put_public_access_block", open);
    let objects = format!("arn:aws:s3:::{NAME}/*");
    let public = json!({"Sid": "Public", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": objects});
    let policy = json!({"Version": "2012-10-17", "Statement": [public]}).to_string();
    put(&aws, "put_bucket_policy", json!({"Policy": policy}));
    let mended = aws.pipe(MAKE).ok();
    assert!(mended.stderr.contains("Public"), "{}", mended.stderr);
    let sids: Vec<Value> = statements(&aws).as_array().unwrap().clone();
    assert_eq!(sids.len(), 1, "{sids:?}");
    assert_eq!(sids[0]["Sid"], "TlsOnly");
}

/// Makes the bucket stricter: a key of one's own, a longer lifecycle, a statement that denies.
fn make_stricter(aws: &LocalAws) -> Value {
    let own_key = json!({"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": "arn:aws:kms:us-east-1:123456789012:key/theirs"}, "BucketKeyEnabled": true}]});
    put(
        aws,
        "put_bucket_encryption",
        json!({"ServerSideEncryptionConfiguration": own_key}),
    );
    let mut longer = rules(aws);
    let each = longer.as_array_mut().unwrap().iter_mut();
    for rule in each.filter(|rule| rule["ID"] == "plumbline-objects") {
        rule["Expiration"]["Days"] = json!(365);
    }
    put(
        aws,
        "put_bucket_lifecycle_configuration",
        json!({"LifecycleConfiguration": {"Rules": longer}}),
    );
    let deny = json!({"Sid": "MyDeny", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObjectAcl", "Resource": format!("arn:aws:s3:::{NAME}/*")});
    add_statement(aws, deny);
    own_key
}

fn add_statement(aws: &LocalAws, statement: Value) {
    let mut all = statements(aws);
    all.as_array_mut().unwrap().push(statement);
    let policy = json!({"Version": "2012-10-17", "Statement": all}).to_string();
    put(aws, "put_bucket_policy", json!({"Policy": policy}));
}

#[test]
fn what_is_stricter_stays_and_is_said_also_where_something_else_is_mended() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    let own_key = make_stricter(&aws);
    let longer = rules(&aws);
    let line = format!(
        "mk-bucket: bucket {NAME} has by somebody's hand: encryption aws:kms with arn:aws:kms:us-east-1:123456789012:key/theirs; objects that expire after 365 days, old versions 30 days later, unfinished uploads after 7 (Enabled); statement MyDeny, which only denies; it stays so\n"
    );
    for pipe in [MAKE, "mk-env production pr1 --plan | mk-bucket"] {
        aws.forget();
        let kept = aws.pipe(pipe).ok();
        assert_eq!(kept.stderr.matches(&line).count(), 1, "{}", kept.stderr);
        assert_eq!(aws.changes(), Vec::<String>::new());
        let record = kept.record("bucket", "artifacts");
        assert_eq!(record["encryption"], "aws:kms");
    }
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    let record = listed.record("bucket", "artifacts");
    assert_eq!(record["encryption"], "aws:kms");

    let mut without_markers = longer.clone();
    let each = without_markers.as_array_mut().unwrap();
    each.retain(|rule| rule["ID"] == "plumbline-objects");
    put(
        &aws,
        "put_bucket_lifecycle_configuration",
        json!({"LifecycleConfiguration": {"Rules": without_markers}}),
    );
    let mended = aws.pipe(MAKE).ok();
    let record = mended.record("bucket", "artifacts");
    assert_eq!(changed_fields(&record), ["lifecycle"]);
    assert_eq!(mended.stderr.matches(&line).count(), 1, "{}", mended.stderr);
    assert_eq!(rules(&aws), longer);
    let encryption = get(&aws, "get_bucket_encryption");
    assert_eq!(encryption["ServerSideEncryptionConfiguration"], own_key);
}

#[test]
fn who_else_is_let_in_is_named_and_stays() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    let root = json!({"Sid": "Theirs", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "s3:*", "Resource": format!("arn:aws:s3:::{NAME}/*")});
    add_statement(&aws, root);
    aws.call(
        "s3",
        "create_bucket",
        json!({"Bucket": "theirs-123456789012"}),
    );
    let versions =
        json!({"Bucket": "theirs-123456789012", "VersioningConfiguration": {"Status": "Enabled"}});
    aws.call("s3", "put_bucket_versioning", versions);
    let rule = json!({"ID": "x", "Status": "Enabled", "Priority": 1, "Filter": {"Prefix": ""}, "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": "arn:aws:s3:::theirs-123456789012"}});
    let copied = json!({"Role": "arn:aws:iam::123456789012:role/x", "Rules": [rule]});
    put(
        &aws,
        "put_bucket_replication",
        json!({"ReplicationConfiguration": copied}),
    );
    let website = json!({"WebsiteConfiguration": {"IndexDocument": {"Suffix": "i"}}});
    put(&aws, "put_bucket_website", website);
    aws.forget();
    let kept = aws.pipe(MAKE).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let line = format!(
        r#"mk-bucket: bucket {NAME} lets others at what it holds: statement Theirs for {{"AWS":"arn:aws:iam::999999999999:root"}}, replication to arn:aws:s3:::theirs-123456789012, website hosting; that stays until you take it away"#
    );
    assert_eq!(kept.stderr.matches(&line).count(), 1, "{}", kept.stderr);
}
