//! What the tools upstream of mk-alb write, and what a test reads from it.

use support::{LocalAws, Value, json, text};

/// Two apps, and a network for them.
pub const UPSTREAM: &str = "mk-env production pr1 | mk-app web --public --calls api | mk-app api --health /WeatherForecast | mk-vpc --nat single";

/// What the tools of a pipe write; mk-sg's part by hand.
pub fn upstream(aws: &LocalAws, pipe: &str) -> String {
    let made = aws.pipe(pipe).ok();
    let mut input = made.stdout.clone();
    let vpc = vpc(&input);
    for record in made.records() {
        if record["type"] == "app" {
            let app = text(&record["name"]);
            input += &sg_record(app, &create_security_group(aws, &vpc, app));
        }
    }
    input
}

/// Makes the security group of an app's load balancer.
fn create_security_group(aws: &LocalAws, vpc: &Value, app: &str) -> String {
    let name = format!("alb-{app}"); // AWS takes no group named sg-*
    let tags = json!([{"ResourceType": "security-group", "Tags": [{"Key": "plumbline:env", "Value": "production-pr1"}]}]);
    let group = json!({"GroupName": name, "Description": name, "VpcId": vpc["id"], "TagSpecifications": tags});
    let group = aws.call("ec2", "create_security_group", group);
    text(&group["GroupId"]).to_string()
}

/// The record of the security group of an app's load balancer.
pub fn sg_record(app: &str, id: &str) -> String {
    let record = json!({"type": "sg", "name": format!("alb/{app}"), "id": id});
    format!("{record}\n")
}

/// The same input for a dry run.
pub fn dry_run(input: &str) -> String {
    input.replace(r#""account""#, r#""plan":true,"account""#)
}

/// The records of an input.
pub fn records(input: &str) -> Vec<Value> {
    let mut records = Vec::new();
    for line in input.lines() {
        records.push(serde_json::from_str(line).unwrap());
    }
    records
}

/// The last record of the VPC.
pub fn vpc(input: &str) -> Value {
    let mut records = records(input).into_iter();
    records.rfind(|record| record["type"] == "vpc").unwrap()
}

/// The ID of the security group of an app's load balancer.
pub fn security_group_id(input: &str, app: &str) -> String {
    let name = format!("alb/{app}");
    let mut records = records(input).into_iter();
    let group = records.find(|record| record["type"] == "sg" && record["name"] == name);
    text(&group.unwrap()["id"]).to_string()
}
