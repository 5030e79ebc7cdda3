//! Killed anywhere, a run is completed by the next; whatever AWS does to the calls, an environment
//! ends as one that was made undisturbed, and its removal leaves nothing.
//!
//! By default a sample of the places where a run can be hit is tried; with TORTURE=all each of them.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "convergence/hit.rs"]
mod hit;
#[path = "convergence/noise.rs"]
mod noise;
#[path = "convergence/refused.rs"]
mod refused;
#[path = "convergence/snapshot.rs"]
mod snapshot;
#[path = "convergence/torture.rs"]
mod torture;
