//! Manifests, indexes and configurations of images, as OCI and docker write them. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::plan::named::{self, Names};
use crate::plan::platform::Platform;

/// The media type of a manifest, where nothing else is said.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// How many layers an image may have: the kernel stacks no more (overlayfs, `OVL_MAX_STACK`).
const MOST_LAYERS: usize = 500;

/// What points to a blob (OCI image specification, "Content Descriptors").
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Descriptor {
    /// What kind of blob.
    #[serde(rename = "mediaType", default)]
    pub media_type: String,
    /// `sha256:…`.
    pub digest: String,
    /// In bytes.
    pub size: u64,
    /// In an index, what the image is for.
    #[serde(default)]
    pub platform: Option<ImagePlatform>,
    /// What its builder says of it, such as its name.
    #[serde(default)]
    pub annotations: Option<BTreeMap<String, Value>>,
}

/// The annotations that name an image: of OCI, which may be its tag alone, and of containerd.
const NAMES: [&str; 2] = [
    "io.containerd.image.name",
    "org.opencontainers.image.ref.name",
];

impl Descriptor {
    /// What the image is called, which stands at a place of its index.
    pub fn names(&self, number: usize) -> Names {
        let named = |annotation| self.annotations.as_ref()?.get(annotation)?.as_str();
        Names {
            names: NAMES
                .into_iter()
                .filter_map(named)
                .map(String::from)
                .collect(),
            digest: self.digest.clone(),
            number,
        }
    }

    fn is_for(&self, platform: Platform) -> bool {
        match &self.platform {
            Some(of) => platform.fits(&of.os, &of.architecture),
            None => false,
        }
    }

    fn variant(&self) -> &str {
        match &self.platform {
            Some(of) => &of.variant,
            None => "",
        }
    }
}

/// What an image is for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct ImagePlatform {
    /// `linux`.
    #[serde(default)]
    pub os: String,
    /// `amd64`.
    #[serde(default)]
    pub architecture: String,
    /// Which of its processors: `v2` of amd64 runs on newer ones alone.
    #[serde(default)]
    pub variant: String,
}

/// Whether a descriptor points to an index of images.
pub fn is_index(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/vnd.oci.image.index.v1+json"
            | "application/vnd.docker.distribution.manifest.list.v2+json"
    )
}

/// Whether a manifest is no image's: it says so, or one of its layers is none, such as a signature of
/// cosign's or an attestation.
pub fn is_artifact(manifest: &Value) -> bool {
    let layers = manifest["layers"].as_array().into_iter().flatten();
    let mut kinds = layers.filter_map(|layer| layer["mediaType"].as_str());
    let is_layer =
        |kind: &str| kind.is_empty() || LAYERS.into_iter().any(|begin| kind.starts_with(begin));
    manifest["artifactType"].is_string() || kinds.any(|kind| !is_layer(kind))
}

/// How the media types of layers begin.
const LAYERS: [&str; 2] = [
    "application/vnd.oci.image.layer.",
    "application/vnd.docker.image.rootfs.",
];

/// The entries of an index; nothing where it is none.
pub fn entries(index: &Value) -> Option<Vec<Descriptor>> {
    match index.get("manifests")? {
        Value::Null => Some(Vec::new()), // as Docker 25.0 writes it
        list => serde_json::from_value(list.clone()).ok(),
    }
}

/// The entries of an index for a platform. One that says nothing of its platform may be for it,
/// where no other is: its own configuration says.
///
/// Errors: there is none.
pub fn for_platform(
    entries: &[Descriptor],
    platform: Platform,
) -> Result<Vec<&Descriptor>, String> {
    let mut found: Vec<&Descriptor> = entries.iter().collect();
    found.retain(|entry| entry.is_for(platform));
    if found.is_empty() {
        found.extend(entries.iter().filter(|entry| entry.platform.is_none()));
    }
    if !found.is_empty() {
        return Ok(found);
    }
    if entries.is_empty() {
        return Err("it holds no image".into());
    }
    let mut others = Vec::new();
    for of in entries.iter().filter_map(|entry| entry.platform.as_ref()) {
        others.push(format!("{}/{}", of.os, of.architecture));
    }
    let others = others.join(", ");
    Err(format!(
        "it holds no image for {platform}, but for {others}"
    ))
}

/// The one entry of an index for a platform; of several variants that for every processor. An image
/// with two names has two entries, and is one.
///
/// Errors: there is none, or more than one.
pub fn choose(entries: &[Descriptor], platform: Platform) -> Result<&Descriptor, String> {
    let mut found = for_platform(entries, platform)?;
    if found.iter().any(|entry| entry.variant().is_empty()) {
        found.retain(|entry| entry.variant().is_empty());
    }
    found.sort_by_key(|entry| &entry.digest);
    found.dedup_by_key(|entry| &entry.digest);
    match found.as_slice() {
        [one] => Ok(one),
        several => {
            let names = several.iter().map(|several| {
                let place = entries.iter().position(|entry| entry == *several);
                several.names(place.unwrap_or_default())
            });
            Err(named::several(&names.collect::<Vec<_>>()))
        }
    }
}

/// Refuses an image that is for another platform, by its configuration.
pub fn check_platform(config: &Value, platform: Platform) -> Result<(), String> {
    let os = config["os"].as_str().unwrap_or_default();
    let architecture = config["architecture"].as_str().unwrap_or_default();
    if platform.fits(os, architecture) {
        return Ok(());
    }
    if os.is_empty() && architecture.is_empty() {
        return Err("it does not say for which processor it is".into());
    }
    Err(format!(
        "the image is for {os}/{architecture}, but its app runs on {platform}"
    ))
}

/// Refuses an image that lacks layers of those that its configuration names, or has more than can
/// be stacked: it would not start.
pub fn check_layers(config: &Value, layers: usize) -> Result<(), String> {
    if layers > MOST_LAYERS {
        return Err(format!(
            "it has {layers} layers; no image can have more than {MOST_LAYERS}"
        ));
    }
    let named = match config["rootfs"]["diff_ids"].as_array() {
        Some(digests) => digests.len(),
        None => 0,
    };
    if named == 0 || named == layers {
        return Ok(());
    }
    Err(format!(
        "it is damaged: its configuration names {named} layers, and its manifest {layers}"
    ))
}

/// The media type of a layer after it was compressed; nothing where it is compressed already.
pub fn compressed_media_type(media_type: &str) -> Option<&'static str> {
    match media_type {
        "application/vnd.oci.image.layer.v1.tar" => {
            Some("application/vnd.oci.image.layer.v1.tar+gzip")
        }
        "application/vnd.docker.image.rootfs.diff.tar" => {
            Some("application/vnd.docker.image.rootfs.diff.tar.gzip")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(digest: &str) -> Descriptor {
        Descriptor {
            digest: digest.into(),
            ..Descriptor::default()
        }
    }

    fn entry_for(digest: &str, os: &str, architecture: &str) -> Descriptor {
        let platform = ImagePlatform {
            os: os.into(),
            architecture: architecture.into(),
            ..ImagePlatform::default()
        };
        Descriptor {
            platform: Some(platform),
            ..entry(digest)
        }
    }

    #[test]
    fn the_image_for_the_platform_is_chosen() {
        let amd = entry_for("a", "linux", "amd64");
        let arm = entry_for("b", "linux", "arm64");
        let attestation = entry_for("c", "unknown", "unknown");
        let all = [amd, arm.clone(), attestation];
        assert_eq!(choose(&all, Platform::of("ARM64")), Ok(&arm));
        assert_eq!(
            choose(&[entry("d")], Platform::of("X86_64"))
                .unwrap()
                .digest,
            "d"
        );
        let none = choose(std::slice::from_ref(&arm), Platform::of("X86_64")).unwrap_err();
        assert_eq!(
            none,
            "it holds no image for linux/amd64, but for linux/arm64"
        );
        assert_eq!(
            choose(&[], Platform::of("X86_64")).unwrap_err(),
            "it holds no image"
        );
    }

    #[test]
    fn of_several_images_for_a_platform_the_one_for_every_processor_is_chosen() {
        let amd = entry_for("a", "linux", "amd64");
        let arm = entry_for("b", "linux", "arm64");
        let twice = [amd.clone(), amd.clone()];
        assert_eq!(
            choose(&twice, Platform::AMD64),
            Ok(&amd),
            "two names of one image"
        );
        let mut newer = entry_for("e", "linux", "amd64");
        assert!(choose(&[amd.clone(), newer.clone()], Platform::AMD64).is_err());
        newer.platform.as_mut().unwrap().variant = "v3".into();
        let all = [newer.clone(), amd.clone(), entry("f")];
        assert_eq!(choose(&all, Platform::AMD64), Ok(&amd));
        assert_eq!(
            choose(std::slice::from_ref(&newer), Platform::AMD64),
            Ok(&newer)
        );
        let all = [newer, amd, arm];
        assert_eq!(for_platform(&all, Platform::AMD64).unwrap().len(), 2);
    }

    #[test]
    fn an_image_for_another_processor_is_refused() {
        let config = json!({"os": "linux", "architecture": "arm64"});
        assert_eq!(check_platform(&config, Platform::of("ARM64")), Ok(()));
        let refused = check_platform(&config, Platform::of("X86_64")).unwrap_err();
        assert_eq!(
            refused,
            "the image is for linux/arm64, but its app runs on linux/amd64"
        );
    }

    #[test]
    fn an_image_without_some_of_its_layers_is_refused() {
        let config = json!({"rootfs": {"diff_ids": ["sha256:a", "sha256:b"]}});
        assert_eq!(check_layers(&config, 2), Ok(()));
        let lacks = check_layers(&config, 0).unwrap_err();
        assert_eq!(
            lacks,
            "it is damaged: its configuration names 2 layers, and its manifest 0"
        );
        assert_eq!(check_layers(&json!({}), 3), Ok(()), "it names none");
        assert!(
            check_layers(&json!({}), 501).is_err(),
            "none can be stacked"
        );
    }
}
