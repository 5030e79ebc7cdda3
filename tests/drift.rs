//! What people change by hand in a whole environment, one thing at a time: the next run brings it
//! back, reports it with old and new value on that one record, and leaves all else; the run after
//! it changes nothing. And what people change that is to stay. What the tests of one tool show
//! already is not shown again.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "drift/balancers.rs"]
mod balancers;
#[path = "drift/left_alone.rs"]
mod left_alone;
#[path = "drift/network.rs"]
mod network;
#[path = "drift/pipeline.rs"]
mod pipeline;
#[path = "drift/pipeline_parts.rs"]
mod pipeline_parts;
#[path = "drift/revision.rs"]
mod revision;
#[path = "drift/routes.rs"]
mod routes;
#[path = "drift/service.rs"]
mod service;
#[path = "drift/world.rs"]
mod world;
