//! A running environment is changed into another one: what is then there is what a fresh run of the
//! other one makes, and on the way nobody loses what the two have in common.
//!
//! The local AWS looks after every call, and after everything that time does, who can reach whom
//! (`scripts/local_aws/server/reach.py`). By default a sample is tried; with TORTURE=all much more.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it
#![allow(clippy::print_stdout)] // which pairs were tried, for who reads a failure

#[path = "change/compare.rs"]
mod compare;
#[path = "change/killed.rs"]
mod killed;
#[path = "change/layout.rs"]
mod layout;
#[path = "change/named.rs"]
mod named;
#[path = "change/pairs.rs"]
mod pairs;
#[path = "change/story.rs"]
mod story;
#[path = "change/world.rs"]
mod world;

/// Whether all is to be tried, and not a sample of it.
fn everything() -> bool {
    std::env::var("TORTURE").is_ok_and(|which| which == "all")
}
