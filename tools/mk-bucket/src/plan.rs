//! What the bucket should be, what is there, and what follows. Pure.

mod policy;

use std::collections::BTreeMap;

use plumbing::step::in_part;
use plumbing::{Bucket, Difference, Differences, Env, Record, Result};
use serde_json::Value;

pub use policy::with_our_statement;

/// After how many days an artifact expires, and after how many more its old version is deleted.
pub const DAYS: i32 = 30;
/// After how many days an upload that was never finished is dropped.
pub const UPLOAD_DAYS: i32 = 7;

/// What our lifecycle rule for objects says, in words.
pub const OBJECTS: &str =
    "expire after 30 days, old versions 30 days later, unfinished uploads after 7";
/// What our lifecycle rule for delete markers says. It is a rule of its own, since a rule with days
/// cannot also clean up delete markers (S3 API, LifecycleExpiration).
pub const MARKERS: &str = "delete markers without versions expire";

/// What is said of a bucket of our name that another account has.
pub const OF_ANOTHER_ACCOUNT: &str = "is another account's";
/// What is said of a bucket of our name that is not where the environment is.
pub const IN_ANOTHER_REGION: &str = "is in another region";

/// What our rule for objects says where somebody changed it: after how many days objects, old versions
/// and uploads expire, and whether it is in force.
pub fn changed_objects_rule(
    status: &str,
    objects: Option<i32>,
    old_versions: Option<i32>,
    uploads: Option<i32>,
) -> String {
    format!(
        "expire after {} days, old versions {} days later, unfinished uploads after {} ({status})",
        number_or_no(objects),
        number_or_no(old_versions),
        number_or_no(uploads)
    )
}

/// Whether a rule for objects keeps them longer than ours, and none of them shorter.
pub fn keeps_longer(objects: i32, old_versions: i32, uploads: i32) -> bool {
    let days = [objects, old_versions, uploads];
    let ours = [DAYS, DAYS, UPLOAD_DAYS];
    days != ours && days.iter().zip(ours).all(|(days, ours)| *days >= ours)
}

fn number_or_no(days: Option<i32>) -> String {
    match days {
        Some(days) => days.to_string(),
        None => "no".to_string(),
    }
}

/// Reads how objects are encrypted that say nothing of it themselves.
pub fn encryption(text: &str) -> Result<String, String> {
    match text {
        "aws:kms" | "AES256" => Ok(text.into()),
        other => Err(format!(
            "'{other}' must be aws:kms (the key aws/s3, which AWS manages) or AES256"
        )),
    }
}

/// The bucket as it is to be.
#[derive(Clone, Debug)]
pub struct Want {
    /// Its name in S3.
    pub bucket: String,
    /// How objects are encrypted: `aws:kms` or `AES256`.
    pub encryption: String,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// The bucket of an environment.
pub fn want(env: &Env, encryption: &str) -> Want {
    let bucket = env.bucket_name();
    Want {
        encryption: encryption.into(),
        tags: env.tags_of(&bucket),
        bucket,
    }
}

/// The bucket that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Have {
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Whether all four kinds of public access are blocked.
    pub private: bool,
    /// Who owns objects: `BucketOwnerEnforced`, so that there are no access lists.
    pub ownership: String,
    /// Its policy.
    pub policy: Option<Value>,
    /// `aws:kms`, `AES256`, and so on; what is not as it is made here follows in words.
    pub encryption: String,
    /// `Enabled`, or not.
    pub versioning: String,
    /// What our two lifecycle rules say: [`OBJECTS`] and [`MARKERS`] where they are as we make them.
    pub lifecycle: [String; 2],
    /// What the rule for objects says where somebody has it keep them longer: else it is as we make it.
    pub keeps_longer: Option<String>,
    /// What else lets others at what it holds: replication, a website.
    pub opened: Vec<String>,
}

/// A part of a bucket that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The block of public access.
    PublicAccess,
    /// Who owns objects.
    Ownership,
    /// The policy.
    Policy,
    /// How objects are encrypted.
    Encryption,
    /// Versions.
    Versioning,
    /// When objects expire.
    Lifecycle,
    /// The tags.
    Tags,
}

/// In what a bucket differs from what is wanted; what is stricter stays.
///
/// Errors: it is not the environment's.
pub fn compare(env: &Env, want: &Want, have: &Have) -> Result<Differences<Part>> {
    env.check_ours(format!("bucket {}", want.bucket), &have.tags)?;
    let mut differences = differences_of_settings(env, want, have);
    let tags = Difference::of_tags(&have.tags, &want.tags);
    differences.extend(in_part(Part::Tags, tags));
    Ok(differences)
}

fn differences_of_settings(env: &Env, want: &Want, have: &Have) -> Differences<Part> {
    let mut differences = Differences::new();

    let private = Difference::between("public access blocked", have.private, true);
    differences.extend(in_part(Part::PublicAccess, private));

    let ownership = Difference::between("object ownership", &have.ownership, "BucketOwnerEnforced");
    differences.extend(in_part(Part::Ownership, ownership));

    let new = with_our_statement(env, &want.bucket, have.policy.as_ref());
    let old = have.policy.clone().unwrap_or_else(|| "none".into());
    if !plumbing::policy::same(&old, &new) {
        let old = old.as_str().map_or(old.to_string(), String::from);
        let policy = Difference::between("policy", old, new);
        differences.extend(in_part(Part::Policy, policy));
    }

    if !is_encrypted_stricter(have) {
        let encryption = Difference::between("encryption", &have.encryption, &want.encryption);
        differences.extend(in_part(Part::Encryption, encryption));
    }

    let versioning = Difference::between("versioning", &have.versioning, "Enabled");
    differences.extend(in_part(Part::Versioning, versioning));

    let old = have.lifecycle.join("; ");
    let new = [OBJECTS, MARKERS].join("; ");
    let lifecycle = Difference::between("lifecycle", old, new);
    differences.extend(in_part(Part::Lifecycle, lifecycle));

    differences
}

/// Whether somebody has objects encrypted with a key of their own, or twice.
fn is_encrypted_stricter(have: &Have) -> bool {
    let encryption = &have.encryption;
    encryption.starts_with("aws:kms with ") || encryption.starts_with("aws:kms:dsse")
}

/// How a bucket will encrypt, for its record.
pub fn encryption_to_be<'a>(want: &'a Want, found: Option<&'a Have>) -> &'a str {
    match found {
        Some(have) if is_encrypted_stricter(have) => algorithm(have),
        _ => &want.encryption,
    }
}

/// The algorithm alone, without the key.
fn algorithm(have: &Have) -> &str {
    have.encryption.split(' ').next().unwrap_or_default()
}

/// What is said of a bucket that somebody made stricter.
pub fn warning_of_stricter(want: &Want, have: &Have) -> Option<String> {
    let mut stricter = Vec::new();
    if is_encrypted_stricter(have) {
        stricter.push(format!("encryption {}", have.encryption));
    }
    if let Some(rule) = &have.keeps_longer {
        stricter.push(format!("objects that {rule}"));
    }
    stricter.extend(policy::denials(have.policy.as_ref()));
    if stricter.is_empty() {
        return None;
    }
    let (bucket, stricter) = (&want.bucket, stricter.join("; "));
    Some(format!(
        "bucket {bucket} has by somebody's hand: {stricter}; it stays so"
    ))
}

/// What is said of a bucket that somebody lets others at. They may have had a reason: that stays.
pub fn warning_of_others(want: &Want, have: &Have) -> Option<String> {
    let mut ways = policy::grants(have.policy.as_ref());
    ways.extend(have.opened.clone());
    if ways.is_empty() {
        return None;
    }
    let (bucket, ways) = (&want.bucket, ways.join(", "));
    Some(format!(
        "bucket {bucket} lets others at what it holds: {ways}; that stays until you take it away"
    ))
}

/// The encryption of a bucket that lacks nothing, for its record: a bucket that was left half made
/// is recorded without.
pub fn encryption_once_set_up<'a>(env: &Env, have: &'a Have) -> Option<&'a str> {
    if !is_encrypted_stricter(have) {
        encryption(&have.encryption).ok()?;
    }
    let want = want(env, &have.encryption);
    if !differences_of_settings(env, &want, have).is_empty() {
        return None;
    }
    Some(algorithm(have))
}

/// The bucket's ARN.
pub fn arn(env: &Env, bucket: &str) -> String {
    format!("arn:{}:s3:::{bucket}", env.partition())
}

/// The bucket's record; without the encryption while it is not set up.
pub fn record(env: &Env, encryption: Option<&str>) -> Record {
    let bucket = env.bucket_name();
    let encryption = encryption.map(String::from);
    Record::of(&Bucket {
        name: "artifacts".into(),
        arn: arn(env, &bucket),
        bucket,
        encryption,
        ..Bucket::default()
    })
}

/// A key as it is, from the URL encoding in which S3 answers it: XML cannot carry all keys.
pub fn decoded(key: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = key.as_bytes();
    while let [first, after @ ..] = rest {
        if let Some(byte) = percent_encoded_byte(rest) {
            bytes.push(byte);
            rest = &rest[3..];
        } else {
            bytes.push(if *first == b'+' { b' ' } else { *first });
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte that `%XX` at the beginning of a text stands for.
fn percent_encoded_byte(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else {
        return None;
    };
    let high = char::from(*high).to_digit(16)?;
    let low = char::from(*low).to_digit(16)?;
    Some((16 * high + low) as u8)
}

/// Whether XML can carry a key: one with control characters has to be deleted by a call of its own.
pub fn fits_xml(key: &str) -> bool {
    !key.chars()
        .any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

#[cfg(test)]
mod tests {
    use plumbing::step::parts;
    use serde_json::json;

    use super::policy::TLS_ONLY;
    use super::*;

    const BUCKET: &str = "bucket-123456789012-us-east-1-production-pr1";

    fn env() -> Env {
        Env::example()
    }

    fn ours() -> Have {
        Have {
            tags: env().tags_of(BUCKET).into_iter().collect(),
            private: true,
            ownership: "BucketOwnerEnforced".into(),
            policy: Some(with_our_statement(&env(), BUCKET, None)),
            encryption: "aws:kms".into(),
            versioning: "Enabled".into(),
            lifecycle: [OBJECTS.into(), MARKERS.into()],
            ..Have::default()
        }
    }

    fn differences(encryption: &str, have: &Have) -> Differences<Part> {
        compare(&env(), &want(&env(), encryption), have).unwrap()
    }

    fn fields(have: &Have) -> Vec<String> {
        let differences = differences("aws:kms", have).into_iter();
        differences
            .map(|(_, difference)| difference.field)
            .collect()
    }

    #[test]
    fn what_is_as_wanted_does_not_differ() {
        assert_eq!(fields(&ours()), Vec::<String>::new());
    }

    #[test]
    fn each_kind_of_difference_is_mended_by_one_call() {
        let mut have = Have {
            tags: ours().tags,
            ..Have::default()
        };
        have.tags.insert("Team".into(), "nobody".into());
        have.tags.remove("Name");
        assert_eq!(
            parts(&differences("AES256", &have)),
            [
                Part::PublicAccess,
                Part::Ownership,
                Part::Policy,
                Part::Encryption,
                Part::Versioning,
                Part::Lifecycle,
                Part::Tags,
            ]
        );
    }

    #[test]
    fn others_statements_stay_and_ours_is_put_right() {
        let theirs = json!({"Sid": "Theirs", "Effect": "Allow"});
        let their_policy = json!({"Version": "2012-10-17", "Statement": theirs});
        let both = with_our_statement(&env(), BUCKET, Some(&their_policy));
        assert_eq!(both["Statement"][0], theirs);
        assert_eq!(both["Statement"][1]["Sid"], TLS_ONLY);

        let mut weak = both.clone();
        weak["Statement"][1]["Effect"] = json!("Allow");
        assert_eq!(with_our_statement(&env(), BUCKET, Some(&weak)), both);
        let with_weak = Have {
            policy: Some(weak),
            ..ours()
        };
        assert_eq!(fields(&with_weak), ["policy"]);

        let with_both = Have {
            policy: Some(both),
            ..ours()
        };
        assert_eq!(fields(&with_both), Vec::<String>::new());
    }

    #[test]
    fn a_policy_that_comes_back_in_another_order_is_no_difference() {
        let theirs = json!({"Sid": "Theirs", "Effect": "Allow", "Principal": {"AWS": ["1", "2"]}});
        let ours_alone = &with_our_statement(&env(), BUCKET, None)["Statement"][0];
        let mut ours_back = ours_alone.clone();
        ours_back["Principal"] = json!({"AWS": "*"});
        ours_back["Action"] = json!(["s3:*"]);
        ours_back["Resource"] = json!([ours_alone["Resource"][1], ours_alone["Resource"][0]]);
        ours_back["Condition"]["Bool"]["aws:SecureTransport"] = json!([false]);
        for statements in [
            json!(ours_back),
            json!([ours_back, theirs]),
            json!([theirs, ours_back]),
        ] {
            let policy = json!({"Version": "2012-10-17", "Statement": statements});
            let have = Have {
                policy: Some(policy),
                ..ours()
            };
            assert_eq!(fields(&have), Vec::<String>::new(), "{statements}");
        }
    }

    #[test]
    fn a_statement_that_lets_everyone_in_is_taken_away() {
        let theirs = json!({"Sid": "Theirs", "Effect": "Allow", "Principal": {"AWS": "1"}});
        let public =
            json!({"Sid": "Public", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"});
        let mut limited = public.clone();
        limited["Condition"] = json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}});
        let policy = json!({"Version": "2012-10-17", "Statement": [theirs, public, limited]});
        let mended = with_our_statement(&env(), BUCKET, Some(&policy));
        let sids: Vec<&Value> = mended["Statement"].as_array().unwrap().iter().collect();
        assert_eq!(sids[..2], [&theirs, &limited]);
        assert_eq!(sids[2]["Sid"], TLS_ONLY);
        let have = Have {
            policy: Some(policy),
            ..ours()
        };
        assert_eq!(fields(&have), ["policy"]);
    }

    #[test]
    fn what_is_stricter_is_said_and_is_no_difference() {
        let wanted = want(&env(), "aws:kms");
        assert_eq!(warning_of_stricter(&wanted, &ours()), None);
        let denial = json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny"}});
        let own_key = Have {
            encryption: "aws:kms with arn:k without a bucket key".into(),
            keeps_longer: Some("expire after 90 days".into()),
            policy: Some(with_our_statement(&env(), BUCKET, Some(&denial))),
            ..ours()
        };
        assert_eq!(
            warning_of_stricter(&wanted, &own_key).unwrap(),
            format!(
                "bucket {BUCKET} has by somebody's hand: encryption aws:kms with arn:k without a bucket key; objects that expire after 90 days; statement without a name, which only denies; it stays so"
            )
        );
        let twice = Have {
            encryption: "aws:kms:dsse".into(),
            ..ours()
        };
        for (have, algorithm) in [(own_key, "aws:kms"), (twice, "aws:kms:dsse")] {
            assert_eq!(fields(&have), Vec::<String>::new());
            assert_eq!(encryption_once_set_up(&env(), &have), Some(algorithm));
            assert_eq!(encryption_to_be(&wanted, Some(&have)), algorithm);
        }
        assert_eq!(encryption_to_be(&wanted, None), "aws:kms");
    }

    #[test]
    fn who_else_is_let_in_is_said_and_is_no_difference() {
        let wanted = want(&env(), "aws:kms");
        assert_eq!(warning_of_others(&wanted, &ours()), None);
        let grant = json!({"Version": "2012-10-17", "Statement": {"Sid": "a", "Effect": "Allow", "Principal": {"AWS": "1"}}});
        let have = Have {
            policy: Some(with_our_statement(&env(), BUCKET, Some(&grant))),
            opened: vec!["replication to arn:aws:s3:::x".into()],
            ..ours()
        };
        assert_eq!(fields(&have), Vec::<String>::new());
        assert_eq!(
            warning_of_others(&wanted, &have).unwrap(),
            format!(
                r#"bucket {BUCKET} lets others at what it holds: statement a for {{"AWS":"1"}}, replication to arn:aws:s3:::x; that stays until you take it away"#
            )
        );
    }

    #[test]
    fn only_a_rule_that_keeps_nothing_shorter_keeps_longer() {
        for (days, longer) in [
            ((30, 30, 7), false),
            ((90, 30, 7), true),
            ((30, 30, 30), true),
            ((90, 1, 7), false),
            ((1, 30, 7), false),
        ] {
            assert_eq!(keeps_longer(days.0, days.1, days.2), longer, "{days:?}");
        }
    }

    #[test]
    fn a_bucket_without_our_tag_is_refused() {
        let have = Have {
            tags: BTreeMap::new(),
            ..ours()
        };
        let error = compare(&env(), &want(&env(), "aws:kms"), &have).unwrap_err();
        assert_eq!(
            error.message,
            "bucket bucket-123456789012-us-east-1-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone"
        );
    }

    #[test]
    fn a_bucket_that_was_left_half_made_has_no_encryption_in_its_record() {
        assert_eq!(encryption_once_set_up(&env(), &ours()), Some("aws:kms"));
        let other = Have {
            encryption: "AES256".into(),
            ..ours()
        };
        assert_eq!(encryption_once_set_up(&env(), &other), Some("AES256"));
        let public = Have {
            private: false,
            ..ours()
        };
        let without_policy = Have {
            policy: None,
            ..ours()
        };
        let without_versions = Have {
            versioning: "never enabled".into(),
            ..ours()
        };
        let without_key = Have {
            encryption: "aws:kms without a bucket key".into(),
            ..ours()
        };
        let without_rules = Have {
            lifecycle: ["none".into(), "none".into()],
            ..ours()
        };
        for have in [
            public,
            without_policy,
            without_versions,
            without_key,
            without_rules,
        ] {
            let encryption = encryption_once_set_up(&env(), &have);
            assert_eq!(encryption, None, "{have:?}");
        }
    }

    #[test]
    fn the_record_has_the_encryption_once_all_is_set() {
        assert_eq!(
            serde_json::to_string(&record(&env(), Some("aws:kms"))).unwrap(),
            r#"{"type":"bucket","name":"artifacts","arn":"arn:aws:s3:::bucket-123456789012-us-east-1-production-pr1","bucket":"bucket-123456789012-us-east-1-production-pr1","encryption":"aws:kms"}"#
        );
        assert!(record(&env(), None).0.get("encryption").is_none());
    }

    #[test]
    fn the_longest_name_is_a_buckets() {
        let suffix = "s".repeat(32);
        let env = Env {
            name: format!("{}-{suffix}", "e".repeat(32)),
            environment: "e".repeat(32),
            suffix,
            region: "ap-southeast-1".into(),
            ..env()
        };
        let name = env.bucket_name();
        assert_eq!(name.len(), 63);
        for byte in name.bytes() {
            assert!(
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-',
                "{name}"
            );
        }
    }

    #[test]
    fn only_two_encryptions_are_taken() {
        assert_eq!(encryption("AES256"), Ok("AES256".into()));
        assert!(encryption("aes256").is_err());
    }

    #[test]
    fn a_key_comes_out_of_its_encoding_as_it_is() {
        for (encoded, key) in [
            ("a/b-c_d.e", "a/b-c_d.e"),
            ("a+b%2Bc%25", "a b+c%"),
            ("ctl%01x%0Ay", "ctl\u{1}x\ny"),
            ("%C3%A9", "é"),
            ("100%", "100%"),
            ("%zz%+1", "%zz% 1"),
        ] {
            assert_eq!(decoded(encoded), key);
        }
    }

    #[test]
    fn a_key_with_control_characters_needs_a_call_of_its_own() {
        assert!(fits_xml("a/b c&<ä>"));
        assert!(!fits_xml("a\u{1}b") && !fits_xml("a\nb"));
    }
}
