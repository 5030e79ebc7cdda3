//! A registry of the test's own, by plain HTTP.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use sha2::{Digest, Sha256};
use support::json;

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// `AWS:a-password`, as ECR gives it.
pub const TOKEN: &str = "QVdTOmEtcGFzc3dvcmQ=";

/// What STS answers to GetCallerIdentity.
const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012\
                        </Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

/// What a registry does that others do not: of a request `METHOD PATH` and how often that came,
/// what it answers; nothing where it does as it should.
type Quirk = Box<dyn Fn(&str, usize) -> Option<Answer> + Send + Sync>;

/// A request that came.
#[derive(Clone)]
pub struct Seen {
    /// Method and path.
    pub request: String,
    /// The credentials, or "".
    pub login: String,
}

pub struct Registry {
    pub url: String,
    state: Arc<State>,
}

struct State {
    url: String,
    /// What ECR says that its token is for.
    endpoint: String,
    quirk: Quirk,
    seen: Mutex<Vec<Seen>>,
    /// What was put, by its digest and by the last part of its path.
    stored: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Registry {
    pub fn start(quirk: impl Fn(&str, usize) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Registry::start_as(None, quirk)
    }

    /// Starts one whose token ECR says to be for another address.
    pub fn start_as(
        endpoint: Option<&str>,
        quirk: impl Fn(&str, usize) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            url: url.clone(),
            endpoint: endpoint.unwrap_or(&url).to_string(),
            quirk: Box::new(quirk),
            seen: Mutex::default(),
            stored: Mutex::default(),
        });
        let registry = Registry {
            url,
            state: state.clone(),
        };
        thread::spawn(move || {
            for client in listener.incoming() {
                let state = state.clone();
                thread::spawn(move || state.serve(&client.unwrap()));
            }
        });
        registry
    }

    /// The requests that came so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// The same server by another name of this host, which is another one to a client that has
    /// credentials.
    pub fn other_url(&self) -> String {
        self.url.replace("127.0.0.1", "localhost")
    }

    /// Stores an image of an app, as if it had been pushed, without its layer; answers its digest.
    pub fn store_image(&self) -> String {
        let config = br#"{"os":"linux","architecture":"amd64"}"#;
        let config = json!({"digest": self.store(config), "size": config.len()});
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config});
        self.store(manifest.to_string().as_bytes())
    }

    /// Stores bytes by their digest, which it answers.
    pub fn store(&self, bytes: &[u8]) -> String {
        let digest = digest_of(bytes);
        let mut stored = self.state.stored.lock().unwrap();
        stored.insert(digest.clone(), bytes.to_vec());
        digest
    }
}

/// One request.
struct Request {
    method: String,
    path: String,
    login: String,
    body: Vec<u8>,
}

impl Request {
    /// Reads the one request of a connection; nothing where none comes.
    fn read(client: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(client);
        let mut lines = Vec::new();
        for line in reader.by_ref().lines().map_while(Result::ok) {
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let first = lines.first()?.trim_end_matches(" HTTP/1.1");
        let (method, target) = first.split_once(' ').unwrap();
        let mut headers = BTreeMap::new();
        for line in &lines[1..] {
            if let Some((name, value)) = line.split_once(": ") {
                headers.insert(name.to_lowercase(), value.to_string());
            }
        }
        let length = match headers.get("content-length") {
            Some(length) => length.parse().unwrap(),
            None => 0,
        };
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        Some(Request {
            method: method.to_string(),
            path: target.split('?').next().unwrap().to_string(),
            login: headers.remove("authorization").unwrap_or_default(),
            body,
        })
    }

    /// The last part of its path: the digest or the tag of what it is about.
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap()
    }
}

/// What a registry answers.
pub struct Answer {
    status: u16,
    /// Lines, or "".
    headers: String,
    body: Body,
}

enum Body {
    Of(Vec<u8>),
    /// So many bytes are promised, and all of them are sent.
    Long(u64),
    /// Sent until the client has enough.
    Endless,
}

impl Answer {
    pub fn new(status: u16, body: impl AsRef<[u8]>) -> Self {
        Answer {
            status,
            headers: String::new(),
            body: Body::Of(body.as_ref().to_vec()),
        }
    }

    /// Blanks, of which no memory has so many.
    pub fn endless(status: u16) -> Self {
        Answer {
            body: Body::Endless,
            ..Answer::new(status, "")
        }
    }

    pub fn long(status: u16, length: u64) -> Self {
        Answer {
            body: Body::Long(length),
            ..Answer::new(status, "")
        }
    }

    pub fn with_header(self, name: &str, value: &str) -> Self {
        let headers = format!("{}{name}: {value}\r\n", self.headers);
        Answer { headers, ..self }
    }

    fn write(&self, mut client: &TcpStream, method: &str) {
        let length = match &self.body {
            Body::Of(bytes) => format!("Content-Length: {}\r\n", bytes.len()),
            Body::Long(length) => format!("Content-Length: {length}\r\n"),
            Body::Endless => String::new(), // it lasts as long as the connection
        };
        let head = format!(
            "HTTP/1.1 {} X\r\n{length}Connection: close\r\n{}\r\n",
            self.status, self.headers
        );
        let mut is_open = client.write_all(head.as_bytes()).is_ok();
        if method == "HEAD" {
            return;
        }
        let mut left = match &self.body {
            Body::Of(bytes) => return drop(client.write_all(bytes)),
            Body::Long(length) => *length,
            Body::Endless => u64::MAX,
        };
        let blanks = [b' '; 64 << 10];
        while is_open && left > 0 {
            is_open = client.write_all(&blanks).is_ok();
            left = left.saturating_sub(blanks.len() as u64);
        }
    }
}

impl State {
    fn serve(&self, client: &TcpStream) {
        if let Some(request) = Request::read(client) {
            self.answer(&request).write(client, &request.method);
        }
    }

    fn answer(&self, request: &Request) -> Answer {
        let line = format!("{} {}", request.method, request.path);
        let count = self.count(&line, &request.login);
        if request.path == "/" {
            return self.answer_of_aws(&request.body);
        }
        if request.method == "PUT" {
            let mut stored = self.stored.lock().unwrap();
            stored.insert(request.name().to_string(), request.body.clone());
            stored.insert(digest_of(&request.body), request.body.clone());
        }
        if let Some(answer) = (self.quirk)(&line, count) {
            return answer;
        }
        if request.login.is_empty() && !request.path.starts_with("/elsewhere/") {
            return Answer::new(401, "Not Authorized\n")
                .with_header("WWW-Authenticate", "Basic realm=\"x\"");
        }
        match request.method.as_str() {
            "GET" if request.path == "/v2/" => Answer::new(200, ""),
            "GET" | "HEAD" => self.answer_stored(request.name()),
            "POST" => {
                // The same registry by another name of this host, which is another one to a client
                // that has credentials.
                let url = self.url.replace("127.0.0.1", "localhost");
                Answer::new(202, "").with_header("Location", &format!("{url}/elsewhere/1"))
            }
            _ => Answer::new(201, "").with_header("Location", &request.path),
        }
    }

    /// Remembers a request; answers how often it has come.
    fn count(&self, request: &str, login: &str) -> usize {
        let mut seen = self.seen.lock().unwrap();
        seen.push(Seen {
            request: request.to_string(),
            login: login.to_string(),
        });
        seen.iter().filter(|one| one.request == request).count()
    }

    /// STS and ECR have one address with it.
    fn answer_of_aws(&self, body: &[u8]) -> Answer {
        if String::from_utf8_lossy(body).contains("GetCallerIdentity") {
            return Answer::new(200, IDENTITY);
        }
        let token = json!({"authorizationToken": TOKEN, "proxyEndpoint": self.endpoint});
        Answer::new(200, json!({"authorizationData": [token]}).to_string())
    }

    /// What was put is there, by its digest and as it is called.
    fn answer_stored(&self, name: &str) -> Answer {
        match self.stored.lock().unwrap().get(name) {
            Some(bytes) => Answer::new(200, bytes).with_header("Content-Type", MANIFEST),
            None => Answer::new(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#),
        }
    }
}

pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}
