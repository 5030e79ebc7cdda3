//! Archives that somebody made to fill the memory, or to read what is not in them. Each is told in
//! one line, or pushed, within 200 MB of memory: with more push-image ends at once.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use support::{LocalAws, Output, Value, json};
use tar::{EntryType, Header};
use tempfile::TempDir;

use crate::image::{digest_of, layout, put_blob, stored_images, write};
use crate::process::write_script;
use crate::{change, error_line, push, records};

const GIGABYTES: u64 = 3 << 30;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Pushes an archive within 200 MB of memory.
fn push_limited(aws: &LocalAws, archive: &Path) -> Output {
    let limited = "(ulimit -d 200000; exec push-image";
    let flags = format!("--archive web={})", archive.display());
    aws.pipe(&push(&flags).replace("push-image", limited))
}

/// Asserts that an archive is refused in one line.
fn check_refused(aws: &LocalAws, archive: &Path, why: &str) {
    let output = push_limited(aws, archive);
    assert_eq!(output.code, 1, "{output:?}");
    let line = error_line(&output);
    assert!(line.contains(why) && line.len() < 1000, "{why}: {line}");
    assert_eq!(stored_images(aws), Vec::<Value>::new());
}

fn header(kind: EntryType, name: &str, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_cksum();
    header
}

/// Writes a tar file of one entry that claims a size, and has it: of nothing, without blocks on the
/// disk.
fn claim(path: &Path, kind: EntryType, name: &str, size: u64) {
    let mut file = File::create(path).unwrap();
    file.write_all(header(kind, name, size).as_bytes()).unwrap();
    file.set_len(512 + size.next_multiple_of(512)).unwrap();
}

#[test]
fn a_header_that_claims_gigabytes_costs_none() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let archive = temp.path().join("a.tar");
    let kinds = [
        EntryType::GNULongName,
        EntryType::GNULongLink,
        EntryType::XHeader,
    ];
    for kind in kinds {
        claim(&archive, kind, "x", GIGABYTES);
        check_refused(
            &aws,
            &archive,
            "it has a name of 3221225472 bytes, which is none",
        );
    }
    for kind in [EntryType::XGlobalHeader, EntryType::GNUSparse] {
        claim(&archive, kind, "x", GIGABYTES);
        check_refused(&aws, &archive, "it is neither an OCI layout");
    }
    for name in ["index.json", "manifest.json"] {
        claim(&archive, EntryType::Regular, name, GIGABYTES);
        check_refused(&aws, &archive, "a document of 3221.2 MB is too long");
    }
    // It claims what it has not.
    let cut = header(EntryType::Regular, "index.json", GIGABYTES);
    fs::write(&archive, cut.as_bytes()).unwrap();
    check_refused(&aws, &archive, "it ends in the middle of index.json");
}

#[test]
fn very_many_names_or_values_fill_no_memory() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let archive = temp.path().join("a.tar");
    let mut file = io::BufWriter::new(File::create(&archive).unwrap());
    for number in 0..150_000 {
        let name = format!("{number:090}");
        let entry = header(EntryType::Regular, &name, 0);
        file.write_all(entry.as_bytes()).unwrap();
    }
    file.flush().unwrap();
    check_refused(
        &aws,
        &archive,
        "it has more files than an archive of images",
    );

    let folder = temp.path().join("layout");
    for values in ["0,", "{},", "[[]],", "{\"a\":{}},"] {
        let many = format!("[{}0]", values.repeat((8 << 20) / values.len() - 2));
        write(&folder.join("index.json"), &many);
        check_refused(&aws, &folder, "index.json has more than 200000 values");
    }
    let descriptor = put_blob(&folder, MANIFEST, "[".repeat(100_000).as_bytes());
    let index = json!({"manifests": [descriptor]});
    write(&folder.join("index.json"), index.to_string());
    check_refused(&aws, &folder, "a manifest is not JSON");
}

#[test]
fn a_layer_that_unpacks_to_a_gigabyte_is_streamed() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let folder = temp.path().join("saved");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    io::copy(&mut io::repeat(0).take(1 << 30), &mut gzip).unwrap();
    // Its configuration says the digest of what is in it, so all of that is read.
    let other = digest_of(b"something else");
    let rootfs = json!({"type": "layers", "diff_ids": [other]});
    let config = json!({"os": "linux", "architecture": "amd64", "rootfs": rootfs});
    write(&folder.join("config.json"), config.to_string());
    write(&folder.join("layer.tar"), gzip.finish().unwrap());
    let list = json!([{"Config": "config.json", "Layers": ["layer.tar"]}]);
    write(&folder.join("manifest.json"), list.to_string());
    check_refused(&aws, &folder, "it is damaged: blob sha256:");
}

#[test]
fn a_layer_of_a_gigabyte_is_streamed() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let folder = temp.path();
    let config = json!({"os": "linux", "architecture": "amd64"});
    write(&folder.join("config.json"), config.to_string());
    let layer = File::create(folder.join("layer.tar")).unwrap();
    layer.set_len(1 << 30).unwrap();
    let list = json!([{"Config": "config.json", "Layers": ["layer.tar", "layer.tar"]}]);
    write(&folder.join("manifest.json"), list.to_string());
    assert_eq!(change(&push_limited(&aws, folder).ok()), "created");
}

#[test]
fn indexes_lead_to_an_image_and_not_in_circles() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let folder = temp.path();
    layout(folder, "amd64", b"web");
    for _ in 0..5 {
        let index = fs::read(folder.join("index.json")).unwrap();
        let inner = put_blob(folder, INDEX, &index);
        let outer = json!({"schemaVersion": 2, "manifests": [inner]});
        write(&folder.join("index.json"), outer.to_string());
    }
    let why = "its indexes point to indexes without an end";
    check_refused(&aws, folder, why);
    let layers = vec![json!("layer.tar"); 501];
    let config = json!({"os": "linux", "architecture": "amd64"});
    let saved = folder.join("saved");
    write(&saved.join("config.json"), config.to_string());
    write(&saved.join("layer.tar"), b"web");
    let list = json!([{"Config": "config.json", "Layers": layers}]);
    write(&saved.join("manifest.json"), list.to_string());
    check_refused(
        &aws,
        &saved,
        "it has 501 layers; no image can have more than 500",
    );
}

#[test]
fn a_layout_reads_nothing_that_lies_outside_of_it() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let outside = temp.path().join("outside");
    layout(&outside, "amd64", b"of this machine");
    let folder = temp.path().join("layout");
    // A file, and a folder on the way to one; the digests are right.
    for name in ["index.json", "blobs", "blobs/sha256"] {
        let _ = fs::remove_dir_all(&folder);
        layout(&folder, "amd64", b"of this machine");
        let place = folder.join(name);
        if place.is_dir() {
            fs::remove_dir_all(&place).unwrap();
        } else {
            fs::remove_file(&place).unwrap();
        }
        symlink(outside.join(name), &place).unwrap();
        check_refused(&aws, &folder, " leads out of it");
    }
    // By way of itself it may lead where it likes.
    let _ = fs::remove_dir_all(&folder);
    layout(&folder, "amd64", b"web");
    fs::rename(folder.join("blobs"), folder.join("parts")).unwrap();
    symlink("parts", folder.join("blobs")).unwrap();
    assert_eq!(change(&push_limited(&aws, &folder).ok()), "created");
}

/// A buildah that answers without an end.
const TALKATIVE: &str = "#!/bin/sh\nexec yes\n";

#[test]
fn an_engine_that_answers_without_an_end_is_told() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let folder = temp.path().display();
    write(&temp.path().join("web/Dockerfile"), "FROM scratch\n");
    write_script(&temp.path().join("buildah"), TALKATIVE);
    let flags = format!("--context web={folder}/web --builder buildah");
    let pipe = format!("ulimit -d 200000; PATH={folder}:$PATH exec push-image {flags}");
    let output = aws.pipe_with(&pipe, &records(&aws));
    assert_eq!(output.code, 1, "{output:?}");
    let line = error_line(&output);
    let why = ": cannot build with buildah: it answers without an end";
    assert!(line.ends_with(why), "{line}");
}
