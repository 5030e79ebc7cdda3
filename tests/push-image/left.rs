//! What is on the disk while an image is built: its owner's alone, and gone when push-image is,
//! however it ends.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Child;

use support::LocalAws;
use tempfile::TempDir;

use crate::image::write;
use crate::process::{command, interrupt, start, wait_until, write_script};
use crate::{error_line, push, records};

/// A buildah that builds for as long as there is a folder for it, and writes its image's ID before.
const PATIENT: &str = r#"#!/bin/sh
[ $1 = --version ] && exit
while [ "$1" != --iidfile ]; do shift; done
echo sha256:1 >"$2"
touch "${0%/*}/begun"
while [ -f "$2" ]; do sleep 0.02; done
"#;

/// A directory to build, and a folder for what is built.
struct Setup {
    temp: TempDir,
    records: String,
}

impl Setup {
    fn new(aws: &LocalAws) -> Self {
        let temp = TempDir::new().unwrap();
        write(&temp.path().join("web/Dockerfile"), "FROM scratch\n");
        write_script(&temp.path().join("buildah"), PATIENT);
        fs::create_dir(temp.path().join("tmp")).unwrap();
        let records = records(aws);
        Setup { temp, records }
    }

    fn tmp(&self) -> PathBuf {
        self.temp.path().join("tmp")
    }

    /// Starts push-image, and waits until the engine builds.
    fn build(&self, aws: &LocalAws) -> Child {
        let folder = self.temp.path().display();
        let path = std::env::var("PATH").unwrap();
        let begun = self.temp.path().join("begun");
        let _ = fs::remove_file(&begun);
        let mut command = command(aws);
        command
            .arg(format!("--context=web={folder}/web"))
            .args(["--builder", "buildah"])
            .env("PATH", format!("{folder}:{path}"))
            .env("TMPDIR", self.tmp());
        let mut child = start(&mut command, &self.records);
        wait_until(&mut child, "built", || begun.exists());
        child
    }

    /// What is there, by its names.
    fn left(&self) -> Vec<String> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.tmp()).unwrap() {
            names.push(entry.unwrap().file_name().to_string_lossy().into_owned());
        }
        names.sort();
        names
    }

    /// The folder of the one build that runs.
    fn work(&self) -> PathBuf {
        let left = self.left();
        let mut folders = left.iter().filter(|name| name.starts_with("push-image-"));
        let folder = self.tmp().join(folders.next().unwrap());
        assert_eq!(folders.next(), None, "{left:?}");
        folder
    }

    /// The folder that was not there before.
    fn work_beside(&self, before: &[String]) -> PathBuf {
        let mut left = self.left();
        left.retain(|name| !before.contains(name));
        assert_eq!(left.len(), 1, "{left:?}");
        self.tmp().join(&left[0])
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Ends what is killed without a word.
fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_is_built_is_its_owners_alone() {
    let aws = LocalAws::start();
    let setup = Setup::new(&aws);
    let mut child = setup.build(&aws);
    let work = setup.work();
    assert_eq!(mode(&work), 0o700);
    for name in ["output", "push-image.lock"] {
        assert_eq!(mode(&work.join(name)), 0o600, "{name}");
    }
    assert_eq!(interrupt(&mut child), Some(130));
    assert_eq!(setup.left(), Vec::<String>::new());
}

#[test]
fn what_a_killed_run_left_the_next_one_removes() {
    let aws = LocalAws::start();
    let setup = Setup::new(&aws);
    kill(setup.build(&aws));
    let left = setup.work();
    assert!(left.join("id").exists());
    // Whatever the next one has to do.
    let tmp = setup.tmp();
    let pipe = format!("export TMPDIR={}; {}", tmp.display(), push(""));
    aws.pipe(&pipe).ok();
    assert_eq!(setup.left(), Vec::<String>::new());
    // And two at once.
    kill(setup.build(&aws));
    let pipe = format!("export TMPDIR={}; {} | push-image", tmp.display(), push(""));
    aws.pipe(&pipe).ok();
    assert_eq!(setup.left(), Vec::<String>::new());
}

#[test]
fn nothing_else_is_removed_that_is_called_so() {
    let aws = LocalAws::start();
    let setup = Setup::new(&aws);
    let tmp = setup.tmp();
    let folder = |name: &str, mode: u32, lock: bool| {
        let path = tmp.join(name);
        write(&path.join("file"), "of somebody");
        if lock {
            File::create(path.join("push-image.lock")).unwrap();
        }
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    };
    folder("push-image-notes", 0o755, false);
    folder("push-image-private", 0o700, false);
    folder("push-image-open", 0o755, true);
    folder("my-push-image-1", 0o700, true);
    let elsewhere = TempDir::new().unwrap();
    let other = elsewhere.path().join("push-image-other");
    write(&other.join("push-image.lock"), "");
    fs::set_permissions(&other, Permissions::from_mode(0o700)).unwrap();
    symlink(&other, tmp.join("push-image-link")).unwrap();
    write(&tmp.join("push-image-file"), "of somebody");
    let before = setup.left();
    // One that is in use, while another run begins and ends.
    let child = setup.build(&aws);
    let work = setup.work_beside(&before);
    aws.pipe(&format!("export TMPDIR={}; {}", tmp.display(), push("")))
        .ok();
    assert!(work.join("id").exists());
    kill(child);
    aws.pipe(&format!("export TMPDIR={}; {}", tmp.display(), push("")))
        .ok();
    assert!(!work.exists(), "it is in use no longer");
    assert_eq!(setup.left(), before);
    assert!(other.join("push-image.lock").exists());
}

#[test]
fn a_folder_that_cannot_be_made_is_one_line() {
    let aws = LocalAws::start();
    let setup = Setup::new(&aws);
    let folder = setup.temp.path().display();
    let flags = format!("--context web={folder}/web --builder buildah");
    let pipe = format!("export TMPDIR={folder}/none PATH={folder}:$PATH; push-image {flags}");
    let output = aws.pipe_with(&pipe, &setup.records);
    assert_eq!(output.code, 1, "{output:?}");
    let line = error_line(&output);
    assert!(line.contains("cannot make a folder in "), "{line}");
}
