//! What each app's image is made from, by which commands, and how what comes out is to be read. Pure.

use std::collections::BTreeMap;

use plumbing::{App, name};
use serde::Deserialize;
use serde_json::Value;

/// What stands for the image of one app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory that is built.
    Context {
        /// The directory: nothing outside of it is sent to the engine.
        directory: String,
        /// The Dockerfile in it.
        dockerfile: String,
    },
    /// An OCI layout, or a tar file of one or of `docker save`.
    Archive(String),
    /// An image in a registry.
    Reference(String),
}

/// What the flags say, by app.
#[derive(Debug, Default)]
pub struct Sources {
    places: BTreeMap<String, Place>,
    dockerfiles: BTreeMap<String, String>,
}

impl Sources {
    /// Puts the flags together.
    ///
    /// Errors: an app is named twice, or has a Dockerfile and no directory to build it in.
    pub fn new(
        contexts: &[(String, String)],
        dockerfiles: &[(String, String)],
        archives: &[(String, String)],
        images: &[(String, String)],
    ) -> Result<Self, String> {
        let mut sources = Sources::default();
        for (app, file) in dockerfiles {
            if sources
                .dockerfiles
                .insert(app.clone(), file.clone())
                .is_some()
            {
                return Err(format!("--dockerfile names app '{app}' twice"));
            }
        }
        let context = |app: &str, directory: &str| Place::Context {
            directory: directory.into(),
            dockerfile: dockerfiles
                .iter()
                .find(|(of, _)| of == app)
                .map_or("Dockerfile", |(_, file)| file)
                .into(),
        };
        let contexts = contexts.iter().map(|(app, path)| (app, context(app, path)));
        let archives = archives
            .iter()
            .map(|(app, path)| (app, Place::Archive(path.clone())));
        let images = images
            .iter()
            .map(|(app, reference)| (app, Place::Reference(reference.clone())));
        for (app, place) in contexts.chain(archives).chain(images) {
            if sources.places.insert(app.clone(), place).is_some() {
                return Err(format!("two flags say what app '{app}' runs"));
            }
        }
        let odd =
            |place: Option<&Place>| matches!(place, Some(Place::Archive(_) | Place::Reference(_)));
        match sources
            .dockerfiles
            .keys()
            .find(|app| odd(sources.places.get(*app)))
        {
            Some(app) => Err(format!(
                "--dockerfile {app}=…, but no directory of app '{app}' is built"
            )),
            None => Ok(sources),
        }
    }

    /// What the flags name.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.values()
    }

    /// The apps that the flags name.
    pub fn apps(&self) -> Vec<String> {
        self.places.keys().cloned().collect()
    }

    /// An app's: the flag's, else its record's directory.
    pub fn place(&self, app: &App) -> Option<Place> {
        let dockerfile = || {
            self.dockerfiles
                .get(&app.name)
                .map_or("Dockerfile", String::as_str)
                .to_string()
        };
        let own = app.context.as_ref().map(|directory| Place::Context {
            directory: directory.clone(),
            dockerfile: dockerfile(),
        });
        self.places.get(&app.name).cloned().or(own)
    }
}

/// Reads `APP=VALUE`.
pub fn flag(text: &str) -> Result<(String, String), String> {
    let (app, value) = text.split_once('=').ok_or("it is written APP=VALUE")?;
    name::check_part("app", app)?;
    match value.is_empty() || value.contains(char::is_control) {
        true => Err(format!("app '{app}' is given nothing usable")),
        false => Ok((app.to_string(), value.to_string())),
    }
}

/// The platform of an image, in the words of OCI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform(&'static str);

impl Platform {
    /// What runs where nothing else is said.
    pub const AMD64: Platform = Platform("amd64");

    /// Of an app's architecture, `X86_64` or `ARM64`.
    pub fn of(architecture: &str) -> Self {
        if architecture == "ARM64" {
            Platform("arm64")
        } else {
            Platform::AMD64
        }
    }

    /// Whether an image or an index's entry is for it.
    pub fn is(self, os: &str, architecture: &str) -> bool {
        (os, architecture) == ("linux", self.0)
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "linux/{}", self.0)
    }
}

/// What builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builder {
    /// Docker with its newer builder.
    Buildx,
    /// Docker.
    Docker,
    /// Podman, without a daemon.
    Podman,
    /// Buildah, without a daemon.
    Buildah,
}

impl Builder {
    /// All, in the order in which they are tried.
    pub const ALL: [Builder; 4] = [
        Builder::Buildx,
        Builder::Docker,
        Builder::Podman,
        Builder::Buildah,
    ];

    /// What it is called.
    pub fn word(self) -> &'static str {
        match self {
            Builder::Buildx => "buildx",
            Builder::Docker => "docker",
            Builder::Podman => "podman",
            Builder::Buildah => "buildah",
        }
    }

    /// The commands that succeed where it can build, and what each then says: the client alone is not
    /// enough, and podman calls itself docker in some places, with a buildx that is none.
    pub fn probes(self) -> &'static [(&'static [&'static str], &'static str)] {
        match self {
            Builder::Buildx => &[
                (&["docker", "buildx", "version"], "docker/buildx"),
                (&["docker", "version"], ""),
            ],
            Builder::Docker => &[(&["docker", "version"], "")],
            Builder::Podman => &[(&["podman", "version"], "")],
            Builder::Buildah => &[(&["buildah", "--version"], "")],
        }
    }
}

/// The command that builds a directory and leaves the image's ID in the file `id` of the folder `work`,
/// and buildx what else it tells in `metadata`. Where an engine adds attestations to the image they stay
/// with it: of an index the image alone is pushed. `epoch` is SOURCE_DATE_EPOCH, by which those who want
/// it get the same image from every machine.
pub fn build(
    builder: Builder,
    directory: &str,
    dockerfile: &str,
    platform: Platform,
    work: &str,
    epoch: Option<&str>,
) -> Vec<String> {
    let begin: &[&str] = match builder {
        Builder::Buildx => &[
            "docker",
            "buildx",
            "build",
            "--load",
            "--metadata-file",
            &format!("{work}/metadata"),
        ],
        Builder::Docker => &["docker", "build"],
        Builder::Podman => &["podman", "build", "--layers", "--format", "oci"],
        Builder::Buildah => &["buildah", "build", "--layers", "--format", "oci"],
    };
    let mut words: Vec<String> = begin.iter().map(|word| word.to_string()).collect();
    let file = self::dockerfile(directory, dockerfile);
    let directory = directory.trim_end_matches('/');
    let directory = if directory.is_empty() { "/" } else { directory };
    // A path may look like a flag or, to an engine, like a URL: one that begins with . or / does not.
    let local = |path: String| {
        if path.starts_with(['/', '.']) {
            path
        } else {
            format!("./{path}")
        }
    };
    if let Some(epoch) = epoch {
        words.extend(match builder {
            Builder::Buildx | Builder::Docker => {
                ["--build-arg".into(), format!("SOURCE_DATE_EPOCH={epoch}")]
            }
            Builder::Podman | Builder::Buildah => ["--timestamp".into(), epoch.into()],
        });
    }
    words.extend([
        "--platform".into(),
        platform.to_string(),
        "--iidfile".into(),
        format!("{work}/id"),
    ]);
    let file = match builder {
        // They read it as a line of CSV.
        Builder::Podman | Builder::Buildah if file.contains([',', '"']) => {
            format!("\"{}\"", local(file).replace('"', "\"\""))
        }
        _ => local(file),
    };
    words.extend(["--file".into(), file, local(directory.into())]);
    words
}

/// The path of a Dockerfile that is named from its directory.
pub fn dockerfile(directory: &str, dockerfile: &str) -> String {
    format!("{}/{dockerfile}", directory.trim_end_matches('/'))
}

/// The IDs under which an engine may know what it built, likeliest first: docker's store of images is
/// one of two, which call the same image by different digests, and buildx writes now the one and now the
/// other into the file for the ID.
pub fn ids(id: &str, metadata: Option<&Value>) -> Vec<String> {
    let digests = ["containerimage.digest", "containerimage.config.digest"];
    let told = digests
        .iter()
        .filter_map(|key| metadata?.get(key)?.as_str());
    let mut ids: Vec<String> = Vec::new();
    for id in told.chain([id.trim()]) {
        if !id.is_empty() && !ids.iter().any(|known| known == id) {
            ids.push(id.into());
        }
    }
    ids
}

/// The command that succeeds where an engine knows an image.
pub fn knows(id: &str) -> Vec<String> {
    ["docker", "image", "inspect", id].map(String::from).into()
}

/// The command that writes an image into a tar file.
pub fn save(builder: Builder, id: &str, tar: &str) -> Vec<String> {
    let words: &[&str] = match builder {
        Builder::Buildx | Builder::Docker => &["docker", "image", "save", "--output", tar, id],
        Builder::Podman => &[
            "podman",
            "save",
            "--format",
            "oci-archive",
            "--output",
            tar,
            id,
        ],
        Builder::Buildah => &[
            "buildah",
            "push",
            "--quiet",
            id,
            &format!("oci-archive:{tar}"),
        ],
    };
    words.iter().map(|word| word.to_string()).collect()
}

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

/// The manifests of an index; nothing where it is none.
pub fn manifests(index: &Value) -> Option<Vec<Descriptor>> {
    match index.get("manifests")? {
        Value::Null => Some(Vec::new()), // as Docker 25.0 writes it
        list => serde_json::from_value(list.clone()).ok(),
    }
}

/// The entries of an index for a platform. One that says nothing of its platform may be it, where no
/// other is: its own configuration tells.
///
/// Errors: there is none.
pub fn fitting(entries: &[Descriptor], platform: Platform) -> Result<Vec<&Descriptor>, String> {
    let fits = |entry: &&Descriptor| {
        entry
            .platform
            .as_ref()
            .is_some_and(|of| platform.is(&of.os, &of.architecture))
    };
    let mut found: Vec<&Descriptor> = entries.iter().filter(fits).collect();
    if found.is_empty() {
        found = entries
            .iter()
            .filter(|entry| entry.platform.is_none())
            .collect();
    }
    let told = |entry: &Descriptor| {
        entry
            .platform
            .as_ref()
            .map(|of| format!("{}/{}", of.os, of.architecture))
    };
    match (found.is_empty(), entries.is_empty()) {
        (false, _) => Ok(found),
        (true, true) => Err("it holds no image".into()),
        (true, false) => {
            let others: Vec<String> = entries.iter().filter_map(told).collect();
            Err(format!(
                "it holds no image for {platform}, but for {}",
                others.join(", ")
            ))
        }
    }
}

/// The one entry of an index for a platform; of several variants that for every processor. What has
/// two names is there twice, and is one.
///
/// Errors: there is none, or more than one.
pub fn choose(entries: &[Descriptor], platform: Platform) -> Result<&Descriptor, String> {
    let mut found = fitting(entries, platform)?;
    let variant = |entry: &Descriptor| {
        entry
            .platform
            .as_ref()
            .map(|of| of.variant.clone())
            .unwrap_or_default()
    };
    if found.iter().any(|entry| variant(entry).is_empty()) {
        found.retain(|entry| variant(entry).is_empty());
    }
    found.sort_by(|one, other| one.digest.cmp(&other.digest));
    found.dedup_by(|one, other| one.digest == other.digest);
    match found.as_slice() {
        [one] => Ok(one),
        several => Err(format!(
            "it holds {} images for {platform}; one is wanted",
            several.len()
        )),
    }
}

/// Refuses an image that is for another platform, by its configuration.
pub fn check_platform(config: &Value, platform: Platform) -> Result<(), String> {
    let text = |field: &str| {
        config
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (os, architecture) = (text("os"), text("architecture"));
    match platform.is(os, architecture) {
        true => Ok(()),
        false if os.is_empty() && architecture.is_empty() => {
            Err("it does not say for which processor it is".into())
        }
        false => Err(format!(
            "the image is for {os}/{architecture}, but its app runs on {platform}"
        )),
    }
}

/// Refuses an image that lacks layers of those that its configuration names: it would not start.
pub fn check_layers(config: &Value, layers: usize) -> Result<(), String> {
    match config["rootfs"]["diff_ids"].as_array().map_or(0, Vec::len) {
        0 => Ok(()),
        named if named == layers => Ok(()),
        named => Err(format!(
            "it is damaged: its configuration names {named} layers, and its manifest {layers}"
        )),
    }
}

/// The media type of a layer after it was compressed; nothing where it is compressed already.
pub fn compressed(media_type: &str) -> Option<&'static str> {
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

/// The tag under which an image is stored: a registry shows what has none as rubbish. It follows from
/// the digest, so the same image never gets two.
pub fn tag(digest: &str) -> String {
    let hex = digest.split(':').next_back().unwrap_or_default();
    format!("sha-{}", hex.get(..12).unwrap_or(hex))
}

/// Where a token's registry answers: host and port, and whether in the clear.
///
/// Errors: in the clear and not on this machine; the token would be everyone's.
pub fn endpoint(url: &str) -> Result<(String, bool), String> {
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| format!("'{url}' is not the address of a registry"))?;
    let host = rest.split('/').next().unwrap_or_default();
    match scheme {
        "https" => Ok((host.into(), false)),
        "http" if is_here(host) => Ok((host.into(), true)),
        _ => Err(format!(
            "the registry at {url} would get its token in the clear"
        )),
    }
}

/// Whether a host, with or without a port, is this machine.
pub fn is_here(host: &str) -> bool {
    let name = if host.starts_with('[') {
        host.split(']').next()
    } else {
        host.split(':').next()
    }
    .unwrap_or_default();
    matches!(name, "localhost" | "[::1") || name.starts_with("127.") || name.ends_with(".localhost")
}

/// Bytes as people read them.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pair(app: &str, value: &str) -> (String, String) {
        (app.into(), value.into())
    }

    fn app(text: Value) -> App {
        let mut fields = json!({"name": "web"});
        fields
            .as_object_mut()
            .unwrap()
            .extend(text.as_object().unwrap().clone());
        serde_json::from_value(fields).unwrap()
    }

    fn context(directory: &str, dockerfile: &str) -> Place {
        Place::Context {
            directory: directory.into(),
            dockerfile: dockerfile.into(),
        }
    }

    #[test]
    fn a_flag_wins_over_the_directory_of_the_record() {
        let none = Sources::default();
        assert_eq!(none.place(&app(json!({}))), None);
        assert_eq!(
            none.place(&app(json!({"context": "./web"}))),
            Some(context("./web", "Dockerfile"))
        );
        let archive = Sources::new(&[], &[], &[pair("web", "web.tar")], &[]).unwrap();
        assert_eq!(
            archive.place(&app(json!({"context": "./web"}))),
            Some(Place::Archive("web.tar".into()))
        );
        let file = Sources::new(&[], &[pair("web", "prod.Dockerfile")], &[], &[]).unwrap();
        assert_eq!(
            file.place(&app(json!({"context": "./web"}))),
            Some(context("./web", "prod.Dockerfile"))
        );
    }

    #[test]
    fn flags_that_contradict_each_other_are_refused() {
        let twice =
            Sources::new(&[pair("web", "a")], &[], &[pair("web", "b.tar")], &[]).unwrap_err();
        assert_eq!(twice, "two flags say what app 'web' runs");
        let odd = Sources::new(
            &[],
            &[pair("web", "Dockerfile")],
            &[],
            &[pair("web", "web:1")],
        )
        .unwrap_err();
        assert_eq!(
            odd,
            "--dockerfile web=…, but no directory of app 'web' is built"
        );
        assert!(flag("web").is_err() && flag("Web=x").is_err() && flag("web=").is_err());
        assert_eq!(flag("web=a=b"), Ok(pair("web", "a=b")));
    }

    #[test]
    fn every_engine_builds_for_the_platform_and_in_the_directory_alone() {
        for builder in Builder::ALL {
            let words = build(
                builder,
                "web",
                "Dockerfile",
                Platform::of("ARM64"),
                "/tmp/w",
                None,
            )
            .join(" ");
            let end = "--platform linux/arm64 --iidfile /tmp/w/id --file ./web/Dockerfile ./web";
            assert!(words.ends_with(end), "{words}");
        }
        let words = build(
            Builder::Buildx,
            "/srv/web/",
            "d/Dockerfile",
            Platform::of("X86_64"),
            "w",
            None,
        )
        .join(" ");
        assert!(
            words.contains("--load --metadata-file w/metadata ")
                && words.ends_with("--file /srv/web/d/Dockerfile /srv/web")
        );
        assert!(words.contains("--platform linux/amd64"));
        let odd = |builder| {
            build(
                builder,
                "a, \"b\"",
                "Dockerfile",
                Platform::AMD64,
                "w",
                None,
            )
        };
        assert!(
            odd(Builder::Docker).ends_with(&["./a, \"b\"/Dockerfile".into(), "./a, \"b\"".into()])
        );
        assert!(
            odd(Builder::Podman)
                .ends_with(&["\"./a, \"\"b\"\"/Dockerfile\"".into(), "./a, \"b\"".into()])
        );
        let words = build(
            Builder::Buildah,
            "web",
            "Dockerfile",
            Platform::AMD64,
            "w",
            Some("0"),
        )
        .join(" ");
        assert!(words.contains("--timestamp 0"), "{words}");
    }

    #[test]
    fn the_image_for_the_platform_is_chosen() {
        let entry = |digest: &str, platform: Option<(&str, &str)>| Descriptor {
            digest: digest.into(),
            platform: platform.map(|(os, architecture)| ImagePlatform {
                os: os.into(),
                architecture: architecture.into(),
                ..ImagePlatform::default()
            }),
            ..Descriptor::default()
        };
        let (amd, arm) = (
            entry("a", Some(("linux", "amd64"))),
            entry("b", Some(("linux", "arm64"))),
        );
        let attestation = entry("c", Some(("unknown", "unknown")));
        let all = [amd.clone(), arm.clone(), attestation];
        assert_eq!(choose(&all, Platform::of("ARM64")), Ok(&arm));
        assert_eq!(
            choose(&[entry("d", None)], Platform::of("X86_64"))
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

        // Two names of one image; a variant that not every processor runs; what is not said.
        assert_eq!(
            choose(&[amd.clone(), amd.clone()], Platform::AMD64),
            Ok(&amd)
        );
        let mut newer = entry("e", Some(("linux", "amd64")));
        assert!(choose(&[amd.clone(), newer.clone()], Platform::AMD64).is_err());
        newer.platform.as_mut().unwrap().variant = "v3".into();
        assert_eq!(
            choose(
                &[newer.clone(), amd.clone(), entry("f", None)],
                Platform::AMD64
            ),
            Ok(&amd)
        );
        assert_eq!(
            choose(std::slice::from_ref(&newer), Platform::AMD64),
            Ok(&newer)
        );
        assert_eq!(
            fitting(&[newer, amd, arm], Platform::AMD64).unwrap().len(),
            2
        );
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
    }

    #[test]
    fn an_image_of_buildx_has_several_ids() {
        let metadata = json!({"containerimage.digest": "sha256:m", "containerimage.config.digest": "sha256:c"});
        assert_eq!(ids("sha256:c", Some(&metadata)), ["sha256:m", "sha256:c"]);
        assert_eq!(ids("sha256:i\n", Some(&json!({}))), ["sha256:i"]);
        assert_eq!(ids("sha256:i", None), ["sha256:i"]);
        assert!(ids("", None).is_empty());
    }

    #[test]
    fn a_tag_follows_from_the_digest() {
        assert_eq!(tag("sha256:0123456789abcdef0123"), "sha-0123456789ab");
    }

    #[test]
    fn a_token_goes_out_in_the_clear_on_this_machine_alone() {
        assert_eq!(
            endpoint("https://1.dkr.ecr.us-east-1.amazonaws.com"),
            Ok(("1.dkr.ecr.us-east-1.amazonaws.com".into(), false))
        );
        for here in ["localhost:5000", "127.0.0.1:5000", "[::1]:5000"] {
            assert_eq!(
                endpoint(&format!("http://{here}/")),
                Ok((here.into(), true))
            );
        }
        assert!(endpoint("http://registry.example").is_err() && endpoint("registry").is_err());
    }
}
