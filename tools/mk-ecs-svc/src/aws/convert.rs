//! Tags, times and shares of capacity, between the types of the SDK and those of plan.

use std::collections::BTreeMap;

use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{CapacityProviderStrategyItem, Tag};
use plumbing::{Error, Result};

use crate::plan::service::Provider;

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

/// The capacity providers of a description, by name.
pub fn providers(strategy: &[CapacityProviderStrategyItem]) -> Vec<Provider> {
    let mut providers = Vec::new();
    for item in strategy {
        providers.push(Provider {
            name: item.capacity_provider().into(),
            base: item.base(),
            weight: item.weight(),
        });
    }
    providers.sort_unstable();
    providers
}

/// Capacity providers for a call.
pub fn strategy(providers: &[Provider]) -> Result<Vec<CapacityProviderStrategyItem>> {
    let mut strategy = Vec::new();
    for provider in providers {
        let item = CapacityProviderStrategyItem::builder()
            .capacity_provider(&provider.name)
            .base(provider.base)
            .weight(provider.weight)
            .build();
        strategy.push(item.map_err(|why| Error::refused(why.to_string()))?);
    }
    Ok(strategy)
}
