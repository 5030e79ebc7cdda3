//! What to do about a refusal, by AWS's own words: the code alone often says too little.
//!
//! The words are those of AWS's documentation of access denied messages, of its lists of error codes
//! and of public reports.

mod quotas;

/// What to do about a refusal of a call (as in a policy, `ec2:CreateVpc`), where its code or its words
/// say it. What AWS says elsewhere has no code.
pub fn of(operation: &str, code: &str, message: &str) -> Option<String> {
    let words = message.to_lowercase();
    let service = operation.split(':').next().unwrap_or_default();
    let encoded = words.contains("encoded authorization failure message");
    of_denial(&words)
        .or(encoded.then_some(ENCODED))
        .or(words.contains("iam:passrole").then_some(PASS_ROLE))
        .map(String::from)
        .or_else(|| of_service_linked_role(service, &words))
        .or_else(|| of_old_arns(&words))
        .or_else(|| of_account(code).map(String::from))
        .or_else(|| quotas::of(operation, code, &words))
}

/// Whether these words, in lower case, tell of a denial that no permission of the caller's own lifts.
pub(crate) fn is_denied_for_good(words: &str) -> bool {
    of_denial(words).is_some()
}

/// Who denies, by the words of the message in lower case, and what helps.
const DENIALS: &[(&str, &str)] = &[
    (
        "service control policy",
        "a service control policy of the organisation denies it in this account or region: no permission of the tool helps; ask who runs the organisation, or take another region",
    ),
    (
        "resource control policy",
        "a resource control policy of the organisation denies it: no permission of the tool helps; ask who runs the organisation",
    ),
    (
        "permissions boundary",
        "the permissions boundary of who calls does not allow it: no permission of the tool helps until whoever set the boundary widens it",
    ),
    (
        "session policy",
        "the session policy with which these credentials were made does not allow it: no permission of the tool helps; take other credentials",
    ),
    (
        "vpc endpoint policy",
        "the policy of the VPC endpoint through which the call went does not allow it: no permission of the tool helps; widen that policy",
    ),
    (
        "explicit deny",
        "a policy denies it explicitly: no permission of the tool helps as long as that statement stands",
    ),
];

/// Where no record tells of a role that is new: an earlier run may have made it a moment ago.
const PASS_ROLE: &str = "the tool's --iam-policy prints the permissions that it needs, iam:PassRole among them; if the role was made less than a minute ago, run the pipeline again";

const ENCODED: &str = "aws sts decode-authorization-message --encoded-message MESSAGE says what denies it; the tool's --iam-policy prints the permissions that it needs";

fn of_denial(words: &str) -> Option<&'static str> {
    let found = DENIALS.iter().find(|(who, _)| words.contains(who));
    found.map(|(_, hint)| *hint)
}

/// The services that need a role of their own in the account, and the one they work as.
const SERVICE_LINKED: &[(&str, &str)] = &[
    (
        "application-autoscaling",
        "ecs.application-autoscaling.amazonaws.com",
    ),
    ("elasticloadbalancing", "elasticloadbalancing.amazonaws.com"),
    ("ecs", "ecs.amazonaws.com"),
];

fn of_service_linked_role(service: &str, words: &str) -> Option<String> {
    let tells = [
        "service linked role",
        "service-linked role",
        "createservicelinkedrole",
    ];
    if !tells.iter().any(|tells| words.contains(tells)) {
        return None;
    }
    // `…:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS`
    let named = words.split("aws-service-role/").nth(1);
    let named = named.and_then(|rest| rest.split('/').next());
    let of_service = SERVICE_LINKED.iter().find(|(of, _)| *of == service);
    let name = named.or(of_service.map(|(_, name)| *name))?;
    Some(format!(
        "once for the account, by someone who may: aws iam create-service-linked-role --aws-service-name {name}"
    ))
}

/// Accounts that are older than 2019 may still have ECS's old ARNs, which take no tags.
fn of_old_arns(words: &str) -> Option<String> {
    let is_about_arns = words.contains("arn") && words.contains("format");
    if !is_about_arns
        || !["new arn", "long arn"]
            .iter()
            .any(|text| words.contains(text))
    {
        return None;
    }
    let setting = if words.contains("container instance") {
        "containerInstanceLongArnFormat"
    } else if words.contains("task") && !words.contains("service") {
        "taskLongArnFormat"
    } else {
        "serviceLongArnFormat"
    };
    Some(format!(
        "aws ecs put-account-setting-default --name {setting} --value enabled, and run the pipeline again"
    ))
}

/// What a code says of the account as a whole.
fn of_account(code: &str) -> Option<&'static str> {
    match code {
        "OptInRequired" | "SubscriptionRequiredException" | "NotSignedUp" | "AccountProblem" => {
            Some(
                "the account is not subscribed to this service: its sign-up, payment or support has to be seen to in the console",
            )
        }
        "PendingVerification" => Some(
            "AWS still verifies the account: wait for its mail, up to four hours, and run the pipeline again",
        ),
        "Blocked" | "AccountBlocked" => Some("AWS has blocked the account: AWS Support says why"),
        "RegionDisabledException" => Some(
            "aws account enable-region --region-name REGION lets the account use it, or take another region",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(operation: &str, code: &str, message: &str) -> String {
        of(operation, code, message).unwrap_or_default()
    }

    #[test]
    fn a_denial_by_others_says_whose_it_is_and_never_offers_the_tools_own_policy() {
        for (words, who) in [
            (
                "with an explicit deny in a service control policy",
                "organisation",
            ),
            (
                "because no service control policy allows the ec2:CreateVpc action",
                "organisation",
            ),
            (
                "with an explicit deny in a resource control policy",
                "resource control",
            ),
            (
                "because no permissions boundary allows the iam:CreateRole action",
                "boundary",
            ),
            (
                "with an explicit deny in a permissions boundary",
                "boundary",
            ),
            (
                "because no session policy allows the s3:PutObject action",
                "session",
            ),
            (
                "because no VPC endpoint policy allows the s3:PutObject action",
                "VPC endpoint",
            ),
            (
                "with an explicit deny in an identity-based policy",
                "explicitly",
            ),
            (
                "with an explicit deny in a resource-based policy",
                "explicitly",
            ),
        ] {
            for (operation, code) in [
                ("ec2:CreateVpc", "UnauthorizedOperation"),
                ("s3:CreateBucket", "AccessDenied"),
                ("lambda:CreateFunction", "AccessDeniedException"),
            ] {
                let hint = hint(
                    operation,
                    code,
                    &format!("x is not authorized to perform: y {words}"),
                );
                assert!(hint.contains(who), "{words}: {hint}");
                assert!(!hint.contains("--iam-policy"), "{hint}");
            }
        }
        let plain = "x is not authorized to perform: y because no identity-based policy allows the y action";
        assert_eq!(of("ec2:CreateVpc", "UnauthorizedOperation", plain), None);
    }

    #[test]
    fn an_encoded_message_comes_with_the_command_that_decodes_it() {
        let message = "You are not authorized to perform this operation. Encoded authorization failure message: x9";
        let hint = hint("ec2:CreateVpc", "UnauthorizedOperation", message);
        assert!(hint.contains("decode-authorization-message") && hint.contains("--iam-policy"));
    }

    #[test]
    fn a_role_that_may_not_be_handed_on_may_be_too_new() {
        let message = "x is not authorized to perform: iam:PassRole on resource: y";
        let hint = hint("lambda:CreateFunction", "AccessDeniedException", message);
        assert!(hint.contains("--iam-policy") && hint.ends_with("run the pipeline again"));
    }

    #[test]
    fn a_service_linked_role_comes_with_its_one_command() {
        let missing = "Unable to assume the service linked role. Please verify that the ECS service linked role exists.";
        let denied = "x is not authorized to perform: iam:CreateServiceLinkedRole on resource: arn:aws:iam::1:role/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing";
        for (operation, message, service) in [
            ("ecs:CreateService", missing, "ecs.amazonaws.com"),
            ("ecs:CreateCluster", missing, "ecs.amazonaws.com"),
            (
                "elasticloadbalancing:CreateLoadBalancer",
                denied,
                "elasticloadbalancing.amazonaws.com",
            ),
            (
                "elasticloadbalancing:CreateLoadBalancer",
                "The service-linked role is missing",
                "elasticloadbalancing.amazonaws.com",
            ),
            (
                "application-autoscaling:RegisterScalableTarget",
                "Unable to assume the service linked role",
                "ecs.application-autoscaling.amazonaws.com",
            ),
        ] {
            let hint = hint(operation, "InvalidParameterException", message);
            let command =
                format!("aws iam create-service-linked-role --aws-service-name {service}");
            assert!(hint.contains(&command), "{operation}: {hint}");
        }
    }

    #[test]
    fn an_old_arn_comes_with_the_setting_of_its_kind() {
        for (message, setting) in [
            (
                "The new ARN and resource ID format must be enabled to add tags to the service. Opt in to the new format and try again.",
                "serviceLongArnFormat",
            ),
            (
                "The new ARN and resource ID format must be enabled to propagate tags. Opt in to the new format and try again.",
                "serviceLongArnFormat",
            ),
            (
                "Long arn format must be enabled for tagging of a task.",
                "taskLongArnFormat",
            ),
            (
                "The new ARN and resource ID format must be enabled to add tags to the container instance.",
                "containerInstanceLongArnFormat",
            ),
        ] {
            let hint = hint("ecs:CreateService", "InvalidParameterException", message);
            assert!(
                hint.contains(&format!("--name {setting} --value enabled")),
                "{hint}"
            );
        }
        assert_eq!(
            of(
                "ecs:CreateService",
                "InvalidParameterException",
                "Invalid ARN"
            ),
            None
        );
    }

    #[test]
    fn an_account_that_may_not_yet_is_told_so() {
        for (code, word) in [
            ("OptInRequired", "subscribed"),
            ("SubscriptionRequiredException", "subscribed"),
            ("PendingVerification", "verifies"),
            ("Blocked", "Support"),
            ("RegionDisabledException", "enable-region"),
        ] {
            let hint = hint("ec2:CreateVpc", code, "");
            assert!(hint.contains(word), "{code}: {hint}");
        }
    }
}
