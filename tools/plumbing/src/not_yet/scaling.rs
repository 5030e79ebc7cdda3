//! Application Auto Scaling, and the providers of capacity of ECS.

use super::{NotYet, PASSES};

const CREATE_ROLE: &str = "run the pipeline again; if it stays so: aws iam create-service-linked-role --aws-service-name ecs.application-autoscaling.amazonaws.com";

const CHANGES: &[&str] = &[
    "application-autoscaling:DeleteScalingPolicy",
    "application-autoscaling:DeleteScheduledAction",
    "application-autoscaling:DeregisterScalableTarget",
    "application-autoscaling:PutScalingPolicy",
    "application-autoscaling:PutScheduledAction",
    "application-autoscaling:RegisterScalableTarget",
];

pub(super) const ROWS: &[NotYet] = &[
    // The service was made a moment ago. TF appautoscaling/target.go, two minutes.
    NotYet {
        operations: &["application-autoscaling:RegisterScalableTarget"],
        codes: &["ValidationException"],
        text: "ECS service doesn't exist",
        ..PASSES
    },
    // With an account's first target AWS makes its own role, which may not be ready in time. TF
    // appautoscaling/target.go.
    NotYet {
        operations: &["application-autoscaling:RegisterScalableTarget"],
        codes: &["ValidationException"],
        text: "Unable to assume IAM role",
        hint: CREATE_ROLE,
        ..PASSES
    },
    // The target was registered a moment ago, or its role is that new. TF appautoscaling/policy.go.
    NotYet {
        operations: &[
            "application-autoscaling:PutScalingPolicy",
            "application-autoscaling:PutScheduledAction",
        ],
        codes: &["FailedResourceAccessException", "ObjectNotFoundException"],
        hint: CREATE_ROLE,
        ..PASSES
    },
    // Another change of the same target is under way. API.
    NotYet {
        operations: CHANGES,
        codes: &["ConcurrentUpdateException"],
        ..PASSES
    },
    NotYet {
        operations: &["application-autoscaling:TagResource"],
        codes: &["ResourceNotFoundException"],
        seconds: 60,
        ..PASSES
    },
    // The cluster is being changed, or its providers are. TF ecs/cluster_capacity_providers.go.
    NotYet {
        operations: &["ecs:PutClusterCapacityProviders"],
        codes: &["ResourceInUseException", "UpdateInProgressException"],
        seconds: 600,
        ..PASSES
    },
    NotYet {
        operations: &["ecs:PutClusterCapacityProviders"],
        codes: &["ClientException"],
        text: "Cluster was not ACTIVE",
        seconds: 600,
        ..PASSES
    },
    NotYet {
        operations: &["ecs:PutClusterCapacityProviders"],
        codes: &["ClusterNotFoundException"],
        seconds: 15,
        ..PASSES
    },
];
