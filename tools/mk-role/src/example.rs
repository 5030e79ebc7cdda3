//! An app for tests.

use plumbing::App;
use serde_json::{Value, json};

/// web, with more fields.
pub fn app(more: Value) -> App {
    let mut app = json!({"name": "web"});
    let fields = app.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    serde_json::from_value(app).unwrap()
}
