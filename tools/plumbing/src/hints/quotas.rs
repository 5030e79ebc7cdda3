//! The quotas of an account that a call may meet. Their names are those of Service Quotas.

/// A quota: the calls (or "" for any) and the code, a part of the message in lower case, and its name
/// in Service Quotas.
type Quota = (&'static str, &'static str, &'static str, &'static str);

const QUOTAS: &[Quota] = &[
    ("", "VpcLimitExceeded", "", "VPCs per Region"),
    (
        "",
        "InternetGatewayLimitExceeded",
        "",
        "Internet gateways per Region",
    ),
    ("", "AddressLimitExceeded", "", "EC2-VPC Elastic IPs"),
    ("", "SubnetLimitExceeded", "", "Subnets per VPC"),
    ("", "RouteTableLimitExceeded", "", "Route tables per VPC"),
    ("", "RouteLimitExceeded", "", "Routes per route table"),
    (
        "",
        "NatGatewayLimitExceeded",
        "",
        "NAT gateways per Availability Zone",
    ),
    (
        "",
        "SecurityGroupLimitExceeded",
        "",
        "VPC security groups per Region",
    ),
    (
        "",
        "RulesPerSecurityGroupLimitExceeded",
        "",
        "Inbound or outbound rules per security group",
    ),
    (
        "",
        "SecurityGroupsPerInterfaceLimitExceeded",
        "",
        "Security groups per network interface",
    ),
    (
        "",
        "NetworkInterfaceLimitExceeded",
        "",
        "Network interfaces per Region",
    ),
    (
        "",
        "VpcEndpointLimitExceeded",
        "",
        "Interface VPC endpoints per VPC",
    ),
    (
        "",
        "TooManyLoadBalancers",
        "",
        "Application Load Balancers per Region",
    ),
    ("", "TooManyTargetGroups", "", "Target Groups per Region"),
    (
        "",
        "TooManyListeners",
        "",
        "Listeners per Application Load Balancer",
    ),
    (
        "",
        "TooManyRules",
        "",
        "Rules per Application Load Balancer",
    ),
    (
        "",
        "TooManyTargets",
        "",
        "Targets per Application Load Balancer",
    ),
    (
        "",
        "TooManyCertificates",
        "",
        "Certificates per Application Load Balancer",
    ),
    (
        "",
        "TooManyUniqueTargetGroupsPerLoadBalancer",
        "",
        "Target Groups per Application Load Balancer",
    ),
    (
        "",
        "TargetGroupAssociationLimit",
        "",
        "Target Groups per Application Load Balancer",
    ),
    (
        "iam:",
        "LimitExceeded",
        "rolesperaccount",
        "Roles per account",
    ),
    (
        "iam:",
        "LimitExceeded",
        "policiesperrole",
        "Managed policies per role",
    ),
    (
        "iam:",
        "LimitExceeded",
        "aclsizeperrole",
        "Role trust policy length",
    ),
    (
        "iam:",
        "LimitExceeded",
        "instanceprofilesperaccount",
        "Instance profiles per account",
    ),
    ("iam:", "LimitExceeded", "tagsperrole", "Tags per role"),
    ("iam:CreateRole", "LimitExceeded", "", "Roles per account"),
    (
        "ecs:CreateCluster",
        "LimitExceeded",
        "",
        "Clusters per account",
    ),
    (
        "ecs:CreateCluster",
        "ClientException",
        "limit",
        "Clusters per account",
    ),
    (
        "ecs:CreateService",
        "LimitExceeded",
        "",
        "Services per cluster",
    ),
    (
        "ecs:CreateService",
        "ClientException",
        "limit",
        "Services per cluster",
    ),
    (
        "ecs:RegisterTaskDefinition",
        "LimitExceeded",
        "",
        "Revisions per task definition family",
    ),
    (
        "",
        "",
        "vcpus you can run",
        "Fargate On-Demand vCPU resource count",
    ),
    (
        "",
        "",
        "number of tasks you can run",
        "Fargate On-Demand vCPU resource count",
    ),
    (
        "ecr:CreateRepository",
        "LimitExceeded",
        "",
        "Registered repositories",
    ),
    ("ecr:", "LimitExceeded", "", "Images per repository"),
    ("logs:", "LimitExceeded", "", "Log groups"),
    ("s3:", "TooManyBuckets", "", "General purpose buckets"),
    (
        "codebuild:StartBuild",
        "AccountLimitExceeded",
        "",
        "Concurrently running builds",
    ),
    ("codebuild:", "AccountLimitExceeded", "", "Build projects"),
    (
        "codepipeline:",
        "LimitExceeded",
        "",
        "Total number of pipelines",
    ),
    (
        "codeconnections:",
        "LimitExceeded",
        "",
        "Connections per account",
    ),
    (
        "lambda:",
        "CodeStorageExceeded",
        "",
        "Function and layer storage",
    ),
    ("lambda:", "LimitExceeded", "", "Function and layer storage"),
    ("events:PutTargets", "LimitExceeded", "", "Targets per rule"),
    ("events:", "LimitExceeded", "", "Rules"),
    (
        "application-autoscaling:",
        "LimitExceeded",
        "",
        "Scalable targets for Amazon ECS",
    ),
];

/// Codes that end so tell of a quota, whatever it is called. That calls come too fast has others.
const OF_QUOTAS: [&str; 2] = ["LimitExceeded", "QuotaExceeded"];

/// What to do where a quota is reached, by AWS's code and its words in lower case.
pub(super) fn of(operation: &str, code: &str, words: &str) -> Option<String> {
    let plain = code.trim_end_matches("Exception");
    let found = QUOTAS.iter().find(|(of, known, text, _)| {
        operation.starts_with(of)
            && (known.is_empty() || plain == known.trim_end_matches("Exception"))
            && words.contains(text)
    });
    let which = match found {
        Some((_, _, _, name)) => format!("have Service Quotas raise '{name}'"),
        None if plain == "RequestLimitExceeded" => return None,
        None if OF_QUOTAS.iter().any(|end| plain.ends_with(end)) => {
            "have Service Quotas raise what is reached".to_string()
        }
        None => return None,
    };
    Some(format!(
        "delete what nobody uses, or {which}, and run it again"
    ))
}

#[cfg(test)]
mod tests {
    use crate::hints::of;

    fn hint(operation: &str, code: &str, message: &str) -> String {
        of(operation, code, message).unwrap_or_default()
    }

    #[test]
    fn a_quota_comes_with_its_name() {
        for (operation, code, message, name) in [
            ("ec2:CreateVpc", "VpcLimitExceeded", "", "VPCs per Region"),
            (
                "elasticloadbalancing:CreateTargetGroup",
                "TooManyTargetGroups",
                "",
                "Target Groups per Region",
            ),
            (
                "iam:CreateRole",
                "LimitExceeded",
                "Cannot exceed quota for RolesPerAccount: 1000",
                "Roles per account",
            ),
            (
                "ecr:CreateRepository",
                "LimitExceededException",
                "",
                "Registered repositories",
            ),
            (
                "ecs:CreateCluster",
                "ClientException",
                "Cluster limit exceeded",
                "Clusters per account",
            ),
            (
                "ecs:CreateService",
                "InvalidParameterException",
                "You've reached the limit on the number of vCPUs you can run concurrently",
                "Fargate On-Demand vCPU resource count",
            ),
            (
                "s3:CreateBucket",
                "TooManyBuckets",
                "",
                "General purpose buckets",
            ),
            (
                "codebuild:CreateProject",
                "AccountLimitExceededException",
                "",
                "Build projects",
            ),
            (
                "lambda:CreateFunction",
                "CodeStorageExceededException",
                "",
                "Function and layer storage",
            ),
            ("events:PutRule", "LimitExceededException", "", "Rules"),
            (
                "ec2:CreateThing",
                "ThingLimitExceeded",
                "",
                "what is reached",
            ),
            (
                "x:Y",
                "ServiceQuotaExceededException",
                "",
                "what is reached",
            ),
        ] {
            let hint = hint(operation, code, message);
            assert!(
                hint.contains(name) && hint.contains("Service Quotas"),
                "{code}: {hint}"
            );
        }
        for code in [
            "RequestLimitExceeded",
            "TooManyRequestsException",
            "ThrottlingException",
        ] {
            assert_eq!(of("ec2:CreateVpc", code, "Rate exceeded"), None, "{code}");
        }
    }
}
