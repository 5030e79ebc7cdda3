//! What AWS refuses for good: quotas, and what begins like something that passes.

use crate::faulty::Case;

/// The tools of an environment, each with what it is refused.
pub const REFUSED: &[(&str, &[Case])] = &[
    (
        "mk-vpc --nat single",
        &[
            (
                "ec2:CreateVpc",
                "VpcLimitExceeded",
                "The maximum number of VPCs has been reached.",
            ),
            (
                "ec2:CreateInternetGateway",
                "InternetGatewayLimitExceeded",
                "The maximum number has been reached.",
            ),
            (
                "ec2:AllocateAddress",
                "AddressLimitExceeded",
                "The maximum number of addresses has been reached.",
            ),
            (
                "ec2:CreateSubnet",
                "SubnetLimitExceeded",
                "The maximum number of subnets has been reached.",
            ),
            (
                "ec2:CreateNatGateway",
                "NatGatewayLimitExceeded",
                "The maximum number of gateways has been reached.",
            ),
            (
                "ec2:CreateNatGateway",
                "NotAvailableInZone",
                "Nat Gateway is not available in this availability zone",
            ),
        ],
    ),
    (
        "mk-sg",
        &[
            (
                "ec2:CreateSecurityGroup",
                "SecurityGroupLimitExceeded",
                "The maximum number has been reached.",
            ),
            (
                "ec2:AuthorizeSecurityGroupIngress",
                "RulesPerSecurityGroupLimitExceeded",
                "The maximum has been reached.",
            ),
        ],
    ),
    (
        "mk-alb",
        &[
            (
                "elasticloadbalancing:CreateLoadBalancer",
                "TooManyLoadBalancers",
                "The maximum has been reached",
            ),
            (
                "elasticloadbalancing:CreateLoadBalancer",
                "InvalidSubnet",
                "Not enough IP space available in subnet-1",
            ),
            (
                "elasticloadbalancing:CreateTargetGroup",
                "TooManyTargetGroups",
                "The maximum has been reached",
            ),
            (
                "elasticloadbalancing:CreateTargetGroup",
                "ValidationError",
                "The port must be between 1 and 65535",
            ),
            (
                "elasticloadbalancing:ModifyLoadBalancerAttributes",
                "ValidationError",
                "Load balancer attribute key 'x' is not recognized",
            ),
        ],
    ),
    (
        "mk-ecr",
        &[(
            "ecr:CreateRepository",
            "LimitExceededException",
            "The operation would exceed the service limit",
        )],
    ),
    (
        "mk-role",
        &[
            (
                "iam:CreateRole",
                "LimitExceeded",
                "Cannot exceed quota for RolesPerAccount: 1000",
            ),
            (
                "iam:PutRolePolicy",
                "MalformedPolicyDocument",
                "Syntax errors in policy.",
            ),
            (
                "iam:PutRolePolicy",
                "AccessDenied",
                "not authorized: with an explicit deny in a service control policy",
            ),
        ],
    ),
    (
        "mk-logs",
        &[
            (
                "logs:CreateLogGroup",
                "LimitExceededException",
                "Resource limit exceeded.",
            ),
            (
                "logs:PutRetentionPolicy",
                "InvalidParameterException",
                "Invalid retention value",
            ),
        ],
    ),
    (
        "mk-ecs-svc",
        &[
            (
                "ecs:CreateCluster",
                "InvalidParameterException",
                "Identifier is required",
            ),
            (
                "ecs:RegisterTaskDefinition",
                "ClientException",
                "No Fargate configuration exists for given values.",
            ),
            (
                "ecs:CreateService",
                "InvalidParameterException",
                "The container web does not exist in the task definition.",
            ),
        ],
    ),
];

/// The tools of a pipeline, each with what it is refused.
pub const PIPELINE_REFUSED: &[(&str, &[Case])] = &[
    (
        "mk-connection",
        &[(
            "codeconnections:CreateConnection",
            "LimitExceededException",
            "The limit was exceeded",
        )],
    ),
    (
        "mk-bucket",
        &[
            (
                "s3:CreateBucket",
                "TooManyBuckets",
                "You have attempted to create more buckets than allowed",
            ),
            (
                "s3:CreateBucket",
                "IllegalLocationConstraintException",
                "The location constraint is incompatible",
            ),
            (
                "s3:PutBucketPolicy",
                "MalformedPolicy",
                "Policy has invalid resource",
            ),
        ],
    ),
    (
        "mk-build",
        &[
            (
                "codebuild:CreateProject",
                "InvalidInputException",
                "Invalid project source: buildspec is invalid",
            ),
            (
                "codebuild:CreateProject",
                "AccountLimitExceededException",
                "Project limit exceeded",
            ),
        ],
    ),
    (
        "mk-fn",
        &[
            (
                "lambda:CreateFunction",
                "CodeStorageExceededException",
                "Code storage limit exceeded.",
            ),
            (
                "lambda:CreateFunction",
                "InvalidParameterValueException",
                "The runtime parameter of python2.7 is no longer supported for creating or updating AWS Lambda functions.",
            ),
        ],
    ),
    (
        "mk-pipeline",
        &[
            (
                "codepipeline:CreatePipeline",
                "InvalidStructureException",
                "Pipeline has 1 stage(s)",
            ),
            (
                "codepipeline:CreatePipeline",
                "LimitExceededException",
                "The pipeline limit was exceeded",
            ),
        ],
    ),
    (
        "mk-rule",
        &[
            (
                "events:PutRule",
                "InvalidEventPatternException",
                "Event pattern is not valid.",
            ),
            (
                "events:PutTargets",
                "ValidationException",
                "Parameter x is not valid.",
            ),
        ],
    ),
];
