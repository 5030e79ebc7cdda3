//! What the cluster, the task definitions and the services should be, what exists, and what
//! follows. Pure.

pub mod cluster;
pub mod definition;
#[cfg(test)]
mod examples;
pub mod ownership;
pub mod past;
pub mod progress;
pub mod record;
pub mod revision;
pub mod service;
pub mod stopped;

use plumbing::{Result, name};

/// Reads `--image APP=REFERENCE`.
pub fn image_flag(text: &str) -> Result<(String, String), String> {
    let Some((app, image)) = text.split_once('=') else {
        return Err("an image is written APP=REFERENCE".into());
    };
    name::check_part("app", app)?;
    if image.is_empty() || image.contains(char::is_whitespace) {
        return Err(format!("'{image}' is not an image reference"));
    }
    Ok((app.to_string(), image.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_given_for_an_app() {
        let image = image_flag("web=registry:5000/a@sha256:00=");
        let expected = ("web".to_string(), "registry:5000/a@sha256:00=".to_string());
        assert_eq!(image, Ok(expected));
        assert!(image_flag("web").is_err());
        assert!(image_flag("=x").is_err());
        assert!(image_flag("web=").is_err());
    }
}
