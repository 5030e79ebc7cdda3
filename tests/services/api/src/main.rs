//! api, the private one of the two services: `/WeatherForecast` is five forecasts as JSON, as in
//! .NET's template, and no other path is there. It listens on the port of `ASPNETCORE_URLS`.
//! Standard library only, one thread and one request a connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SUMMARIES: [&str; 10] = [
    "Freezing",
    "Bracing",
    "Chilly",
    "Cool",
    "Mild",
    "Warm",
    "Balmy",
    "Hot",
    "Sweltering",
    "Scorching",
];

/// How long a client may keep its thread waiting for the next bytes.
const PATIENCE: Duration = Duration::from_secs(10);

/// No head of a request is longer; what follows is not read.
const HEAD_LIMIT: u64 = 16 * 1024;

fn main() -> io::Result<()> {
    let urls = std::env::var("ASPNETCORE_URLS").unwrap_or_else(|_| "http://+:5000".to_string());
    let port = port(&urls)
        .ok_or_else(|| io::Error::other(format!("ASPNETCORE_URLS has no port: {urls}")))?;
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
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    client.write_all(&answer(&String::from_utf8_lossy(&head), now))
}

fn answer(head: &str, now: Duration) -> Vec<u8> {
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let path = target.split('?').next().unwrap_or_default();
    let (status, body) = match method {
        "GET" | "HEAD" if path.eq_ignore_ascii_case("/WeatherForecast") => {
            ("200 OK", forecasts(now))
        }
        "GET" | "HEAD" => ("404 Not Found", String::new()),
        _ => ("400 Bad Request", String::new()),
    };
    let length = body.len();
    let shown = if method == "HEAD" { "" } else { &body };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{shown}"
    )
    .into_bytes()
}

/// Five days from tomorrow on; the weather is made up of the time.
fn forecasts(now: Duration) -> String {
    let forecast = |day: u64| {
        let weather = (now.as_secs() + u64::from(now.subsec_nanos()) / 1000).wrapping_mul(day + 7);
        let (celsius, summary) = (
            weather as i64 % 75 - 20,
            SUMMARIES[weather as usize % SUMMARIES.len()],
        );
        format!(
            r#"{{"date":"{}","temperatureC":{celsius},"temperatureF":{},"summary":"{summary}"}}"#,
            date(now.as_secs() / 86_400 + day),
            32 + celsius * 9 / 5
        )
    };
    format!("[{}]", (1..=5).map(forecast).collect::<Vec<_>>().join(","))
}

/// The date of a day since 1970, counted in years that begin in March, so that leap days end them.
fn date(day: u64) -> String {
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 {
        (year, month + 3)
    } else {
        (year + 1, month - 9)
    };
    format!("{:04}-{month:02}-{day:02}", year + era * 400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_that_of_the_first_address() {
        assert_eq!(port("http://+:5000"), Some(5000));
        assert_eq!(port("http://*:80/;https://+:443"), Some(80));
        assert_eq!(port("http://+"), None);
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(
            [0, 11_016, 11_017, 20_818].map(date),
            ["1970-01-01", "2000-02-29", "2000-03-01", "2026-12-31"]
        );
    }

    #[test]
    fn only_the_forecast_is_there_and_garbage_is_refused() {
        let status =
            |head: &str| String::from_utf8_lossy(&answer(head, Duration::ZERO))[9..12].to_string();
        assert_eq!(status("GET /WeatherForecast HTTP/1.1\r\n\r\n"), "200");
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), "404");
        assert_eq!(
            ["", "\u{fffd}\u{fffd}", "POST / HTTP/1.1"].map(status),
            ["400", "400", "400"]
        );
    }
}
