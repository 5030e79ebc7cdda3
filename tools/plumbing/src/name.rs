//! Names within each service's limits, and the words an environment and an app may be called.
//!
//! A name is `kind-part-environment-suffix`. It is how a resource is found again where AWS keeps
//! names unique; whose it is, the identity tag says ([`IDENTITY`]).

use sha2::{Digest, Sha256};

/// The identity tag: its value is the environment's name. What lacks it is never touched.
pub const IDENTITY: &str = "plumbline:env";

/// The tag that says which app a resource is for: a name may end in a hash, and then does not.
pub const APP: &str = "plumbline:app";

/// The tag that says which source a pipeline's part is of: a name that was cut does not.
pub const SOURCE: &str = "plumbline:source";

/// Connections (CodeConnections model).
pub const CONNECTION_LIMIT: usize = 32;
/// Buckets (S3 model).
pub const BUCKET_LIMIT: usize = 63;
/// Functions (Lambda API).
pub const FUNCTION_LIMIT: usize = 64;
/// Rules (EventBridge model).
pub const RULE_LIMIT: usize = 64;
/// Pipelines (CodePipeline model).
pub const PIPELINE_LIMIT: usize = 100;
/// Build projects (CodeBuild model; the guide says 255).
pub const PROJECT_LIMIT: usize = 150;
/// Load balancers and target groups (ELBv2 model).
pub const LOAD_BALANCER_LIMIT: usize = 32;
/// IAM roles (IAM model).
pub const ROLE_LIMIT: usize = 64;
/// ECR repositories (ECR model).
pub const REPOSITORY_LIMIT: usize = 256;
/// Security groups, clusters, services, task definition families, tags' values (their models).
pub const LONG_LIMIT: usize = 255;

/// The words of a name. Of each kind of resource no two different words make one name.
#[derive(Clone, Copy)]
pub(crate) struct Words<'a> {
    /// What it is: `alb`.
    pub(crate) kind: &'a str,
    /// Whose it is: an app or a source, or nothing.
    pub(crate) of: &'a str,
    /// What AWS cannot change about it, in words of ours, such as a port; or nothing.
    pub(crate) detail: &'a str,
    /// `production`.
    pub(crate) environment: &'a str,
    /// `pr123`.
    pub(crate) suffix: &'a str,
}

impl Words<'_> {
    /// `kind-of-detail-environment-suffix` within `limit` characters.
    ///
    /// It ends in eight hex digits of a hash of its words where it is cut, and where it could be
    /// read otherwise: app `a-prod` in `x-y` as app `a` in `prod-x-y`.
    pub(crate) fn name(self, limit: usize) -> String {
        let words = [
            self.kind,
            self.of,
            self.detail,
            self.environment,
            self.suffix,
        ];
        let said: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let name = said.join("-");
        let has_hyphens = self.of.contains('-') || self.suffix.contains('-');
        let has_one_reading = self.of.is_empty() || !has_hyphens;
        if name.len() <= limit && has_one_reading {
            return name;
        }
        with_hash(&name, &words.join("/"), limit)
    }
}

/// `name` within `limit` characters: a longer one is cut and ends in 8 hex digits of its SHA-256,
/// so that it is the same in every run and no two names share a cut.
pub fn cut(name: &str, limit: usize) -> String {
    if name.len() <= limit {
        return name.to_string();
    }
    with_hash(name, name, limit)
}

/// As much of a name as there is room for, and a hash.
fn with_hash(name: &str, hashed: &str, limit: usize) -> String {
    let digest = Sha256::digest(hashed.as_bytes());
    let mut hash = String::new();
    for byte in digest.iter().take(4) {
        hash.push_str(&format!("{byte:02x}"));
    }
    let room = limit - hash.len() - 1;
    // A record on stdin may have any name.
    let begin = &name[..name.floor_char_boundary(room)];
    format!("{}-{hash}", begin.trim_end_matches('-'))
}

/// Whether a text is one that AWS gives or takes as an ID, an ARN or a reference.
pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Whether a text is an ID of EC2 or EFS that begins so: `sg-`, and 8 or 17 digits of 0-9 and a-f.
pub(crate) fn is_id(text: &str, begin: &str) -> bool {
    let digits = text.strip_prefix(begin).unwrap_or_default().as_bytes();
    matches!(digits.len(), 8 | 17)
        && digits
            .iter()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether `name` could be one of ours for an environment: it begins with `kind-`, and ends in the
/// environment's name, with a hash or without; or it was cut. That is for choosing whose tags are
/// read, never the proof.
pub fn could_be(name: &str, kind: &str, env: &str, limit: usize) -> bool {
    let Some(rest) = name
        .strip_prefix(kind)
        .and_then(|rest| rest.strip_prefix('-'))
    else {
        return false;
    };
    let Some(hashed) = without_hash(rest) else {
        return ends_with_words(rest, env);
    };
    let was_cut = name.len() + 8 >= limit;
    was_cut || ends_with_words(hashed, env) || ends_with_words(rest, env)
}

/// Whether a name ends in the words of an environment's name, and not in the middle of a word.
fn ends_with_words(name: &str, env: &str) -> bool {
    match name.strip_suffix(env) {
        Some(rest) => rest.is_empty() || rest.ends_with('-'),
        None => false,
    }
}

/// What stands before the hash at the end of a name, if there is one.
fn without_hash(name: &str) -> Option<&str> {
    let (rest, hash) = name.rsplit_once('-')?;
    let is_hash = hash.len() == 8
        && hash
            .bytes()
            .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
    is_hash.then_some(rest)
}

/// Checks an environment's name (`production`): a letter, then letters and digits, all lower case.
pub fn check_environment(name: &str) -> Result<(), String> {
    let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 32
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    fits.then_some(()).ok_or_else(|| {
        format!("environment '{name}' must be 1 to 32 lower-case letters and digits, and begin with a letter")
    })
}

/// Checks a suffix (`pr123`) or an app's name (`web`): lower-case letters, digits and single
/// hyphens between them. Upper case is refused, not folded: some services keep it, some do not.
pub fn check_part(what: &str, name: &str) -> Result<(), String> {
    let fits = !name.is_empty()
        && name.len() <= 32
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    fits.then_some(()).ok_or_else(|| {
        format!("{what} '{name}' must be 1 to 32 lower-case letters, digits and single hyphens between them")
    })
}

/// Checks the name that an environment's bucket would have.
///
/// Errors: S3 keeps names that end so for itself (S3 user guide, "General purpose bucket naming rules").
/// Ours begin with a word of their own, and no suffix of ours has two hyphens.
pub fn check_bucket(bucket: &str) -> Result<(), String> {
    match RESERVED_ENDS.iter().find(|end| bucket.ends_with(**end)) {
        Some(end) => Err(format!(
            "bucket {bucket} would end in {end}, which S3 keeps for itself; choose another suffix"
        )),
        None => Ok(()),
    }
}

const RESERVED_ENDS: [&str; 6] = [
    "-s3alias",
    "--ol-s3",
    ".mrap",
    "--x-s3",
    "--table-s3",
    "-an",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Env;

    #[test]
    fn a_short_name_stays() {
        assert_eq!(
            cut("alb-web-production-pr123", 32),
            "alb-web-production-pr123"
        );
    }

    #[test]
    fn a_long_name_is_cut_to_the_limit_and_stays_the_same_in_every_run() {
        let long = "alb-recommendations-production-pr123";
        assert_eq!(cut(long, 32), "alb-recommendations-pro-cff0e7b6");
        assert_eq!(cut(long, 32).len(), 32);
    }

    #[test]
    fn two_long_names_never_share_a_cut() {
        let (a, b) = (
            cut("alb-recommendations-a-production-x", 32),
            cut("alb-recommendations-b-production-x", 32),
        );
        assert_ne!(a, b);
    }

    #[test]
    fn no_cut_ends_in_two_hyphens() {
        assert!(!cut("alb-aaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb", 32).contains("--"));
    }

    #[test]
    fn the_sieve_lets_ours_through_and_cuts_too() {
        assert!(could_be(
            "alb-web-production-pr123",
            "alb",
            "production-pr123",
            32
        ));
        assert!(could_be(
            &cut("alb-recommendations-production-pr123", 32),
            "alb",
            "production-pr123",
            32
        ));
        assert!(!could_be(
            "alb-web-production-pr124",
            "alb",
            "production-pr123",
            32
        ));
        assert!(!could_be(
            "other-production-pr123",
            "alb",
            "production-pr123",
            32
        ));
    }

    #[test]
    fn upper_case_and_stray_hyphens_are_refused() {
        for bad in ["PR1", "", "-a", "a-", "a--b", "a_b", "ä"] {
            assert!(check_part("suffix", bad).is_err(), "{bad}");
        }
        assert!(check_part("suffix", "pr-123").is_ok());
        assert!(check_environment("pre-prod").is_err());
    }

    #[test]
    fn a_suffix_may_not_make_a_name_that_s3_keeps() {
        for (suffix, is_kept) in [
            ("an", true),
            ("pr-an", true),
            ("s3alias", true),
            ("pr1-s3alias", true),
            ("plan", false),
            ("x-s3", false),
            ("an1", false),
            ("mrap", false),
        ] {
            let env = Env {
                suffix: suffix.into(),
                ..Env::example()
            };
            let checked = check_bucket(&env.bucket_name());
            assert_eq!(checked.is_err(), is_kept, "{suffix}: {checked:?}");
        }
    }

    #[test]
    fn no_name_of_ours_begins_as_aws_names_its_own() {
        let env = Env::example();
        let kept = [
            "internal-",
            "sg-",
            "aws",
            "amzn-s3-demo-",
            "sthree-",
            "xn--",
            "AWS",
            "/aws/vendedlogs",
        ];
        let names = [
            env.named("alb", "internal", LOAD_BALANCER_LIMIT),
            env.named("tg", "sg", LOAD_BALANCER_LIMIT),
            env.named("security-group", "sg", LONG_LIMIT),
            env.bucket_name(),
            env.log_group_name("aws"),
            env.repository_name("aws"),
            env.cluster_name(),
            env.service_name("aws"),
            env.family_name("aws"),
            env.connection_name(),
            env.project_name("aws"),
            env.function_name("aws"),
            env.pipeline_name("aws"),
            env.rule_name("aws"),
            env.build_log_group_name("aws"),
            env.function_log_group_name("aws"),
        ];
        for name in names {
            assert!(!kept.iter().any(|begin| name.starts_with(begin)), "{name}");
        }
    }
}
