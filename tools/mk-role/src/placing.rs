//! What is said of all roles of an environment: what stands before their path, and what bounds them. Pure.

use plumbing::{Env, Error, Result};

/// How long a path of IAM may be (IAM API, CreateRole).
const PATH_LIMIT: usize = 512;

/// What is said of all roles.
#[derive(Clone, Debug, PartialEq)]
pub struct Placing {
    /// What their path begins with: `/`, or `/team/`.
    pub before: String,
    /// The ARN of the policy beyond which none of them may go.
    pub boundary: Option<String>,
}

impl Default for Placing {
    fn default() -> Self {
        Placing {
            before: "/".into(),
            boundary: None,
        }
    }
}

impl Placing {
    /// The path of the environment's roles.
    pub fn path(&self, env: &Env) -> String {
        format!("{}plumbline/{}/{}/", self.before, env.region, env.name)
    }

    /// A role's ARN.
    pub fn arn(&self, env: &Env, role: &str) -> String {
        let (partition, account) = (env.partition(), &env.account);
        format!(
            "arn:{partition}:iam::{account}:role{}{role}",
            self.path(env)
        )
    }

    /// Refuses what cannot be in this environment.
    ///
    /// Errors: the boundary is of another account or partition; the path is longer than IAM takes.
    pub fn check(&self, env: &Env) -> Result<()> {
        let length = self.path(env).len();
        if length > PATH_LIMIT {
            return Err(Error::usage(format!(
                "--path: with /plumbline/{}/{}/ it has {length} characters, more than the {PATH_LIMIT} that IAM takes",
                env.region, env.name
            )));
        }
        let Some(boundary) = &self.boundary else {
            return Ok(());
        };
        let parts: Vec<&str> = boundary.splitn(6, ':').collect();
        let (partition, account) = (env.partition(), env.account.as_str());
        if parts.get(1) != Some(&partition) {
            return Err(Error::usage(format!(
                "--boundary {boundary} is not of partition {partition}, in which the environment is"
            )));
        }
        if !matches!(parts.get(4), Some(&of) if of == account || of == "aws") {
            return Err(Error::usage(format!(
                "--boundary {boundary} is not of account {account}, in which the environment is"
            )));
        }
        Ok(())
    }
}

/// Whether a path is that of the environment's roles, whatever stands before it.
pub fn is_path(env: &Env, path: &str) -> bool {
    path.ends_with(&Placing::default().path(env))
}

/// Reads what stands before the path of roles. Errors: IAM takes no such path.
pub fn before(text: &str) -> Result<String, String> {
    let is_one = text.starts_with('/') && text.ends_with('/') && !text.contains("//");
    let may_be = |b: u8| b.is_ascii_alphanumeric() || b"/+=,.@_-".contains(&b);
    if is_one && text.bytes().all(may_be) {
        return Ok(text.into());
    }
    Err(
        "a path begins and ends with /, like /team/, and has letters, digits and +=,.@_- between"
            .into(),
    )
}

/// Reads the ARN of a permissions boundary. Errors: it is no policy's.
pub fn boundary(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let is_account =
        |of: &str| of == "aws" || of.len() == 12 && of.bytes().all(|b| b.is_ascii_digit());
    let is_name = |of: &str| {
        let name = of.strip_prefix("policy/").unwrap_or_default();
        let may_be = |b: u8| b.is_ascii_alphanumeric() || b"/+=,.@_-".contains(&b);
        !name.is_empty() && !name.ends_with('/') && name.bytes().all(may_be)
    };
    match parts[..] {
        ["arn", partition, "iam", "", account, name]
            if partition.starts_with("aws") && is_account(account) && is_name(name) =>
        {
            Ok(text.into())
        }
        _ => Err(
            "it is not the ARN of an IAM policy, like arn:aws:iam::123456789012:policy/NAME".into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placing(before: &str, boundary: Option<&str>) -> Placing {
        Placing {
            before: before.into(),
            boundary: boundary.map(String::from),
        }
    }

    #[test]
    fn a_path_begins_with_what_is_said_and_ends_in_what_tells_the_environment() {
        let env = Env::example();
        let path = placing("/team/", None).path(&env);
        assert_eq!(path, "/team/plumbline/us-east-1/production-pr1/");
        assert_eq!(
            placing("/team/", None).arn(&env, "r"),
            "arn:aws:iam::123456789012:role/team/plumbline/us-east-1/production-pr1/r"
        );
        for (path, ours) in [
            (path.as_str(), true),
            ("/plumbline/us-east-1/production-pr1/", true),
            ("/", false),
            ("/plumbline/us-east-1/production-pr12/", false),
            ("/plumbline/us-east-1/production-pr1/x/", false),
            ("/notplumbline/us-east-1/production-pr1/", false),
        ] {
            assert_eq!(is_path(&env, path), ours, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["/", "/team/", "/a/b+c/"] {
            assert_eq!(before(path).as_deref(), Ok(path));
        }
        for path in ["", "team", "/team", "team/", "//", "/a b/", "/a*/", "/ü/"] {
            assert!(before(path).is_err(), "{path}");
        }
        let env = Env::example();
        let rest = "/plumbline/us-east-1/production-pr1/".len();
        let longest = format!("/{}/", "a".repeat(512 - rest - 1));
        assert_eq!(placing(&longest, None).check(&env), Ok(()));
        let longer = format!("/a{}", &longest[1..]);
        let refused = placing(&longer, None).check(&env).unwrap_err();
        assert!(refused.message.contains("513 characters"), "{refused}");
    }

    #[test]
    fn what_is_no_boundary_of_this_account_is_refused() {
        let env = Env::example();
        for arn in [
            "arn:aws:iam::123456789012:policy/team/bound",
            "arn:aws:iam::aws:policy/PowerUserAccess",
        ] {
            assert_eq!(boundary(arn).as_deref(), Ok(arn));
            assert_eq!(placing("/", Some(arn)).check(&env), Ok(()));
        }
        for text in [
            "",
            "bound",
            "arn:aws:iam::123456789012:role/bound",
            "arn:aws:iam::123456789012:policy/",
            "arn:aws:iam::1234:policy/bound",
            "arn:aws:iam:us-east-1:123456789012:policy/bound",
            "arn:aws:iam::123456789012:policy/b*",
        ] {
            assert!(boundary(text).is_err(), "{text}");
        }
        for (arn, why) in [
            (
                "arn:aws:iam::210987654321:policy/bound",
                "not of account 123456789012",
            ),
            (
                "arn:aws-cn:iam::123456789012:policy/bound",
                "not of partition aws,",
            ),
        ] {
            let refused = placing("/", Some(arn)).check(&env).unwrap_err();
            assert!(refused.message.contains(why), "{refused}");
        }
    }
}
