//! IAM: roles that spread slowly, also where other services are handed one.

use super::{DENIED, NotYet, PASSES, TRUST, When};

/// A role that was just made is not seen by the check of iam:PassRole, for seconds, whatever the
/// policy says. terraform-aws-ecs #414, #415.
const PASS_ROLE: NotYet = NotYet {
    codes: DENIED,
    text: "iam:PassRole",
    seconds: 60,
    when: When::RoleIsNew,
    hint: "run the pipeline again: AWS may not know a role yet that was just made; if it stays so, the tool's --iam-policy prints the permissions that it needs, iam:PassRole among them",
    ..PASSES
};

/// A policy with a condition on tags does not see yet what a call tagged a moment ago. TF logs/group.go.
pub(super) const TAG_NOT_SEEN: NotYet = NotYet {
    codes: DENIED,
    text: "no identity-based policy allows",
    seconds: 60,
    when: When::MadeSomething,
    hint: "run the pipeline again: AWS may not see the tags yet of what was just made; if it stays so, the tool's --iam-policy prints the permissions that it needs",
    ..PASSES
};

const CHANGES: &[&str] = &[
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:TagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRoleDescription",
];

pub(super) const ROWS: &[NotYet] = &[
    NotYet {
        operations: &[
            "codebuild:CreateProject",
            "codebuild:UpdateProject",
            "codepipeline:CreatePipeline",
            "codepipeline:UpdatePipeline",
            "ecs:CreateService",
            "ecs:RegisterTaskDefinition",
            "ecs:UpdateService",
            "events:PutRule",
            "events:PutTargets",
            "lambda:CreateFunction",
            "lambda:UpdateFunctionConfiguration",
        ],
        ..PASS_ROLE
    },
    // What a tool's own policy lets it change by its tag alone.
    NotYet {
        operations: &[
            "codebuild:UpdateProject",
            "codeconnections:DeleteConnection",
            "codeconnections:TagResource",
            "ecr:PutImageScanningConfiguration",
            "ecr:PutLifecyclePolicy",
            "ecr:TagResource",
            "ecs:TagResource",
            "ecs:UpdateService",
            "iam:PutRolePermissionsBoundary",
            "iam:PutRolePolicy",
            "iam:TagRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:UpdateRoleDescription",
            "lambda:DeleteFunctionConcurrency",
            "lambda:PutFunctionEventInvokeConfig",
            "lambda:TagResource",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
            "application-autoscaling:PutScalingPolicy",
            "application-autoscaling:PutScheduledAction",
            "ecs:PutClusterCapacityProviders",
            "logs:PutRetentionPolicy",
            "logs:TagResource",
        ],
        ..TAG_NOT_SEEN
    },
    // Another change of the same role is under way: wait and repeat, says the API.
    NotYet {
        operations: CHANGES,
        codes: &["ConcurrentModification", "EntityTemporarilyUnmodifiable"],
        ..PASSES
    },
    // A role just made is unknown to the next call. TF iam/wait.go, two minutes.
    NotYet {
        operations: &[
            "iam:PutRolePermissionsBoundary",
            "iam:PutRolePolicy",
            "iam:TagRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:UpdateRoleDescription",
        ],
        codes: &["NoSuchEntity"],
        ..PASSES
    },
    // A policy just deleted or detached still counts for a moment. TF iam/role.go.
    NotYet {
        operations: &["iam:DeleteRole"],
        codes: &["DeleteConflict"],
        ..PASSES
    },
    // A policy that names a role, or a role that trusts one, just made. TF iam/role.go.
    NotYet {
        operations: &[
            "iam:CreateRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:PutRolePolicy",
        ],
        codes: &["MalformedPolicyDocument"],
        text: "Invalid principal in policy",
        ..PASSES
    },
    // TF codebuild/project.go, CodeBuild's guide.
    NotYet {
        operations: &["codebuild:CreateProject", "codebuild:UpdateProject"],
        codes: &["InvalidInputException"],
        text: "not authorized to perform",
        hint: TRUST,
        ..PASSES
    },
    // TF codepipeline/codepipeline.go.
    NotYet {
        operations: &["codepipeline:CreatePipeline", "codepipeline:UpdatePipeline"],
        codes: &["InvalidStructureException"],
        text: "not authorized to perform AssumeRole",
        hint: TRUST,
        ..PASSES
    },
    // TF events/rule.go.
    NotYet {
        operations: &["events:PutRule", "events:PutTargets"],
        codes: &["ValidationException"],
        text: "cannot be assumed by principal",
        hint: TRUST,
        ..PASSES
    },
    // TF lambda/function.go.
    NotYet {
        operations: &[
            "lambda:CreateFunction",
            "lambda:UpdateFunctionConfiguration",
        ],
        codes: &["InvalidParameterValueException"],
        text: "role defined for the function cannot be assumed by Lambda",
        hint: TRUST,
        ..PASSES
    },
    NotYet {
        operations: &[
            "lambda:CreateFunction",
            "lambda:UpdateFunctionConfiguration",
        ],
        codes: &["InvalidParameterValueException"],
        text: "execution role does not have permissions",
        hint: TRUST,
        ..PASSES
    },
];
