//! Every IAM call about roles.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::config::Builder;
use aws_sdk_iam::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_iam::types::{Role, Tag};
use plumbing::{Aws, Env, Error, Result, Stream, aws_error, code, wait};
use tokio::try_join;

use crate::document;
use crate::plan::{self, Field, Have};
use crate::want::Want;

/// IAM spreads slowly; Terraform waits two minutes for a role to be known everywhere.
const SPREADS: Duration = Duration::from_secs(120);
/// Another change of the same role is under way: wait and repeat, says the API.
const BUSY: &[(&str, &str)] = &[("ConcurrentModification", "")];
/// A role just made may be unknown to the next call, and so may the tag by which the caller's
/// policy lets it be changed.
const FRESH: &[(&str, &str)] = &[
    ("ConcurrentModification", ""),
    ("NoSuchEntity", ""),
    ("AccessDenied", "no identity-based policy allows"),
];
/// A policy just deleted or detached still counts for a moment.
const IN_USE: &[(&str, &str)] = &[("DeleteConflict", ""), ("ConcurrentModification", "")];

/// IAM, and for whom.
pub struct Iam {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub(crate) aws: Aws,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Iam {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Iam {
        client: Client::from_conf(config),
        aws: aws.clone(),
    }
}

impl Iam {
    /// The role of a name, whosesoever; two calls deep.
    pub async fn look(&self, role: &str, policy: &str) -> Result<Option<Have>> {
        let Some(found) = self.role(role).await? else {
            return Ok(None);
        };
        let have = have(found);
        if !self.aws.env.owns(&have.tags) {
            return Ok(Some(have));
        }
        let (own, inline, attached) = try_join!(
            self.policy(role, policy),
            self.inline(role),
            self.attached(role)
        )?;
        let inline = inline
            .into_iter()
            .filter(|name| name != policy)
            .map(|name| format!("inline policy {name}"));
        let attached = attached
            .into_iter()
            .map(|arn| format!("managed policy {arn}"));
        let mut more: Vec<String> = inline.chain(attached).collect();
        more.sort_unstable(); // AWS has no order
        Ok(Some(Have {
            policy: own,
            more,
            ..have
        }))
    }

    /// Waits for a role that someone else just made.
    pub async fn there(&self, want: &Want) -> Result<Have> {
        let what = format!("role {} exists, but IAM does not show it", want.role);
        wait::until(&self.aws.control, &what, SPREADS, || {
            self.look(&want.role, want.policy_name)
        })
        .await
    }

    /// The names of all roles under the environment's path.
    pub async fn names(&self) -> Result<Vec<String>> {
        let path = plan::path(&self.aws.env);
        let pages = self
            .client
            .list_roles()
            .path_prefix(&path)
            .into_paginator()
            .items()
            .send();
        let found: Vec<Role> = pages
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| aws_error("iam:ListRoles", format!("list the roles under {path}"), e))?;
        Ok(found
            .into_iter()
            .filter(|role| role.path == path)
            .map(|role| role.role_name)
            .collect())
    }

    /// A role's path, trust and tags.
    pub async fn find(&self, role: &str) -> Result<Option<Have>> {
        Ok(self.role(role).await?.map(have))
    }

    /// IAM gives a role just made an ID for an ARN (`AROA…`) until it has spread.
    async fn role(&self, name: &str) -> Result<Option<Role>> {
        wait::until(
            &self.aws.control,
            &format!("role {name} has no ARN yet"),
            SPREADS,
            || async {
                match self.client.get_role().role_name(name).send().await {
                    Ok(answer) => Ok(Some(answer.role)
                        .filter(|role| role.as_ref().is_none_or(|r| r.arn.starts_with("arn:")))),
                    Err(error) if code(&error) == "NoSuchEntity" => Ok(Some(None)),
                    Err(error) => Err(aws_error("iam:GetRole", format!("find role {name}"), error)),
                }
            },
        )
        .await
    }

    async fn policy(&self, role: &str, policy: &str) -> Result<Option<serde_json::Value>> {
        match self
            .client
            .get_role_policy()
            .role_name(role)
            .policy_name(policy)
            .send()
            .await
        {
            Ok(answer) => Ok(document::read(&answer.policy_document)),
            Err(error) if code(&error) == "NoSuchEntity" => Ok(None),
            Err(error) => Err(aws_error(
                "iam:GetRolePolicy",
                format!("look at role {role}"),
                error,
            )),
        }
    }

    /// Makes a role with its trust and tags, and answers its ARN; nothing where one of that name
    /// is there already.
    pub async fn create(&self, want: &Want) -> Result<Option<String>> {
        let request = self
            .client
            .create_role()
            .role_name(&want.role)
            .path(plan::path(&self.aws.env))
            .description(&want.description)
            .assume_role_policy_document(want.trust.to_string())
            .set_tags(Some(tags(want)?));
        match wait::retry(&self.aws.control, SPREADS, BUSY, || request.clone().send()).await {
            Ok(answer) => match answer
                .role
                .map(|role| role.arn)
                .filter(|arn| arn.starts_with("arn:"))
            {
                Some(arn) => Ok(Some(arn)),
                None => self
                    .role(&want.role)
                    .await
                    .map(|role| role.map(|role| role.arn)),
            },
            Err(error) if code(&error) == "EntityAlreadyExists" => Ok(None),
            Err(error) => Err(aws_error(
                "iam:CreateRole",
                format!("create role {}", want.role),
                error,
            )),
        }
    }

    /// Gives a role that was just made its inline policy.
    pub async fn permit_new(&self, want: &Want) -> Result<()> {
        self.permit(want, FRESH).await
    }

    /// Brings one field into line.
    pub async fn set(&self, want: &Want, field: Field) -> Result<()> {
        match field {
            Field::Trust => self.trust(want).await,
            Field::Policy => self.permit(want, BUSY).await,
            Field::Description => self.describe(want).await,
            Field::Tags => self.retag(want).await,
        }
    }

    async fn permit(&self, want: &Want, cases: &[(&str, &str)]) -> Result<()> {
        let request = self
            .client
            .put_role_policy()
            .role_name(&want.role)
            .policy_name(want.policy_name);
        let request = request.policy_document(want.policy.to_string());
        let answer =
            wait::retry(&self.aws.control, SPREADS, cases, || request.clone().send()).await;
        let what = || format!("set the policy of role {}", want.role);
        answer
            .map(drop)
            .map_err(|e| aws_error("iam:PutRolePolicy", what(), e))
    }

    async fn trust(&self, want: &Want) -> Result<()> {
        let request = self
            .client
            .update_assume_role_policy()
            .role_name(&want.role);
        let request = request.policy_document(want.trust.to_string());
        let answer = wait::retry(&self.aws.control, SPREADS, BUSY, || request.clone().send()).await;
        let what = || format!("set the trust of role {}", want.role);
        answer
            .map(drop)
            .map_err(|e| aws_error("iam:UpdateAssumeRolePolicy", what(), e))
    }

    /// Sets the description alone: UpdateRole would set the longest session as well.
    async fn describe(&self, want: &Want) -> Result<()> {
        let request = self
            .client
            .update_role_description()
            .role_name(&want.role)
            .description(&want.description);
        let answer = wait::retry(&self.aws.control, SPREADS, BUSY, || request.clone().send()).await;
        let what = || format!("set the description of role {}", want.role);
        answer
            .map(drop)
            .map_err(|e| aws_error("iam:UpdateRoleDescription", what(), e))
    }

    /// Sets a role's tags to ours; others' tags stay.
    async fn retag(&self, want: &Want) -> Result<()> {
        let request = self
            .client
            .tag_role()
            .role_name(&want.role)
            .set_tags(Some(tags(want)?));
        let answer = wait::retry(&self.aws.control, SPREADS, BUSY, || request.clone().send()).await;
        answer
            .map(drop)
            .map_err(|e| aws_error("iam:TagRole", format!("tag role {}", want.role), e))
    }

    /// Deletes a role, its inline policies first; attached ones are only detached.
    ///
    /// Errors: it is in an instance profile, which is nobody's here.
    pub async fn delete(&self, role: &str) -> Result<()> {
        let (profiles, inline, attached) =
            try_join!(self.profiles(role), self.inline(role), self.attached(role))?;
        if !profiles.is_empty() {
            return Err(Error::refused(format!(
                "cannot delete role {role}: in the way, and not this environment's: instance profile {}",
                profiles.join(", ")
            ))
            .hint("take the role out of it and run it again"));
        }
        let what = format!("delete role {role}");
        for policy in inline {
            let request = self
                .client
                .delete_role_policy()
                .role_name(role)
                .policy_name(policy);
            let answer =
                wait::retry(&self.aws.control, SPREADS, BUSY, || request.clone().send()).await;
            gone("iam:DeleteRolePolicy", &what, answer)?;
        }
        for policy in attached {
            let request = self
                .client
                .detach_role_policy()
                .role_name(role)
                .policy_arn(policy);
            let answer =
                wait::retry(&self.aws.control, SPREADS, BUSY, || request.clone().send()).await;
            gone("iam:DetachRolePolicy", &what, answer)?;
        }
        let request = self.client.delete_role().role_name(role);
        let answer = wait::retry(&self.aws.control, SPREADS, IN_USE, || {
            request.clone().send()
        })
        .await;
        gone("iam:DeleteRole", &what, answer).map(drop)
    }

    async fn profiles(&self, role: &str) -> Result<Vec<String>> {
        let pages = self
            .client
            .list_instance_profiles_for_role()
            .role_name(role)
            .into_paginator()
            .items()
            .send();
        let what = format!("look at role {role}");
        let profiles: Option<Vec<_>> = gone(
            "iam:ListInstanceProfilesForRole",
            &what,
            pages.collect().await,
        )?;
        Ok(profiles
            .unwrap_or_default()
            .into_iter()
            .map(|profile| profile.instance_profile_name)
            .collect())
    }

    async fn inline(&self, role: &str) -> Result<Vec<String>> {
        let pages = self
            .client
            .list_role_policies()
            .role_name(role)
            .into_paginator()
            .items()
            .send();
        let what = format!("look at role {role}");
        let names: Option<Vec<_>> = gone("iam:ListRolePolicies", &what, pages.collect().await)?;
        Ok(names.unwrap_or_default())
    }

    async fn attached(&self, role: &str) -> Result<Vec<String>> {
        let pages = self
            .client
            .list_attached_role_policies()
            .role_name(role)
            .into_paginator()
            .items()
            .send();
        let what = format!("look at role {role}");
        let policies: Option<Vec<_>> =
            gone("iam:ListAttachedRolePolicies", &what, pages.collect().await)?;
        Ok(policies
            .unwrap_or_default()
            .into_iter()
            .filter_map(|policy| policy.policy_arn)
            .collect())
    }
}

/// What a call about a role answered; nothing where what it was about is gone.
fn gone<T, E>(
    operation: &str,
    what: &str,
    answer: std::result::Result<T, SdkError<E>>,
) -> Result<Option<T>>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if code(&error) == "NoSuchEntity" => Ok(None),
        Err(error) => Err(aws_error(operation, what, error)),
    }
}

fn have(role: Role) -> Have {
    let tags = role
        .tags
        .unwrap_or_default()
        .into_iter()
        .map(|tag| (tag.key, tag.value));
    Have {
        trust: role
            .assume_role_policy_document
            .as_deref()
            .and_then(document::read),
        path: role.path,
        description: role.description.unwrap_or_default(),
        tags: tags.collect::<BTreeMap<_, _>>(),
        ..Have::default()
    }
}

fn tags(want: &Want) -> Result<Vec<Tag>> {
    let tags = want
        .tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    // The SDK's builder wants key and value, and gets them.
    tags.collect::<Result<_, _>>()
        .map_err(|why: BuildError| Error::refused(why.to_string()))
}
