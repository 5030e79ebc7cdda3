//! push-image: its command line, and the images that it builds and stores in the registry of the local
//! AWS: archives without an engine, directories by the engine that works here.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use support::{ENV, LocalAws, Output, Value, bin, clean, json, recipe, text, tool, ureq};
use tempfile::TempDir;

const REPOSITORY: &str = "repo-web-production-pr1";
const URI: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/repo-web-production-pr1";

fn push(flags: &str) -> String {
    format!("mk-env production pr1 | mk-app web | mk-ecr | push-image {flags}")
}

fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Bytes that no compression makes fewer, the same for each seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = GzEncoder::new(Vec::new(), Compression::fast());
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

/// An image as an OCI layout, of one layer; answers its digest.
fn layout(folder: &Path, architecture: &str, layer: &[u8]) -> String {
    let put = |media_type: &str, bytes: &[u8]| {
        let digest = digest_of(bytes);
        write(&folder.join("blobs/sha256").join(&digest[7..]), bytes);
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    };
    let config = json!({"os": "linux", "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": []}});
    let config = put(
        "application/vnd.oci.image.config.v1+json",
        config.to_string().as_bytes(),
    );
    let layers = [put(
        "application/vnd.oci.image.layer.v1.tar+gzip",
        &gzip(layer),
    )];
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest =
        json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers});
    let manifest = put(media_type, manifest.to_string().as_bytes());
    let index = json!({"schemaVersion": 2, "manifests": [manifest]}).to_string();
    write(&folder.join("index.json"), index);
    write(
        &folder.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    );
    text(&manifest["digest"]).to_string()
}

fn tar_of(folder: &Path) -> PathBuf {
    let path = folder.with_extension("tar");
    let mut tar = tar::Builder::new(File::create(&path).unwrap());
    tar.append_dir_all(".", folder).unwrap();
    tar.finish().unwrap();
    path
}

/// What `docker save` writes: layers that are not compressed.
fn saved(folder: &Path, layer: &[u8]) -> PathBuf {
    write(
        &folder.join("config.json"),
        json!({"os": "linux", "architecture": "amd64"}).to_string(),
    );
    write(&folder.join("a/layer.tar"), layer);
    let list = json!([{"Config": "config.json", "RepoTags": ["web:1"], "Layers": ["a/layer.tar"]}]);
    write(&folder.join("manifest.json"), list.to_string());
    tar_of(folder)
}

/// The images in web's repository, as ECR tells of them.
fn images(aws: &LocalAws) -> Vec<Value> {
    let answer = aws.call(
        "ecr",
        "describe_images",
        json!({"repositoryName": REPOSITORY}),
    );
    answer["imageDetails"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

/// Something of web's repository, by HTTP as docker pulls it.
fn get(aws: &LocalAws, what: &str) -> Vec<u8> {
    let answer = aws.call("ecr", "get_authorization_token", json!({}));
    let token = text(&answer["authorizationData"][0]["authorizationToken"]).to_string();
    let url = format!("{}/v2/{REPOSITORY}/{what}", aws.url);
    let answer = ureq::get(url)
        .header("Authorization", format!("Basic {token}"))
        .call()
        .unwrap();
    answer
        .into_body()
        .with_config()
        .limit(1 << 30)
        .read_to_vec()
        .unwrap()
}

/// Pulls an image by its digest, checks that all of it is what its digest says, and answers its layers
/// as they were before they were compressed.
fn pull(aws: &LocalAws, digest: &str) -> Vec<Vec<u8>> {
    let manifest = get(aws, &format!("manifests/{digest}"));
    assert_eq!(digest_of(&manifest), digest);
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let blob = |told: &Value| {
        let bytes = get(aws, &format!("blobs/{}", text(&told["digest"])));
        assert_eq!(
            (digest_of(&bytes).as_str(), bytes.len() as u64),
            (text(&told["digest"]), told["size"].as_u64().unwrap())
        );
        bytes
    };
    blob(&manifest["config"]);
    let layers = manifest["layers"].as_array().unwrap().iter().map(|layer| {
        let mut bytes = Vec::new();
        GzDecoder::new(blob(layer).as_slice())
            .read_to_end(&mut bytes)
            .unwrap();
        bytes
    });
    layers.collect()
}

/// The digest by which a record pins web's image.
fn pinned(output: &Output) -> String {
    let record = output.record("image", "web");
    let digest = text(&record["image"])
        .strip_prefix(&format!("{URI}@"))
        .unwrap_or_else(|| panic!("{record}"));
    digest.to_string()
}

/// Asserts one error line of push-image, and at most one that says what to do; answers the line.
fn one_line(output: &Output) -> String {
    let lines: Vec<&str> = output
        .stderr
        .lines()
        .filter(|line| !line.starts_with("mk-"))
        .collect();
    let errors: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| !line.starts_with("  try: "))
        .collect();
    assert!(
        errors.len() == 1 && lines.len() <= 2 && errors[0].starts_with("push-image: "),
        "{output:?}"
    );
    let failed = output.record("failed", "push-image");
    assert_eq!(
        errors[0],
        format!("push-image: {}", text(&failed["message"]))
    );
    errors[0].to_string()
}

/// Every changing call to the registry or to ECR, by its name.
fn uploads(aws: &LocalAws, action: &str) -> usize {
    aws.changes()
        .iter()
        .filter(|change| **change == format!("ecr:{action}"))
        .count()
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("push-image", &[]);
}

#[test]
fn an_archive_is_pushed_without_an_engine_and_only_once() {
    let (aws, place) = (LocalAws::start(), TempDir::new().unwrap());
    let folder = place.path().join("layout");
    let digest = layout(&folder, "amd64", b"what web is");
    let pushed = aws
        .pipe(&push(&format!("--archive web={}", folder.display())))
        .ok();
    let record = pushed.record("image", "web");
    assert_eq!(
        (&record["image"], &record["change"]),
        (&json!(format!("{URI}@{digest}")), &json!("created"))
    );
    let there = images(&aws);
    let tag = format!("sha-{}", &digest[7..19]);
    assert_eq!(
        (&there[0]["imageDigest"], &there[0]["imageTags"]),
        (&json!(digest), &json!([tag]))
    );
    assert_eq!(pull(&aws, &digest), [b"what web is"]);

    aws.forget();
    let tar = tar_of(&folder);
    for again in [&folder, &tar] {
        let kept = aws
            .pipe(&push(&format!("--archive web={}", again.display())))
            .ok();
        assert_eq!(
            (pinned(&kept), &kept.record("image", "web")["change"]),
            (digest.clone(), &json!("kept"))
        );
        assert_eq!(aws.changes(), Vec::<String>::new());
    }

    // What docker saved has layers that are not compressed: they become so, the same each time.
    let path = saved(&place.path().join("saved"), b"what web is next");
    let other = pinned(
        &aws.pipe(&push(&format!("--archive web={}", path.display())))
            .ok(),
    );
    assert_ne!(other, digest);
    assert_eq!(pull(&aws, &other), [b"what web is next"]);
    aws.forget();
    let kept = aws
        .pipe(&push(&format!("--archive web={}", path.display())))
        .ok();
    assert_eq!((pinned(&kept), aws.changes()), (other, Vec::new()));
    assert_eq!(images(&aws).len(), 2, "no tag was moved, no image lost");
}

#[test]
fn only_the_layers_that_lack_are_uploaded() {
    let (aws, place) = (LocalAws::start(), TempDir::new().unwrap());
    let (one, other) = (place.path().join("one"), place.path().join("other"));
    layout(&one, "amd64", b"a layer");
    // The same layer, under another configuration.
    layout(&other, "arm64", b"a layer");
    aws.pipe(&push(&format!("--archive web={}", one.display())))
        .ok();
    assert_eq!(uploads(&aws, "CompleteLayerUpload"), 2);
    aws.forget();
    let arm = push(&format!("--archive web={}", other.display()))
        .replace("mk-app web", "mk-app web --architecture arm64");
    aws.pipe(&arm).ok();
    assert_eq!(
        (
            uploads(&aws, "CompleteLayerUpload"),
            uploads(&aws, "PutImage")
        ),
        (1, 1)
    );
}

#[test]
fn a_mark_comes_ahead_of_all_that_says_that_an_image_will_follow() {
    let (aws, place) = (LocalAws::start(), TempDir::new().unwrap());
    layout(place.path(), "amd64", b"web");
    let output = aws
        .pipe(&push(&format!("--archive web={}", place.path().display())))
        .ok();
    let records = output.records();
    assert_eq!(records[0], json!({"type": "image", "name": "web"}));
    assert_eq!(
        records
            .iter()
            .filter(|record| record["type"] == "image")
            .count(),
        2
    );
    // Without flags, and with apps that name no directory, it has nothing to say.
    let passed = aws.pipe(&push("")).ok();
    assert!(
        passed
            .records()
            .iter()
            .all(|record| record["type"] != "image"),
        "{}",
        passed.stdout
    );
}

#[test]
fn a_reference_is_pinned_by_the_digest_that_it_has_now() {
    let (aws, place) = (LocalAws::start(), TempDir::new().unwrap());
    let digest = layout(place.path(), "amd64", b"web");
    aws.pipe(&push(&format!("--archive web={}", place.path().display())))
        .ok();
    let tag = text(&images(&aws)[0]["imageTags"][0]).to_string();
    aws.forget();
    let output = aws.pipe(&push(&format!("--image web={URI}:{tag}"))).ok();
    assert_eq!((pinned(&output), aws.changes()), (digest, Vec::new()));

    let lacks = aws.pipe(&push(&format!("--image web={URI}:none")));
    assert_eq!(lacks.code, 1);
    let line = one_line(&lacks);
    assert!(
        line.contains(&format!(
            "cannot find image {REPOSITORY}:none of app 'web': "
        )),
        "{line}"
    );
}

#[test]
fn an_image_for_another_processor_is_refused() {
    let (aws, place) = (LocalAws::start(), TempDir::new().unwrap());
    let digest = layout(place.path(), "arm64", b"web");
    let flags = format!("--archive web={}", place.path().display());
    aws.pipe(&push("")).ok();
    aws.forget();
    let refused = aws.pipe(&push(&flags));
    assert_eq!((refused.code, aws.changes()), (1, Vec::new()));
    let line = one_line(&refused);
    assert!(
        line.ends_with("the image is for linux/arm64, but its app runs on linux/amd64"),
        "{line}"
    );

    let arm = |flags: &str| push(flags).replace("mk-app web", "mk-app web --architecture arm64");
    let taken = aws.pipe(&arm(&flags)).ok();
    assert_eq!(pinned(&taken), digest);
    // A reference is looked into as well.
    let there = format!("--image web={URI}@{digest}");
    assert_eq!(pinned(&aws.pipe(&arm(&there)).ok()), digest);
    let refused = aws.pipe(&push(&there));
    assert!(
        one_line(&refused).contains("the image is for linux/arm64"),
        "{refused:?}"
    );
}

#[test]
fn in_a_dry_run_nothing_is_pushed() {
    let (aws, place) = (LocalAws::start(), TempDir::new().unwrap());
    let digest = layout(place.path(), "amd64", b"web");
    let flags = format!("--archive web={}", place.path().display());
    let plan = push(&flags).replace("production pr1", "production pr1 --plan");
    let announced = |output: Output| {
        (
            pinned(&output),
            output.record("image", "web")["change"].clone(),
        )
    };

    let first = aws.pipe(&plan).would_change(); // there is no repository yet
    assert_eq!(
        (announced(first), aws.changes()),
        ((digest.clone(), json!("create")), Vec::new())
    );
    aws.pipe(&push("")).ok();
    aws.forget();
    let empty = aws.pipe(&plan).would_change();
    assert_eq!(
        (announced(empty), aws.changes()),
        ((digest.clone(), json!("create")), Vec::new())
    );
    aws.pipe(&push(&flags)).ok();
    aws.forget();
    let there = aws.pipe(&plan).ok();
    assert_eq!(
        (announced(there), aws.changes()),
        ((digest, json!("kept")), Vec::new())
    );
}

/// Runs push-image on its own and answers when its uploads have begun and are not done.
fn begin(aws: &LocalAws, stdin: &str, flags: &[&str], env: &[(&str, &str)]) -> std::process::Child {
    aws.forget();
    let wait = json!({"latency_ms": 700}); // for which an upload waits until it is read
    ureq::post(format!("{}/_local/config", aws.url))
        .send_json(&wait)
        .unwrap();
    let mut command = clean(Command::new(bin().join("push-image")), &aws.url);
    command
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.envs(env.iter().copied());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(stdin.as_bytes())
        .unwrap();
    while uploads(aws, "InitiateLayerUpload") < 2 {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it uploaded"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    ureq::post(format!("{}/_local/config", aws.url))
        .send_json(json!({"latency_ms": 0}))
        .unwrap();
    child
}

#[test]
fn killed_in_the_middle_of_an_upload_it_completes_when_it_runs_again() {
    let (aws, place) = (LocalAws::start(), TempDir::new().unwrap());
    let layer = noise(1, 40 << 20);
    let digest = layout(place.path(), "amd64", &layer);
    let flags = format!("--archive=web={}", place.path().display());
    let records = aws
        .pipe("mk-env production pr1 | mk-app web | mk-ecr")
        .ok()
        .stdout;
    let left = TempDir::new().unwrap(); // what it cannot remove
    let mut child = begin(
        &aws,
        &records,
        &[&flags],
        &[("TMPDIR", left.path().to_str().unwrap())],
    );
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(
        images(&aws),
        Vec::<Value>::new(),
        "it was killed before it was done"
    );

    let pushed = aws.pipe(&push(&flags)).ok();
    assert_eq!(pinned(&pushed), digest);
    assert!(
        pull(&aws, &digest) == [layer],
        "the layer is not what was pushed"
    );
    assert_eq!(
        aws.pipe(&push(&flags)).ok().record("image", "web")["change"],
        "kept"
    );
}

#[test]
fn who_interrupts_it_does_not_wait_for_a_large_layer() {
    let (aws, place) = (LocalAws::start(), TempDir::new().unwrap());
    layout(place.path(), "amd64", b"web");
    let put = |bytes: &[u8]| {
        let digest = digest_of(bytes);
        write(&place.path().join("blobs/sha256").join(&digest[7..]), bytes);
        json!({"digest": digest, "size": bytes.len()})
    };
    // Hours of work, if it were done: the file has nothing in it, and no blocks on the disk.
    let (length, none) = (1u64 << 38, "0".repeat(64));
    File::create(place.path().join("blobs/sha256").join(&none))
        .unwrap()
        .set_len(length)
        .unwrap();
    let media_type = "application/vnd.oci.image.layer.v1.tar";
    let layer =
        json!({"mediaType": media_type, "digest": format!("sha256:{none}"), "size": length});
    let config = put(br#"{"os":"linux","architecture":"amd64"}"#);
    let manifest = put(json!({"config": config, "layers": [layer]})
        .to_string()
        .as_bytes());
    write(
        &place.path().join("index.json"),
        json!({"manifests": [manifest]}).to_string(),
    );

    let records = aws
        .pipe("mk-env production pr1 | mk-app web | mk-ecr")
        .ok()
        .stdout;
    let mut command = clean(Command::new(bin().join("push-image")), &aws.url);
    command
        .arg(format!("--archive=web={}", place.path().display()))
        .env("TMPDIR", place.path());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(records.as_bytes())
        .unwrap();
    let work = || {
        fs::read_dir(place.path())
            .unwrap()
            .flatten()
            .find(|entry| entry.path().join("layer-1.gz").exists())
    };
    while work().is_none() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it compressed"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    assert_eq!(
        (child.wait().unwrap().code(), work().is_some()),
        (Some(130), false)
    );
}

#[test]
fn what_is_wrong_with_an_archive_is_one_line() {
    let (aws, place) = (LocalAws::start(), TempDir::new().unwrap());
    let folder = place.path().join("layout");
    layout(&folder, "amd64", b"web");
    let blob = folder
        .join("blobs/sha256")
        .join(&digest_of(&gzip(b"web"))[7..]);
    write(&blob, gzip(b"wob"));
    let flags = format!("--archive web={}", folder.display());
    let damaged = aws.pipe(&push(&flags));
    assert_eq!(damaged.code, 1);
    let line = one_line(&damaged);
    assert!(
        line.contains("cannot read the image in ")
            && line.contains(": it is damaged: blob sha256:"),
        "{line}"
    );
    assert_eq!(images(&aws), Vec::<Value>::new());

    fs::remove_file(&blob).unwrap();
    let lacks = aws.pipe(&push(&flags));
    assert_eq!(lacks.code, 1);
    assert!(
        one_line(&lacks).contains(": it lacks blob sha256:"),
        "{lacks:?}"
    );

    let half = place.path().join("half.tar");
    let whole = fs::read(saved(&place.path().join("saved"), &noise(2, 100_000))).unwrap();
    fs::write(&half, &whole[..50_000]).unwrap();
    let cut = aws.pipe(&push(&format!("--archive web={}", half.display())));
    assert_eq!(cut.code, 1);
    one_line(&cut);
    assert_eq!(images(&aws), Vec::<Value>::new());
}

#[test]
fn a_full_disk_is_one_line_that_says_where() {
    let (aws, place) = (LocalAws::start(), TempDir::new().unwrap());
    let path = saved(&place.path().join("saved"), &noise(3, 3 << 20));
    aws.pipe(&push("")).ok();
    aws.forget();
    let full = format!(
        "export TMPDIR={}; trap '' XFSZ; ulimit -f 1000; {}",
        place.path().display(),
        push(&format!("--archive web={}", path.display()))
    );
    let output = aws.pipe(&full);
    assert_eq!((output.code, aws.changes()), (1, Vec::new()));
    let line = one_line(&output);
    assert!(
        line.contains(&format!(
            "cannot write {}/push-image-",
            place.path().display()
        )),
        "{line}"
    );
    let left = fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    assert_eq!(
        left.filter(|name| name.to_string_lossy().starts_with("push-image-"))
            .count(),
        0
    );
}

#[test]
fn a_token_that_has_expired_is_one_line() {
    let (aws, place) = (LocalAws::start(), TempDir::new().unwrap());
    layout(place.path(), "amd64", b"web");
    let config = |requests: Value| {
        let wanted = json!({"token_requests": requests});
        ureq::post(format!("{}/_local/config", aws.url))
            .send_json(wanted)
            .unwrap();
    };
    let flags = format!("--archive web={}", place.path().display());
    // At whichever request it has expired; some are answered without words.
    for requests in 0..6 {
        config(json!(requests));
        let output = aws.pipe(&push(&flags));
        assert_eq!(output.code, 1, "{requests}: {output:?}");
        let line = one_line(&output);
        let said = [
            "token has expired",
            "the registry answered 403",
            "does not accept the credentials",
        ];
        assert!(
            said.iter().any(|said| line.contains(said)) && !line.contains("http:"),
            "{line}"
        );
        assert!(
            output.stderr.contains("; a token lasts 12 hours"),
            "{}",
            output.stderr
        );
    }
    config(Value::Null);
    aws.pipe(&push(&flags)).ok();
}

#[test]
fn a_registry_that_cannot_be_reached_is_one_line() {
    let aws = LocalAws::start();
    let output = aws.pipe(&push("--image web=127.0.0.1:1/web:1"));
    assert_eq!(
        output.code, 75,
        "the network may be back in a moment: {output:?}"
    );
    let line = one_line(&output);
    assert!(
        line.contains("cannot find image 127.0.0.1:1/web:1 of app 'web': ")
            && line.contains("refused"),
        "{line}"
    );
}

#[test]
fn a_repository_that_is_not_there_is_one_line() {
    let (aws, place) = (LocalAws::start(), TempDir::new().unwrap());
    layout(place.path(), "amd64", b"web");
    let flags = format!("--archive web={}", place.path().display());
    let records = aws
        .pipe("mk-env production pr1 | mk-app web | mk-ecr")
        .ok()
        .stdout;
    aws.call(
        "ecr",
        "delete_repository",
        json!({"repositoryName": REPOSITORY}),
    );
    let output = aws.pipe_with(&format!("push-image {flags}"), &records);
    assert_eq!(output.code, 1);
    let line = one_line(&output);
    assert!(
        line.contains(REPOSITORY) && line.contains("NAME_UNKNOWN"),
        "{line}"
    );
    assert!(
        output.stderr.contains("  try: mk-ecr makes the repository"),
        "{}",
        output.stderr
    );

    let lacks = aws.pipe(&format!(
        "mk-env production pr1 | mk-app web | push-image {flags}"
    ));
    assert_eq!(lacks.code, 65);
    assert!(
        one_line(&lacks).starts_with("push-image: no repo record"),
        "{lacks:?}"
    );
}

#[test]
fn what_the_flags_and_records_say_wrong_is_told_before_any_call() {
    let place = TempDir::new().unwrap();
    layout(place.path(), "amd64", b"web");
    let archive = format!("web={}", place.path().display());
    let app = r#"{"type":"app","name":"web"}"#;
    let repo = format!(
        r#"{{"type":"repo","name":"web","arn":"arn:aws:ecr:us-east-1:123456789012:repository/{REPOSITORY}","uri":"ghcr.io/owner/web"}}"#
    );
    let none = format!("web={}/none", place.path().display());
    let pipe = place.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let pipe = format!("web={}", pipe.display());
    let dockerfile = format!("web={}", place.path().join("index.json").display());
    let context = format!("web={}", place.path().display());
    for (flags, code, message) in [
        (
            ["--archive", &pipe].as_slice(),
            2,
            "/pipe is neither a file nor a directory",
        ),
        (
            &["--context", &context, "--dockerfile", &dockerfile],
            2,
            "there is no ",
        ),
        (
            &["--image", "web=not/A/reference"],
            2,
            "'not/A/reference' is not an image reference: ",
        ),
        (
            &["--archive", &archive, "--image", "web=web:1"],
            2,
            "two flags say what app 'web' runs",
        ),
        (&["--context", &none], 2, "/none is not a directory"),
        (&["--context", &archive], 2, "there is no "),
        (&["--archive", &none], 2, "/none: No such file or directory"),
        (
            &["--archive", &archive.replace("web=", "wep=")],
            65,
            "a flag names app 'wep', which no app record names",
        ),
        (
            &["--archive", &archive],
            65,
            "repo 'web' is ghcr.io/owner/web, not a repository of environment production-pr1",
        ),
    ] {
        let output = tool("push-image", flags, &format!("{ENV}\n{app}\n{repo}\n"));
        assert_eq!(output.code, code, "{output:?}");
        assert!(one_line(&output).contains(message), "{message}: {output:?}");
    }
}

/// A directory to build, and an engine of the test's own storage; nothing where no engine works here.
struct Workshop {
    place: TempDir,
    exports: String,
}

impl Workshop {
    fn open(aws: &LocalAws) -> Option<Self> {
        let place = TempDir::new().unwrap();
        let folder = |name: &str| {
            let path = place.path().join(name);
            fs::create_dir_all(&path).unwrap();
            path.display().to_string()
        };
        // Its engine's images go with the test; what the engine gets to know, is written down.
        let storage = format!(
            "[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n",
            folder("storage"),
            folder("run")
        );
        write(&place.path().join("storage.conf"), storage);
        let told = place.path().join("told");
        for engine in ["docker", "podman", "buildah"] {
            let path = place.path().join("engines").join(engine);
            let script = format!(
                "#!/bin/sh\n{{ echo \"$0\" \"$@\"; env; }} >> '{}'\nPATH=${{PATH#*:}} exec {engine} \"$@\"\n",
                told.display()
            );
            write(&path, script);
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
                .unwrap();
        }
        let exports = format!(
            "export HOME={} TMPDIR={} CONTAINERS_STORAGE_CONF={}/storage.conf BUILDAH_ISOLATION=chroot \
             PATH={}/engines:$PATH; ",
            folder("home"),
            folder("tmp"),
            place.path().display(),
            place.path().display()
        );
        let workshop = Workshop { place, exports };
        workshop.write("Dockerfile", "FROM scratch\nCOPY . /\n");
        let probe = aws.pipe(&workshop.build("--quiet"));
        if probe.stderr.contains("no engine to build with") {
            let _ = write!(std::io::stderr(), "not tested: {}", probe.stderr);
            return None;
        }
        probe.ok();
        Some(workshop)
    }

    fn directory(&self) -> PathBuf {
        self.place.path().join("web")
    }

    fn write(&self, name: &str, text: &str) {
        write(&self.directory().join(name), text);
    }

    fn build(&self, flags: &str) -> String {
        format!(
            "{}{}",
            self.exports,
            push(&format!(
                "--context web={} {flags}",
                self.directory().display()
            ))
        )
    }

    /// What the engines were called with, and their environment.
    fn told(&self) -> String {
        fs::read_to_string(self.place.path().join("told")).unwrap()
    }
}

#[test]
fn a_directory_is_built_and_pushed_and_again_only_when_it_changed() {
    let aws = LocalAws::start();
    let Some(workshop) = Workshop::open(&aws) else {
        return;
    };
    workshop.write("hello", "one");
    let one = pinned(&aws.pipe(&workshop.build("")).ok());
    let layers = pull(&aws, &one);
    assert!(
        layers
            .iter()
            .any(|layer| layer.windows(3).any(|bytes| bytes == b"one")),
        "hello is in a layer"
    );

    aws.forget();
    let kept = aws.pipe(&workshop.build("")).ok();
    assert_eq!(
        (pinned(&kept), &kept.record("image", "web")["change"]),
        (one.clone(), &json!("kept"))
    );
    assert_eq!(aws.changes(), Vec::<String>::new());

    workshop.write("hello", "two");
    let changed = aws.pipe(&workshop.build("")).ok();
    assert_ne!(pinned(&changed), one);
    assert_eq!(changed.record("image", "web")["change"], "created");

    // The directory of the app's record counts as well, and the flag names another Dockerfile.
    workshop.write("other/Dockerfile", "FROM scratch\nCOPY hello /other\n");
    let own = format!(
        "{}mk-env production pr1 | mk-app web --context {} | mk-ecr | push-image --dockerfile web=other/Dockerfile",
        workshop.exports,
        workshop.directory().display()
    );
    let built = aws.pipe(&own).ok();
    let layers = pull(&aws, &pinned(&built));
    assert!(
        layers
            .iter()
            .any(|layer| layer.windows(5).any(|bytes| bytes == b"other")),
        "it is that Dockerfile's"
    );
}

/// A docker of the test's own, which has built what is in `tar`: what it says to `docker buildx version`,
/// and the ID by which alone it knows the image; answers what puts it ahead of all others.
fn docker(place: &Path, tar: &Path, buildx: &str, id: &str) -> String {
    write(&place.join("web/Dockerfile"), "FROM scratch\n");
    let script = format!(
        r#"#!/bin/sh
case "$1 $2" in
"version "*) ;;
"buildx version") echo '{buildx}' ;;
*build*)
    while [ $# -gt 1 ]; do
        case $1 in
        --provenance*|--sbom*) echo "unknown flag: $1" >&2; exit 125 ;;
        --iidfile) printf sha256:config >"$2" ;;
        --metadata-file)
            echo '{{"containerimage.config.digest": "sha256:config", "containerimage.digest": "sha256:manifest"}}' >"$2" ;;
        esac
        shift
    done ;;
"image inspect") [ "$3" = {id} ] ;;
"image save")
    if [ "$5" != {id} ]; then echo "Error response from daemon: No such image: $5" >&2; exit 1; fi
    cp '{tar}' "$4" ;;
*) exit 125 ;;
esac
"#,
        tar = tar.display()
    );
    let path = place.join("docker/docker");
    write(&path, script);
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    format!("export PATH={}:$PATH; ", place.join("docker").display())
}

#[test]
fn docker_knows_what_buildx_built_by_one_of_two_ids() {
    let (aws, place) = (LocalAws::start(), TempDir::new().unwrap());
    let digest = layout(&place.path().join("layout"), "amd64", b"web");
    let tar = tar_of(&place.path().join("layout"));
    let build = push(&format!(
        "--context web={}",
        place.path().join("web").display()
    ));
    // The store of containerd knows an image by its manifest, the older one by its configuration.
    for id in ["sha256:manifest", "sha256:config"] {
        let docker = docker(
            place.path(),
            &tar,
            "github.com/docker/buildx v0.29.1 a32761a",
            id,
        );
        let built = aws.pipe(&(docker + &build)).ok();
        assert_eq!(pinned(&built), digest);
        assert!(
            built.stderr.contains(" with buildx for linux/amd64"),
            "{}",
            built.stderr
        );
    }
    // Podman calls itself docker in some places.
    let podman = docker(place.path(), &tar, "buildah 1.43.2", "sha256:config");
    let built = aws.pipe(&(podman.clone() + &build)).ok();
    assert!(
        built.stderr.contains(" with docker for linux/amd64"),
        "{}",
        built.stderr
    );
    let refused = aws.pipe(&(podman + &build + " --builder buildx"));
    let line = one_line(&refused);
    assert!(
        line.ends_with(": cannot build with buildx: docker buildx is buildah 1.43.2"),
        "{line}"
    );
    let records = aws
        .pipe("mk-env production pr1 | mk-app web | mk-ecr")
        .ok()
        .stdout;
    let context = format!(
        "--context web={} --builder podman",
        place.path().join("web").display()
    );
    let none = aws.pipe_with(
        &format!("p=$(command -v push-image); PATH=/nonexistent \"$p\" {context}"),
        &records,
    );
    assert!(
        one_line(&none).ends_with(": cannot build with podman: it is not installed"),
        "{none:?}"
    );
}

#[test]
fn an_engine_that_is_interrupted_is_asked_to_end() {
    let (aws, place) = (LocalAws::start(), TempDir::new().unwrap());
    let at = |name: &str| place.path().join(name);
    write(&at("web/Dockerfile"), "FROM scratch\n");
    let script = "#!/bin/sh\n[ $1 = --version ] && exit\ncd \"${0%/*}\"\ntrap 'echo >ended; exit 1' TERM\n\
                  echo >begun\nwhile :; do sleep 0.01; done\n";
    write(&at("buildah"), script);
    fs::set_permissions(
        at("buildah"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let records = aws
        .pipe("mk-env production pr1 | mk-app web | mk-ecr")
        .ok()
        .stdout;
    let mut command = clean(Command::new(bin().join("push-image")), &aws.url);
    command
        .arg(format!("--context=web={}", at("web").display()))
        .args(["--builder", "buildah"]);
    command.env(
        "PATH",
        format!(
            "{}:{}",
            place.path().display(),
            std::env::var("PATH").unwrap()
        ),
    );
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(records.as_bytes())
        .unwrap();
    while !at("begun").exists() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it built"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    assert_eq!(
        (child.wait().unwrap().code(), at("ended").exists()),
        (Some(130), true)
    );
}

#[test]
fn a_build_that_fails_is_told_with_the_engines_last_lines() {
    let aws = LocalAws::start();
    let Some(workshop) = Workshop::open(&aws) else {
        return;
    };
    workshop.write("Dockerfile", "FROM scratch\nCOPY not-there /\n");
    aws.forget();
    let output = aws.pipe(&workshop.build(""));
    assert_eq!((output.code, aws.changes()), (1, Vec::new()));
    let lines: Vec<&str> = output
        .stderr
        .lines()
        .filter(|line| line.starts_with("push-image: "))
        .collect();
    let error = lines.last().unwrap();
    let directory = workshop.directory();
    assert!(
        error.starts_with(&format!(
            "push-image: cannot build web from {}: ",
            directory.display()
        )),
        "{error}"
    );
    assert!(error.contains(" ended with exit status: "), "{error}");
    assert!(
        lines[..lines.len() - 1]
            .iter()
            .any(|line| line.contains("not-there")),
        "{}",
        output.stderr
    );
    assert!(
        text(&output.record("failed", "push-image")["message"]).starts_with("cannot build web")
    );
}

#[test]
fn the_token_is_in_no_file_no_argument_and_no_message() {
    /// Whether something as long as a token, in its letters, is in it.
    fn token_in(bytes: &[u8]) -> bool {
        let mut run = 0;
        bytes.iter().any(|byte| {
            run = if byte.is_ascii_alphanumeric() || b"+/=".contains(byte) {
                run + 1
            } else {
                0
            };
            run > 150
        })
    }
    let aws = LocalAws::start();
    let answer = aws.call("ecr", "get_authorization_token", json!({}));
    assert!(token_in(
        text(&answer["authorizationData"][0]["authorizationToken"]).as_bytes()
    ));
    let Some(workshop) = Workshop::open(&aws) else {
        return;
    };

    // While it uploads, and what it leaves when it is killed.
    workshop.write("hello", "a secret is none of the image's business");
    let records = aws
        .pipe("mk-env production pr1 | mk-app web | mk-ecr")
        .ok()
        .stdout;
    let at = |name: &str| workshop.place.path().join(name).display().to_string();
    let path = format!(
        "{}:{}:/usr/local/bin:/usr/bin:/bin",
        at("engines"),
        bin().display()
    );
    let env = [
        ("HOME", at("home")),
        ("TMPDIR", at("tmp")),
        ("CONTAINERS_STORAGE_CONF", at("storage.conf")),
        ("BUILDAH_ISOLATION", "chroot".to_string()),
        ("PATH", path),
    ];
    let env: Vec<(&str, &str)> = env
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    let context = format!("--context=web={}", workshop.directory().display());
    let mut child = begin(&aws, &records, &[&context, "-v"], &env);
    for file in ["cmdline", "environ"] {
        let bytes = fs::read(format!("/proc/{}/{file}", child.id())).unwrap_or_default(); // Linux alone has it
        assert!(!token_in(&bytes), "{}", String::from_utf8_lossy(&bytes));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut left = vec![
        workshop.place.path().join("tmp"),
        workshop.place.path().join("home"),
    ];
    let mut files = 0;
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            files += 1;
            assert!(!token_in(&fs::read(&path).unwrap()), "{}", path.display());
        }
    }
    assert!(files > 0, "what was built is there still");

    let output = aws.pipe(&workshop.build("-v")).ok();
    assert!(
        output.stderr.len() > 100 && !token_in(output.stderr.as_bytes()),
        "{}",
        output.stderr
    );
    assert!(!token_in(output.stdout.as_bytes()), "{}", output.stdout);
    let told = workshop.told();
    assert!(
        told.contains(" --iidfile ") && told.contains("AWS_ENDPOINT_URL="),
        "{told}"
    );
    assert!(!token_in(told.as_bytes()), "{told}");
}

#[test]
fn the_recipes_deploy_a_directory_and_take_it_back() {
    let aws = LocalAws::start();
    let Some(workshop) = Workshop::open(&aws) else {
        return;
    };
    let just = |words: &[&str]| format!("{}\n{}", workshop.exports, recipe(words, "pr1"));
    let runs = || {
        let params = json!({"cluster": "cluster-production-pr1", "services": ["service-web-production-pr1"]});
        let service = aws.call("ecs", "describe_services", params)["services"][0].clone();
        let definition = json!({"taskDefinition": service["taskDefinition"]});
        let task =
            aws.call("ecs", "describe_task_definition", definition)["taskDefinition"].clone();
        (
            service,
            text(&task["containerDefinitions"][0]["image"]).to_string(),
        )
    };
    aws.pipe(&just(&["up"])).ok();
    assert_eq!(runs().1, "registry.example/web:1");

    workshop.write("hello", "deployed");
    let directory = workshop.directory().display().to_string();
    let deployed = aws.pipe(&just(&["deploy", "web", &directory])).ok();
    let (service, image) = runs();
    assert_eq!(image, format!("{URI}@{}", pinned(&deployed)));
    assert_eq!(
        (
            &service["runningCount"],
            &service["deployments"][0]["rolloutState"]
        ),
        (&json!(2), &json!("COMPLETED"))
    );
    assert!(
        deployed.stderr.contains(&format!(
            "wait-env: web runs {image} (task-web-production-pr1:2)"
        )),
        "{}",
        deployed.stderr
    );
    pull(&aws, &pinned(&deployed));

    aws.forget();
    aws.pipe(&just(&["deploy", "web", &directory])).ok();
    assert_eq!(aws.changes(), Vec::<String>::new(), "nothing is new");

    let back = aws.pipe(&just(&["rollback", "web"])).ok();
    let (service, image) = runs();
    assert_eq!(
        (image.as_str(), &service["deployments"][0]["rolloutState"]),
        ("registry.example/web:1", &json!("COMPLETED"))
    );
    assert!(
        back.stderr
            .contains("wait-env: web runs registry.example/web:1 (task-web-production-pr1:1)"),
        "{}",
        back.stderr
    );

    aws.forget();
    let wrong = aws.pipe(&just(&["deploy", "web", "/nonexistent"]));
    assert_eq!(
        (aws.changes(), runs().1.as_str()),
        (Vec::new(), "registry.example/web:1")
    );
    assert!(wrong.code != 0, "{wrong:?}");
    assert_eq!(
        one_line(&wrong),
        "push-image: /nonexistent is not a directory"
    );
}
