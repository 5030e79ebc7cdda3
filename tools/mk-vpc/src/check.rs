//! What proves that a record of the network tells of this environment's: what the tool has to find by
//! its tags. Pure.

use plumbing::{Env, Proof, Record, proof};

use crate::plan::Have;
use crate::plan::{ResourceType, records};

/// A name is what its `Name` tag says, which a person may change. A VPC has none but `main`.
const MAY_CHANGE: &[&str] = &["name"];

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    let may_change = if record.kind() == "vpc" {
        &[]
    } else {
        MAY_CHANGE
    };
    proof::by_look_up(env, record, may_change)
}

/// The records of all that was found of the environment's network.
pub fn found(env: &Env, have: &Have) -> Vec<Record> {
    let mut found = records::network(env, have);
    found.extend(records::vpc_with_all(have));
    // One that is being deleted has no record any more, and may have one in a saved stream.
    for nat in &have.nat_gateways {
        found.push(
            Record::new(ResourceType::NatGateway.of_record(), &nat.id).with("id", nat.id.as_str()),
        );
    }
    found
}
