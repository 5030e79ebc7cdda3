//! What the tests of the modules here are about.

use std::collections::BTreeMap;

use plumbing::{App, Difference, Env};

use super::definition::{self, Definition, Known};
use super::service::Network;

pub fn env() -> Env {
    Env::example()
}

pub fn web() -> App {
    serde_json::from_str(r#"{"name":"web"}"#).unwrap()
}

pub fn web_definition() -> Definition {
    let environment = BTreeMap::from([("A".to_string(), "1".to_string())]);
    let known = Known {
        image: "web:1".into(),
        execution_role: "arn:role".into(),
        log_group: "/x".into(),
        environment,
        ..Known::default()
    };
    definition::want(&env(), &web(), &known)
}

pub fn network() -> Network {
    Network {
        subnets: vec!["subnet-2".into(), "subnet-1".into()],
        group: "sg-1".into(),
        target_group: "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/tg-web/1"
            .into(),
        pair: None,
    }
}

pub fn texts(differences: &[Difference]) -> Vec<String> {
    differences.iter().map(Difference::to_string).collect()
}
