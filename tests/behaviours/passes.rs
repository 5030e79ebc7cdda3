//! What passes: AWS refuses a call for a moment, because it does not know yet what was just made,
//! has not let go of what was just deleted, or is changing the same thing already.

use crate::faulty::Case;

const NO_ROLE: &str = "Unable to assume the service linked role. Please verify that the ECS service linked role exists.";
const NO_RIGHT: &str = "User: arn:aws:sts::123456789012:assumed-role/x/y is not authorized to perform: x because no identity-based policy allows the action";
const ABORTED: &str = "A conflicting conditional operation is currently in progress against this resource. Please try again.";
const IN_USE: &str = "The resource has a dependent object";

/// What passes while an environment is made.
pub const UP: &[Case] = &[
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
        "ec2:CreateNatGateway",
        "InvalidElasticIpID.NotFound",
        "The elastic-ip ID 'eipalloc-1' does not exist",
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

/// What passes while an environment is deleted.
pub const DOWN: &[Case] = &[
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

/// What passes while a pipeline is made.
pub const PIPELINE_UP: &[Case] = &[
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

/// What passes while a pipeline is deleted.
pub const PIPELINE_DOWN: &[Case] = &[
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
