//! The lifecycle rules in the SDK's types: ours, and what is told of those that are there.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, NoncurrentVersionExpiration,
};
use plumbing::Result;

use super::incomplete;
use crate::plan::{self, DAYS, MARKERS, OBJECTS, UPLOAD_DAYS};

/// The names of our lifecycle rules.
pub(super) const RULES: [&str; 2] = ["plumbline-objects", "plumbline-markers"];

/// Our lifecycle rules, for all objects.
pub(super) fn rules() -> Result<[LifecycleRule; 2]> {
    let rule = |id: &str| {
        let all = LifecycleRuleFilter::builder().prefix("").build();
        LifecycleRule::builder()
            .id(id)
            .status(ExpirationStatus::Enabled)
            .filter(all)
    };
    let objects = rule(RULES[0])
        .expiration(LifecycleExpiration::builder().days(DAYS).build())
        .noncurrent_version_expiration(
            NoncurrentVersionExpiration::builder()
                .noncurrent_days(DAYS)
                .build(),
        )
        .abort_incomplete_multipart_upload(
            AbortIncompleteMultipartUpload::builder()
                .days_after_initiation(UPLOAD_DAYS)
                .build(),
        );
    let markers = rule(RULES[1]).expiration(
        LifecycleExpiration::builder()
            .expired_object_delete_marker(true)
            .build(),
    );
    Ok([
        objects.build().map_err(incomplete)?,
        markers.build().map_err(incomplete)?,
    ])
}

/// What our rules say, in the words of the plan: whatever is not as we make it is in other words.
pub(super) fn told(have: &[LifecycleRule]) -> Result<[String; 2]> {
    let [objects, markers] = rules()?;
    let found = |ours: &LifecycleRule| have.iter().find(|rule| rule.id == ours.id).map(for_all);
    let objects = found(&objects).map(|rule| match rule == objects {
        true => OBJECTS.into(),
        false => {
            let days = rule.expiration().and_then(|expiration| expiration.days());
            let old = rule
                .noncurrent_version_expiration()
                .and_then(|expiration| expiration.noncurrent_days());
            let uploads = rule
                .abort_incomplete_multipart_upload()
                .and_then(|abort| abort.days_after_initiation());
            plan::otherwise(rule.status.as_str(), [days, old, uploads])
        }
    });
    let markers = found(&markers).map(|rule| {
        if rule == markers {
            MARKERS
        } else {
            "delete markers: changed"
        }
        .into()
    });
    Ok([objects, markers].map(|rule| rule.unwrap_or_else(|| "none".into())))
}

/// A rule for all objects in the form in which we say that, whichever it came in.
#[allow(deprecated)] // an endpoint may still answer with the prefix of a rule's old form
fn for_all(rule: &LifecycleRule) -> LifecycleRule {
    let mut rule = rule.clone();
    let all = LifecycleRuleFilter::builder().prefix("").build();
    let everything = LifecycleRuleFilter::builder().build();
    let trivial = rule
        .filter
        .as_ref()
        .is_none_or(|filter| *filter == all || *filter == everything);
    if trivial && rule.prefix.as_deref().is_none_or(str::is_empty) {
        (rule.filter, rule.prefix) = (Some(all), None);
    }
    if let Some(expiration) = rule
        .expiration
        .as_mut()
        .filter(|expiration| expiration.days.is_some())
    {
        expiration.expired_object_delete_marker = expiration
            .expired_object_delete_marker
            .filter(|marked| *marked);
    }
    rule
}

#[cfg(test)]
#[allow(deprecated)] // the prefix of a rule's old form
mod tests {
    use super::*;

    /// What is told of our rule for objects after a change of it.
    fn told_after(change: impl FnOnce(&mut LifecycleRule)) -> String {
        let mut all = rules().unwrap();
        change(&mut all[0]);
        let [objects, markers] = told(&all).unwrap();
        assert_eq!(markers, MARKERS);
        objects
    }

    #[test]
    fn our_rules_are_known_in_every_form_in_which_they_are_for_all_objects() {
        assert_eq!(told_after(|_| ()), OBJECTS);
        assert_eq!(
            told_after(|rule| rule.filter = Some(LifecycleRuleFilter::builder().build())),
            OBJECTS
        );
        let old_form =
            |rule: &mut LifecycleRule| (rule.filter, rule.prefix) = (None, Some(String::new()));
        assert_eq!(told_after(old_form), OBJECTS);
        assert_eq!(told(&[]).unwrap(), ["none", "none"]);
    }

    #[test]
    fn a_rule_of_which_anything_was_changed_is_no_longer_ours() {
        let days = LifecycleExpiration::builder().days(90).build();
        assert_eq!(
            told_after(|rule| rule.expiration = Some(days)),
            "expire after 90 days, old versions 30 days later, unfinished uploads after 7 (Enabled)"
        );
        let kept = NoncurrentVersionExpiration::builder()
            .noncurrent_days(DAYS)
            .newer_noncurrent_versions(5)
            .build();
        let large = LifecycleRuleFilter::builder()
            .object_size_greater_than(1)
            .build();
        for told in [
            told_after(|rule| rule.noncurrent_version_expiration = Some(kept)),
            told_after(|rule| rule.filter = Some(large)),
            told_after(|rule| (rule.filter, rule.prefix) = (None, Some("x/".into()))),
            told_after(|rule| rule.status = ExpirationStatus::Disabled),
            told_after(|rule| rule.expiration = None),
        ] {
            assert_ne!(told, OBJECTS);
        }
        let [objects, mut markers] = rules().unwrap();
        markers.status = ExpirationStatus::Disabled;
        assert_eq!(
            told(&[objects, markers]).unwrap(),
            [OBJECTS, "delete markers: changed"]
        );
    }
}
