//! What was done with a resource, and in what it differed.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

/// What a tool did with a resource, or under `--plan` would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It exists as wanted.
    Kept,
    /// It was made.
    Created,
    /// It was brought into line; `changes` says in what.
    Updated,
    /// It is gone.
    Deleted,
    /// Plan: it would be made.
    Create,
    /// Plan: it would be brought into line.
    Update,
    /// Plan: it would be gone.
    Delete,
}

impl Change {
    /// The word in the record and on stderr.
    pub fn word(self) -> &'static str {
        match self {
            Change::Kept => "kept",
            Change::Created => "created",
            Change::Updated => "updated",
            Change::Deleted => "deleted",
            Change::Create => "create",
            Change::Update => "update",
            Change::Delete => "delete",
        }
    }
}

/// One field that is not as wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The field, in the words of the record or of AWS.
    pub field: String,
    /// What it is.
    pub old: String,
    /// What it is to be.
    pub new: String,
}

impl Difference {
    /// The difference of two values, if there is one.
    pub fn between(field: &str, old: impl ToString, new: impl ToString) -> Option<Self> {
        let (old, new) = (old.to_string(), new.to_string());
        (old != new).then(|| Difference {
            field: field.into(),
            old,
            new,
        })
    }

    /// The difference of two values that may be secret, such as those of variables: it says that they
    /// differ and shows neither.
    pub fn of_values(field: &str, old: Option<&str>, new: Option<&str>) -> Option<Self> {
        if old == new {
            return None;
        }
        let old_word = if old.is_some() { "set" } else { "none" };
        let new_word = match (old, new) {
            (Some(_), Some(_)) => "changed",
            (None, Some(_)) => "set",
            _ => "none",
        };
        Some(Difference {
            field: field.into(),
            old: old_word.into(),
            new: new_word.into(),
        })
    }

    /// The differences of the tags that we set; tags that others added are theirs.
    pub fn of_tags(have: &BTreeMap<String, String>, want: &[(String, String)]) -> Vec<Self> {
        let mut differences = Vec::new();
        for (key, new) in want {
            let old = have.get(key).map(String::as_str).unwrap_or_default();
            differences.extend(Difference::between(&format!("tag {key}"), old, new));
        }
        differences
    }
}

impl Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} -> {}", self.field, self.old, self.new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_may_be_secret_are_not_shown() {
        let told =
            |old, new| Difference::of_values("variable A", old, new).map(|one| one.to_string());
        assert_eq!(told(Some("x"), Some("x")), None);
        assert_eq!(
            told(Some("x"), Some("y")).as_deref(),
            Some("variable A: set -> changed")
        );
        assert_eq!(
            told(None, Some("y")).as_deref(),
            Some("variable A: none -> set")
        );
        assert_eq!(
            told(Some("x"), None).as_deref(),
            Some("variable A: set -> none")
        );
    }

    #[test]
    fn tags_of_others_are_no_difference() {
        let have = BTreeMap::from([
            ("Name".to_string(), "a".to_string()),
            ("theirs".to_string(), "x".to_string()),
        ]);
        let want = vec![("Name".to_string(), "b".to_string())];
        let differences = Difference::of_tags(&have, &want);
        let told: Vec<String> = differences.iter().map(Difference::to_string).collect();
        assert_eq!(told, ["tag Name: a -> b"]);
    }
}
