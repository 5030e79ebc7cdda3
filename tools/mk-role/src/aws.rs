//! Every IAM call about roles.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::config::Builder;
use aws_sdk_iam::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_iam::types::{Role, Tag};
use plumbing::{Aws, Error, Result, aws_error, code, wait};
use serde_json::Value;
use tokio::try_join;

use crate::document;
use crate::leftover;
use crate::placing::is_path;
use crate::plan::{Have, Part};
use crate::want::Want;

/// IAM spreads changes slowly; Terraform waits two minutes for a role to be known everywhere.
const SPREAD_DEADLINE: Duration = Duration::from_secs(120);

/// IAM, for one environment.
pub struct Iam {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
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
    /// The role of a name, ours or not, and its policies if it is ours; two calls deep, or three where
    /// somebody added an inline policy.
    pub async fn get(&self, role: &str, policy_name: &str) -> Result<Option<Have>> {
        let Some(have) = self.get_without_policies(role).await? else {
            return Ok(None);
        };
        if !self.aws.env.owns(&have.tags) {
            return Ok(Some(have));
        }
        let (policy, inline, attached, profiles) = try_join!(
            self.inline_policy(role, policy_name),
            self.inline_policy_names(role),
            self.attached_policy_arns(role),
            self.used_profile_names(role, &have)
        )?;
        let (mut other_policies, mut denials) = (Vec::new(), Vec::new());
        let added = inline.iter().filter(|name| *name != policy_name);
        let added = added.map(async |name| Ok((name, self.inline_policy(role, name).await?)));
        for (name, policy) in wait::all(added).await? {
            if policy.is_some_and(|policy| document::only_denies(&policy)) {
                denials.push(name.clone());
            } else {
                other_policies.push(format!("inline policy {name}"));
            }
        }
        for arn in attached {
            other_policies.push(format!("managed policy {arn}"));
        }
        other_policies.sort_unstable(); // AWS has no order
        denials.sort_unstable();
        Ok(Some(Have {
            policy,
            other_policies,
            profiles,
            denials,
            ..have
        }))
    }

    /// A role's path, trust, description and tags.
    pub async fn get_without_policies(&self, role: &str) -> Result<Option<Have>> {
        Ok(self.get_role(role).await?.map(have_of))
    }

    /// Waits for a role that someone else just made.
    pub async fn wait_visible(&self, want: &Want) -> Result<Have> {
        let what = format!("role {} exists, but IAM does not show it", want.role);
        let get = || self.get(&want.role, want.policy_name);
        wait::until(&self.aws.control, &what, SPREAD_DEADLINE, get).await
    }

    /// The names of the environment's roles under a path: its own, or `/` for all that the account has,
    /// of which each page has as many as IAM gives.
    pub async fn list_names(&self, path: &str) -> Result<Vec<String>> {
        let pages = self
            .client
            .list_roles()
            .path_prefix(path)
            .set_max_items((path == "/").then_some(1000))
            .into_paginator()
            .items()
            .send();
        let roles: Vec<Role> = pages.collect::<Result<_, _>>().await.map_err(|error| {
            let what = format!("list the roles under {path}");
            aws_error("iam:ListRoles", what, error)
        })?;
        let ours = roles.into_iter();
        let ours = ours.filter(|role| is_path(&self.aws.env, &role.path));
        Ok(ours.map(|role| role.role_name).collect())
    }

    /// Gets a role once it has an ARN: IAM gives one just made an ID in its place (`AROA…`) until
    /// it has spread.
    async fn get_role(&self, role: &str) -> Result<Option<Role>> {
        let what = format!("role {role} has no ARN yet");
        let get = || async {
            match self.client.get_role().role_name(role).send().await {
                Ok(answer) => match answer.role {
                    Some(role) if !is_arn(&role.arn) => Ok(None),
                    found => Ok(Some(found)),
                },
                Err(error) if code(&error) == "NoSuchEntity" => Ok(Some(None)),
                Err(error) => Err(aws_error("iam:GetRole", format!("find role {role}"), error)),
            }
        };
        wait::until(&self.aws.control, &what, SPREAD_DEADLINE, get).await
    }

    /// What the inline policy of a role says.
    pub async fn inline_policy(&self, role: &str, policy_name: &str) -> Result<Option<Value>> {
        let request = self
            .client
            .get_role_policy()
            .role_name(role)
            .policy_name(policy_name);
        let what = format!("look at role {role}");
        let answer = if_exists("iam:GetRolePolicy", &what, request.send().await)?;
        Ok(answer.and_then(|answer| document::read(&answer.policy_document)))
    }

    async fn inline_policy_names(&self, role: &str) -> Result<Vec<String>> {
        let pages = self
            .client
            .list_role_policies()
            .role_name(role)
            .into_paginator()
            .items()
            .send();
        let what = format!("look at role {role}");
        let names: Option<Vec<String>> =
            if_exists("iam:ListRolePolicies", &what, pages.collect().await)?;
        Ok(names.unwrap_or_default())
    }

    async fn attached_policy_arns(&self, role: &str) -> Result<Vec<String>> {
        let pages = self
            .client
            .list_attached_role_policies()
            .role_name(role)
            .into_paginator()
            .items()
            .send();
        let what = format!("look at role {role}");
        let answer = pages.collect().await;
        let policies: Option<Vec<_>> = if_exists("iam:ListAttachedRolePolicies", &what, answer)?;
        let policies = policies.unwrap_or_default().into_iter();
        Ok(policies.filter_map(|policy| policy.policy_arn).collect())
    }

    /// The instance profiles through which EC2 can use a role; where its trust does not let EC2 assume
    /// it, as ours never does, nobody is asked.
    async fn used_profile_names(&self, role: &str, have: &Have) -> Result<Vec<String>> {
        match &have.trust {
            Some(trust) if document::lets_ec2_assume(trust) => {
                self.instance_profile_names(role).await
            }
            _ => Ok(Vec::new()),
        }
    }

    async fn instance_profile_names(&self, role: &str) -> Result<Vec<String>> {
        let pages = self
            .client
            .list_instance_profiles_for_role()
            .role_name(role)
            .into_paginator()
            .items()
            .send();
        let what = format!("look at role {role}");
        let answer = pages.collect().await;
        let profiles: Option<Vec<_>> = if_exists("iam:ListInstanceProfilesForRole", &what, answer)?;
        let profiles = profiles.unwrap_or_default().into_iter();
        Ok(profiles
            .map(|profile| profile.instance_profile_name)
            .collect())
    }

    /// Makes a role with its trust and tags, and answers its ARN; nothing where one of that name
    /// is there already.
    pub async fn create(&self, want: &Want) -> Result<Option<String>> {
        let request = self
            .client
            .create_role()
            .role_name(&want.role)
            .path(&want.path)
            .set_permissions_boundary(want.boundary.clone())
            .description(&want.description)
            .assume_role_policy_document(want.trust.to_string())
            .set_tags(Some(sdk_tags(want)?));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "iam:CreateRole", send).await {
            Ok(answer) => {
                if let Some(role) = answer.role
                    && is_arn(&role.arn)
                {
                    return Ok(Some(role.arn));
                }
                let role = self.get_role(&want.role).await?;
                Ok(role.map(|role| role.arn))
            }
            Err(error) if code(&error) == "EntityAlreadyExists" => Ok(None),
            Err(error) => {
                let what = format!("create role {}", want.role);
                Err(aws_error("iam:CreateRole", what, error))
            }
        }
    }

    /// Gives a role that was just made its inline policy.
    pub async fn set_policy_of_new(&self, want: &Want) -> Result<()> {
        self.set_policy(want, &want.policy).await
    }

    /// Brings one part of a role into line.
    pub async fn set(&self, want: &Want, part: Part) -> Result<()> {
        match part {
            Part::Trust => self.set_trust(want).await,
            Part::Policy => self.mend_policy(want).await,
            Part::Boundary => self.set_boundary(want).await,
            Part::Description => self.set_description(want).await,
            Part::Tags => self.set_tags(want).await,
        }
    }

    /// Sets the inline policy. It is read again: what denies in it stays as it is at this moment.
    async fn mend_policy(&self, want: &Want) -> Result<()> {
        let have = self.inline_policy(&want.role, want.policy_name).await?;
        let grown = leftover::grown(want, have.as_ref());
        let policy = document::with_denials(&grown, have.as_ref());
        self.set_policy(want, &policy).await
    }

    /// Takes what is left over out of the inline policy, as it is at this moment; answers false where
    /// nothing is.
    pub async fn shrink_policy(&self, want: &Want) -> Result<bool> {
        let have = self.inline_policy(&want.role, want.policy_name).await?;
        let Some(policy) = have.and_then(|have| leftover::shrunk(want, &have)) else {
            return Ok(false);
        };
        self.set_policy(want, &policy).await.map(|()| true)
    }

    async fn set_policy(&self, want: &Want, policy: &Value) -> Result<()> {
        let request = self
            .client
            .put_role_policy()
            .role_name(&want.role)
            .policy_name(want.policy_name)
            .policy_document(policy.to_string());
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "iam:PutRolePolicy", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("set the policy of role {}", want.role);
                Err(aws_error("iam:PutRolePolicy", what, error))
            }
        }
    }

    /// Sets the trust. It is read again, as the policy is.
    async fn set_trust(&self, want: &Want) -> Result<()> {
        let have = self.get_without_policies(&want.role).await?;
        let have = have.and_then(|have| have.trust);
        let trust = document::with_denials(&want.trust, have.as_ref());
        let request = self
            .client
            .update_assume_role_policy()
            .role_name(&want.role)
            .policy_document(trust.to_string());
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "iam:UpdateAssumeRolePolicy", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("set the trust of role {}", want.role);
                Err(aws_error("iam:UpdateAssumeRolePolicy", what, error))
            }
        }
    }

    /// Sets the permissions boundary, if one is wanted.
    async fn set_boundary(&self, want: &Want) -> Result<()> {
        let request = self
            .client
            .put_role_permissions_boundary()
            .role_name(&want.role)
            .set_permissions_boundary(want.boundary.clone());
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "iam:PutRolePermissionsBoundary", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("set the permissions boundary of role {}", want.role);
                Err(aws_error("iam:PutRolePermissionsBoundary", what, error))
            }
        }
    }

    /// Sets the description alone: UpdateRole would set the longest session as well.
    async fn set_description(&self, want: &Want) -> Result<()> {
        let request = self
            .client
            .update_role_description()
            .role_name(&want.role)
            .description(&want.description);
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "iam:UpdateRoleDescription", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("set the description of role {}", want.role);
                Err(aws_error("iam:UpdateRoleDescription", what, error))
            }
        }
    }

    /// Sets the tags that are ours; others' tags stay.
    async fn set_tags(&self, want: &Want) -> Result<()> {
        let request = self
            .client
            .tag_role()
            .role_name(&want.role)
            .set_tags(Some(sdk_tags(want)?));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "iam:TagRole", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("tag role {}", want.role);
                Err(aws_error("iam:TagRole", what, error))
            }
        }
    }

    /// Deletes a role, its inline policies first; attached ones are only detached.
    ///
    /// Errors: it is in an instance profile, which no tool here makes.
    pub async fn delete(&self, role: &str) -> Result<()> {
        let (profiles, inline, attached) = try_join!(
            self.instance_profile_names(role),
            self.inline_policy_names(role),
            self.attached_policy_arns(role)
        )?;
        if !profiles.is_empty() {
            return Err(Error::refused(format!(
                "cannot delete role {role}: in the way, and not this environment's: instance profile {}",
                profiles.join(", ")
            ))
            .hint("take the role out of it and run it again"));
        }
        for policy_name in inline {
            self.delete_policy(role, &policy_name).await?;
        }
        for policy_arn in attached {
            self.detach_policy(role, &policy_arn).await?;
        }
        let request = self.client.delete_role().role_name(role);
        let send = || request.clone().send();
        let answer = wait::retry(&self.aws.control, "iam:DeleteRole", send).await;
        if_exists("iam:DeleteRole", &format!("delete role {role}"), answer).map(drop)
    }

    async fn delete_policy(&self, role: &str, policy_name: &str) -> Result<()> {
        let request = self
            .client
            .delete_role_policy()
            .role_name(role)
            .policy_name(policy_name);
        let send = || request.clone().send();
        let answer = wait::retry(&self.aws.control, "iam:DeleteRolePolicy", send).await;
        let what = format!("delete role {role}");
        if_exists("iam:DeleteRolePolicy", &what, answer).map(drop)
    }

    async fn detach_policy(&self, role: &str, policy_arn: &str) -> Result<()> {
        let request = self
            .client
            .detach_role_policy()
            .role_name(role)
            .policy_arn(policy_arn);
        let send = || request.clone().send();
        let answer = wait::retry(&self.aws.control, "iam:DetachRolePolicy", send).await;
        let what = format!("delete role {role}");
        if_exists("iam:DetachRolePolicy", &what, answer).map(drop)
    }
}

/// What a call about a role answered; nothing where IAM has no such role or policy.
fn if_exists<T, E>(
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

fn is_arn(text: &str) -> bool {
    text.starts_with("arn:")
}

fn have_of(role: Role) -> Have {
    let mut tags = BTreeMap::new();
    for tag in role.tags.unwrap_or_default() {
        tags.insert(tag.key, tag.value);
    }
    let trust = role.assume_role_policy_document.unwrap_or_default();
    Have {
        arn: role.arn,
        path: role.path,
        description: role.description.unwrap_or_default(),
        trust: document::read(&trust),
        boundary: role
            .permissions_boundary
            .and_then(|boundary| boundary.permissions_boundary_arn),
        tags,
        ..Have::default()
    }
}

fn sdk_tags(want: &Want) -> Result<Vec<Tag>> {
    let mut tags = Vec::new();
    for (key, value) in &want.tags {
        let tag = Tag::builder().key(key).value(value).build();
        tags.push(tag.map_err(incomplete)?);
    }
    Ok(tags)
}

/// What an SDK builder answers that lacks a required field. None here does.
fn incomplete(why: BuildError) -> Error {
    Error::refused(why.to_string())
}
