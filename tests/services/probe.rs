//! A program for tests of the local AWS: what it is asked by HTTP, it does where it runs, and tells.
//!
//! `probe` serves; `probe exit N` ends at once; `probe stubborn` serves, and no SIGTERM ends it;
//! `probe ask PATH` asks one that serves beside it, and ends with 1 where that tells nothing.
//! `PORT` and `HOST` say where it listens, `NAME` what `/` tells, `HEALTH` the status of `/health`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

unsafe extern "C" {
    fn getuid() -> u32;
    fn getgid() -> u32;
    fn signal(number: i32, handler: usize) -> usize;
}

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("exit") => {
            println!("about to end");
            std::process::exit(words[1].parse().unwrap_or(1));
        }
        Some("ask") => {
            let port = variable("PORT", "5000");
            let told = get(&format!("127.0.0.1:{port}{}", words[1]));
            std::process::exit(i32::from(!told.is_ok_and(|body| !body.is_empty())));
        }
        // SAFETY: 15 is SIGTERM, and 1 is SIG_IGN.
        Some("stubborn") => unsafe {
            signal(15, 1);
        },
        _ => {}
    }
    let port: u16 = variable("PORT", "5000").parse().unwrap_or(5000);
    let listener = TcpListener::bind((variable("HOST", "0.0.0.0"), port))?;
    println!("listens on {port}");
    for client in listener.incoming().flatten() {
        std::thread::spawn(move || serve(client));
    }
    Ok(())
}

fn variable(name: &str, otherwise: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| otherwise.to_string())
}

fn serve(mut client: TcpStream) -> io::Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(client.try_clone()?);
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let length = head
        .to_ascii_lowercase()
        .split("\r\ncontent-length:")
        .nth(1)
        .and_then(|rest| rest.lines().next()?.trim().parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let target = head.split(' ').nth(1).unwrap_or("/").to_string();
    let (status, text) = answer(&target, &head, &body);
    let length = text.len();
    write!(
        client,
        "HTTP/1.1 {status} Told\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    )
}

fn answer(target: &str, head: &str, body: &[u8]) -> (u16, String) {
    let (what, rest) = target[1..].split_once('/').unwrap_or((&target[1..], ""));
    let told = match what {
        "" => Ok(variable("NAME", "probe")),
        "status" => return (rest.parse().unwrap_or(500), String::new()),
        "health" => {
            return (
                variable("HEALTH", "200").parse().unwrap_or(500),
                String::new(),
            );
        }
        "pid" => Ok(std::process::id().to_string()),
        "env" => Ok(variable(rest, "")),
        // SAFETY: both only tell.
        "user" => Ok(unsafe { format!("{}:{}", getuid(), getgid()) }),
        "in" => std::env::current_dir().map(|path| path.display().to_string()),
        "head" => Ok(head.to_string()),
        "length" => Ok(body.len().to_string()),
        "read" => std::fs::read_to_string(format!("/{rest}")),
        "write" => std::fs::write(format!("/{rest}"), "new").map(|()| "written".to_string()),
        "list" => list(&format!("/{rest}")),
        "get" => get(rest),
        "log" => {
            println!("out {rest}");
            eprintln!("err {rest}");
            Ok(String::new())
        }
        "sleep" => {
            std::thread::sleep(Duration::from_millis(rest.parse().unwrap_or(0)));
            Ok("slept".to_string())
        }
        "end" => std::process::exit(rest.parse().unwrap_or(1)),
        _ => return (404, String::new()),
    };
    told.map_or_else(|why| (500, format!("error: {why}")), |text| (200, text))
}

fn list(path: &str) -> io::Result<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names.join(" "))
}

/// The body of `http://HOST[:PORT]/PATH`, or `HOST…` alone.
fn get(url: &str) -> io::Result<String> {
    let rest = url
        .trim_start_matches("http://")
        .trim_start_matches("http:/");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let full = if host.contains(':') {
        host.to_string()
    } else {
        format!("{host}:80")
    };
    let at = full
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| io::Error::other("no address"))?;
    let mut link = TcpStream::connect_timeout(&at, Duration::from_secs(5))?;
    link.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        link,
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut told = String::new();
    link.read_to_string(&mut told)?;
    told.split_once("\r\n\r\n")
        .map(|(_, body)| body.to_string())
        .ok_or_else(|| io::Error::other("the connection was closed"))
}
