//! What is left where push-image is killed or asked to end, and what the next run does with it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command};

use support::{LocalAws, Value, json};
use tempfile::TempDir;

use crate::image::{blob_path, layout, noise, pull, put_blob, stored_images, write};
use crate::process::{command, interrupt, start, wait_until, write_script};
use crate::{change, count_of, pinned, push, records};

/// Starts push-image on its own; answers when its uploads have begun and are not done.
pub fn start_upload(aws: &LocalAws, command: &mut Command, records: &str) -> Child {
    aws.forget();
    set_latency(aws, 700); // for so long an upload waits until it is read
    let mut child = start(command, records);
    wait_until(&mut child, "uploaded", || {
        count_of(aws, "InitiateLayerUpload") >= 2
    });
    set_latency(aws, 0);
    child
}

fn set_latency(aws: &LocalAws, milliseconds: u32) {
    aws.config(json!({"latency_ms": milliseconds}));
}

#[test]
fn killed_in_the_middle_of_an_upload_it_completes_when_it_runs_again() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let layer = noise(1, 40 << 20);
    let digest = layout(temp.path(), "amd64", &layer);
    let flags = format!("--archive=web={}", temp.path().display());
    let records = records(&aws);
    let left = TempDir::new().unwrap();
    let mut command = command(&aws);
    command.arg(&flags).env("TMPDIR", left.path());
    let mut child = start_upload(&aws, &mut command, &records);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(
        fs::read_dir(left.path()).unwrap().count(),
        0,
        "it leaves nothing"
    );
    assert_eq!(
        stored_images(&aws),
        Vec::<Value>::new(),
        "it was killed before it was done"
    );

    let pushed = aws.pipe(&push(&flags)).ok();
    assert_eq!(pinned(&pushed), digest);
    assert!(
        pull(&aws, &digest) == [layer],
        "the layer is not what was pushed"
    );
    let kept = aws.pipe(&push(&flags)).ok();
    assert_eq!(change(&kept), "kept");
}

/// Makes the layer of a layout so large that to compress it would take hours, if it were done: its
/// file has nothing in it, and no blocks on the disk.
fn enlarge(temp: &TempDir) {
    let length = 1u64 << 38;
    let digest = format!("sha256:{}", "0".repeat(64));
    let layer = File::create(blob_path(temp.path(), &digest)).unwrap();
    layer.set_len(length).unwrap();
    let media_type = "application/vnd.oci.image.layer.v1.tar";
    let layer = json!({"mediaType": media_type, "digest": digest, "size": length});
    let config = br#"{"os":"linux","architecture":"amd64"}"#;
    let config = put_blob(temp.path(), "", config);
    let manifest = json!({"config": config, "layers": [layer]});
    let manifest = put_blob(temp.path(), "", manifest.to_string().as_bytes());
    let index = json!({"manifests": [manifest]});
    write(&temp.path().join("index.json"), index.to_string());
}

/// Whether a process has a layer that is being compressed: a file in a folder that has no name
/// there.
fn is_compressing(child: u32, folder: &Path) -> bool {
    let open = fs::read_dir(format!("/proc/{child}/fd")).unwrap().flatten();
    for file in open {
        let name = fs::read_link(file.path()).unwrap_or_default();
        let is_unnamed = name.starts_with(folder) && !name.exists();
        if is_unnamed && fs::metadata(file.path()).is_ok_and(|file| file.len() > 0) {
            return true;
        }
    }
    false
}

#[test]
fn who_interrupts_it_does_not_wait_for_a_large_layer() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    layout(temp.path(), "amd64", b"web");
    enlarge(&temp);
    let left = TempDir::new().unwrap();
    let mut command = command(&aws);
    let folder = temp.path();
    command
        .arg(format!("--archive=web={}", folder.display()))
        .env("TMPDIR", left.path());
    let mut child = start(&mut command, &records(&aws));
    let id = child.id();
    let tmp = left.path().canonicalize().unwrap();
    wait_until(&mut child, "compressed", || is_compressing(id, &tmp));
    assert_eq!(interrupt(&mut child), Some(130));
    assert_eq!(fs::read_dir(tmp).unwrap().count(), 0);
}

/// A buildah that builds until it is asked to end.
const ENDLESS: &str = r#"#!/bin/sh
[ $1 = --version ] && exit
cd "${0%/*}"
trap 'echo >ended; exit 1' TERM
echo >begun
while :; do sleep 0.01; done
"#;

#[test]
fn an_engine_that_is_interrupted_is_asked_to_end() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let folder = temp.path();
    write(&folder.join("web/Dockerfile"), "FROM scratch\n");
    write_script(&folder.join("buildah"), ENDLESS);
    let mut command = command(&aws);
    let path = std::env::var("PATH").unwrap();
    command
        .arg(format!("--context=web={}/web", folder.display()))
        .args(["--builder", "buildah"])
        .env("PATH", format!("{}:{path}", folder.display()));
    let mut child = start(&mut command, &records(&aws));
    wait_until(&mut child, "built", || folder.join("begun").exists());
    assert_eq!(interrupt(&mut child), Some(130));
    assert!(folder.join("ended").exists());
}
