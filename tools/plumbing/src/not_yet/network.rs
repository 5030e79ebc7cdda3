//! EC2 and Elastic Load Balancing.

use super::{NotYet, PASSES};

/// EC2 shows what was just made to other calls with a delay (TF ec2/wait.go: five minutes). What a
/// call names has a code for each kind, some kinds have several, and an ID may be unknown under the
/// code of another kind (a gateway in a route). TF ec2/errors.go, EC2's list of error codes, ansible
/// amazon.aws (`catch_extra_error_codes`).
const UNKNOWN_ID: &[&str] = &[
    "InvalidVpcID.NotFound",
    "InvalidSubnetID.NotFound",
    "InvalidInternetGatewayID.NotFound",
    "InvalidGatewayID.NotFound",
    "InvalidRouteTableID.NotFound",
    "InvalidAssociationID.NotFound",
    "InvalidNatGatewayID.NotFound",
    "NatGatewayNotFound",
    "InvalidGroup.NotFound",
    "InvalidGroupId.NotFound",
    "InvalidSecurityGroupID.NotFound",
    "InvalidNetworkAclID.NotFound",
    "*.NotFound",
];

/// A load balancer that was just made, and the network below it.
const UNKNOWN_TO_ELB: &[&str] = &[
    "LoadBalancerNotFound",
    "TargetGroupNotFound",
    "ListenerNotFound",
    "RuleNotFound",
];

/// The changing calls about load balancers and what belongs to them.
const CHANGES_OF_ELB: &[&str] = &[
    "elasticloadbalancing:CreateListener",
    "elasticloadbalancing:CreateRule",
    "elasticloadbalancing:ModifyListener",
    "elasticloadbalancing:ModifyLoadBalancerAttributes",
    "elasticloadbalancing:ModifyRule",
    "elasticloadbalancing:SetRulePriorities",
    "elasticloadbalancing:ModifyTargetGroup",
    "elasticloadbalancing:ModifyTargetGroupAttributes",
    "elasticloadbalancing:SetSecurityGroups",
    "elasticloadbalancing:SetSubnets",
    "elasticloadbalancing:AddTags",
];

pub(super) const ROWS: &[NotYet] = &[
    NotYet {
        operations: &[
            "ec2:AssociateRouteTable",
            "ec2:AttachInternetGateway",
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:CreateRoute",
            "ec2:CreateRouteTable",
            "ec2:CreateSecurityGroup",
            "ec2:CreateSubnet",
            "ec2:CreateTags",
            "ec2:ModifySubnetAttribute",
            "ec2:ModifyVpcAttribute",
            "ec2:ReplaceRoute",
            "ec2:ReplaceRouteTableAssociation",
        ],
        codes: UNKNOWN_ID,
        seconds: 300,
        ..PASSES
    },
    // That an address or a rule is not found is said of those that another run deleted: they have
    // codes of their own, which are not these.
    NotYet {
        operations: &["ec2:CreateNatGateway"],
        codes: &[
            "InvalidSubnetID.NotFound",
            "InvalidSubnet.NotFound",
            "InvalidVpcID.NotFound",
        ],
        seconds: 300,
        ..PASSES
    },
    NotYet {
        operations: &[
            "ec2:RevokeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupIngress",
        ],
        codes: &[
            "InvalidGroup.NotFound",
            "InvalidGroupId.NotFound",
            "InvalidSecurityGroupID.NotFound",
        ],
        seconds: 300,
        ..PASSES
    },
    // Right after the table was made. TF ec2/vpc_route.go, in all three.
    NotYet {
        operations: &["ec2:CreateRoute", "ec2:ReplaceRoute", "ec2:DeleteRoute"],
        codes: &["InvalidParameterException"],
        ..PASSES
    },
    // A gateway's route, before the gateway is attached; a NAT gateway's, before it works.
    NotYet {
        operations: &["ec2:CreateRoute", "ec2:ReplaceRoute"],
        codes: &["IncorrectState", "DependencyViolation"],
        ..PASSES
    },
    // Another run sets the tags of the same resource. EC2's list of error codes.
    NotYet {
        operations: &["ec2:CreateTags"],
        codes: &["ConcurrentTagAccess"],
        seconds: 60,
        ..PASSES
    },
    NotYet {
        operations: CHANGES_OF_ELB,
        codes: UNKNOWN_TO_ELB,
        ..PASSES
    },
    NotYet {
        operations: &[
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:DescribeTargetHealth",
        ],
        codes: UNKNOWN_TO_ELB,
        ..PASSES
    },
    // What EC2 made a moment ago. TF elbv2/load_balancer.go; the codes by the API.
    NotYet {
        operations: &[
            "elasticloadbalancing:CreateLoadBalancer",
            "elasticloadbalancing:SetSecurityGroups",
            "elasticloadbalancing:SetSubnets",
        ],
        codes: &[
            "SubnetNotFound",
            "InvalidSecurityGroup",
            "SecurityGroupNotFound",
        ],
        ..PASSES
    },
    // The subnets are known before the gateway is attached.
    NotYet {
        operations: &[
            "elasticloadbalancing:CreateLoadBalancer",
            "elasticloadbalancing:SetSubnets",
        ],
        codes: &["InvalidSubnet"],
        text: "internet gateway",
        ..PASSES
    },
    NotYet {
        operations: &[
            "elasticloadbalancing:CreateLoadBalancer",
            "elasticloadbalancing:CreateTargetGroup",
            "elasticloadbalancing:SetSecurityGroups",
            "elasticloadbalancing:SetSubnets",
        ],
        codes: &["ValidationError"],
        text: "not found", // the VPC, a subnet, a group
        ..PASSES
    },
    // A load balancer that is provisioning may take no change yet. alchemy #207.
    NotYet {
        operations: CHANGES_OF_ELB,
        codes: &["OperationNotPermitted", "InvalidLoadBalancerState"],
        text: "provisioning",
        ..PASSES
    },
    NotYet {
        operations: CHANGES_OF_ELB,
        codes: &["ResourceInUse", "PriorityInUse"],
        text: "try again",
        ..PASSES
    },
    // A target group counts as in use for a while after its listener was deleted. TF
    // elbv2/target_group.go.
    NotYet {
        operations: &[
            "elasticloadbalancing:DeleteTargetGroup",
            "elasticloadbalancing:DeleteLoadBalancer",
        ],
        codes: &["ResourceInUse"],
        ..PASSES
    },
    // What a tool's own policy lets it change by its tag alone.
    NotYet {
        operations: &[
            "ec2:AssociateRouteTable",
            "ec2:AttachInternetGateway",
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:CreateRoute",
            "ec2:CreateTags",
            "ec2:DeleteInternetGateway", // those of a run that was not elected
            "ec2:DeleteVpc",
            "ec2:ModifySubnetAttribute",
            "ec2:ModifyVpcAttribute",
            "ec2:ReleaseAddress",
            "ec2:ReplaceRoute",
            "ec2:ReplaceRouteTableAssociation",
            "ec2:RevokeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupIngress",
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:ModifyListener",
            "elasticloadbalancing:ModifyLoadBalancerAttributes",
            "elasticloadbalancing:ModifyRule",
            "elasticloadbalancing:SetRulePriorities",
            "elasticloadbalancing:ModifyTargetGroup",
            "elasticloadbalancing:ModifyTargetGroupAttributes",
            "elasticloadbalancing:SetSecurityGroups",
            "elasticloadbalancing:SetSubnets",
        ],
        ..super::iam::TAG_NOT_SEEN
    },
];
