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

#[test]
fn one_of_several_images_is_pushed_by_its_name() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let folder = temp.path().join("many");
    let mut list = Vec::new();
    for (name, layer) in [("web", "what web is"), ("api", "what api is")] {
        let config = json!({"os": "linux", "architecture": "amd64", "author": name});
        write(&folder.join(format!("{name}.json")), config.to_string());
        write(&folder.join(format!("{name}/layer.tar")), layer);
        let tags = [format!("registry.example/o/{name}:1")];
        let layers = [format!("{name}/layer.tar")];
        list.push(json!({"Config": format!("{name}.json"), "RepoTags": tags, "Layers": layers}));
    }
    write(&folder.join("manifest.json"), json!(list).to_string());
    let tar = tar_of(&folder);
    let path = tar.display();
    let unclear = aws.pipe(&push(&format!("--archive web={path}")));
    assert_eq!(unclear.code, 1, "{unclear:?}");
    let line = error_line(&unclear);
    assert!(
        line.ends_with("it holds 2 images; say which, as in --archive APP=PATH:NAME: registry.example/o/web:1, registry.example/o/api:1"),
        "{line}"
    );
    for (name, layer) in [
        ("registry.example/o/web:1", b"what web is"),
        ("o/api:1", b"what api is"),
        ("@0", b"what web is"),
    ] {
        let pushed = aws
            .pipe(&push(&format!("--archive web={path}:{name}")))
            .ok();
        assert_eq!(pull(&aws, &pinned(&pushed)), [layer], "{name}");
    }
    let none = aws.pipe(&push(&format!("--archive web={path}:web:2")));
    let line = error_line(&none);
    assert!(
        line.contains("it holds no image 'web:2', but registry.example/o/web:1"),
        "{line}"
    );
    let empty = aws.pipe(&push(&format!("--archive web={path}:")));
    assert_eq!(empty.code, 2, "{empty:?}");
}

#[test]
fn an_archive_that_was_compressed_as_a_whole_is_pushed_or_told_how_to_unpack() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let tar = saved(&temp.path().join("saved"), b"what web is");
    let bytes = fs::read(&tar).unwrap();
    let digest = pinned(
        &aws.pipe(&push(&format!("--archive web={}", tar.display())))
            .ok(),
    );
    let packed = temp.path().join("web.tar.gz");
    fs::write(&packed, gzip(&bytes)).unwrap();
    let pushed = aws
        .pipe(&push(&format!("--archive web={}", packed.display())))
        .ok();
    assert_eq!(pinned(&pushed), digest);
    fs::write(&packed, &gzip(&bytes)[..60]).unwrap();
    let cut = aws.pipe(&push(&format!("--archive web={}", packed.display())));
    assert!(error_line(&cut).contains("cannot be unpacked"), "{cut:?}");
    for (begin, command) in [
        (&[0x28, 0xb5, 0x2f, 0xfd][..], "zstd -d"),
        (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz -dk"),
        (b"BZh91AY", "bunzip2 -k"),
    ] {
        fs::write(&packed, [begin, &[0; 600]].concat()).unwrap();
        let refused = aws.pipe(&push(&format!("--archive web={}", packed.display())));
        let line = error_line(&refused);
        assert!(
            line.contains(&format!("unpack it first: {command} ")),
            "{line}"
        );
    }
}
