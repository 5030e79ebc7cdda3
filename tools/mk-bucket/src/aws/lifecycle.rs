//! The calls about a bucket's lifecycle rules: ours, beside those of others.

use aws_sdk_s3::types::builders::LifecycleRuleBuilder;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus,
    LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, NoncurrentVersionExpiration,
};
use plumbing::Result;

use super::client::{S3, if_set, incomplete};
use crate::plan::{self, DAYS, MARKERS, OBJECTS, UPLOAD_DAYS};

/// The names of our lifecycle rules.
const OBJECTS_ID: &str = "plumbline-objects";
const MARKERS_ID: &str = "plumbline-markers";

impl S3 {
    /// The bucket's lifecycle rules, ours and others'.
    pub(super) async fn get_lifecycle_rules(&self, bucket: &str) -> Result<Vec<LifecycleRule>> {
        let request = self
            .client
            .get_bucket_lifecycle_configuration()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account);
        let answer = if_set(
            "s3:GetLifecycleConfiguration",
            bucket,
            request.send().await,
            "NoSuchLifecycleConfiguration",
        )?;
        Ok(answer.and_then(|answer| answer.rules).unwrap_or_default())
    }

    /// Puts our two rules beside those of others that the bucket has; one of ours that keeps objects
    /// longer stays.
    pub(super) async fn set_lifecycle_rules(
        &self,
        bucket: &str,
        have: Vec<LifecycleRule>,
    ) -> Result<()> {
        let objects = match find(&have, OBJECTS_ID) {
            Some(rule) if keeps_longer(&rule)? => rule,
            _ => objects_rule()?,
        };
        let mut rules = have;
        rules.retain(|rule| rule.id() != Some(OBJECTS_ID) && rule.id() != Some(MARKERS_ID));
        rules.push(objects);
        rules.push(markers_rule()?);
        let configuration = BucketLifecycleConfiguration::builder().set_rules(Some(rules));
        let request = self
            .client
            .put_bucket_lifecycle_configuration()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account)
            .lifecycle_configuration(configuration.build().map_err(incomplete)?);
        let send = || request.clone().send();
        self.put("s3:PutLifecycleConfiguration", bucket, send).await
    }
}

/// What our rules say, in the words of the plan: whatever is not as we make it, and does not only keep
/// objects longer, is in other words.
pub(super) fn in_words(have: &[LifecycleRule]) -> Result<[String; 2]> {
    let objects = match find(have, OBJECTS_ID) {
        Some(rule) if rule == objects_rule()? || keeps_longer(&rule)? => OBJECTS.to_string(),
        Some(rule) => changed_objects_rule_in_words(&rule),
        None => "none".to_string(),
    };
    let markers = match find(have, MARKERS_ID) {
        Some(rule) if rule == markers_rule()? => MARKERS.to_string(),
        Some(_) => "delete markers: changed".to_string(),
        None => "none".to_string(),
    };
    Ok([objects, markers])
}

/// What our rule for objects says, where somebody has it keep them longer.
pub(super) fn longer_in_words(have: &[LifecycleRule]) -> Result<Option<String>> {
    match find(have, OBJECTS_ID) {
        Some(rule) if keeps_longer(&rule)? => Ok(Some(changed_objects_rule_in_words(&rule))),
        _ => Ok(None),
    }
}

/// Whether a rule is our rule for objects, but for the days, of which none is fewer.
fn keeps_longer(rule: &LifecycleRule) -> Result<bool> {
    let [Some(objects), Some(old_versions), Some(uploads)] = days_of(rule) else {
        return Ok(false);
    };
    let same_days = rule_with_days(objects, old_versions, uploads)?;
    Ok(*rule == same_days && plan::keeps_longer(objects, old_versions, uploads))
}

/// After how many days objects, old versions and uploads expire.
fn days_of(rule: &LifecycleRule) -> [Option<i32>; 3] {
    [
        rule.expiration().and_then(LifecycleExpiration::days),
        rule.noncurrent_version_expiration()
            .and_then(NoncurrentVersionExpiration::noncurrent_days),
        rule.abort_incomplete_multipart_upload()
            .and_then(AbortIncompleteMultipartUpload::days_after_initiation),
    ]
}

/// The rule of a name.
fn find(have: &[LifecycleRule], id: &str) -> Option<LifecycleRule> {
    let found = have.iter().find(|rule| rule.id() == Some(id))?;
    Some(normalized(found))
}

fn changed_objects_rule_in_words(rule: &LifecycleRule) -> String {
    let [objects, old_versions, uploads] = days_of(rule);
    plan::changed_objects_rule(rule.status.as_str(), objects, old_versions, uploads)
}

/// Our rule for objects.
fn objects_rule() -> Result<LifecycleRule> {
    rule_with_days(DAYS, DAYS, UPLOAD_DAYS)
}

fn rule_with_days(objects: i32, old_versions: i32, uploads: i32) -> Result<LifecycleRule> {
    let objects = LifecycleExpiration::builder().days(objects);
    let old_versions = NoncurrentVersionExpiration::builder().noncurrent_days(old_versions);
    let uploads = AbortIncompleteMultipartUpload::builder().days_after_initiation(uploads);
    let rule = rule_for_all_objects(OBJECTS_ID)
        .expiration(objects.build())
        .noncurrent_version_expiration(old_versions.build())
        .abort_incomplete_multipart_upload(uploads.build());
    rule.build().map_err(incomplete)
}

/// Our rule for delete markers.
fn markers_rule() -> Result<LifecycleRule> {
    let markers = LifecycleExpiration::builder().expired_object_delete_marker(true);
    let rule = rule_for_all_objects(MARKERS_ID).expiration(markers.build());
    rule.build().map_err(incomplete)
}

fn rule_for_all_objects(id: &str) -> LifecycleRuleBuilder {
    LifecycleRule::builder()
        .id(id)
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
}

/// A rule in the form in which we write ours: AWS and other endpoints answer one rule in several.
#[allow(deprecated)] // an endpoint may still answer with the prefix of a rule's old form
fn normalized(rule: &LifecycleRule) -> LifecycleRule {
    let mut rule = rule.clone();
    let of_every_key = LifecycleRuleFilter::builder().prefix("").build();
    let without_condition = LifecycleRuleFilter::builder().build();
    let is_for_all = match &rule.filter {
        Some(filter) => *filter == of_every_key || *filter == without_condition,
        None => true,
    };
    let is_of_every_prefix = rule.prefix.as_deref().is_none_or(str::is_empty);
    if is_for_all && is_of_every_prefix {
        rule.filter = Some(of_every_key);
        rule.prefix = None;
    }
    // Beside days, "false" says the same as nothing.
    if let Some(expiration) = &mut rule.expiration
        && expiration.days.is_some()
        && expiration.expired_object_delete_marker == Some(false)
    {
        expiration.expired_object_delete_marker = None;
    }
    rule
}

#[cfg(test)]
#[allow(deprecated)] // the prefix of a rule's old form
mod tests {
    use super::*;

    fn days(days: i32) -> LifecycleExpiration {
        LifecycleExpiration::builder().days(days).build()
    }

    /// What our rule for objects says where it is as this one.
    fn objects_in_words(rule: LifecycleRule) -> String {
        let have = [rule, markers_rule().unwrap()];
        let [objects, markers] = in_words(&have).unwrap();
        assert_eq!(markers, MARKERS);
        objects
    }

    #[test]
    fn our_rules_are_known_in_every_form_in_which_they_are_for_all_objects() {
        let ours = objects_rule().unwrap();
        let mut without_condition = ours.clone();
        without_condition.filter = Some(LifecycleRuleFilter::builder().build());
        let mut old_form = ours.clone();
        old_form.filter = None;
        old_form.prefix = Some(String::new());
        for rule in [ours, without_condition, old_form] {
            assert_eq!(objects_in_words(rule), OBJECTS);
        }
        assert_eq!(in_words(&[]).unwrap(), ["none", "none"]);
    }

    #[test]
    fn a_rule_of_which_anything_was_changed_is_no_longer_ours() {
        let mut sooner = objects_rule().unwrap();
        sooner.expiration = Some(days(9));
        assert_eq!(
            objects_in_words(sooner),
            "expire after 9 days, old versions 30 days later, unfinished uploads after 7 (Enabled)"
        );
        let five_versions = NoncurrentVersionExpiration::builder()
            .noncurrent_days(DAYS)
            .newer_noncurrent_versions(5);
        let mut keeps_five_versions = objects_rule().unwrap();
        keeps_five_versions.noncurrent_version_expiration = Some(five_versions.build());
        let large_objects = LifecycleRuleFilter::builder().object_size_greater_than(1);
        let mut for_large_objects = objects_rule().unwrap();
        for_large_objects.filter = Some(large_objects.build());
        let mut for_a_prefix = objects_rule().unwrap();
        for_a_prefix.filter = None;
        for_a_prefix.prefix = Some("x/".into());
        let mut disabled = objects_rule().unwrap();
        disabled.status = ExpirationStatus::Disabled;
        let mut without_expiration = objects_rule().unwrap();
        without_expiration.expiration = None;
        for rule in [
            keeps_five_versions,
            for_large_objects,
            for_a_prefix,
            disabled,
            without_expiration,
        ] {
            assert_ne!(objects_in_words(rule), OBJECTS);
        }
    }

    #[test]
    fn a_rule_that_only_keeps_longer_is_ours_and_told() {
        let mut later = objects_rule().unwrap();
        later.expiration = Some(days(90));
        assert_eq!(objects_in_words(later.clone()), OBJECTS);
        assert_eq!(
            longer_in_words(&[later.clone()]).unwrap().unwrap(),
            "expire after 90 days, old versions 30 days later, unfinished uploads after 7 (Enabled)"
        );
        assert_eq!(longer_in_words(&[objects_rule().unwrap()]).unwrap(), None);
        later.status = ExpirationStatus::Disabled;
        assert_eq!(longer_in_words(&[later.clone()]).unwrap(), None);
        assert_ne!(objects_in_words(later), OBJECTS);
    }

    #[test]
    fn a_changed_rule_for_delete_markers_is_no_longer_ours() {
        let mut disabled = markers_rule().unwrap();
        disabled.status = ExpirationStatus::Disabled;
        assert_eq!(
            in_words(&[objects_rule().unwrap(), disabled]).unwrap(),
            [OBJECTS, "delete markers: changed"]
        );
    }
}
