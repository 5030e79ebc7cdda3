//! What the real AWS answers its clients and an emulator does not: of a role that has not spread, a
//! resource that was just made, an interface that holds a subnet, a batch that failed by half.
//!
//! A case is a call with AWS's own code and message. What passes is met twice, and the run ends well;
//! what stays is asked once, and told in one line. README.md lists AWS's behaviours with the test of each.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::BTreeMap;

use support::{Faults, LocalAws, Output, Value, json, recipe, text};

/// A call, and what AWS answers instead of doing it: its code and message.
type Case = (&'static str, &'static str, &'static str);

const NO_ROLE: &str = "Unable to assume the service linked role. Please verify that the ECS service linked role exists.";
const NO_RIGHT: &str = "User: arn:aws:sts::123456789012:assumed-role/x/y is not authorized to perform: x because no identity-based policy allows the action";
const ABORTED: &str = "A conflicting conditional operation is currently in progress against this resource. Please try again.";
const IN_USE: &str = "The resource has a dependent object";

/// What passes while an environment is made.
const UP: &[Case] = &[
    (
        "ec2:ModifyVpcAttribute",
        "InvalidVpcID.NotFound",
        "The vpc ID 'vpc-1' does not exist",
    ),
    (
        "ec2:CreateSubnet",
        "InvalidVpcID.NotFound",
        "The vpc ID 'vpc-1' does not exist",
    ),
    (
        "ec2:CreateRouteTable",
        "InvalidVpcID.NotFound",
        "The vpc ID 'vpc-1' does not exist",
    ),
    (
        "ec2:AttachInternetGateway",
        "InvalidInternetGatewayID.NotFound",
        "The internetGateway ID 'igw-1' does not exist",
    ),
    (
        "ec2:AttachInternetGateway",
        "InvalidVpcID.NotFound",
        "The vpc ID 'vpc-1' does not exist",
    ),
    (
        "ec2:AssociateRouteTable",
        "InvalidSubnetID.NotFound",
        "The subnet ID 'subnet-1' does not exist",
    ),
    (
        "ec2:AssociateRouteTable",
        "InvalidRouteTableID.NotFound",
        "The routeTable ID 'rtb-1' does not exist",
    ),
    (
        "ec2:CreateRoute",
        "InvalidRouteTableID.NotFound",
        "The routeTable ID 'rtb-1' does not exist",
    ),
    (
        "ec2:CreateRoute",
        "InvalidParameterException",
        "The route table is not ready",
    ),
    (
        "ec2:CreateNatGateway",
        "InvalidSubnetId.NotFound",
        "The subnet ID 'subnet-1' does not exist",
    ),
    (
        "ec2:CreateNatGateway",
        "InvalidAllocationID.NotFound",
        "The allocation ID 'eipalloc-1' does not exist",
    ),
    (
        "ec2:CreateSecurityGroup",
        "InvalidVpcID.NotFound",
        "The vpc ID 'vpc-1' does not exist",
    ),
    (
        "ec2:RevokeSecurityGroupEgress",
        "InvalidGroup.NotFound",
        "The security group 'sg-1' does not exist",
    ),
    (
        "ec2:AuthorizeSecurityGroupIngress",
        "InvalidGroup.NotFound",
        "The security group 'sg-1' does not exist",
    ),
    (
        "ec2:AuthorizeSecurityGroupEgress",
        "InvalidGroup.NotFound",
        "The security group 'sg-1' does not exist",
    ),
    (
        "elasticloadbalancing:CreateTargetGroup",
        "ValidationError",
        "The VPC ID 'vpc-1' is not found",
    ),
    (
        "elasticloadbalancing:CreateLoadBalancer",
        "SubnetNotFound",
        "The subnet ID 'subnet-1' does not exist",
    ),
    (
        "elasticloadbalancing:CreateLoadBalancer",
        "InvalidSecurityGroup",
        "Security group 'sg-1' does not exist",
    ),
    (
        "elasticloadbalancing:CreateLoadBalancer",
        "InvalidSubnet",
        "VPC vpc-1 has no internet gateway",
    ),
    (
        "elasticloadbalancing:CreateListener",
        "LoadBalancerNotFound",
        "Load balancer 'x' not found",
    ),
    (
        "elasticloadbalancing:CreateListener",
        "TargetGroupNotFound",
        "Target group 'x' not found",
    ),
    (
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "LoadBalancerNotFound",
        "Load balancer 'x' not found",
    ),
    (
        "elasticloadbalancing:ModifyTargetGroupAttributes",
        "TargetGroupNotFound",
        "Target group 'x' not found",
    ),
    (
        "ecr:PutLifecyclePolicy",
        "RepositoryNotFoundException",
        "The repository with name 'x' does not exist",
    ),
    (
        "iam:CreateRole",
        "ConcurrentModification",
        "The request was rejected because of another one",
    ),
    (
        "iam:PutRolePolicy",
        "NoSuchEntity",
        "The role with name x cannot be found.",
    ),
    (
        "iam:PutRolePolicy",
        "ConcurrentModification",
        "The request was rejected because of another one",
    ),
    ("iam:PutRolePolicy", "AccessDenied", NO_RIGHT),
    (
        "logs:CreateLogGroup",
        "OperationAbortedException",
        "A conflicting operation is in progress. Please try again.",
    ),
    (
        "logs:PutRetentionPolicy",
        "OperationAbortedException",
        "A conflicting operation is in progress.",
    ),
    (
        "logs:PutRetentionPolicy",
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    ),
    ("ecs:CreateCluster", "InvalidParameterException", NO_ROLE),
    ("ecs:CreateService", "InvalidParameterException", NO_ROLE),
    (
        "ecs:CreateService",
        "InvalidParameterException",
        "The target group x does not have an associated load balancer.",
    ),
    (
        "ecs:CreateService",
        "InvalidParameterException",
        "Unable to assume role and validate the listeners configured on your load balancer. Please verify that the ECS service role being passed has the proper permissions.",
    ),
    (
        "ecs:CreateService",
        "ClusterNotFoundException",
        "Cluster not found.",
    ),
];

/// What AWS says of a thing that someone was faster to make.
const THERE: &[Case] = &[
    (
        "ec2:CreateSubnet",
        "InvalidSubnet.Conflict",
        "The CIDR '10.0.0.0/20' conflicts with another subnet",
    ),
    (
        "ec2:AttachInternetGateway",
        "Resource.AlreadyAssociated",
        "resource igw-1 is already attached to network vpc-1",
    ),
    (
        "ec2:CreateRoute",
        "RouteAlreadyExists",
        "The route identified by 0.0.0.0/0 already exists.",
    ),
    (
        "ec2:AssociateRouteTable",
        "Resource.AlreadyAssociated",
        "the specified association conflicts with another one",
    ),
    (
        "ec2:CreateNatGateway",
        "IdempotentParameterMismatch",
        "The client token is associated with other parameters.",
    ),
    (
        "ec2:CreateSecurityGroup",
        "InvalidGroup.Duplicate",
        "The security group 'x' already exists for VPC 'vpc-1'",
    ),
    (
        "ec2:RevokeSecurityGroupEgress",
        "InvalidPermission.NotFound",
        "The specified rule does not exist",
    ),
    (
        "ec2:AuthorizeSecurityGroupIngress",
        "InvalidPermission.Duplicate",
        "the specified rule already exists",
    ),
    (
        "ec2:AuthorizeSecurityGroupEgress",
        "InvalidPermission.Duplicate",
        "the specified rule already exists",
    ),
    (
        "elasticloadbalancing:CreateTargetGroup",
        "DuplicateTargetGroupName",
        "A target group with the same name exists",
    ),
    (
        "elasticloadbalancing:CreateLoadBalancer",
        "DuplicateLoadBalancerName",
        "A load balancer with this name exists",
    ),
    (
        "elasticloadbalancing:CreateListener",
        "DuplicateListener",
        "A listener already exists on this port",
    ),
    (
        "ecr:CreateRepository",
        "RepositoryAlreadyExistsException",
        "The repository with name 'x' already exists",
    ),
    (
        "iam:CreateRole",
        "EntityAlreadyExists",
        "Role with name x already exists.",
    ),
    (
        "logs:CreateLogGroup",
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
    ),
    (
        "ecs:CreateService",
        "InvalidParameterException",
        "Creation of service was not idempotent.",
    ),
];

/// What passes while an environment is deleted.
const DOWN: &[Case] = &[
    (
        "ecs:DeleteService",
        "InvalidParameterException",
        "The service cannot be stopped while deployments are active.",
    ),
    (
        "ecs:DeleteService",
        "InvalidParameterException",
        "DependencyViolation: resource sg-1 has a dependent object",
    ),
    (
        "ecs:DeleteCluster",
        "ClusterContainsServicesException",
        "The Cluster cannot be deleted while Services are active.",
    ),
    (
        "ecs:DeleteCluster",
        "ClusterContainsTasksException",
        "The Cluster cannot be deleted while Tasks are active.",
    ),
    (
        "ecs:DeleteCluster",
        "UpdateInProgressException",
        "The cluster has an update in progress.",
    ),
    (
        "elasticloadbalancing:DeleteTargetGroup",
        "ResourceInUse",
        "Target group 'x' is currently in use by a listener",
    ),
    ("ec2:DeleteSecurityGroup", "DependencyViolation", IN_USE),
    (
        "ec2:DeleteSecurityGroup",
        "InvalidGroup.InUse",
        "There are active instances using security group 'sg-1'",
    ),
    (
        "ec2:ReleaseAddress",
        "AuthFailure",
        "You do not have permission to access the specified resource.",
    ),
    (
        "ec2:ReleaseAddress",
        "InvalidIPAddress.InUse",
        "Address 192.0.2.1 is in use.",
    ),
    ("ec2:DeleteRouteTable", "DependencyViolation", IN_USE),
    ("ec2:DeleteSubnet", "DependencyViolation", IN_USE),
    (
        "ec2:DetachInternetGateway",
        "DependencyViolation",
        "Network vpc-1 has some mapped public address(es).",
    ),
    ("ec2:DeleteInternetGateway", "DependencyViolation", IN_USE),
    ("ec2:DeleteVpc", "DependencyViolation", IN_USE),
    (
        "iam:DeleteRolePolicy",
        "ConcurrentModification",
        "The request was rejected because of another one",
    ),
    (
        "iam:DeleteRole",
        "DeleteConflict",
        "Cannot delete entity, must delete policies first.",
    ),
    (
        "iam:DeleteRole",
        "ConcurrentModification",
        "The request was rejected because of another one",
    ),
    (
        "logs:DeleteLogGroup",
        "OperationAbortedException",
        "A conflicting operation is in progress. Please try again.",
    ),
];

/// What AWS says of a thing that is gone.
const GONE: &[Case] = &[
    (
        "ecs:DeleteService",
        "ServiceNotActiveException",
        "Service was not ACTIVE.",
    ),
    (
        "ecs:DeregisterTaskDefinition",
        "ClientException",
        "Unable to describe task definition.",
    ),
    (
        "ecs:DeleteCluster",
        "ClusterNotFoundException",
        "Cluster not found.",
    ),
    (
        "elasticloadbalancing:DeleteLoadBalancer",
        "LoadBalancerNotFound",
        "Load balancer 'x' not found",
    ),
    (
        "elasticloadbalancing:DeleteTargetGroup",
        "TargetGroupNotFound",
        "Target group 'x' not found",
    ),
    (
        "ec2:RevokeSecurityGroupIngress",
        "InvalidSecurityGroupRuleId.NotFound",
        "The rule ID 'sgr-1' does not exist",
    ),
    (
        "ec2:RevokeSecurityGroupEgress",
        "InvalidSecurityGroupRuleId.NotFound",
        "The rule ID 'sgr-1' does not exist",
    ),
    (
        "ec2:DeleteSecurityGroup",
        "InvalidGroup.NotFound",
        "The security group 'sg-1' does not exist",
    ),
    (
        "ec2:DeleteNatGateway",
        "NatGatewayNotFound",
        "The Nat Gateway nat-1 was not found",
    ),
    (
        "ec2:ReleaseAddress",
        "InvalidAllocationID.NotFound",
        "The allocation ID 'eipalloc-1' does not exist",
    ),
    (
        "ec2:ReleaseAddress",
        "AuthFailure",
        "You do not have permission to access the specified resource.",
    ),
    (
        "ec2:DisassociateRouteTable",
        "InvalidAssociationID.NotFound",
        "The association ID 'rtbassoc-1' does not exist",
    ),
    (
        "ec2:DeleteRouteTable",
        "InvalidRouteTableID.NotFound",
        "The routeTable ID 'rtb-1' does not exist",
    ),
    (
        "ec2:DeleteSubnet",
        "InvalidSubnetID.NotFound",
        "The subnet ID 'subnet-1' does not exist",
    ),
    (
        "ec2:DetachInternetGateway",
        "Gateway.NotAttached",
        "resource igw-1 is not attached to network vpc-1",
    ),
    (
        "ec2:DeleteInternetGateway",
        "InvalidInternetGatewayID.NotFound",
        "The internetGateway ID 'igw-1' does not exist",
    ),
    (
        "ec2:DeleteVpc",
        "InvalidVpcID.NotFound",
        "The vpc ID 'vpc-1' does not exist",
    ),
    (
        "ecr:DeleteRepository",
        "RepositoryNotFoundException",
        "The repository with name 'x' does not exist",
    ),
    (
        "iam:DeleteRolePolicy",
        "NoSuchEntity",
        "The role policy with name x cannot be found.",
    ),
    (
        "iam:DeleteRole",
        "NoSuchEntity",
        "The role with name x cannot be found.",
    ),
    (
        "logs:DeleteLogGroup",
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    ),
];

/// What passes while a pipeline is made.
const PIPELINE_UP: &[Case] = &[
    (
        "codeconnections:ListConnections",
        "ThrottlingException",
        "Rate exceeded",
    ),
    ("s3:CreateBucket", "OperationAborted", ABORTED),
    (
        "s3:PutBucketPublicAccessBlock",
        "NoSuchBucket",
        "The specified bucket does not exist",
    ),
    ("s3:PutBucketPublicAccessBlock", "OperationAborted", ABORTED),
    ("s3:PutBucketPolicy", "OperationAborted", ABORTED),
    ("s3:PutEncryptionConfiguration", "OperationAborted", ABORTED),
    ("s3:PutBucketVersioning", "OperationAborted", ABORTED),
    (
        "s3:PutLifecycleConfiguration",
        "NoSuchBucket",
        "The specified bucket does not exist",
    ),
    (
        "codebuild:CreateProject",
        "InvalidInputException",
        "CodeBuild is not authorized to perform: sts:AssumeRole on arn:aws:iam::123456789012:role/x",
    ),
    (
        "lambda:CreateFunction",
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    ),
    (
        "lambda:CreateFunction",
        "InvalidParameterValueException",
        "The provided execution role does not have permissions to call CreateNetworkInterface on EC2",
    ),
    (
        "lambda:PutFunctionEventInvokeConfig",
        "ResourceNotFoundException",
        "Function not found: x",
    ),
    (
        "lambda:PutFunctionEventInvokeConfig",
        "ResourceConflictException",
        "The operation cannot be performed at this time. An update is in progress for resource: x",
    ),
    (
        "lambda:PutFunctionEventInvokeConfig",
        "AccessDeniedException",
        NO_RIGHT,
    ),
    (
        "codepipeline:CreatePipeline",
        "InvalidStructureException",
        "CodePipeline is not authorized to perform AssumeRole on role arn:aws:iam::123456789012:role/x",
    ),
    (
        "codepipeline:CreatePipeline",
        "ConcurrentModificationException",
        "Unable to modify because of another request",
    ),
    (
        "events:PutRule",
        "ConcurrentModificationException",
        "Rule x is being modified",
    ),
    (
        "events:PutTargets",
        "ResourceNotFoundException",
        "Rule x does not exist on EventBus default.",
    ),
    (
        "events:PutTargets",
        "ConcurrentModificationException",
        "Rule x is being modified",
    ),
    (
        "events:PutTargets",
        "ValidationException",
        "Provided role 'arn:aws:iam::123456789012:role/x' cannot be assumed by principal 'events.amazonaws.com'.",
    ),
];

const PIPELINE_THERE: &[Case] = &[
    (
        "s3:CreateBucket",
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded",
    ),
    (
        "codebuild:CreateProject",
        "ResourceAlreadyExistsException",
        "Project already exists: x",
    ),
    (
        "lambda:CreateFunction",
        "ResourceConflictException",
        "Function already exist: x",
    ),
    (
        "codepipeline:CreatePipeline",
        "PipelineNameInUseException",
        "A pipeline with the name 'x' already exists",
    ),
];

/// What passes while a pipeline is deleted.
const PIPELINE_DOWN: &[Case] = &[
    (
        "events:RemoveTargets",
        "ConcurrentModificationException",
        "Rule x is being modified",
    ),
    (
        "events:DeleteRule",
        "ValidationException",
        "Rule can't be deleted since it has targets.",
    ),
    (
        "codepipeline:DeletePipeline",
        "ConcurrentModificationException",
        "Unable to modify because of another request",
    ),
    (
        "lambda:DeleteFunction",
        "ResourceConflictException",
        "An update is in progress for resource: x",
    ),
    (
        "s3:DeleteBucket",
        "BucketNotEmpty",
        "The bucket you tried to delete is not empty",
    ),
    ("s3:DeleteBucket", "OperationAborted", ABORTED),
];

const PIPELINE_GONE: &[Case] = &[
    (
        "events:DeleteRule",
        "ResourceNotFoundException",
        "Rule x does not exist on EventBus default.",
    ),
    (
        "codepipeline:DeletePipeline",
        "PipelineNotFoundException",
        "Account does not have a pipeline with name 'x'",
    ),
    (
        "lambda:DeleteFunction",
        "ResourceNotFoundException",
        "Function not found: x",
    ),
    (
        "s3:DeleteBucket",
        "NoSuchBucket",
        "The specified bucket does not exist",
    ),
    (
        "codeconnections:DeleteConnection",
        "ResourceNotFoundException",
        "Connection not found",
    ),
];

/// What stays, and the tool that meets it: quotas, and what begins like something that passes.
const STAYS: &[(&str, &[Case])] = &[
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

const PIPELINE_STAYS: &[(&str, &[Case])] = &[
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

/// Rules by which the calls of `passes` are refused twice, one case after the other, and those of `told`
/// are then done once and answered as if there had been nothing to do.
fn rules(passes: &[Case], told: &[Case]) -> Vec<Value> {
    let mut calls: BTreeMap<&str, u64> = BTreeMap::new();
    let twice = passes
        .iter()
        .flat_map(|case| [(case, "before"), (case, "before")]);
    let rules = twice.chain(told.iter().map(|case| (case, "after"))).map(|((call, code, message), when)| {
        let nth = calls.entry(call).and_modify(|nth| *nth += 1).or_insert(1);
        let status = match *code {
            "NoSuchBucket" => 404,
            "BucketAlreadyOwnedByYou" | "BucketNotEmpty" | "OperationAborted" | "ResourceConflictException" => 409,
            "AccessDenied" | "AccessDeniedException" => 403,
            _ => 400,
        };
        json!({"do": "refuse", "of": call, "nth": nth, "when": when, "code": code, "message": message, "status": status})
    });
    rules.collect()
}

/// Runs a pipe among such refusals, all of which it meets, and ends well.
fn survives(faults: &Faults, pipe: &str, passes: &[Case], told: &[Case]) -> Output {
    let rules = rules(passes, told);
    faults.rules(rules.clone().into());
    let output = faults.pipe(pipe);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let count = |calls: &mut dyn Iterator<Item = String>| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        calls.for_each(|call| *counts.entry(call).or_default() += 1);
        counts
    };
    let told = faults.told();
    let met = count(
        &mut told["done"]
            .as_array()
            .unwrap()
            .iter()
            .map(|done| text(&done["call"]).to_string()),
    );
    assert_eq!(
        met,
        count(&mut rules.iter().map(|rule| text(&rule["of"]).to_string())),
        "{}",
        output.stderr
    );
    faults.end();
    output
}

/// What a pipe changes when nothing is in its way.
fn changes(faults: &Faults, pipe: &str) -> Vec<Value> {
    faults.end();
    faults.pipe(pipe).ok();
    let seen = faults.told()["seen"].as_array().unwrap().clone();
    seen.into_iter()
        .filter(|call| call["changing"] == true)
        .collect()
}

/// Each of these is asked once for each thing that needs it, and told in one line. For each case the
/// records of an environment become those of another one, of which nothing is there yet.
fn asked_once(faults: &Faults, made: &str, cases: &[(&str, &[Case])]) {
    let cases = cases
        .iter()
        .flat_map(|(tool, cases)| cases.iter().map(move |case| (tool, case)));
    for (n, (tool, case)) in cases.enumerate() {
        let (call, code, message) = case;
        let mut rule = rules(&[*case], &[]).remove(0);
        rule["nth"].take();
        rule.as_object_mut().unwrap().remove("nth");
        faults.rules(json!([rule]));
        let output = faults.pipe_with(tool, &made.replace("pr1", &format!("c{n}")));
        let what = format!("{tool}, {call}, {code}: {}", output.stderr);
        assert_eq!(output.code, 1, "{what}");
        let things = match *call {
            "ec2:CreateSubnet"
            | "ec2:CreateSecurityGroup"
            | "ec2:AuthorizeSecurityGroupIngress" => 4,
            "ec2:CreateVpc"
            | "ec2:CreateInternetGateway"
            | "ec2:AllocateAddress"
            | "ec2:CreateNatGateway" => 1,
            "ecs:CreateCluster" => 1,
            _ => 2, // one for each app or purpose
        };
        let asked = faults.told()["done"].as_array().unwrap().len();
        assert!((1..=things).contains(&asked), "asked {asked} times: {what}");
        let lines: Vec<&str> = output
            .stderr
            .lines()
            .filter(|line| line.contains(": cannot "))
            .collect();
        let [line] = lines[..] else { panic!("{what}") };
        let why = format!(
            ": {} ({call}, {code}, request faulty-request)",
            message.trim_end_matches('.')
        );
        assert!(
            line.starts_with(tool.split(' ').next().unwrap()) && line.ends_with(&why),
            "{what}"
        );
    }
    faults.end();
}

/// A moment in which a role is unknown would be met instead of what a test is about.
fn start() -> (LocalAws, Faults) {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    (aws, faults)
}

#[test]
fn an_environment_is_made_among_what_passes_and_what_stays_is_asked_once() {
    let (_aws, faults) = start();
    let up = recipe(&["up"], "pr1");
    let made = survives(&faults, &up, UP, &[]);
    assert_eq!(changes(&faults, &up), Vec::<Value>::new());
    asked_once(&faults, &made.stdout, STAYS);
    // What should pass, and does not, is not waited for for ever.
    let (code, message) = ("ClusterNotFoundException", "Cluster not found.");
    faults.rules(
        json!([{"do": "refuse", "of": "ecs:CreateService", "code": code, "message": message}]),
    );
    let output = faults.pipe_with("mk-ecs-svc", &made.stdout.replace("pr1", "late"));
    let line = "cluster cluster-production-late is gone: another run deleted it (ecs:CreateService, ClusterNotFoundException)\n";
    assert!(
        output.code == 75 && output.stderr.contains(line),
        "{}",
        output.stderr
    );
    assert!(
        faults.told()["done"].as_array().unwrap().len() > 2,
        "{}",
        faults.told()
    );
}

#[test]
fn an_environment_is_made_where_others_are_faster_and_goes_among_what_passes_or_is_gone() {
    let (aws, faults) = start();
    let (up, down) = (recipe(&["up"], "pr1"), recipe(&["down"], "pr1"));
    let made = survives(&faults, &up, &[], THERE);
    assert_eq!(changes(&faults, &up), Vec::<Value>::new());
    // A task that no service started, as by hand.
    let container = json!({"name": "theirs", "image": "registry.example/theirs:1", "memory": 512});
    let definition = json!({"family": "theirs", "containerDefinitions": [container]});
    aws.call("ecs", "register_task_definition", definition);
    let cluster = made.record("cluster", "main")["arn"].clone();
    let stray = json!({"cluster": cluster, "taskDefinition": "theirs", "launchType": "FARGATE"});
    aws.call("ecs", "run_task", stray);
    survives(&faults, &down, DOWN, GONE);
    assert_eq!(
        faults
            .pipe("ls-env --env production-pr1")
            .ok()
            .records()
            .len(),
        1
    );
}

#[test]
fn a_pipeline_is_made_among_what_passes_and_what_stays_is_asked_once() {
    let (aws, faults) = start();
    aws.connect("ap-southeast-1");
    let up = recipe(&["pipeline-up"], "pr1");
    let made = survives(&faults, &up, PIPELINE_UP, &[]);
    assert_eq!(changes(&faults, &up), Vec::<Value>::new());
    asked_once(&faults, &made.stdout, PIPELINE_STAYS);
}

#[test]
fn a_pipeline_is_made_where_others_are_faster_and_goes_among_what_passes_or_is_gone() {
    let (aws, faults) = start();
    aws.connect("ap-southeast-1");
    let (up, down) = (
        recipe(&["pipeline-up"], "pr1"),
        recipe(&["pipeline-down"], "pr1"),
    );
    survives(&faults, &up, &[], PIPELINE_THERE);
    assert_eq!(changes(&faults, &up), Vec::<Value>::new());
    survives(&faults, &down, PIPELINE_DOWN, PIPELINE_GONE);
    assert_eq!(
        faults
            .pipe("ls-env --env production-pr1 --region ap-southeast-1")
            .ok()
            .records()
            .len(),
        1
    );
}

/// AWS's answers to a call say something else: what fits `matches` is replaced.
fn rewrite(call: &str, matches: &str, by: &str) -> Value {
    json!({"do": "rewrite", "of": call, "match": matches, "by": by})
}

/// A pipe ends with this code and this one line, where AWS's answers are rewritten so.
fn says(faults: &Faults, pipe: &str, rule: Value, code: i32, line: &str) {
    faults.rules(json!([rule]));
    let output = faults.pipe(pipe);
    assert_eq!(output.code, code, "{line}: {}", output.stderr);
    assert_eq!(
        output.stderr.matches(line).count(),
        1,
        "{line}: {}",
        output.stderr
    );
    faults.end();
}

#[test]
fn what_failed_in_an_answer_that_is_all_right_is_told() {
    let (aws, faults) = start();
    aws.connect("ap-southeast-1");
    let up = recipe(&["pipeline-up"], "pr1").replace("| wait-env", "");
    let down = recipe(&["pipeline-down"], "pr1");
    let busy = r#"{"FailedEntryCount":1,"FailedEntries":[{"TargetId":"x","ErrorCode":"ConcurrentModificationException","ErrorMessage":"Busy"}]}"#;
    let line = ": Busy (events:PutTargets, ConcurrentModificationException)\n";
    says(
        &faults,
        &up,
        rewrite("events:PutTargets", "^.*$", busy),
        1,
        line,
    );
    faults.pipe(&up).ok();
    let line = "rm-env: cannot remove the targets of rule rule-web-production-pr1: Busy (events:RemoveTargets, ConcurrentModificationException)\n";
    says(
        &faults,
        &down,
        rewrite("events:RemoveTargets", "^.*$", busy),
        1,
        line,
    );
    let kept = r#"{"buildsNotDeleted":[{"id":"build-web:1","statusCode":"BUILD_IN_PROGRESS"}]}"#;
    let line = "rm-env: cannot delete build build-web:1: BUILD_IN_PROGRESS (codebuild:BatchDeleteBuilds)\n";
    says(
        &faults,
        &down,
        rewrite("codebuild:BatchDeleteBuilds", "^.*$", kept),
        75,
        line,
    );
    let bucket = "bucket-123456789012-ap-southeast-1-production-pr1";
    let locked = "<DeleteResult><Error><Key>late</Key><Code>AccessDenied</Code><Message>Access Denied because object protected by object lock</Message></Error></DeleteResult>";
    let line = format!(
        "rm-env: cannot delete late of bucket {bucket}: AccessDenied: Access Denied because object protected by object lock (s3:DeleteObjectVersion)\n"
    );
    says(
        &faults,
        &down,
        rewrite("s3:DeleteObjectVersion", "^.*$", locked),
        1,
        &line,
    );
    faults.pipe(&down).ok();

    let (up, down) = (recipe(&["up"], "pr1"), recipe(&["down"], "pr1"));
    let denied = r#"{"services":[],"failures":[{"arn":"service-web-production-pr1","reason":"ACCESS_DENIED"}]}"#;
    let line =
        "cannot find service service-web-production-pr1: ACCESS_DENIED (ecs:DescribeServices)\n";
    faults.rules(json!([rewrite("ecs:DescribeServices", "^.*$", denied)]));
    let output = faults.pipe(&up);
    assert!(
        output.code != 0 && output.stderr.contains(line),
        "{}",
        output.stderr
    );
    faults.end();
    faults.pipe(&up).ok();
    let kept = r#"{"taskDefinitions":[],"failures":[{"arn":"task-web-production-pr1:1","reason":"IN_USE"}]}"#;
    let line =
        "rm-env: cannot delete task-web-production-pr1:1: IN_USE (ecs:DeleteTaskDefinitions)\n";
    says(
        &faults,
        &down,
        rewrite("ecs:DeleteTaskDefinitions", "^.*$", kept),
        1,
        line,
    );
    faults.pipe(&down).ok();
}

#[test]
fn what_fails_after_its_call_was_answered_is_told() {
    let (aws, faults) = start();
    let (up, down) = (recipe(&["up"], "pr1"), recipe(&["down"], "pr1"));
    let failed = "<state>failed</state><failureCode>InsufficientFreeAddressesInSubnet</failureCode><failureMessage>Subnet has insufficient free addresses</failureMessage>";
    let line = " is failed: Subnet has insufficient free addresses (ec2:CreateNatGateway)\n";
    let network = "mk-env production pr1 | mk-vpc --nat single";
    says(
        &faults,
        network,
        rewrite(
            "ec2:DescribeNatGateways",
            "<state>available</state>",
            failed,
        ),
        1,
        line,
    );
    let failed = "<Code>failed</Code><Reason>No capacity</Reason>";
    let line = " is failed: No capacity (elasticloadbalancing:CreateLoadBalancer)\n";
    let rule = rewrite(
        "elasticloadbalancing:DescribeLoadBalancers",
        "<Code>(active|provisioning)</Code>",
        failed,
    );
    faults.rules(json!([rule]));
    let output = faults.pipe(&up);
    assert!(
        output.code != 0 && output.stderr.contains(line),
        "{}",
        output.stderr
    );
    // An impaired one serves.
    let impaired = "<Code>active_impaired</Code>";
    let rule = rewrite(
        "elasticloadbalancing:DescribeLoadBalancers",
        "<Code>(active|provisioning)</Code>",
        impaired,
    );
    faults.rules(json!([rule]));
    let made = faults.pipe(&up).ok().stdout;
    // A cluster on its way in is there, and one on its way out is waited for by a person.
    for (state, code) in [("PROVISIONING", 0), ("DEPROVISIONING", 75)] {
        let rule = rewrite(
            "ecs:DescribeClusters",
            r#""status": ?"ACTIVE""#,
            &format!(r#""status": "{state}""#),
        );
        faults.rules(json!([rule]));
        let output = faults.pipe_with("mk-ecs-svc", &made);
        assert_eq!(output.code, code, "{state}: {}", output.stderr);
        let told = output
            .stderr
            .contains("mk-ecs-svc: cluster cluster-production-pr1 is deprovisioning\n");
        assert_eq!(told, code == 75, "{}", output.stderr);
    }
    // A revision that was deregistered still counts as ACTIVE.
    let mut late = rewrite("ecs:DescribeTaskDefinition", r#""INACTIVE""#, r#""ACTIVE""#);
    late["times"] = 12.into();
    faults.rules(json!([late]));
    faults.pipe(&down).ok();
    assert_eq!(faults.told()["done"].as_array().unwrap().len(), 12);
    let left = aws.call(
        "ecs",
        "list_task_definitions",
        json!({"status": "INACTIVE"}),
    );
    assert_eq!(left["taskDefinitionArns"], json!([]));
    faults.end();

    aws.connect("ap-southeast-1");
    let failed = r#""State": "Failed", "StateReason": "No addresses.", "StateReasonCode": "EniLimitExceeded""#;
    let line = "mk-fn: function function-web-production-pr1 could not be made: No addresses (EniLimitExceeded)\n";
    let up = recipe(&["pipeline-up"], "pr1").replace("| wait-env", "");
    let rule = rewrite("lambda:GetFunction", r#""State": ?"Active""#, failed);
    faults.rules(json!([rule]));
    let output = faults.pipe(&up);
    assert!(
        output.code != 0 && output.stderr.contains(line),
        "{}",
        output.stderr
    );
}

#[test]
fn what_an_answer_says_otherwise_for_a_moment_or_in_another_form_is_understood() {
    let (aws, faults) = start();
    // A role just made has an ID for an ARN.
    let young = "<Arn>AROAEXAMPLE</Arn>";
    let mut got = rewrite("iam:GetRole", "<Arn>[^<]*</Arn>", young);
    got["times"] = 3.into(); // the first look finds none
    faults.rules(json!([
        rewrite("iam:CreateRole", "<Arn>[^<]*</Arn>", young),
        got
    ]));
    let made = faults
        .pipe("mk-env production pr1 | mk-app web --image x | mk-role")
        .ok();
    let arn = "arn:aws:iam::123456789012:role/plumbline/us-east-1/production-pr1/role-execution-web-us-east-1-production-pr1";
    assert_eq!(made.record("role", "execution/web")["arn"], arn);
    // What was just made is missing from lists.
    let unlisted =
        |call: &str, set: &str| rewrite(call, &format!("<{set}>.*</{set}>"), &format!("<{set}/>"));
    faults.rules(json!([
        unlisted("ec2:DescribeVpcs", "vpcSet"),
        unlisted("ec2:DescribeInternetGateways", "internetGatewaySet"),
        unlisted("ec2:DescribeAddresses", "addressesSet"),
    ]));
    let network = "mk-env production pr1 | mk-vpc --nat single";
    faults.pipe(network).ok();
    assert_eq!(changes(&faults, network), Vec::<Value>::new());
    // Zones that are in a city, or need an opt-in, are in the same list.
    let calls = aws.calls();
    let zones = calls
        .iter()
        .find(|call| call["action"] == "DescribeAvailabilityZones")
        .unwrap()["params"]
        .to_string();
    assert!(
        zones.contains("opt-in-not-required") && zones.contains("availability-zone"),
        "{zones}"
    );
    // An S3 that overlooks the tags of CreateBucket.
    let mut untagged = rewrite("s3:GetBucketTagging", "<TagSet>.*</TagSet>", "<TagSet/>");
    untagged["times"] = 2.into(); // the first look finds no bucket
    faults.rules(json!([untagged]));
    faults.pipe("mk-env production pr1 | mk-bucket").ok();
    let tagged = faults.told()["seen"]
        .to_string()
        .matches("s3:PutBucketTagging")
        .count();
    assert_eq!(tagged, 1, "{}", faults.told());
    // The end of a list may be an empty token.
    let untold = rewrite("iam:ListRoles", "<Tags>.*?</Tags>", ""); // and tags are told of one role alone
    let empty = |call: &str| rewrite(call, r"\}\s*$", r#", "NextToken": ""}"#);
    faults.rules(json!([
        empty("events:ListRules"),
        empty("codeconnections:ListConnections"),
        untold
    ]));
    aws.pipe("mk-env production pr1 | mk-connection").ok();
    aws.call(
        "events",
        "put_rule",
        json!({"Name": "rule-theirs", "EventPattern": r#"{"source":["x"]}"#}),
    );
    let listed = faults.pipe("ls-env --env production-pr1").ok();
    assert_eq!(listed.record("role", "execution/web")["arn"], arn);
    assert_eq!(listed.record("connection", "github")["status"], "PENDING");
    let seen = faults.told()["seen"].as_array().unwrap().clone();
    assert_eq!(
        seen.iter()
            .filter(|call| call["call"] == "events:ListRules")
            .count(),
        1
    );
    // And a connection may be on the second page.
    for n in 0..100 {
        let other = json!({"ConnectionName": format!("team-{n}"), "ProviderType": "GitHub"});
        aws.call_in("eu-west-1", "codeconnections", "create_connection", other);
    }
    let connect = "mk-env production pr1 --region eu-west-1 | mk-connection";
    aws.pipe(connect).ok();
    assert_eq!(changes(&faults, connect), Vec::<Value>::new());
}

#[test]
fn tags_that_another_run_sets_at_the_same_time_are_set_again() {
    let (aws, faults) = start();
    let up = "mk-env production pr1 | mk-app web --image x | mk-vpc --nat single | mk-sg";
    let made = aws.pipe(up).ok();
    let ids = [
        &made.record("vpc", "main")["id"],
        &made.record("sg", "alb/web")["id"],
    ];
    aws.call(
        "ec2",
        "create_tags",
        json!({"Resources": ids, "Tags": [{"Key": "Team", "Value": "nobody"}]}),
    );
    let busy = (
        "ec2:CreateTags",
        "ConcurrentTagAccess",
        "You can't run simultaneous commands to modify a tag",
    );
    survives(&faults, up, &[busy, busy], &[]);
    assert_eq!(changes(&faults, up), Vec::<Value>::new());
}

#[test]
fn what_only_a_person_can_take_away_is_named_and_asked_once() {
    let (aws, faults) = start();
    let down = recipe(&["down"], "pr1");
    let made = aws.pipe("mk-env production pr1 | mk-vpc --nat single").ok();
    let (vpc, subnet) = (
        made.record("vpc", "main"),
        made.record("subnet", "private-a"),
    );
    // An address with a name in reverse DNS.
    let locked = "The address with allocation id [eipalloc-1] cannot be released because it is locked to your account.";
    faults.rules(
        json!([{"do": "refuse", "of": "ec2:ReleaseAddress", "code": "InvalidAddress.Locked", "message": locked}]),
    );
    let output = faults.pipe(&down);
    assert_eq!(
        (output.code, faults.told()["done"].as_array().unwrap().len()),
        (1, 1),
        "{}",
        output.stderr
    );
    assert!(
        output
            .stderr
            .contains("it is locked to your account (ec2:ReleaseAddress, InvalidAddress.Locked")
    );
    faults.end();
    // As GuardDuty's runtime monitoring makes one.
    let service = "com.amazonaws.us-east-1.guardduty-data";
    let endpoint = json!({"VpcId": vpc["id"], "ServiceName": service, "VpcEndpointType": "Interface", "SubnetIds": [subnet["id"]]});
    let endpoint =
        aws.call("ec2", "create_vpc_endpoint", endpoint)["VpcEndpoint"]["VpcEndpointId"].clone();
    let output = faults.pipe(&down);
    let named = format!("(VPC Endpoint Interface {})", text(&endpoint));
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains(&named), "{}", output.stderr);
    aws.call(
        "ec2",
        "delete_vpc_endpoints",
        json!({"VpcEndpointIds": [endpoint]}),
    );
    faults.pipe(&down).ok();
}

#[test]
fn a_bucket_of_another_account_or_region_is_told_and_left_alone() {
    let (_aws, faults) = start();
    let bucket = "bucket-123456789012-us-east-1-production-pr1";
    for (call, status, code, line) in [
        (
            "s3:CreateBucket",
            409,
            "BucketAlreadyExists",
            format!("mk-bucket: bucket {bucket} is another account's\n"),
        ),
        (
            "s3:GetBucketTagging",
            301,
            "PermanentRedirect",
            format!("mk-bucket: bucket {bucket} exists in another region; it is left alone\n"),
        ),
        (
            "s3:GetBucketTagging",
            403,
            "AccessDenied",
            format!(
                "mk-bucket: cannot find bucket {bucket}: Told (s3:GetBucketTagging, AccessDenied"
            ),
        ),
    ] {
        let rule =
            json!({"do": "refuse", "of": call, "status": status, "code": code, "message": "Told."});
        says(&faults, "mk-env production pr1 | mk-bucket", rule, 1, &line);
    }
}

#[test]
fn of_log_groups_that_begin_alike_one_goes_and_again_where_a_late_writer_made_it_anew() {
    let (aws, faults) = start();
    let made = aws
        .pipe("mk-env production pr1 | mk-app web | mk-app web2 | mk-logs")
        .ok();
    let web = made
        .stdout
        .lines()
        .filter(|line| !line.contains(r#""web2""#))
        .collect::<Vec<_>>()
        .join("\n");
    // The look after the deletion takes its time, in which a task that ends late writes a last line.
    faults.rules(json!([{"do": "delay", "of": "logs:DescribeLogGroups", "nth": 2, "ms": 2000}]));
    let output = std::thread::scope(|scope| {
        let down = scope.spawn(|| faults.pipe_with("rm-env --confirm production-pr1", &web));
        let deletes = |told: Value| told["seen"].to_string().contains("DeleteLogGroup");
        while !deletes(faults.told()) && !down.is_finished() {}
        let again = json!({"logGroupName": "/ecs/production-pr1/web"});
        while aws
            .try_call("logs", "create_log_group", again.clone())
            .is_err()
            && !down.is_finished()
        {}
        down.join().unwrap()
    });
    assert_eq!(output.code, 0, "{}", output.stderr);
    let deleted = faults.told()["seen"]
        .to_string()
        .matches("DeleteLogGroup")
        .count();
    let left = aws.call("logs", "describe_log_groups", json!({}))["logGroups"]
        .as_array()
        .unwrap()
        .clone();
    let left: Vec<&str> = left
        .iter()
        .map(|group| text(&group["logGroupName"]))
        .collect();
    assert_eq!(
        (left, deleted),
        (vec!["/ecs/production-pr1/web2"], 2),
        "{}",
        output.stderr
    );
}

/// All calls of the first kind came before any of the second.
fn in_order(faults: &Faults, pairs: &[(&str, &str)]) {
    let seen = faults.told()["seen"].as_array().unwrap().clone();
    let calls: Vec<&str> = seen.iter().map(|call| text(&call["call"])).collect();
    for (first, then) in pairs {
        let last = calls.iter().rposition(|call| call == first);
        let next = calls.iter().position(|call| call == then);
        assert!(
            last.is_some() && next.is_some() && last < next,
            "{first} before {then}: {calls:#?}"
        );
    }
}

#[test]
fn what_needs_another_comes_after_it_and_goes_before_it() {
    let (aws, faults) = start();
    faults.pipe(&recipe(&["up"], "pr1")).ok();
    // A task without a way out pulls no image.
    in_order(
        &faults,
        &[
            ("ec2:CreateRoute", "ecs:CreateService"),
            ("iam:PutRolePolicy", "ecs:CreateService"),
        ],
    );
    // Traffic that goes on being allowed is at no moment refused.
    faults.end();
    let other = recipe(&["up"], "pr1")
        .split("| mk-alb")
        .next()
        .unwrap()
        .replace("5000", "5001");
    faults.pipe(&other).ok();
    for way in ["Ingress", "Egress"] {
        let [first, then] =
            ["Authorize", "Revoke"].map(|verb| format!("ec2:{verb}SecurityGroup{way}"));
        let seen = faults.told()["seen"].as_array().unwrap().clone();
        let of = |call: &str| seen.iter().position(|one| one["call"] == call);
        assert!(
            of(&first).is_some() && of(&first) < of(&then),
            "{first}, {then}: {seen:?}"
        );
    }
    faults.end();
    faults.pipe(&recipe(&["down"], "pr1")).ok();
    in_order(
        &faults,
        &[
            (
                "ecs:DeleteService",
                "elasticloadbalancing:DeleteLoadBalancer",
            ),
            (
                "elasticloadbalancing:DeleteLoadBalancer",
                "elasticloadbalancing:DeleteTargetGroup",
            ),
            ("ecs:DeleteService", "ec2:DeleteNatGateway"),
            ("ecs:DeleteService", "iam:DeleteRole"),
            ("ecs:DeleteCluster", "iam:DeleteRole"),
            ("ecs:DeleteService", "ecr:DeleteRepository"),
            ("ecs:DeleteService", "logs:DeleteLogGroup"),
            (
                "elasticloadbalancing:DeleteLoadBalancer",
                "ec2:DeleteSecurityGroup",
            ),
            ("ec2:RevokeSecurityGroupIngress", "ec2:DeleteSecurityGroup"),
            ("ec2:DeleteNatGateway", "ec2:ReleaseAddress"),
            ("ec2:DeleteNatGateway", "ec2:DeleteSubnet"),
            ("ec2:DisassociateRouteTable", "ec2:DeleteVpc"),
            ("ec2:DeleteSecurityGroup", "ec2:DeleteVpc"),
            ("ec2:DetachInternetGateway", "ec2:DeleteInternetGateway"),
            ("ec2:DeleteInternetGateway", "ec2:DeleteVpc"),
            ("ec2:DeleteSubnet", "ec2:DeleteVpc"),
        ],
    );
    aws.connect("ap-southeast-1");
    faults.pipe(&recipe(&["pipeline-up"], "pr1")).ok();
    faults.end();
    faults.pipe(&recipe(&["pipeline-down"], "pr1")).ok();
    in_order(
        &faults,
        &[
            ("events:RemoveTargets", "events:DeleteRule"),
            ("events:DeleteRule", "codepipeline:DeletePipeline"),
            ("codepipeline:DeletePipeline", "codebuild:DeleteProject"),
            ("codebuild:BatchDeleteBuilds", "codebuild:DeleteProject"),
            ("codepipeline:DeletePipeline", "lambda:DeleteFunction"),
            ("codebuild:DeleteProject", "logs:DeleteLogGroup"),
            ("lambda:DeleteFunction", "logs:DeleteLogGroup"),
            ("codebuild:DeleteProject", "iam:DeleteRole"),
            ("lambda:DeleteFunction", "iam:DeleteRole"),
            ("codebuild:DeleteProject", "s3:DeleteBucket"),
        ],
    );
}
