//! What proves that a `connection` record tells of this environment's connection: its ARN, which the
//! tool has to find. One that was adopted is somebody else's, and used as it is. Pure.

use plumbing::{Connection, Env, Proof, Record, proof};

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    match record.typed::<Connection>() {
        Some(connection) if connection.adopted => {
            if proof::is_planned(env, &connection.arn)? {
                return Err("is adopted, and does not exist yet".into());
            }
            Ok(Proof::Name)
        }
        _ => proof::by_ids(env, record, [record.text("arn")]),
    }
}
