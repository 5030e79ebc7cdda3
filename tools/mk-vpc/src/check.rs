//! What proves that a record of the network tells of this environment's: its IDs, which the tool has
//! to find. Pure.

use plumbing::{Env, Proof, Record, Vpc, proof};

use crate::plan::Have;

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    let mut ids = vec![record.text("id").to_string()];
    if let Some(vpc) = record.typed::<Vpc>() {
        ids.extend(vpc.public_subnets);
        ids.extend(vpc.private_subnets);
    }
    proof::by_ids(env, record, ids.iter().map(String::as_str))
}

/// The IDs of all that was found of the environment's network.
pub fn ids(have: &Have) -> Vec<String> {
    let mut ids = Vec::new();
    ids.extend(have.vpcs.iter().map(|vpc| vpc.id.clone()));
    ids.extend(have.internet_gateways.iter().map(|one| one.id.clone()));
    ids.extend(have.addresses.iter().map(|one| one.id.clone()));
    ids.extend(have.subnets.iter().map(|one| one.id.clone()));
    ids.extend(have.route_tables.iter().map(|one| one.id.clone()));
    ids.extend(have.nat_gateways.iter().map(|one| one.id.clone()));
    ids
}
