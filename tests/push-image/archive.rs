//! What is pushed of an archive, and what is wrong with one.

use std::fs;

use support::{LocalAws, Value, json};
use tempfile::TempDir;

use crate::image::{
    blob_path, digest_of, gzip, layout, noise, pull, saved, stored_images, tar_of, write,
};
use crate::{URI, change, count_of, error_line, pinned, push, push_arm};

#[test]
fn an_archive_is_pushed_without_an_engine_and_only_once() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let folder = temp.path().join("layout");
    let digest = layout(&folder, "amd64", b"what web is");
    let flags = format!("--archive web={}", folder.display());
    let pushed = aws.pipe(&push(&flags)).ok();
    let record = pushed.record("image", "web");
    assert_eq!(record["image"], format!("{URI}@{digest}"));
    assert_eq!(record["change"], "created");
    let stored = stored_images(&aws);
    let tag = format!("sha-{}", &digest[7..19]);
    assert_eq!(stored[0]["imageDigest"], digest);
    assert_eq!(stored[0]["imageTags"], json!([tag]));
    assert_eq!(pull(&aws, &digest), [b"what web is"]);

    aws.forget();
    let tar = tar_of(&folder);
    for archive in [&folder, &tar] {
        let flags = format!("--archive web={}", archive.display());
        let kept = aws.pipe(&push(&flags)).ok();
        assert_eq!(pinned(&kept), digest);
        assert_eq!(change(&kept), "kept");
        assert_eq!(aws.changes(), Vec::<String>::new());
    }

    // What docker saved has layers that are not compressed: they become so, the same each time.
    let tar = saved(&temp.path().join("saved"), b"what web is next");
    let flags = format!("--archive web={}", tar.display());
    let other = pinned(&aws.pipe(&push(&flags)).ok());
    assert_ne!(other, digest);
    assert_eq!(pull(&aws, &other), [b"what web is next"]);
    aws.forget();
    let kept = aws.pipe(&push(&flags)).ok();
    assert_eq!(pinned(&kept), other);
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(
        stored_images(&aws).len(),
        2,
        "no tag was moved, no image lost"
    );
}

#[test]
fn only_the_layers_that_lack_are_uploaded() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let one = temp.path().join("one");
    let other = temp.path().join("other");
    layout(&one, "amd64", b"a layer");
    // The same layer, under another configuration.
    layout(&other, "arm64", b"a layer");
    let flags = format!("--archive web={}", one.display());
    aws.pipe(&push(&flags)).ok();
    assert_eq!(count_of(&aws, "CompleteLayerUpload"), 2);
    aws.forget();
    let flags = format!("--archive web={}", other.display());
    aws.pipe(&push_arm(&flags)).ok();
    assert_eq!(count_of(&aws, "CompleteLayerUpload"), 1);
    assert_eq!(count_of(&aws, "PutImage"), 1);
}

#[test]
fn what_is_wrong_with_an_archive_is_one_line() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let folder = temp.path().join("layout");
    layout(&folder, "amd64", b"web");
    let blob = blob_path(&folder, &digest_of(&gzip(b"web")));
    write(&blob, gzip(b"wob"));
    let flags = format!("--archive web={}", folder.display());
    let damaged = aws.pipe(&push(&flags));
    assert_eq!(damaged.code, 1);
    let line = error_line(&damaged);
    assert!(
        line.contains("cannot read the image in ")
            && line.contains(": it is damaged: blob sha256:"),
        "{line}"
    );
    assert_eq!(stored_images(&aws), Vec::<Value>::new());

    fs::remove_file(&blob).unwrap();
    let lacks = aws.pipe(&push(&flags));
    assert_eq!(lacks.code, 1);
    let line = error_line(&lacks);
    assert!(line.contains(": it lacks blob sha256:"), "{lacks:?}");

    let half = temp.path().join("half.tar");
    let tar = saved(&temp.path().join("saved"), &noise(2, 100_000));
    let bytes = fs::read(tar).unwrap();
    fs::write(&half, &bytes[..50_000]).unwrap();
    let flags = format!("--archive web={}", half.display());
    let cut = aws.pipe(&push(&flags));
    assert_eq!(cut.code, 1);
    error_line(&cut);
    assert_eq!(stored_images(&aws), Vec::<Value>::new());
}

#[test]
fn a_full_disk_is_one_line_that_says_where() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let tar = saved(&temp.path().join("saved"), &noise(3, 3 << 20));
    aws.pipe(&push("")).ok();
    aws.forget();
    let flags = format!("--archive web={}", tar.display());
    let folder = temp.path().display();
    fs::create_dir(temp.path().join("tmp")).unwrap();
    let limits = format!("export TMPDIR={folder}/tmp; trap '' XFSZ; ulimit -f 1000; ");
    let output = aws.pipe(&(limits + &push(&flags)));
    assert_eq!(output.code, 1);
    assert_eq!(aws.changes(), Vec::<String>::new());
    let line = error_line(&output);
    let expected = format!("cannot write a layer to {folder}/tmp: ");
    assert!(line.contains(&expected), "{line}");
    assert_eq!(fs::read_dir(temp.path().join("tmp")).unwrap().count(), 0);
}
