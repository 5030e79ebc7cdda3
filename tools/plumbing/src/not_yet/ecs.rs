//! ECS, ECR and CloudWatch Logs.

use super::{NotYet, PASSES};

pub(super) const ROWS: &[NotYet] = &[
    // With an account's first cluster ECS makes its own role, which may not be ready in time. TF
    // ecs/cluster.go, ecs/service.go.
    NotYet {
        operations: &[
            "ecs:CreateCluster",
            "ecs:CreateService",
            "ecs:UpdateService",
        ],
        codes: &["InvalidParameterException", "ClientException"],
        text: "Unable to assume the service linked role",
        hint: "run the pipeline again; if it stays so: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com",
        ..PASSES
    },
    NotYet {
        operations: &["ecs:CreateService", "ecs:UpdateService"],
        codes: &["InvalidParameterException"],
        text: "verify that the ECS service role being passed has the proper permissions",
        hint: "run the pipeline again; if it stays so: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com",
        ..PASSES
    },
    // The listener was made a moment ago. TF ecs/service.go.
    NotYet {
        operations: &["ecs:CreateService", "ecs:UpdateService"],
        codes: &["InvalidParameterException"],
        text: "does not have an associated load balancer",
        ..PASSES
    },
    // What EC2 made a moment ago: ECS hands on EC2's own code in its message.
    NotYet {
        operations: &["ecs:CreateService", "ecs:UpdateService"],
        codes: &["InvalidParameterException", "ClientException"],
        text: ".NotFound",
        ..PASSES
    },
    // A revision that was just registered.
    NotYet {
        operations: &["ecs:CreateService", "ecs:UpdateService"],
        codes: &["ClientException", "InvalidParameterException"],
        text: "TaskDefinition not found",
        ..PASSES
    },
    // A cluster that was just made shows within seconds, or another run deleted it. TF ecs/service.go.
    NotYet {
        operations: &["ecs:CreateService"],
        codes: &["ClusterNotFoundException"],
        seconds: 15,
        ..PASSES
    },
    NotYet {
        operations: &["ecs:UpdateService"],
        codes: &[
            "ServiceNotActiveException",
            "ServiceNotFoundException",
            "ClusterNotFoundException",
        ],
        seconds: 15,
        ..PASSES
    },
    // Two writers of one family. TF #9777.
    NotYet {
        operations: &["ecs:RegisterTaskDefinition"],
        codes: &["ClientException"],
        text: "Too many concurrent attempts",
        ..PASSES
    },
    NotYet {
        operations: &[
            "ecs:RegisterTaskDefinition",
            "ecs:CreateService",
            "ecs:UpdateService",
        ],
        codes: &[
            "ConflictException",
            "UpdateInProgressException",
            "ResourceInUseException",
        ],
        ..PASSES
    },
    NotYet {
        operations: &["ecs:TagResource"],
        codes: &[
            "ResourceNotFoundException",
            "ClusterNotFoundException",
            "ServiceNotFoundException",
        ],
        seconds: 60,
        ..PASSES
    },
    // A service can be deleted only when its deployments have ended and what it uses is released. TF
    // ecs/service.go.
    NotYet {
        operations: &["ecs:DeleteService"],
        codes: &["InvalidParameterException"],
        text: "cannot be stopped while deployments are active",
        seconds: 600,
        ..PASSES
    },
    NotYet {
        operations: &["ecs:DeleteService"],
        codes: &["InvalidParameterException", "DependencyViolation"],
        text: "has a dependent object",
        seconds: 600,
        ..PASSES
    },
    // A repository just made. TF ecr/lifecycle_policy.go, ecr/repository.go.
    NotYet {
        operations: &[
            "ecr:PutImageScanningConfiguration",
            "ecr:PutLifecyclePolicy",
            "ecr:TagResource",
        ],
        codes: &["RepositoryNotFoundException"],
        seconds: 30,
        ..PASSES
    },
    // "Try again", says CloudWatch Logs, while another change of the same group is under way. TF
    // logs/group.go, one minute.
    NotYet {
        operations: &[
            "logs:CreateLogGroup",
            "logs:DeleteLogGroup",
            "logs:PutRetentionPolicy",
            "logs:TagResource",
        ],
        codes: &["OperationAbortedException"],
        seconds: 60,
        ..PASSES
    },
    // A group just made may be unknown to the next call.
    NotYet {
        operations: &["logs:PutRetentionPolicy", "logs:TagResource"],
        codes: &["ResourceNotFoundException"],
        seconds: 60,
        ..PASSES
    },
];
