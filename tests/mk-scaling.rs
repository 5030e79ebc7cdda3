//! mk-scaling: its command line, and the scalable targets that it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "mk-scaling/gone.rs"]
mod gone;
#[path = "mk-scaling/made.rs"]
mod made;
#[path = "mk-scaling/mended.rs"]
mod mended;
#[path = "mk-scaling/refused.rs"]
mod refused;
#[path = "mk-scaling/world.rs"]
mod world;

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-scaling", &[]);
}
