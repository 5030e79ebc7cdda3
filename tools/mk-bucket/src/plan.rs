//! What the bucket should be, what is there, and what follows. Pure.

use std::collections::BTreeMap;

use plumbing::step::in_part;
use plumbing::{Bucket, Difference, Differences, Env, Record, Result};
use serde_json::{Value, json};

/// After how many days an artifact is deleted, and after how many more its bytes.
pub const DAYS: i32 = 30;
/// After how many days an upload that was never finished is dropped.
pub const UPLOAD_DAYS: i32 = 7;
/// The statement that is ours in the bucket's policy; others' stay.
const TLS_ONLY: &str = "TlsOnly";

/// What is wanted beside the bucket itself.
pub const OBJECTS: &str =
    "expire after 30 days, old versions 30 days later, unfinished uploads after 7";
/// A rule with days cannot also clean up delete markers (S3 API, LifecycleExpiration).
pub const MARKERS: &str = "delete markers without versions expire";

/// What is said of a bucket that is not the account's, or not where the environment is.
pub const ANOTHERS: &str = "is another account's";
/// The same.
pub const IN_ANOTHER_REGION: &str = "is in another region";

/// What the rule for objects says that somebody changed: after how many days objects, old versions and
/// uploads go, and whether it is in force.
pub fn otherwise(status: &str, days: [Option<i32>; 3]) -> String {
    let [objects, old, uploads] =
        days.map(|days| days.map_or("no".to_string(), |days| days.to_string()));
    format!(
        "expire after {objects} days, old versions {old} days later, unfinished uploads after {uploads} ({status})"
    )
}

/// How objects are encrypted that say nothing of it themselves.
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
    /// What our two lifecycle rules say, [`OBJECTS`] and [`MARKERS`] where they say that.
    pub lifecycle: [String; 2],
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

/// In what a bucket differs from what is wanted.
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
    let old_policy = match &have.policy {
        Some(policy) => policy.to_string(),
        None => "none".to_string(),
    };
    let new_policy = with_our_statement(env, &want.bucket, have.policy.as_ref());
    let old_lifecycle = have.lifecycle.join("; ");
    let new_lifecycle = [OBJECTS, MARKERS].join("; ");
    let parts = [
        (
            Part::PublicAccess,
            Difference::between("public access blocked", have.private, true),
        ),
        (
            Part::Ownership,
            Difference::between("object ownership", &have.ownership, "BucketOwnerEnforced"),
        ),
        (
            Part::Policy,
            Difference::between("policy", old_policy, new_policy),
        ),
        (
            Part::Encryption,
            Difference::between("encryption", &have.encryption, &want.encryption),
        ),
        (
            Part::Versioning,
            Difference::between("versioning", &have.versioning, "Enabled"),
        ),
        (
            Part::Lifecycle,
            Difference::between("lifecycle", old_lifecycle, new_lifecycle),
        ),
    ];
    let mut differences = Differences::new();
    for (part, difference) in parts {
        differences.extend(in_part(part, difference));
    }
    differences
}

/// A policy with our statement in it as it is to be, and the others as they are.
pub fn with_our_statement(env: &Env, bucket: &str, have: Option<&Value>) -> Value {
    let arn = arn(env, bucket);
    let ours = json!({
        "Sid": TLS_ONLY,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, format!("{arn}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    });
    let Some(have) = have else {
        return json!({"Version": "2012-10-17", "Statement": [ours]});
    };
    let mut policy = have.clone();
    let mut statements = match policy["Statement"].take() {
        Value::Array(statements) => statements,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    let found = statements
        .iter_mut()
        .find(|statement| statement["Sid"] == TLS_ONLY);
    match found {
        // As it stands there, where it says the same: the order of fields is no difference.
        Some(found) if *found == ours => {}
        Some(found) => *found = ours,
        None => statements.push(ours),
    }
    policy["Statement"] = statements.into();
    policy
}

/// The encryption of a bucket that lacks nothing, for its record: a bucket that was left half made
/// is recorded without.
pub fn encryption_once_set_up<'a>(env: &Env, bucket: &str, have: &'a Have) -> Option<&'a str> {
    encryption(&have.encryption).ok()?;
    let want = Want {
        bucket: bucket.into(),
        ..want(env, &have.encryption)
    };
    let lacks_nothing = differences_of_settings(env, &want, have).is_empty();
    lacks_nothing.then_some(&have.encryption)
}

/// The bucket's ARN.
pub fn arn(env: &Env, name: &str) -> String {
    format!("arn:{}:s3:::{name}", env.partition())
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

/// A key as S3 encodes it for an answer in XML, which cannot carry all of them.
pub fn decoded(key: &str) -> String {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (mut bytes, mut rest) = (Vec::new(), key.as_bytes());
    while let [first, more @ ..] = rest {
        let code = match (first, more) {
            (b'%', [high, low, ..]) => digit(*high)
                .zip(digit(*low))
                .map(|(high, low)| (16 * high + low) as u8),
            _ => None,
        };
        bytes.push(code.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if code.is_some() { &more[2..] } else { more };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether XML can carry a key: one with control characters has to be deleted by a call of its own.
pub fn fits_xml(key: &str) -> bool {
    !key.chars()
        .any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "bucket-123456789012-us-east-1-production-pr1";

    fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012","tags":{"Team":"devops"}}"#;
        serde_json::from_str(text).unwrap()
    }

    fn ours() -> Have {
        Have {
            tags: env().tags_of(NAME).into_iter().collect(),
            private: true,
            ownership: "BucketOwnerEnforced".into(),
            policy: Some(with_ours(&env(), NAME, None)),
            encryption: "aws:kms".into(),
            versioning: "Enabled".into(),
            lifecycle: [OBJECTS.into(), MARKERS.into()],
        }
    }

    fn differing(have: &Have) -> Vec<String> {
        match step(&env(), NAME, "aws:kms", Some(have)).unwrap() {
            Step::Create => panic!("create"),
            Step::Change(differences) => differences
                .into_iter()
                .map(|difference| difference.field)
                .collect(),
        }
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_as_wanted_is_kept() {
        assert_eq!(step(&env(), NAME, "aws:kms", None).unwrap(), Step::Create);
        assert_eq!(differing(&ours()), Vec::<String>::new());
    }

    #[test]
    fn each_kind_of_difference_is_mended_by_one_call() {
        let mut have = Have {
            tags: ours().tags,
            ..Have::default()
        };
        have.tags.insert("Team".into(), "nobody".into());
        have.tags.remove("Name");
        let Step::Change(differences) = step(&env(), NAME, "AES256", Some(&have)).unwrap() else {
            panic!()
        };
        let all = [
            Field::PublicAccess,
            Field::Ownership,
            Field::Policy,
            Field::Encryption,
            Field::Versioning,
        ];
        assert_eq!(
            fields(&differences),
            [&all[..], &[Field::Lifecycle, Field::Tags]].concat()
        );
    }

    #[test]
    fn others_statements_stay_and_ours_is_put_right() {
        let theirs = json!({"Sid": "Theirs", "Effect": "Allow"});
        let both = with_ours(
            &env(),
            NAME,
            Some(&json!({"Version": "2012-10-17", "Statement": theirs})),
        );
        assert_eq!(
            (&both["Statement"][0], &both["Statement"][1]["Sid"]),
            (&theirs, &json!(TLS_ONLY))
        );
        let mut weak = both.clone();
        weak["Statement"][1]["Effect"] = json!("Allow");
        assert_eq!(
            differing(&Have {
                policy: Some(weak.clone()),
                ..ours()
            }),
            ["policy"]
        );
        assert_eq!(with_ours(&env(), NAME, Some(&weak)), both);
        assert_eq!(
            differing(&Have {
                policy: Some(both),
                ..ours()
            }),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_bucket_without_our_tag_is_refused() {
        let error = step(
            &env(),
            NAME,
            "aws:kms",
            Some(&Have {
                tags: BTreeMap::new(),
                ..ours()
            }),
        )
        .unwrap_err();
        assert_eq!(
            error.message,
            "bucket bucket-123456789012-us-east-1-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone"
        );
    }

    #[test]
    fn a_bucket_that_was_left_half_made_has_no_encryption_in_its_record() {
        assert_eq!(settled(&env(), NAME, &ours()), Some("aws:kms"));
        let other = Have {
            encryption: "AES256".into(),
            ..ours()
        };
        assert_eq!(settled(&env(), NAME, &other), Some("AES256"));
        for half in [
            Have {
                private: false,
                ..ours()
            },
            Have {
                policy: None,
                ..ours()
            },
            Have {
                versioning: "never enabled".into(),
                ..ours()
            },
            Have {
                encryption: "aws:kms without a bucket key".into(),
                ..ours()
            },
            Have {
                lifecycle: ["none".into(), "none".into()],
                ..ours()
            },
        ] {
            assert_eq!(settled(&env(), NAME, &half), None, "{half:?}");
        }
    }

    #[test]
    fn the_record_tells_the_encryption_once_all_is_set() {
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
            region: "ap-southeast-1".into(),
            ..env()
        };
        let name = env.bucket_name();
        assert!(
            name.len() == 63
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        );
    }

    #[test]
    fn only_two_encryptions_are_taken() {
        assert_eq!(encryption("AES256"), Ok("AES256".into()));
        assert!(encryption("aes256").is_err());
    }

    #[test]
    fn a_key_comes_out_of_its_encoding_as_it_is() {
        for (key, plain) in [
            ("a/b-c_d.e", "a/b-c_d.e"),
            ("a+b%2Bc%25", "a b+c%"),
            ("ctl%01x%0Ay", "ctl\u{1}x\ny"),
            ("%C3%A9", "é"),
            ("100%", "100%"),
            ("%zz%+1", "%zz% 1"),
        ] {
            assert_eq!(decoded(key), plain);
        }
    }

    #[test]
    fn a_key_with_control_characters_needs_a_call_of_its_own() {
        assert!(fits_xml("a/b c&<ä>"));
        assert!(!fits_xml("a\u{1}b") && !fits_xml("a\nb"));
    }
}
