//! The engines that build, and the commands that they are given. Pure.

use serde_json::Value;

use crate::plan::origin::Context;
use crate::plan::platform::Platform;

/// What builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Docker with its newer builder.
    Buildx,
    /// Docker.
    Docker,
    /// Podman, without a daemon.
    Podman,
    /// Buildah, without a daemon.
    Buildah,
}

/// A command that asks whether an engine works.
pub struct Probe {
    /// The command.
    pub words: &'static [&'static str],
    /// What its answer contains where the engine works; nothing for any answer.
    pub answer: &'static str,
}

impl Engine {
    /// All, in the order in which they are tried.
    pub const ALL: [Engine; 4] = [
        Engine::Buildx,
        Engine::Docker,
        Engine::Podman,
        Engine::Buildah,
    ];

    /// What it is called.
    pub fn word(self) -> &'static str {
        match self {
            Engine::Buildx => "buildx",
            Engine::Docker => "docker",
            Engine::Podman => "podman",
            Engine::Buildah => "buildah",
        }
    }

    /// The commands that all succeed where it can build. The client alone is not enough, and podman
    /// calls itself docker in some places, with a buildx that is none.
    pub fn probes(self) -> &'static [Probe] {
        const DOCKER: Probe = Probe {
            words: &["docker", "version"],
            answer: "",
        };
        match self {
            Engine::Buildx => &[
                Probe {
                    words: &["docker", "buildx", "version"],
                    answer: "docker/buildx",
                },
                DOCKER,
            ],
            Engine::Docker => &[DOCKER],
            Engine::Podman => &[Probe {
                words: &["podman", "version"],
                answer: "",
            }],
            Engine::Buildah => &[Probe {
                words: &["buildah", "--version"],
                answer: "",
            }],
        }
    }
}

/// The command that builds a directory and leaves the image's ID in the file `id` of the folder
/// `work`, and, of buildx, more about the image in `metadata`. Where an engine adds attestations to
/// the image they stay with it: of an index the image alone is pushed. `epoch` is
/// SOURCE_DATE_EPOCH, by which those who want it get the same image from every machine.
pub fn build(
    engine: Engine,
    context: &Context,
    platform: Platform,
    work: &str,
    epoch: Option<&str>,
) -> Vec<String> {
    let metadata = format!("{work}/metadata");
    let begin: &[&str] = match engine {
        Engine::Buildx => &[
            "docker",
            "buildx",
            "build",
            "--load",
            "--metadata-file",
            &metadata,
        ],
        Engine::Docker => &["docker", "build"],
        Engine::Podman => &["podman", "build", "--layers", "--format", "oci"],
        Engine::Buildah => &["buildah", "build", "--layers", "--format", "oci"],
    };
    let mut words: Vec<String> = begin.iter().map(|word| word.to_string()).collect();
    if let Some(epoch) = epoch {
        words.extend(match engine {
            Engine::Buildx | Engine::Docker => {
                ["--build-arg".into(), format!("SOURCE_DATE_EPOCH={epoch}")]
            }
            Engine::Podman | Engine::Buildah => ["--timestamp".into(), epoch.into()],
        });
    }
    if let Some(target) = &context.target {
        words.extend(["--target".into(), target.clone()]);
    }
    for (name, value) in &context.arguments {
        words.extend(["--build-arg".into(), format!("{name}={value}")]);
    }
    words.extend(["--platform".into(), platform.to_string()]);
    words.extend(["--iidfile".into(), format!("{work}/id")]);
    words.extend(["--file".into(), dockerfile_argument(engine, context)]);
    words.push(directory_argument(context));
    words
}

fn dockerfile_argument(engine: Engine, context: &Context) -> String {
    let path = as_path(context.dockerfile_path());
    match engine {
        // They read it as a line of CSV.
        Engine::Podman | Engine::Buildah if path.contains([',', '"']) => {
            format!("\"{}\"", path.replace('"', "\"\""))
        }
        _ => path,
    }
}

fn directory_argument(context: &Context) -> String {
    let directory = context.directory.trim_end_matches('/');
    if directory.is_empty() {
        return "/".into();
    }
    as_path(directory.into())
}

/// A path may look like a flag or, to an engine, like a URL: one that begins with . or / does not.
fn as_path(path: String) -> String {
    if path.starts_with(['/', '.']) {
        path
    } else {
        format!("./{path}")
    }
}

/// The IDs under which an engine may know what it built, likeliest first. Docker has two stores of
/// images, which call the same image by different digests, and buildx writes sometimes the one and
/// sometimes the other into the file for the ID.
pub fn image_ids(id: &str, metadata: Option<&Value>) -> Vec<String> {
    let mut candidates = Vec::new();
    if let Some(metadata) = metadata {
        for key in ["containerimage.digest", "containerimage.config.digest"] {
            candidates.extend(metadata[key].as_str());
        }
    }
    candidates.push(id.trim());
    let mut ids: Vec<String> = Vec::new();
    for candidate in candidates {
        let is_known = ids.iter().any(|id| id == candidate);
        if !candidate.is_empty() && !is_known {
            ids.push(candidate.into());
        }
    }
    ids
}

/// The command that succeeds where docker knows an image.
pub fn inspect(id: &str) -> Vec<String> {
    ["docker", "image", "inspect", id].map(String::from).into()
}

/// The command that writes an image into a tar file.
pub fn save(engine: Engine, id: &str, tar: &str) -> Vec<String> {
    let archive = format!("oci-archive:{tar}");
    let words: &[&str] = match engine {
        Engine::Buildx | Engine::Docker => &["docker", "image", "save", "--output", tar, id],
        Engine::Podman => &[
            "podman",
            "save",
            "--format",
            "oci-archive",
            "--output",
            tar,
            id,
        ],
        Engine::Buildah => &["buildah", "push", "--quiet", id, &archive],
    };
    words.iter().map(|word| word.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn context(directory: &str, dockerfile: &str) -> Context {
        Context {
            directory: directory.into(),
            dockerfile: dockerfile.into(),
            ..Context::default()
        }
    }

    #[test]
    fn every_engine_builds_for_the_platform_and_in_the_directory_alone() {
        let web = context("web", "Dockerfile");
        let arm = Platform::of("ARM64");
        for engine in Engine::ALL {
            let words = build(engine, &web, arm, "/tmp/w", None).join(" ");
            let end = "--platform linux/arm64 --iidfile /tmp/w/id --file ./web/Dockerfile ./web";
            assert!(words.ends_with(end), "{words}");
        }
        let other = context("/srv/web/", "d/Dockerfile");
        let amd = Platform::of("X86_64");
        let words = build(Engine::Buildx, &other, amd, "w", None).join(" ");
        assert!(
            words.contains("--load --metadata-file w/metadata ")
                && words.ends_with("--file /srv/web/d/Dockerfile /srv/web")
        );
        assert!(words.contains("--platform linux/amd64"));
        let words = build(Engine::Buildah, &web, amd, "w", Some("0")).join(" ");
        assert!(words.contains("--timestamp 0"), "{words}");
    }

    #[test]
    fn every_engine_takes_a_stage_and_arguments_as_they_are() {
        let mut web = context("web", "Dockerfile");
        web.target = Some("run".into());
        web.arguments = [("A".to_string(), "x=y z".to_string())].into();
        for engine in Engine::ALL {
            let words = build(engine, &web, Platform::AMD64, "/tmp/w", None);
            let said = ["--target", "run", "--build-arg", "A=x=y z", "--platform"];
            assert!(words.windows(5).any(|some| some == said), "{words:?}");
        }
    }

    #[test]
    fn an_engine_that_reads_csv_gets_the_path_of_the_dockerfile_in_quotes() {
        let odd = context("a, \"b\"", "Dockerfile");
        let docker = build(Engine::Docker, &odd, Platform::AMD64, "w", None);
        assert!(docker.ends_with(&["./a, \"b\"/Dockerfile".into(), "./a, \"b\"".into()]));
        let podman = build(Engine::Podman, &odd, Platform::AMD64, "w", None);
        assert!(podman.ends_with(&["\"./a, \"\"b\"\"/Dockerfile\"".into(), "./a, \"b\"".into()]));
    }

    #[test]
    fn an_image_of_buildx_has_several_ids() {
        let metadata = json!({
            "containerimage.digest": "sha256:m",
            "containerimage.config.digest": "sha256:c",
        });
        assert_eq!(
            image_ids("sha256:c", Some(&metadata)),
            ["sha256:m", "sha256:c"]
        );
        assert_eq!(image_ids("sha256:i\n", Some(&json!({}))), ["sha256:i"]);
        assert_eq!(image_ids("sha256:i", None), ["sha256:i"]);
        assert!(image_ids("", None).is_empty());
    }
}
