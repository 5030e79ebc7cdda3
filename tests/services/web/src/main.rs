//! web, the public one of the two services: `/` is a page that shows what the address in
//! `ApiAddress` tells, asked anew each time, and the `RELEASE` that its image is of. It listens on the
//! port of `ASPNETCORE_URLS`, and first makes the file that `KEEPS` names, if any.
//! Where api does not answer, the page says so and is still 200: `/` is web's own health check,
//! and a web that is ended for api's fault helps nobody. Standard library only.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::Duration;

/// How long a client, or api, may keep a thread waiting for the next bytes: twice that is less than
/// a load balancer waits for an answer to its health check.
const PATIENCE: Duration = Duration::from_secs(2);

/// No head of a request is longer; what follows is not read.
const HEAD_LIMIT: u64 = 16 * 1024;

/// What is read of api's answer at most.
const ANSWER_LIMIT: u64 = 1024 * 1024;

fn main() -> io::Result<()> {
    let urls = std::env::var("ASPNETCORE_URLS").unwrap_or_else(|_| "http://+:5000".to_string());
    let port = port(&urls)
        .ok_or_else(|| io::Error::other(format!("ASPNETCORE_URLS has no port: {urls}")))?;
    if let Ok(path) = std::env::var("KEEPS") {
        std::fs::write(path, "kept")?;
    }
    for client in TcpListener::bind(("0.0.0.0", port))?.incoming().flatten() {
        // Without a thread this one connection is dropped, not the service.
        let _ = thread::Builder::new().spawn(move || serve(&client));
    }
    Ok(())
}

/// The port of the first of the addresses to listen on, `http://+:5000;https://+:5001`.
fn port(urls: &str) -> Option<u16> {
    urls.split(';')
        .next()?
        .trim_end_matches('/')
        .rsplit(':')
        .next()?
        .parse()
        .ok()
}

fn serve(mut client: &TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let mut head = Vec::new();
    let mut reader = BufReader::new(client.take(HEAD_LIMIT));
    while !head.ends_with(b"\r\n\r\n") && reader.read_until(b'\n', &mut head)? > 0 {}
    client.write_all(&answer(&String::from_utf8_lossy(&head), page))
}

fn answer(head: &str, page: impl Fn() -> String) -> Vec<u8> {
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let (status, body) = match (method, target.split('?').next()) {
        ("GET" | "HEAD", Some("/")) => ("200 OK", page()),
        ("GET" | "HEAD", _) => ("404 Not Found", String::new()),
        _ => ("400 Bad Request", String::new()),
    };
    let length = body.len();
    let shown = if method == "HEAD" { "" } else { &body };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{shown}"
    )
    .into_bytes()
}

fn page() -> String {
    let address = std::env::var("ApiAddress").unwrap_or_default();
    let told =
        fetch(&address).unwrap_or_else(|why| format!("api does not answer at {address}: {why}"));
    let told = told.replace('&', "&amp;").replace('<', "&lt;");
    let release = std::env::var("RELEASE").unwrap_or_default();
    format!(
        "<!doctype html>\n<title>Weather</title>\n<h1>Weather</h1>\n<p>Release {release}</p>\n<pre>{told}</pre>\n"
    )
}

/// The body of a 200 of `http://HOST[:PORT]/PATH`.
fn fetch(address: &str) -> io::Result<String> {
    let rest = address
        .strip_prefix("http://")
        .ok_or_else(|| io::Error::other("not an http:// address"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let full = if host.contains(':') {
        host.to_string()
    } else {
        format!("{host}:80")
    };
    let at = full
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| io::Error::other("its name has no address"))?;
    let mut api = TcpStream::connect_timeout(&at, PATIENCE)?;
    api.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    api.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    api.take(ANSWER_LIMIT).read_to_end(&mut answer)?;
    body(&answer).ok_or_else(|| {
        let line = answer
            .split(|byte| *byte == b'\r')
            .next()
            .unwrap_or_default();
        io::Error::other(format!("its answer is `{}`", String::from_utf8_lossy(line)))
    })
}

/// The body of a whole answer of status 200, joined where it comes in chunks.
fn body(answer: &[u8]) -> Option<String> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let (head, mut rest) = (
        String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase(),
        &answer[end + 4..],
    );
    head.split(' ').nth(1).filter(|status| *status == "200")?;
    let mut whole = Vec::new();
    if !head.contains("\r\ntransfer-encoding: chunked") {
        let length = head
            .split("\r\ncontent-length:")
            .nth(1)
            .and_then(|text| text.lines().next()?.trim().parse().ok());
        whole.extend_from_slice(rest.get(..length.unwrap_or(rest.len()))?);
        return Some(String::from_utf8_lossy(&whole).into_owned());
    }
    loop {
        let line = rest.windows(2).position(|bytes| bytes == b"\r\n")?;
        let size = String::from_utf8_lossy(&rest[..line]);
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(String::from_utf8_lossy(&whole).into_owned());
        }
        whole.extend_from_slice(rest.get(line + 2..)?.get(..size)?);
        rest = rest.get(line + 2..)?.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_is_there_and_garbage_is_refused() {
        let status =
            |head: &str| String::from_utf8_lossy(&answer(head, String::new))[9..12].to_string();
        assert_eq!(
            ["GET /?a HTTP/1.1", "HEAD / HTTP/1.1", "GET /x HTTP/1.1"].map(status),
            ["200", "200", "404"]
        );
        assert_eq!(
            ["", "\u{fffd}\u{fffd}", "POST / HTTP/1.1"].map(status),
            ["400", "400", "400"]
        );
    }

    #[test]
    fn a_body_is_whole_or_none() {
        let told = |answer: &str| body(answer.as_bytes());
        assert_eq!(
            told("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]").as_deref(),
            Some("[]")
        );
        assert_eq!(told("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[]"), None);
        assert_eq!(told("HTTP/1.0 200 OK\r\n\r\n[]").as_deref(), Some("[]"));
        assert_eq!(told("HTTP/1.1 503 Service Unavailable\r\n\r\n[]"), None);
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n1;x\r\n]\r\n";
        assert_eq!(told(&format!("{chunked}0\r\n\r\n")).as_deref(), Some("[]"));
        for broken in ["", "ffffffffffffffff\r\n", "5\r\n[]", "x\r\n"] {
            assert_eq!(told(&format!("{chunked}{broken}")), None);
        }
    }
}
