//! push-image before a registry that is in trouble, or does not do what the protocol says: one of the
//! test's own, which also answers for STS and ECR.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use support::{ENV, Output, json, tool_at};
use tempfile::TempDir;

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// `AWS:a-password`, as ECR gives it.
const TOKEN: &str = "QVdTOmEtcGFzc3dvcmQ=";

/// What a registry does otherwise than others: of a request `METHOD PATH` and how often that came, what
/// it answers; the rest it does as it should.
type Quirk = fn(request: &str, count: usize) -> Option<(u16, &'static str)>;

struct Registry {
    url: String,
    /// Method, path, and the credentials, of each request.
    seen: Arc<Mutex<Vec<(String, String)>>>,
}

impl Registry {
    fn start(quirk: Quirk) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, kept) = (
            Arc::new(Mutex::new(Vec::new())),
            Arc::new(Mutex::new(BTreeMap::new())),
        );
        let registry = Registry {
            url: url.clone(),
            seen: seen.clone(),
        };
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (url, seen, kept) = (url.clone(), seen.clone(), kept.clone());
                std::thread::spawn(move || serve(&client.unwrap(), &url, &seen, &kept, quirk));
            }
        });
        registry
    }

    fn push(&self, archive: &Path) -> Output {
        let repository = "repo-web-production-pr1";
        let uri = format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/{repository}");
        let app = json!({"type": "app", "name": "web"});
        let repo = json!({"type": "repo", "name": "web", "arn": "arn:aws:ecr:::x", "uri": uri});
        let flag = format!("--archive=web={}", archive.display());
        tool_at(
            &self.url,
            "push-image",
            &[&flag],
            format!("{ENV}\n{app}\n{repo}\n").as_bytes(),
        )
    }

    fn seen(&self) -> Vec<(String, String)> {
        self.seen.lock().unwrap().clone()
    }
}

/// One request of a connection: in a registry what was put is there, by its digest and as it is called.
fn serve(
    client: &TcpStream,
    url: &str,
    seen: &Mutex<Vec<(String, String)>>,
    kept: &Mutex<BTreeMap<String, Vec<u8>>>,
    quirk: Quirk,
) {
    let mut reader = BufReader::new(client);
    let mut lines = reader
        .by_ref()
        .lines()
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty());
    let Some(first) = lines.next() else { return };
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| {
            line.split_once(": ")
                .map(|(key, value)| (key.to_lowercase(), value.into()))
        })
        .collect();
    let mut body = vec![
        0;
        headers
            .get("content-length")
            .map_or(0, |length| length.parse().unwrap())
    ];
    reader.read_exact(&mut body).unwrap();
    let (method, target) = first.trim_end_matches(" HTTP/1.1").split_once(' ').unwrap();
    let path = target.split('?').next().unwrap();
    let request = format!("{method} {path}");
    let login = headers.get("authorization").cloned().unwrap_or_default();
    let count = {
        let mut seen = seen.lock().unwrap();
        seen.push((request.clone(), login.clone()));
        seen.iter()
            .filter(|(earlier, _)| *earlier == request)
            .count()
    };
    let digest = format!("sha256:{:x}", Sha256::digest(&body));
    let answer = |status: u16, header: &str, body: &[u8]| {
        let length = format!("Content-Length: {}\r\nConnection: close\r\n", body.len());
        let shown = if method == "HEAD" { &[] } else { body };
        let head = format!("HTTP/1.1 {status} X\r\n{length}{header}\r\n");
        let _ = (&*client).write_all(&[head.as_bytes(), shown].concat());
    };
    if path == "/" {
        let text = if String::from_utf8_lossy(&body).contains("GetCallerIdentity") {
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
                .into()
        } else {
            json!({"authorizationData": [{"authorizationToken": TOKEN, "proxyEndpoint": url}]})
                .to_string()
        };
        return answer(200, "", text.as_bytes());
    }
    if method == "PUT" {
        let mut kept = kept.lock().unwrap();
        kept.insert(path.rsplit('/').next().unwrap().into(), body.clone());
        kept.insert(digest.clone(), body);
    }
    if let Some((status, text)) = quirk(&request, count) {
        return answer(status, "", text.as_bytes());
    }
    let known = kept
        .lock()
        .unwrap()
        .get(path.rsplit('/').next().unwrap())
        .cloned();
    match (method, known) {
        _ if login.is_empty() && !path.starts_with("/elsewhere/") => {
            answer(
                401,
                "WWW-Authenticate: Basic realm=\"x\"\r\n",
                b"Not Authorized\n",
            );
        }
        ("GET", _) if path == "/v2/" => answer(200, "", b""),
        ("GET" | "HEAD", Some(known)) => {
            answer(200, &format!("Content-Type: {MANIFEST}\r\n"), &known);
        }
        ("GET" | "HEAD", None) => answer(404, "", br#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#),
        // The same registry by another name of this host, which is another one to who has credentials.
        ("POST", _) => answer(
            202,
            &format!(
                "Location: {}/elsewhere/1\r\n",
                url.replace("127.0.0.1", "localhost")
            ),
            b"",
        ),
        _ => answer(201, &format!("Location: {path}\r\n"), b""),
    }
}

/// An image as an OCI layout; answers its digest.
fn layout(folder: &Path) -> String {
    let put = |media_type: &str, bytes: &[u8]| {
        let digest = format!("sha256:{:x}", Sha256::digest(bytes));
        fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
        fs::write(folder.join("blobs/sha256").join(&digest[7..]), bytes).unwrap();
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    };
    let config = put(CONFIG, br#"{"os":"linux","architecture":"amd64"}"#);
    let layers = [put(LAYER, b"\x1f\x8ba layer")];
    let manifest =
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
    let manifest = put(MANIFEST, manifest.to_string().as_bytes());
    fs::write(
        folder.join("index.json"),
        json!({"manifests": [manifest]}).to_string(),
    )
    .unwrap();
    support::text(&manifest["digest"]).to_string()
}

fn created(output: &Output, digest: &str) {
    let record = output.record("image", "web");
    assert!(
        output.code == 0 && record["change"] == "created",
        "{output:?}"
    );
    assert!(
        support::text(&record["image"]).ends_with(&format!("@{digest}")),
        "{record}"
    );
}

#[test]
fn what_is_uploaded_elsewhere_goes_there_without_the_credentials() {
    let place = TempDir::new().unwrap();
    let digest = layout(place.path());
    let registry = Registry::start(|_, _| None);
    created(&registry.push(place.path()), &digest);
    let seen = registry.seen();
    let basic = format!("Basic {TOKEN}");
    let elsewhere = seen
        .iter()
        .filter(|(request, _)| request.starts_with("PUT /elsewhere/"));
    assert_eq!(
        elsewhere
            .map(|(_, login)| login.as_str())
            .collect::<Vec<_>>(),
        ["", ""]
    );
    let put = seen
        .iter()
        .find(|(request, _)| request.starts_with("PUT /v2/"))
        .unwrap();
    assert_eq!(put.1, basic);
}

#[test]
fn a_registry_in_trouble_that_does_not_ask_to_sign_in_is_asked_again() {
    let place = TempDir::new().unwrap();
    let digest = layout(place.path());
    let quirk: Quirk =
        |request, count| (request == "GET /v2/" && count < 4).then_some((503, "busy"));
    created(&Registry::start(quirk).push(place.path()), &digest);
}

#[test]
fn what_is_there_is_pushed_whatever_the_registry_answered() {
    let place = TempDir::new().unwrap();
    let digest = layout(place.path());
    // Another run was faster, where tags are immutable; and an upload without the address of the blob.
    let taken: Quirk = |request, _| {
        let code =
            r#"{"errors":[{"code":"TAG_INVALID","message":"The image tag already exists."}]}"#;
        request
            .starts_with("PUT /v2/repo-web-production-pr1/manifests/")
            .then_some((400, code))
    };
    created(&Registry::start(taken).push(place.path()), &digest);
    let silent: Quirk = |request, _| request.starts_with("PUT /elsewhere/").then_some((201, ""));
    created(&Registry::start(silent).push(place.path()), &digest);

    let refuses: Quirk = |request, _| {
        let code = r#"{"errors":[{"code":"LAYERS_NOT_FOUND","message":"Layers are not found."}]}"#;
        request.contains("/manifests/").then_some((404, code))
    };
    let refused = Registry::start(refuses).push(place.path());
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains(": Layers are not found, LAYERS_NOT_FOUND ("),
        "{}",
        refused.stderr
    );
}
