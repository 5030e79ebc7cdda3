//! What the cluster, the task definitions and the services should be, what exists, and what
//! follows. Pure.

pub mod alarms;
pub mod cluster;
pub mod command;
pub mod compare;
pub mod container;
pub mod count;
pub mod definition;
#[cfg(test)]
mod examples;
pub mod live;
pub mod mark;
pub mod mounts;
pub mod ownership;
pub mod past;
pub mod progress;
pub mod record;
pub mod revision;
pub mod service;
pub mod shift;
pub mod size;
pub mod spot;
pub mod stopped;
pub mod variables;

use plumbing::{Result, name, reference};

/// Reads `--image APP=REFERENCE`.
pub fn image_flag(text: &str) -> Result<(String, String), String> {
    let Some((app, image)) = text.split_once('=') else {
        return Err("an image is written APP=REFERENCE".into());
    };
    name::check_part("app", app)?;
    reference::parse(image)?;
    Ok((app.to_string(), image.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_given_for_an_app() {
        let reference = format!("registry:5000/a@sha256:{}", "0".repeat(64));
        let image = image_flag(&format!("web={reference}"));
        assert_eq!(image, Ok(("web".to_string(), reference)));
        assert!(image_flag("web").is_err());
        assert!(image_flag("=x").is_err());
        for image in [
            "",
            "https://a.io/web",
            "a.io/Owner/web",
            "a.io/web:",
            "./web",
        ] {
            let refused = image_flag(&format!("web={image}")).unwrap_err();
            assert!(refused.contains("is not an image reference"), "{refused}");
        }
    }
}
