//! What is done already: AWS answers that a thing exists, or that it does not.

use crate::faulty::Case;

/// What AWS says where another run has made the thing already.
pub const EXISTS: &[Case] = &[
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

/// The same of what a pipeline needs.
pub const PIPELINE_EXISTS: &[Case] = &[
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

/// What AWS says where the thing was deleted already.
pub const ABSENT: &[Case] = &[
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

/// The same of what a pipeline needs.
pub const PIPELINE_ABSENT: &[Case] = &[
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
