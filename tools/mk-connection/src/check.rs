//! What proves that a `connection` record tells of this environment's connection: the tool has to find
//! it. One that was adopted is somebody else's, and used as it is. Pure.

use plumbing::{Connection, Env, Proof, Record, proof};

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    if record.name() != "github" {
        return Err("is none: a connection's record is named 'github'".into());
    }
    match record.typed::<Connection>() {
        Some(connection) if connection.adopted => {
            if proof::is_planned(env, &connection.arn)? {
                return Err("is adopted, and does not exist yet".into());
            }
            Ok(Proof::Name)
        }
        // A person finishes it between two runs; and --adopt may begin or end between these.
        _ => proof::by_look_up(env, record, &["status", "adopted"]),
    }
}
