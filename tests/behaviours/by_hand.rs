//! What people change by hand, so that the next run makes each call that brings something into line.

use support::{LocalAws, Output, Value, json, text};

/// A load balancer, a service, a network.
pub fn change_services(aws: &LocalAws, made: &Output) {
    let id = |kind: &str, name: &str| {
        let record = made.record(kind, name);
        record.get("id").or(record.get("arn")).unwrap().clone()
    };
    let call = |service: &str, operation: &str, params: Value| aws.call(service, operation, params);
    change_network(aws, &id);
    change_load_balancer(aws, made, &id);
    let service = made.record("service", "web");
    let cluster = id("cluster", "main");
    let grace =
        json!({"cluster": cluster, "service": service["arn"], "healthCheckGracePeriodSeconds": 7});
    call("ecs", "update_service", grace);
    let group =
        json!({"logGroupName": made.record("log_group", "web")["group"], "retentionInDays": 1});
    call("logs", "put_retention_policy", group);
    let insights = json!([{"name": "containerInsights", "value": "disabled"}]);
    let cluster = json!({"cluster": made.record("cluster", "main")["arn"], "settings": insights});
    call("ecs", "update_cluster", cluster);
    let repo = made.record("repo", "web");
    let repository = text(&repo["uri"]).split('/').nth(1);
    let scan =
        json!({"repositoryName": repository, "imageScanningConfiguration": {"scanOnPush": false}});
    call("ecr", "put_image_scanning_configuration", scan);
    let role = text(&made.record("role", "execution/web")["arn"]).to_string();
    change_role(aws, role.rsplit('/').next().unwrap());
}

fn change_network(aws: &LocalAws, id: &dyn Fn(&str, &str) -> Value) {
    let (public, private) = (id("route_table", "public"), id("route_table", "private-a"));
    let vpc = json!({"VpcId": id("vpc", "main"), "EnableDnsHostnames": {"Value": false}});
    aws.call("ec2", "modify_vpc_attribute", vpc);
    let subnet = id("subnet", "private-a");
    let mapped = json!({"SubnetId": subnet, "MapPublicIpOnLaunch": {"Value": true}});
    aws.call("ec2", "modify_subnet_attribute", mapped);
    let route = json!({"RouteTableId": private, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": id("internet_gateway", "main")});
    aws.call("ec2", "replace_route", route);
    let theirs = json!({"RouteTableId": public, "DestinationCidrBlock": "192.0.2.0/24", "GatewayId": id("internet_gateway", "main")});
    aws.call("ec2", "create_route", theirs);
    let filter = json!({"Filters": [{"Name": "association.subnet-id", "Values": [subnet]}]});
    let tables = aws.call("ec2", "describe_route_tables", filter);
    let mut used = tables["RouteTables"][0]["Associations"]
        .as_array()
        .unwrap()
        .iter();
    let used = used.find(|one| one["SubnetId"] == subnet).unwrap();
    let other = json!({"AssociationId": used["RouteTableAssociationId"], "RouteTableId": public});
    aws.call("ec2", "replace_route_table_association", other);
}

fn change_load_balancer(aws: &LocalAws, made: &Output, id: &dyn Fn(&str, &str) -> Value) {
    let alb = id("alb", "web");
    let subnets = &made.record("vpc", "main")["private_subnets"];
    let group = id("target_group", "web");
    let response = json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": ""}}]);
    for (operation, params) in [
        (
            "set_security_groups",
            json!({"LoadBalancerArn": alb, "SecurityGroups": [id("sg", "alb/api")]}),
        ),
        (
            "set_subnets",
            json!({"LoadBalancerArn": alb, "Subnets": subnets}),
        ),
        (
            "modify_load_balancer_attributes",
            json!({"LoadBalancerArn": alb, "Attributes": [{"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "false"}]}),
        ),
        (
            "modify_target_group",
            json!({"TargetGroupArn": group, "HealthCheckPath": "/other"}),
        ),
        (
            "modify_target_group_attributes",
            json!({"TargetGroupArn": group, "Attributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "300"}]}),
        ),
        (
            "modify_listener",
            json!({"ListenerArn": id("listener", "web"), "DefaultActions": response}),
        ),
    ] {
        aws.call("elbv2", operation, params);
    }
}

fn change_role(aws: &LocalAws, role: &str) {
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let trust = json!({"RoleName": role, "PolicyDocument": trust.to_string()});
    aws.call("iam", "update_assume_role_policy", trust);
    let theirs = json!({"RoleName": role, "Description": "theirs"});
    aws.call("iam", "update_role_description", theirs);
    let managed = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let attached = json!({"RoleName": role, "PolicyArn": managed});
    aws.call("iam", "attach_role_policy", attached);
}

/// A function, a project, a pipeline, a bucket, a role.
pub fn change_pipeline(aws: &LocalAws, made: &Output) {
    let name = |kind: &str, field: &str| made.record(kind, "web")[field].clone();
    let function = name("function", "function");
    let code = json!({"FunctionName": function, "ZipFile": "PK\u{5}\u{6}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"});
    let project = name("build", "project");
    let found = aws.call(
        "codebuild",
        "batch_get_projects",
        json!({"names": [project]}),
    );
    let tags = &found["projects"][0]["tags"]; // those that are not said are taken away
    let bucket = made.record("bucket", "artifacts")["bucket"].clone();
    let owner = json!({"Bucket": bucket, "OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}});
    for (service, operation, params) in [
        ("lambda", "update_function_code", code),
        (
            "lambda",
            "update_function_configuration",
            json!({"FunctionName": function, "Timeout": 3}),
        ),
        (
            "lambda",
            "put_function_concurrency",
            json!({"FunctionName": function, "ReservedConcurrentExecutions": 0}),
        ),
        ("s3", "put_bucket_ownership_controls", owner),
        (
            "codebuild",
            "update_project",
            json!({"name": project, "description": "theirs", "tags": tags}),
        ),
    ] {
        aws.call(service, operation, params);
    }
    let get = json!({"name": name("pipeline", "pipeline")});
    let mut pipeline = aws.call("codepipeline", "get_pipeline", get)["pipeline"].clone();
    pipeline["stages"][0]["actions"][0]["configuration"]["BranchName"] = json!("theirs");
    let set = json!({"pipeline": pipeline});
    aws.call("codepipeline", "update_pipeline", set);
    let role = text(&made.record("role", "build/web")["arn"]).to_string();
    change_role(aws, role.rsplit('/').next().unwrap());
}
