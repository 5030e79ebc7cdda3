//! Whose load balancer an app answers at, where it has none of its own.

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many values the conditions of a rule have together, at most (Elastic Load Balancing's user guide,
/// "Quotas for your Application Load Balancers").
const MOST_VALUES: usize = 5;
/// And how many wildcards.
const MOST_WILDCARDS: usize = 5;
/// The longest value of a condition (Elastic Load Balancing's user guide, "Condition types for listener
/// rules").
const LONGEST: usize = 128;

/// Whose load balancer an app answers at, where it has none of its own.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[command(next_help_heading = "How it is reached")]
#[serde(default)]
pub struct Sharing {
    /// The app whose load balancer it answers at, for some paths or hosts, and has none of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "APP")]
    pub behind: Option<String>,
    /// A path that it answers there: `/api/*`; `*` stands for any characters, `?` for one; again for
    /// another. Without `--behind` it is behind the one app in the stream that it can be behind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[arg(long, value_name = "PATTERN")]
    pub path: Vec<String>,
    /// A host that it answers for there: `api.example.com`, `*.example.com`; again for another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[arg(long, value_name = "PATTERN")]
    pub host: Vec<String>,
}

impl Sharing {
    /// Whether it answers for some paths or hosts alone.
    pub fn has_conditions(&self) -> bool {
        !self.path.is_empty() || !self.host.is_empty()
    }

    /// Whether some request would be for both of two apps behind one, by the very same words.
    pub(crate) fn same_as<'a>(&'a self, other: &'a Sharing) -> Option<(&'a str, &'a str)> {
        let same_host = |one: &&str| {
            let mut others = or_any(&other.host).into_iter();
            others.any(|other| one.eq_ignore_ascii_case(other))
        };
        let (hosts, paths) = (or_any(&self.host), or_any(&self.path));
        let host = hosts.into_iter().find(same_host)?;
        let mut paths = paths.into_iter();
        let path = paths.find(|path| or_any(&other.path).contains(path))?;
        Some((host, path))
    }

    pub(super) fn check(&self, name: &str) -> Result<(), String> {
        let Some(behind) = &self.behind else {
            if self.has_conditions() {
                return Err(
                    "path and host say what it answers at the load balancer of another app: say behind which".into(),
                );
            }
            return Ok(());
        };
        crate::name::check_part("behind: app", behind)?;
        if behind == name {
            return Err(format!("app '{name}' is behind itself"));
        }
        if !self.has_conditions() {
            return Err(format!(
                "behind '{behind}': which requests are its own? say path, such as /{name}/*, or host"
            ));
        }
        for (field, patterns) in [("path", &self.path), ("host", &self.host)] {
            for (n, pattern) in patterns.iter().enumerate() {
                let refuse = |why: &str| Err(format!("{field} '{pattern}' {why}"));
                if patterns[..n].contains(pattern) {
                    return refuse("is said twice");
                }
                if pattern.len() > LONGEST {
                    return refuse("is longer than the 128 characters of a condition");
                }
                let is_good = if field == "path" { is_path } else { is_host };
                if !is_good(pattern) {
                    return refuse(match field {
                        "path" => {
                            "is no pattern of paths, such as /api/* (letters, digits and _-.$/~\"'@:+&, with * and ?)"
                        }
                        _ => {
                            "is no pattern of hosts, such as api.example.com or *.example.com, without port"
                        }
                    });
                }
            }
        }
        let patterns = self.path.iter().chain(&self.host);
        let wildcards = patterns.map(|pattern| pattern.matches(['*', '?']).count());
        if wildcards.sum::<usize>() > MOST_WILDCARDS {
            return Err(format!(
                "path and host have more than the {MOST_WILDCARDS} wildcards together that a rule takes"
            ));
        }
        if self.path.len() + self.host.len() > MOST_VALUES {
            return Err(format!(
                "path and host have more than the {MOST_VALUES} values together that a rule takes"
            ));
        }
        Ok(())
    }
}

/// The patterns, or an empty one where any will do.
fn or_any(patterns: &[String]) -> Vec<&str> {
    if patterns.is_empty() {
        return vec![""];
    }
    patterns.iter().map(String::as_str).collect()
}

/// What AWS takes as a pattern of paths, which begin with a slash. A `*` at the beginning could match in the
/// middle of another app's.
fn is_path(pattern: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_-.$/~\"'@:+&*?".contains(c);
    pattern.starts_with('/') && pattern.chars().all(is_allowed)
}

/// What AWS takes as a pattern of hosts: after the last dot there are letters alone.
fn is_host(pattern: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-.*?".contains(c);
    let is_label = |label: &str| !label.is_empty() && label.chars().all(is_allowed);
    let Some((labels, last)) = pattern.rsplit_once('.') else {
        return false;
    };
    let is_letters = !last.is_empty() && last.chars().all(|c| c.is_ascii_alphabetic());
    is_letters && labels.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sharing(path: &[&str], host: &[&str]) -> Sharing {
        let owned = |all: &[&str]| all.iter().map(|one| one.to_string()).collect();
        Sharing {
            behind: Some("web".into()),
            path: owned(path),
            host: owned(host),
        }
    }

    #[test]
    fn what_aws_takes_as_a_condition_is_one() {
        for (path, host) in [
            (&["/api/*"][..], &[][..]),
            (&["/", "/a?/~x/$y"], &["api.example.com", "*.example.com"]),
            (&[], &["shop.example"]),
        ] {
            assert_eq!(sharing(path, host).check("api"), Ok(()));
        }
    }

    #[test]
    fn what_it_does_not_take_is_refused_with_the_reason() {
        let long = format!("/{}", "x".repeat(128));
        for (path, host, why) in [
            (&["api/*"][..], &[][..], "no pattern of paths"),
            (&["/a b"], &[], "no pattern of paths"),
            (&["/ü"], &[], "no pattern of paths"),
            (&["/a#b"], &[], "no pattern of paths"),
            (&["*"], &[], "no pattern of paths"),
            (&[""], &[], "no pattern of paths"),
            (&[long.as_str()], &[], "longer than the 128"),
            (&["/a", "/a"], &[], "said twice"),
            (&[], &["localhost"], "no pattern of hosts"),
            (&[], &["a.example.com:80"], "no pattern of hosts"),
            (&[], &["http://a.example.com"], "no pattern of hosts"),
            (&[], &["a..com"], "no pattern of hosts"),
            (&[], &["10.0.0.1"], "no pattern of hosts"),
            (&[], &["example.*"], "no pattern of hosts"),
            (&["/*/*/*/*", "/?/?"], &[], "more than the 5 wildcards"),
            (
                &["/a", "/b", "/c"],
                &["a.com", "b.com", "c.com"],
                "more than the 5",
            ),
            (&[], &[], "which requests are its own"),
        ] {
            let refused = sharing(path, host).check("api").unwrap_err();
            assert!(refused.contains(why), "{path:?} {host:?}: {refused}");
        }
        let itself = sharing(&["/a"], &[]).check("web").unwrap_err();
        assert!(itself.contains("behind itself"), "{itself}");
        let nobody = Sharing {
            behind: None,
            ..sharing(&["/a"], &[])
        };
        assert!(nobody.check("api").unwrap_err().contains("behind which"));
    }

    #[test]
    fn the_same_request_is_not_for_two() {
        let same = |one: &Sharing, other: &Sharing| one.same_as(other).is_some();
        let (api, both) = (sharing(&["/api/*"], &[]), sharing(&["/x", "/api/*"], &[]));
        assert!(same(&api, &both) && same(&both, &api));
        assert!(!same(&api, &sharing(&["/api"], &[])));
        let at_host = sharing(&["/api/*"], &["A.example.com"]);
        assert!(!same(&api, &at_host)); // the host decides first
        assert!(same(&at_host, &sharing(&["/api/*"], &["a.example.com"])));
        assert!(!same(&at_host, &sharing(&[], &["a.example.com"])));
    }
}
