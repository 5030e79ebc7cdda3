//! prune-env: what it takes away, and what it only names.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("prune-env", &[]);
}
