//! How an app's image is built.

use std::collections::BTreeMap;

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How `push-image` builds an app's image from its directory.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[command(next_help_heading = "How its image is built")]
#[serde(default)]
pub struct Building {
    /// The file that says how, from the directory on: `Dockerfile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "FILE")]
    pub dockerfile: Option<String>,
    /// The stage of it that is built.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,
    /// Its build arguments. They can be read from the image: no secrets.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[arg(skip)]
    pub build_args: BTreeMap<String, String>,
}

impl Building {
    pub(super) fn check(&self, context: Option<&str>) -> Result<(), String> {
        for (field, text) in [("dockerfile", &self.dockerfile), ("target", &self.target)] {
            let Some(text) = text else { continue };
            if text.is_empty() || text.starts_with('-') || text.contains(char::is_control) {
                return Err(format!("{field} '{text}' is no name"));
            }
        }
        for (name, value) in &self.build_args {
            let is_name =
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !is_name || value.contains('\0') {
                return Err(format!(
                    "build_args: '{name}' is no name of an argument, or its value holds a NUL"
                ));
            }
        }
        let says =
            self.dockerfile.is_some() || self.target.is_some() || !self.build_args.is_empty();
        if says && context.is_none() {
            return Err(
                "dockerfile, target and build_args say how context is built, and there is none"
                    .into(),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn how_an_image_is_built_goes_with_a_directory() {
        let building: Building = serde_json::from_value(
            json!({"dockerfile": "docker/Dockerfile", "target": "run", "build_args": {"A_1": "x=y"}}),
        )
        .unwrap();
        assert_eq!(building.check(Some(".")), Ok(()));
        assert!(building.check(None).unwrap_err().contains("there is none"));
        assert_eq!(Building::default().check(None), Ok(()));
    }

    #[test]
    fn what_a_builder_would_take_for_something_else_is_refused() {
        for fields in [
            json!({"dockerfile": ""}),
            json!({"dockerfile": "--push"}),
            json!({"target": "a\nb"}),
            json!({"build_args": {"A=B": "x"}}),
            json!({"build_args": {"": "x"}}),
        ] {
            let building: Building = serde_json::from_value(fields.clone()).unwrap();
            assert!(building.check(Some(".")).is_err(), "{fields}");
        }
    }
}
