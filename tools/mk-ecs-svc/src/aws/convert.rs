//! Tags and times, between the types of the SDK and those of plan.

use std::collections::BTreeMap;

use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::Tag;

/// Tags for a call.
pub fn sdk_tags(tags: &[(String, String)]) -> Option<Vec<Tag>> {
    let mut sdk_tags = Vec::new();
    for (key, value) in tags {
        sdk_tags.push(Tag::builder().key(key).value(value).build());
    }
    Some(sdk_tags)
}

/// The tags of a description.
pub fn have_tags(tags: Option<Vec<Tag>>) -> BTreeMap<String, String> {
    let mut have = BTreeMap::new();
    for tag in tags.unwrap_or_default() {
        if let Some(key) = tag.key {
            have.insert(key, tag.value.unwrap_or_default());
        }
    }
    have
}

/// A time in milliseconds since 1970, 0 for none.
pub fn millis(time: Option<&DateTime>) -> i64 {
    match time {
        Some(time) => time.to_millis().unwrap_or_default(),
        None => 0,
    }
}
