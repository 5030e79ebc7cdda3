//! The kinds of things that an account can have: how each is read, and which calls make it.

use crate::{Value, text};

/// A kind of thing, in boto3's words.
pub struct Kind {
    /// What it is called here.
    pub name: &'static str,
    pub service: &'static str,
    /// Of which kind each thing has a list of these; empty where the account has one list.
    pub of: &'static str,
    /// The operation that lists them, its parameters, and the field of its answer.
    pub list: &'static str,
    pub params: &'static str,
    pub items: &'static str,
    /// The field of an item that tells it from others; empty where the item is its own name.
    pub id: &'static str,
    /// What else is asked about each thing: an operation with its parameters. `{item}` and
    /// `{parent}` stand for the item and what it is of, `{item.Field}` for a field of it.
    pub details: &'static [(&'static str, &'static str)],
    /// The changing calls by which one comes to be as it is, as the local AWS records them.
    pub made_by: &'static [&'static str],
}

/// What a kind has that says nothing else.
const KIND: Kind = Kind {
    name: "",
    service: "",
    of: "",
    list: "",
    params: "{}",
    items: "",
    id: "",
    details: &[],
    made_by: &[],
};

impl Kind {
    /// What tells a thing of this kind from others.
    pub fn id_of(&self, item: &Value) -> String {
        let id = if self.id.is_empty() {
            item
        } else {
            &item[self.id]
        };
        text(id).to_string()
    }
}

/// All of them; a kind comes after the one that it is of.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "vpc",
        service: "ec2",
        list: "describe_vpcs",
        items: "Vpcs",
        id: "VpcId",
        details: &[
            (
                "describe_vpc_attribute",
                r#"{"VpcId":"{item.VpcId}","Attribute":"enableDnsHostnames"}"#,
            ),
            (
                "describe_vpc_attribute",
                r#"{"VpcId":"{item.VpcId}","Attribute":"enableDnsSupport"}"#,
            ),
        ],
        // What AWS makes with it, its default group, ACL and main route table, is tagged.
        made_by: &["ec2:CreateVpc", "ec2:ModifyVpcAttribute", "ec2:CreateTags"],
        ..KIND
    },
    Kind {
        name: "subnet",
        service: "ec2",
        list: "describe_subnets",
        items: "Subnets",
        id: "SubnetId",
        made_by: &["ec2:CreateSubnet"],
        ..KIND
    },
    Kind {
        name: "route table",
        service: "ec2",
        list: "describe_route_tables",
        items: "RouteTables",
        id: "RouteTableId",
        made_by: &[
            "ec2:CreateRouteTable",
            "ec2:CreateRoute",
            "ec2:AssociateRouteTable",
        ],
        ..KIND
    },
    Kind {
        name: "internet gateway",
        service: "ec2",
        list: "describe_internet_gateways",
        items: "InternetGateways",
        id: "InternetGatewayId",
        made_by: &["ec2:CreateInternetGateway", "ec2:AttachInternetGateway"],
        ..KIND
    },
    Kind {
        name: "address",
        service: "ec2",
        list: "describe_addresses",
        items: "Addresses",
        id: "AllocationId",
        made_by: &["ec2:AllocateAddress"],
        ..KIND
    },
    Kind {
        name: "nat gateway",
        service: "ec2",
        list: "describe_nat_gateways",
        items: "NatGateways",
        id: "NatGatewayId",
        made_by: &["ec2:CreateNatGateway"],
        ..KIND
    },
    Kind {
        name: "security group",
        service: "ec2",
        list: "describe_security_groups",
        items: "SecurityGroups",
        id: "GroupId",
        made_by: &[
            "ec2:CreateSecurityGroup",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupEgress",
        ],
        ..KIND
    },
    Kind {
        name: "network interface",
        service: "ec2",
        list: "describe_network_interfaces",
        items: "NetworkInterfaces",
        id: "NetworkInterfaceId",
        ..KIND
    },
    Kind {
        name: "load balancer",
        service: "elbv2",
        list: "describe_load_balancers",
        items: "LoadBalancers",
        id: "LoadBalancerArn",
        details: &[
            (
                "describe_load_balancer_attributes",
                r#"{"LoadBalancerArn":"{item.LoadBalancerArn}"}"#,
            ),
            (
                "describe_tags",
                r#"{"ResourceArns":["{item.LoadBalancerArn}"]}"#,
            ),
        ],
        made_by: &[
            "elasticloadbalancing:CreateLoadBalancer",
            "elasticloadbalancing:ModifyLoadBalancerAttributes",
        ],
        ..KIND
    },
    Kind {
        name: "listener",
        service: "elbv2",
        of: "load balancer",
        list: "describe_listeners",
        params: r#"{"LoadBalancerArn":"{parent.LoadBalancerArn}"}"#,
        items: "Listeners",
        id: "ListenerArn",
        details: &[
            (
                "describe_tags",
                r#"{"ResourceArns":["{item.ListenerArn}"]}"#,
            ),
            ("describe_rules", r#"{"ListenerArn":"{item.ListenerArn}"}"#),
        ],
        made_by: &[
            "elasticloadbalancing:CreateListener",
            "elasticloadbalancing:CreateRule",
        ],
    },
    Kind {
        name: "target group",
        service: "elbv2",
        list: "describe_target_groups",
        items: "TargetGroups",
        id: "TargetGroupArn",
        details: &[
            (
                "describe_target_group_attributes",
                r#"{"TargetGroupArn":"{item.TargetGroupArn}"}"#,
            ),
            (
                "describe_tags",
                r#"{"ResourceArns":["{item.TargetGroupArn}"]}"#,
            ),
        ],
        made_by: &[
            "elasticloadbalancing:CreateTargetGroup",
            "elasticloadbalancing:ModifyTargetGroupAttributes",
        ],
        ..KIND
    },
    Kind {
        name: "repository",
        service: "ecr",
        list: "describe_repositories",
        items: "repositories",
        id: "repositoryName",
        details: &[
            (
                "get_lifecycle_policy",
                r#"{"repositoryName":"{item.repositoryName}"}"#,
            ),
            (
                "list_tags_for_resource",
                r#"{"resourceArn":"{item.repositoryArn}"}"#,
            ),
        ],
        made_by: &[
            "ecr:CreateRepository",
            "ecr:PutLifecyclePolicy",
            "ecr:TagResource",
        ],
        ..KIND
    },
    Kind {
        name: "image",
        service: "ecr",
        of: "repository",
        list: "describe_images",
        params: r#"{"repositoryName":"{parent.repositoryName}"}"#,
        items: "imageDetails",
        id: "imageDigest",
        made_by: &["ecr:PutImage"],
        ..KIND
    },
    Kind {
        name: "role",
        service: "iam",
        list: "list_roles",
        items: "Roles",
        id: "RoleName",
        details: &[
            ("get_role", r#"{"RoleName":"{item.RoleName}"}"#),
            (
                "list_attached_role_policies",
                r#"{"RoleName":"{item.RoleName}"}"#,
            ),
        ],
        made_by: &["iam:CreateRole"],
        ..KIND
    },
    Kind {
        name: "role policy",
        service: "iam",
        of: "role",
        list: "list_role_policies",
        params: r#"{"RoleName":"{parent.RoleName}"}"#,
        items: "PolicyNames",
        details: &[(
            "get_role_policy",
            r#"{"RoleName":"{parent.RoleName}","PolicyName":"{item}"}"#,
        )],
        made_by: &["iam:PutRolePolicy"],
        ..KIND
    },
    Kind {
        name: "log group",
        service: "logs",
        list: "describe_log_groups",
        items: "logGroups",
        id: "logGroupName",
        details: &[(
            "list_tags_for_resource",
            r#"{"resourceArn":"arn:aws:logs:{region}:123456789012:log-group:{item.logGroupName}"}"#,
        )],
        made_by: &[
            "logs:CreateLogGroup",
            "logs:PutRetentionPolicy",
            "logs:TagResource",
        ],
        ..KIND
    },
    Kind {
        name: "cluster",
        service: "ecs",
        list: "list_clusters",
        items: "clusterArns",
        details: &[(
            "describe_clusters",
            r#"{"clusters":["{item}"],"include":["TAGS","SETTINGS"]}"#,
        )],
        made_by: &["ecs:CreateCluster"],
        ..KIND
    },
    Kind {
        name: "service",
        service: "ecs",
        of: "cluster",
        list: "list_services",
        params: r#"{"cluster":"{parent}"}"#,
        items: "serviceArns",
        details: &[(
            "describe_services",
            r#"{"cluster":"{parent}","services":["{item}"],"include":["TAGS"]}"#,
        )],
        made_by: &["ecs:CreateService", "ecs:UpdateService"],
        ..KIND
    },
    Kind {
        name: "scalable target",
        service: "application-autoscaling",
        list: "describe_scalable_targets",
        params: r#"{"ServiceNamespace":"ecs"}"#,
        items: "ScalableTargets",
        id: "ResourceId",
        details: &[
            (
                "list_tags_for_resource",
                r#"{"ResourceARN":"{item.ScalableTargetARN}"}"#,
            ),
            (
                "describe_scaling_policies",
                r#"{"ServiceNamespace":"ecs","ResourceId":"{item.ResourceId}"}"#,
            ),
            (
                "describe_scheduled_actions",
                r#"{"ServiceNamespace":"ecs","ResourceId":"{item.ResourceId}"}"#,
            ),
        ],
        made_by: &[
            "application-autoscaling:RegisterScalableTarget",
            "application-autoscaling:PutScalingPolicy",
            "application-autoscaling:PutScheduledAction",
        ],
        ..KIND
    },
    Kind {
        name: "task definition",
        service: "ecs",
        list: "list_task_definitions",
        params: r#"{"status":"ACTIVE"}"#,
        items: "taskDefinitionArns",
        details: &[(
            "describe_task_definition",
            r#"{"taskDefinition":"{item}","include":["TAGS"]}"#,
        )],
        made_by: &["ecs:RegisterTaskDefinition"],
        ..KIND
    },
    Kind {
        name: "connection",
        service: "codeconnections",
        list: "list_connections",
        items: "Connections",
        id: "ConnectionName",
        details: &[(
            "list_tags_for_resource",
            r#"{"ResourceArn":"{item.ConnectionArn}"}"#,
        )],
        made_by: &["codeconnections:CreateConnection"],
        ..KIND
    },
    Kind {
        name: "bucket",
        service: "s3",
        list: "list_buckets",
        items: "Buckets",
        id: "Name",
        details: &[
            ("get_bucket_tagging", r#"{"Bucket":"{item.Name}"}"#),
            ("get_bucket_versioning", r#"{"Bucket":"{item.Name}"}"#),
            ("get_bucket_policy", r#"{"Bucket":"{item.Name}"}"#),
            ("get_bucket_encryption", r#"{"Bucket":"{item.Name}"}"#),
            (
                "get_bucket_lifecycle_configuration",
                r#"{"Bucket":"{item.Name}"}"#,
            ),
            ("get_public_access_block", r#"{"Bucket":"{item.Name}"}"#),
        ],
        made_by: &[
            "s3:CreateBucket",
            "s3:PutBucketPolicy",
            "s3:PutBucketPublicAccessBlock",
            "s3:PutBucketVersioning",
            "s3:PutEncryptionConfiguration",
            "s3:PutLifecycleConfiguration",
        ],
        ..KIND
    },
    Kind {
        name: "build project",
        service: "codebuild",
        list: "list_projects",
        items: "projects",
        details: &[("batch_get_projects", r#"{"names":["{item}"]}"#)],
        made_by: &["codebuild:CreateProject"],
        ..KIND
    },
    Kind {
        name: "build",
        service: "codebuild",
        list: "list_builds",
        items: "ids",
        ..KIND
    },
    Kind {
        name: "function",
        service: "lambda",
        list: "list_functions",
        items: "Functions",
        id: "FunctionName",
        details: &[
            ("list_tags", r#"{"Resource":"{item.FunctionArn}"}"#),
            (
                "get_function_event_invoke_config",
                r#"{"FunctionName":"{item.FunctionName}"}"#,
            ),
        ],
        made_by: &[
            "lambda:CreateFunction",
            "lambda:PutFunctionEventInvokeConfig",
        ],
        ..KIND
    },
    Kind {
        name: "pipeline",
        service: "codepipeline",
        list: "list_pipelines",
        items: "pipelines",
        id: "name",
        details: &[
            ("get_pipeline", r#"{"name":"{item.name}"}"#),
            (
                "list_tags_for_resource",
                r#"{"resourceArn":"arn:aws:codepipeline:{region}:123456789012:{item.name}"}"#,
            ),
        ],
        made_by: &[
            "codepipeline:CreatePipeline",
            "codepipeline:PutJobSuccessResult",
        ],
        ..KIND
    },
    Kind {
        name: "rule",
        service: "events",
        list: "list_rules",
        items: "Rules",
        id: "Name",
        details: &[
            ("list_targets_by_rule", r#"{"Rule":"{item.Name}"}"#),
            ("list_tags_for_resource", r#"{"ResourceARN":"{item.Arn}"}"#),
        ],
        made_by: &["events:PutRule", "events:PutTargets"],
        ..KIND
    },
];
