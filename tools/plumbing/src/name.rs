//! Names within each service's limits, and the words an environment and an app may be called.
//!
//! A name is `kind-part-environment-suffix`. It is how a resource is found again where AWS keeps
//! names unique; whose it is, the identity tag says ([`IDENTITY`]).

use sha2::{Digest, Sha256};

/// The identity tag: its value is the environment's name. What lacks it is never touched.
pub const IDENTITY: &str = "plumbline:env";

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

/// `name` within `limit` characters: a longer one is cut and ends in 8 hex digits of its SHA-256,
/// so that it is the same in every run and no two names share a cut.
pub fn cut(name: &str, limit: usize) -> String {
    if name.len() <= limit {
        return name.to_string();
    }
    let digest = Sha256::digest(name.as_bytes());
    let hash: String = digest
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    // A record on stdin may have any name.
    format!(
        "{}-{hash}",
        name[..name.floor_char_boundary(limit - 9)].trim_end_matches('-')
    )
}

/// Whether a text is one that AWS gives or takes as an ID, an ARN or a reference.
pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Whether `name` could be one of ours for an environment: made from `kind-` and ending in the
/// environment's name, or cut. A first sieve before tags are read, never the proof.
pub fn could_be(name: &str, kind: &str, env: &str, limit: usize) -> bool {
    let Some(rest) = name
        .strip_prefix(kind)
        .and_then(|rest| rest.strip_prefix('-'))
    else {
        return false;
    };
    rest.ends_with(env) || name.len() + 8 >= limit && is_cut(name)
}

fn is_cut(name: &str) -> bool {
    let hash = name.rsplit('-').next().unwrap_or_default();
    hash.len() == 8
        && hash
            .bytes()
            .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
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

/// Checks a region's name (`us-east-1`). It becomes a part of the names of AWS's hosts.
pub fn check_region(region: &str) -> Result<(), String> {
    let fits = region.starts_with(|c: char| c.is_ascii_lowercase())
        && region.len() <= 32
        && !region.ends_with('-')
        && region
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    fits.then_some(())
        .ok_or_else(|| format!("region '{region}' is not a region's name"))
}

/// Whether every service takes it in a tag.
fn is_tag_text(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_alphanumeric() || " +-=._:/@".contains(c))
}

/// Checks a tag against the narrowest rules of the services (ELB, S3) and against our own tags.
pub fn check_tag(key: &str, value: &str) -> Result<(), String> {
    if key.is_empty() || key.chars().count() > 128 || !is_tag_text(key) {
        return Err(format!(
            "tag key '{key}' must be 1 to 128 letters, digits, spaces and + - = . _ : / @"
        ));
    }
    if value.chars().count() > 256 || !is_tag_text(value) {
        return Err(format!(
            "tag value '{value}' must be at most 256 letters, digits, spaces and + - = . _ : / @"
        ));
    }
    let reserved =
        key.to_lowercase().starts_with("aws:") || key.starts_with("plumbline:") || key == "Name";
    if reserved {
        return Err(format!("tag key '{key}' is reserved"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_would_be_another_host_is_no_region() {
        for bad in [
            "",
            "-",
            "US-EAST-1",
            "us-east-",
            "evil.com/",
            "us east 1",
            &"a".repeat(33),
        ] {
            assert!(check_region(bad).is_err(), "{bad}");
        }
        assert!(
            ["us-east-1", "us-gov-west-1", "eusc-de-east-1"]
                .iter()
                .all(|region| check_region(region).is_ok())
        );
    }

    #[test]
    fn reserved_and_odd_tags_are_refused() {
        for (key, value) in [
            ("aws:x", "y"),
            ("plumbline:env", "y"),
            ("Name", "y"),
            ("", "y"),
            ("a", "b;c"),
        ] {
            assert!(check_tag(key, value).is_err(), "{key}");
        }
        assert!(check_tag("Cost Center", "a@b.c/1").is_ok());
    }
}
