//! What Elastic Load Balancing says of load balancers, target groups and listeners, and what
//! someone else makes there.

use support::{LocalAws, Value, json, tags, text};

use crate::input::{security_group_id, vpc};

/// A call beside the tools.
pub fn call(aws: &LocalAws, operation: &str, params: Value) -> Value {
    aws.call("elbv2", operation, params)
}

/// The load balancer of an ARN.
pub fn load_balancer(aws: &LocalAws, arn: &Value) -> Value {
    let params = json!({"LoadBalancerArns": [arn]});
    call(aws, "describe_load_balancers", params)["LoadBalancers"][0].clone()
}

/// All load balancers of the account.
pub fn load_balancers(aws: &LocalAws) -> Value {
    call(aws, "describe_load_balancers", json!({}))["LoadBalancers"].clone()
}

/// The target group of an ARN.
pub fn target_group(aws: &LocalAws, arn: &Value) -> Value {
    let params = json!({"TargetGroupArns": [arn]});
    call(aws, "describe_target_groups", params)["TargetGroups"][0].clone()
}

/// All target groups of the account.
pub fn target_groups(aws: &LocalAws) -> Value {
    call(aws, "describe_target_groups", json!({}))["TargetGroups"].clone()
}

/// The listeners of a load balancer.
pub fn listeners(aws: &LocalAws, load_balancer: &Value) -> Vec<Value> {
    let params = json!({"LoadBalancerArn": load_balancer});
    let answer = call(aws, "describe_listeners", params);
    answer["Listeners"].as_array().unwrap().clone()
}

/// The attributes of a load balancer.
pub fn attributes(aws: &LocalAws, load_balancer: &Value) -> Value {
    let params = json!({"LoadBalancerArn": load_balancer});
    let answer = call(aws, "describe_load_balancer_attributes", params);
    tags(&answer["Attributes"])
}

/// The attributes of a target group.
pub fn target_group_attributes(aws: &LocalAws, target_group: &Value) -> Value {
    let params = json!({"TargetGroupArn": target_group});
    let answer = call(aws, "describe_target_group_attributes", params);
    tags(&answer["Attributes"])
}

/// The tags of a resource.
pub fn tags_of(aws: &LocalAws, arn: &Value) -> Value {
    let answer = call(aws, "describe_tags", json!({"ResourceArns": [arn]}));
    tags(&answer["TagDescriptions"][0]["Tags"])
}

/// The IDs of a load balancer's subnets, sorted.
pub fn subnets_of(load_balancer: &Value) -> Vec<String> {
    let zones = load_balancer["AvailabilityZones"].as_array().unwrap();
    let ids: Value = zones.iter().map(|zone| zone["SubnetId"].clone()).collect();
    sorted(&ids)
}

/// IDs, sorted.
pub fn sorted(ids: &Value) -> Vec<String> {
    let mut sorted = Vec::new();
    for id in ids.as_array().unwrap() {
        sorted.push(text(id).to_string());
    }
    sorted.sort();
    sorted
}

/// Keys and values in AWS's shape.
pub fn pairs(pairs: &[(&str, &str)]) -> Value {
    let mut list = Vec::new();
    for (key, value) in pairs {
        list.push(json!({"Key": key, "Value": value}));
    }
    json!(list)
}

/// The action of a listener that forwards to a target group.
pub fn forward(target_group: &Value) -> Value {
    json!([{"Type": "forward", "TargetGroupArn": target_group}])
}

/// The action of a listener that forwards to nothing.
pub fn fixed_response() -> Value {
    json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}])
}

/// Makes a load balancer of someone else's, in the public subnets; answers its ARN.
pub fn create_theirs(aws: &LocalAws, input: &str, name: &str) -> Value {
    let subnets = vpc(input)["public_subnets"].clone();
    let groups = [security_group_id(input, "web")];
    let params = json!({"Name": name, "Subnets": subnets, "SecurityGroups": groups});
    let answer = call(aws, "create_load_balancer", params);
    answer["LoadBalancers"][0]["LoadBalancerArn"].clone()
}

/// Makes a target group of someone else's; answers it.
pub fn create_their_target_group(aws: &LocalAws, input: &str, name: &str, port: u16) -> Value {
    let vpc = vpc(input)["id"].clone();
    let params =
        json!({"Name": name, "Protocol": "HTTP", "Port": port, "VpcId": vpc, "TargetType": "ip"});
    call(aws, "create_target_group", params)["TargetGroups"][0].clone()
}

/// The actions of all calls.
pub fn actions(aws: &LocalAws) -> Vec<String> {
    let mut actions = Vec::new();
    for call in aws.calls() {
        actions.push(text(&call["action"]).to_string());
    }
    actions
}
