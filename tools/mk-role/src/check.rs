//! What proves that a `role` record tells of this environment's role: its name. Pure.

use plumbing::{Env, Proof, Record, Role, proof};

use crate::name::{arn, role_name};
use crate::purpose::Purpose;

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    let name = record.name();
    let role = match name.split_once('/') {
        Some((word, of)) => match Purpose::of_word(word) {
            Some(purpose) => role_name(env, purpose, of),
            None => return Err(format!("is for '{word}', which no role here is")),
        },
        // The tag that says what it is for is lost: its record has its own name.
        None => name.to_string(),
    };
    let expected = Record::of(&Role {
        name: name.into(),
        arn: arn(env, &role),
        ..Role::default()
    });
    proof::by_name(record, &expected, &["arn"])
}
