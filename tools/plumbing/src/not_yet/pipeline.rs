//! What a pipeline is made of: S3, CodeBuild, Lambda, CodePipeline, CodeConnections, EventBridge.

use super::{NotYet, PASSES};

pub(super) const ROWS: &[NotYet] = &[
    // A name is not free at once after its bucket was deleted; minutes as a rule, an hour at worst.
    // TF s3/bucket.go, five minutes.
    NotYet {
        operations: &["s3:CreateBucket"],
        codes: &["OperationAborted"],
        seconds: 300,
        hint: "run the pipeline again, after up to an hour: a bucket of this name was deleted lately",
        ..PASSES
    },
    // A bucket just made, and another change of it under way. TF s3/bucket_*.go.
    NotYet {
        operations: &[
            "s3:PutBucketOwnershipControls",
            "s3:PutBucketPolicy",
            "s3:PutBucketPublicAccessBlock",
            "s3:PutBucketTagging",
            "s3:PutBucketVersioning",
            "s3:PutEncryptionConfiguration",
            "s3:PutLifecycleConfiguration",
        ],
        codes: &["NoSuchBucket", "OperationAborted"],
        ..PASSES
    },
    NotYet {
        operations: &["s3:GetBucketTagging"],
        codes: &["NoSuchBucket"],
        ..PASSES
    },
    // A policy that names a role just made. TF s3/bucket_policy.go.
    NotYet {
        operations: &["s3:PutBucketPolicy"],
        codes: &["MalformedPolicy"],
        text: "Invalid principal in policy",
        ..PASSES
    },
    NotYet {
        operations: &["codebuild:UpdateProject"],
        codes: &["ResourceNotFoundException"],
        ..PASSES
    },
    // Another change of the same function is under way. TF lambda/function.go.
    NotYet {
        operations: &[
            "lambda:DeleteFunction",
            "lambda:DeleteFunctionConcurrency",
            "lambda:PutFunctionEventInvokeConfig",
            "lambda:TagResource",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
        ],
        codes: &["ResourceConflictException"],
        ..PASSES
    },
    // A function just made may be unknown to the next call.
    NotYet {
        operations: &[
            "lambda:DeleteFunctionConcurrency",
            "lambda:PutFunctionEventInvokeConfig",
            "lambda:TagResource",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
        ],
        codes: &["ResourceNotFoundException"],
        ..PASSES
    },
    // Another change of the same pipeline is under way (API).
    NotYet {
        operations: &[
            "codepipeline:CreatePipeline",
            "codepipeline:DeletePipeline",
            "codepipeline:TagResource",
            "codepipeline:UpdatePipeline",
        ],
        codes: &["ConcurrentModificationException"],
        ..PASSES
    },
    NotYet {
        operations: &["codepipeline:StartPipelineExecution"],
        codes: &[
            "ConflictException",
            "ConcurrentPipelineExecutionsLimitExceededException",
        ],
        ..PASSES
    },
    NotYet {
        operations: &["codepipeline:TagResource", "codepipeline:UpdatePipeline"],
        codes: &["ResourceNotFoundException", "PipelineNotFoundException"],
        ..PASSES
    },
    NotYet {
        operations: &["codeconnections:TagResource"],
        codes: &["ResourceNotFoundException"],
        seconds: 60,
        ..PASSES
    },
    NotYet {
        operations: &[
            "codeconnections:CreateConnection",
            "codeconnections:TagResource",
            "codeconnections:DeleteConnection",
        ],
        codes: &["ConcurrentModificationException", "ConflictException"],
        seconds: 60,
        ..PASSES
    },
    // Another change of the same rule is under way (API). TF events/rule.go.
    NotYet {
        operations: &[
            "events:DeleteRule",
            "events:PutRule",
            "events:PutTargets",
            "events:RemoveTargets",
            "events:TagResource",
        ],
        codes: &["ConcurrentModificationException"],
        ..PASSES
    },
    // A rule just made may be unknown to the next call. TF events/target.go.
    NotYet {
        operations: &["events:PutTargets", "events:TagResource"],
        codes: &["ResourceNotFoundException"],
        ..PASSES
    },
    // Targets just removed still count for a while. TF events/rule.go, five minutes.
    NotYet {
        operations: &["events:DeleteRule"],
        codes: &["ValidationException"],
        text: "can't be deleted since it has targets",
        seconds: 300,
        ..PASSES
    },
];
