//! Which secrets apps name, and what is wrong with one. Pure.

use std::collections::BTreeMap;

use plumbing::{App, Error, Result, SecretRef, secret_ref};
use sha2::{Digest, Sha256};

/// The stage of a secret's version that is read where none is said.
const CURRENT: &str = "AWSCURRENT";

/// A variable of an app whose value is elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// The app.
    pub app: String,
    /// The variable.
    pub variable: String,
    /// What the record says of where the value is.
    pub value: String,
    /// The secret or parameter in it.
    pub secret: SecretRef,
}

/// What AWS tells of a secret or a parameter that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Its KMS key, as AWS writes it: an ARN, an ID or an alias. None where it is not encrypted, or with
    /// the key that AWS keeps for it.
    pub key: Option<String>,
    /// The version that each stage is at; a parameter has the one stage `AWSCURRENT`.
    pub versions: BTreeMap<String, String>,
}

/// What is there, by what names it.
pub type AllFound = BTreeMap<SecretRef, Found>;

/// The variables of an app whose values are elsewhere, with those of the containers beside it.
pub fn wishes(app: &App) -> Vec<Wish> {
    let beside = app.container.containers.iter();
    let beside = beside.flat_map(|container| &container.secrets);
    let all = app.secrets.secrets.iter().chain(beside);
    let wish = |(variable, value): (&String, &String)| {
        Some(Wish {
            app: app.name.clone(),
            variable: variable.clone(),
            value: value.clone(),
            secret: secret_ref(value)?,
        })
    };
    all.filter_map(wish).collect()
}

impl Wish {
    /// What a person reads of it.
    fn words(&self) -> String {
        let Wish {
            app,
            variable,
            value,
            ..
        } = self;
        format!("app '{app}' takes {variable} from {value}")
    }

    /// What is being done when AWS refuses to tell of it.
    pub fn look_up(&self) -> String {
        let Wish {
            app,
            variable,
            value,
            ..
        } = self;
        format!("look up {value}, from which app '{app}' takes {variable}")
    }

    /// It is not there.
    pub fn missing(&self) -> Error {
        Error::refused(format!("{}, which does not exist", self.words()))
            .hint("make it, or name another, and run the pipeline again: nothing was deployed")
    }

    /// It is marked for deletion: ECS cannot read it any more.
    pub fn deleted(&self) -> Error {
        let (SecretRef::Secret(id) | SecretRef::Parameter(id)) = &self.secret;
        Error::refused(format!("{}, which is marked for deletion", self.words())).hint(format!(
            "aws secretsmanager restore-secret --secret-id {id} brings it back"
        ))
    }

    /// The secret of that name has another ARN.
    pub fn misspelled(&self, arn: &str) -> Error {
        Error::input(format!(
            "{}, but the ARN of that secret is {arn}",
            self.words()
        ))
    }

    /// Refuses a secret that has no value where the record says.
    ///
    /// Errors: it has no version of that stage. What has no stage AWS does not list.
    pub fn check_version(&self, found: &Found) -> Result<()> {
        if self.version_id().is_some() || found.versions.contains_key(self.stage()) {
            return Ok(());
        }
        let words = self.words();
        if found.versions.is_empty() {
            return Err(Error::refused(format!("{words}, which has no value yet"))
                .hint("give it one, and run the pipeline again: nothing was deployed"));
        }
        let stages: Vec<&str> = found.versions.keys().map(String::as_str).collect();
        let (stage, stages) = (self.stage(), stages.join(", "));
        Err(Error::input(format!(
            "{words}, which has no version {stage}, only {stages}"
        )))
    }

    /// The part of a secret's reference after its ARN: 7 is the JSON key, 8 the stage, 9 the version.
    fn part(&self, number: usize) -> Option<&str> {
        let SecretRef::Secret(_) = self.secret else {
            return None;
        };
        self.value
            .split(':')
            .nth(number)
            .filter(|part| !part.is_empty())
    }

    fn stage(&self) -> &str {
        self.part(8).unwrap_or(CURRENT)
    }

    fn version_id(&self) -> Option<&str> {
        self.part(9)
    }
}

/// The versions of a parameter: it has the one that it is at.
pub fn versions_of_parameter(version: i64) -> BTreeMap<String, String> {
    BTreeMap::from([(CURRENT.to_string(), version.to_string())])
}

/// One short text of the versions that an app's tasks read now, if the app says that another is to be
/// deployed. Of one that is named by its ID there is no other.
pub fn versions(app: &App, found: &AllFound) -> Option<String> {
    if !app.secrets.restart_on_change {
        return None;
    }
    let mut hash = Sha256::new();
    for wish in wishes(app) {
        let version = found.get(&wish.secret);
        let version = version.and_then(|found| found.versions.get(wish.stage()));
        let version = wish.version_id().or(version.map(String::as_str));
        let (variable, value) = (&wish.variable, &wish.value);
        let line = format!("{variable}\0{value}\0{}\0", version.unwrap_or_default());
        hash.update(line.as_bytes());
    }
    let bytes = hash.finalize();
    let hex = |byte: &u8| format!("{byte:02x}");
    Some(bytes[..8].iter().map(hex).collect())
}

#[cfg(test)]
mod tests {
    use plumbing::Kind;
    use serde_json::{Value, json};

    use super::*;
    use crate::example::app;

    const DB: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbC123";

    fn found(versions: Value) -> Found {
        Found {
            key: None,
            versions: serde_json::from_value(versions).unwrap(),
        }
    }

    fn wish(value: &str) -> Wish {
        wishes(&app(json!({"secrets": {"A": value}}))).remove(0)
    }

    #[test]
    fn the_containers_beside_an_app_have_secrets_too() {
        let app = app(json!({"secrets": {"A": format!("{DB}:password::")},
            "containers": [{"name": "proxy", "image": "x", "secrets": {"B": "/b"}}]}));
        let secrets: Vec<SecretRef> = wishes(&app).into_iter().map(|wish| wish.secret).collect();
        assert_eq!(
            secrets,
            [
                SecretRef::Secret(DB.into()),
                SecretRef::Parameter("/b".into())
            ]
        );
    }

    #[test]
    fn what_is_wrong_names_app_variable_and_reference() {
        let wish = wish(DB);
        for (error, kind, why) in [
            (wish.missing(), Kind::Refused, ", which does not exist"),
            (
                wish.deleted(),
                Kind::Refused,
                ", which is marked for deletion",
            ),
            (
                wish.misspelled("arn:x"),
                Kind::Input,
                ", but the ARN of that secret is arn:x",
            ),
        ] {
            assert_eq!(error.message, format!("app 'web' takes A from {DB}{why}"));
            assert_eq!(error.kind, kind);
        }
    }

    #[test]
    fn a_secret_has_to_have_a_value_where_the_record_says() {
        let two = found(json!({"AWSCURRENT": "2", "AWSPREVIOUS": "1"}));
        for value in ["", ":key::", "::AWSPREVIOUS:", ":::some-id", ":key::other"] {
            let wish = wish(&format!("{DB}{value}"));
            assert_eq!(wish.check_version(&two), Ok(()), "{value}");
        }
        let refused = wish(&format!("{DB}::NEXT:"))
            .check_version(&two)
            .unwrap_err();
        let line = "which has no version NEXT, only AWSCURRENT, AWSPREVIOUS";
        assert!(refused.message.ends_with(line), "{refused}");
        let empty = wish(DB).check_version(&found(json!({}))).unwrap_err();
        assert!(empty.message.ends_with("which has no value yet"), "{empty}");
    }

    #[test]
    fn another_value_is_another_text_where_the_app_says_so() {
        let secrets = json!({"A": DB, "B": "/b", "C": format!("{DB}:::fixed")});
        let says = app(json!({"secrets": secrets, "restart_on_change": true}));
        let all = |secret: &str, parameter: i64| {
            let parameter = Found {
                key: None,
                versions: versions_of_parameter(parameter),
            };
            AllFound::from([
                (
                    SecretRef::Secret(DB.into()),
                    found(json!({"AWSCURRENT": secret, "AWSPREVIOUS": "0"})),
                ),
                (SecretRef::Parameter("/b".into()), parameter),
            ])
        };
        let text = versions(&says, &all("1", 1)).unwrap();
        assert_eq!(text.len(), 16);
        assert_eq!(versions(&says, &all("1", 1)), Some(text.clone()));
        assert_ne!(versions(&says, &all("2", 1)), Some(text.clone()));
        assert_ne!(versions(&says, &all("1", 2)), Some(text));
        let says_not = app(json!({"secrets": secrets}));
        assert_eq!(versions(&says_not, &all("1", 1)), None);
    }
}
