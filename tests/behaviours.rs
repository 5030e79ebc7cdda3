//! What the real AWS answers its clients and an emulator does not: of a role that has not spread, a
//! resource that was just made, an interface that holds a subnet, a batch of which half failed.
//!
//! A case is a call with AWS's own code and message. What passes is met twice, and the run ends well;
//! what is refused for good is asked once, and told in one line. README.md lists AWS's behaviours
//! with the test of each.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "behaviours/by_hand.rs"]
mod by_hand;
#[path = "behaviours/done.rs"]
mod done;
#[path = "behaviours/failures.rs"]
mod failures;
#[path = "behaviours/faulty.rs"]
mod faulty;
#[path = "behaviours/forms.rs"]
mod forms;
#[path = "behaviours/order.rs"]
mod order;
#[path = "behaviours/others.rs"]
mod others;
#[path = "behaviours/passes.rs"]
mod passes;
#[path = "behaviours/refusals.rs"]
mod refusals;
#[path = "behaviours/refused.rs"]
mod refused;
#[path = "behaviours/table.rs"]
mod table;
