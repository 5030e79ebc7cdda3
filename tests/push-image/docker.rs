//! A docker of the test's own, which says what the docker of other machines says.

use std::path::Path;

use support::LocalAws;
use tempfile::TempDir;

use crate::image::{layout, tar_of, write};
use crate::process::write_script;
use crate::{error_line, pinned, push, records};

/// What is done by a docker that has built what is in TAR: BUILDX is what it says to
/// `docker buildx version`, and ID that by which alone it knows the image.
const SCRIPT: &str = r#"#!/bin/sh
case "$1 $2" in
"version "*) ;;
"buildx version") echo 'BUILDX' ;;
*build*)
    while [ $# -gt 1 ]; do
        case $1 in
        --provenance*|--sbom*) echo "unknown flag: $1" >&2; exit 125 ;;
        --iidfile) printf sha256:config >"$2" ;;
        --metadata-file)
            echo '{"containerimage.config.digest": "sha256:config", "containerimage.digest": "sha256:manifest"}' >"$2" ;;
        esac
        shift
    done ;;
"image inspect") [ "$3" = ID ] ;;
"image save")
    if [ "$5" != ID ]; then echo "Error response from daemon: No such image: $5" >&2; exit 1; fi
    cp 'TAR' "$4" ;;
*) exit 125 ;;
esac
"#;

/// Makes a docker; answers what puts it ahead of all others.
fn docker(folder: &Path, tar: &Path, buildx: &str, id: &str) -> String {
    let tar = tar.display().to_string();
    let script = SCRIPT
        .replace("BUILDX", buildx)
        .replace("ID", id)
        .replace("TAR", &tar); // last: a path may have any letters
    write_script(&folder.join("docker/docker"), &script);
    format!("export PATH={}/docker:$PATH; ", folder.display())
}

#[test]
fn docker_knows_what_buildx_built_by_one_of_two_ids() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let folder = temp.path();
    write(&folder.join("web/Dockerfile"), "FROM scratch\n");
    let digest = layout(&folder.join("layout"), "amd64", b"web");
    let tar = tar_of(&folder.join("layout"));
    let context = format!("--context web={}/web", folder.display());
    let build = push(&context);
    // The store of containerd knows an image by its manifest, the older one by its configuration.
    let buildx = "github.com/docker/buildx v0.29.1 a32761a";
    for id in ["sha256:manifest", "sha256:config"] {
        let docker = docker(folder, &tar, buildx, id);
        let built = aws.pipe(&(docker + &build)).ok();
        assert_eq!(pinned(&built), digest);
        assert!(
            built.stderr.contains(" with buildx for linux/amd64"),
            "{}",
            built.stderr
        );
    }
    // Podman calls itself docker in some places.
    let podman = docker(folder, &tar, "buildah 1.43.2", "sha256:config");
    let built = aws.pipe(&(podman.clone() + &build)).ok();
    assert!(
        built.stderr.contains(" with docker for linux/amd64"),
        "{}",
        built.stderr
    );
    let refused = aws.pipe(&(podman + &build + " --builder buildx"));
    let line = error_line(&refused);
    assert!(
        line.ends_with(": cannot build with buildx: docker buildx is buildah 1.43.2"),
        "{line}"
    );
    let alone =
        format!("p=$(command -v push-image); PATH=/nonexistent \"$p\" {context} --builder podman");
    let none = aws.pipe_with(&alone, &records(&aws));
    let line = error_line(&none);
    assert!(
        line.ends_with(": cannot build with podman: it is not installed"),
        "{none:?}"
    );
}
