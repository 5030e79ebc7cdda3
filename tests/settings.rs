//! The AWS settings, each complete, partly set, empty and broken: the tools are whom botocore is, in
//! its region and at its endpoint, or they refuse with 2 and name the setting. What botocore does is
//! asked of botocore itself (`settings/world.py`); a row says only whether the two must agree.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "settings/connection.rs"]
mod connection;
#[path = "settings/hosts.rs"]
mod hosts;
#[path = "settings/keys.rs"]
mod keys;
#[path = "settings/places.rs"]
mod places;
#[path = "settings/proxies.rs"]
mod proxies;
#[path = "settings/roles.rs"]
mod roles;
#[path = "settings/rows.rs"]
mod rows;
#[path = "settings/sessions.rs"]
mod sessions;
#[path = "settings/sources.rs"]
mod sources;
