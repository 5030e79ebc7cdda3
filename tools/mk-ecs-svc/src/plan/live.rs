//! The command by which ECS asks an app's container itself whether it is alive. Pure.

use super::command::in_shell;

/// What the container's log says where its image can ask nobody.
const MISSING: &str =
    "live: the image has neither curl nor wget to ask with; take check with a command that it has";
/// Seconds for an answer: ECS gives the whole command five.
const TIMEOUT: u32 = 4;

/// One line for a shell, which asks by whichever of curl and wget the image has. What it writes goes
/// nowhere; that both are missing it therefore tells by the container's first process.
pub fn command(port: u32, path: &str) -> String {
    let url = in_shell(&[format!("http://localhost:{port}{path}")]);
    format!(
        "u={url}; if command -v curl >/dev/null; then curl -fsS -m {TIMEOUT} -o /dev/null \"$u\"; \
         elif command -v wget >/dev/null; then wget -q -T {TIMEOUT} -O /dev/null \"$u\"; \
         else {{ echo '{MISSING}' >/proc/1/fd/2; }} 2>/dev/null; exit 1; fi"
    )
}

/// The path that a command asks, if it is ours for a port.
pub fn path(command: &str, port: u32) -> Option<String> {
    let (url, _) = command.strip_prefix("u=")?.split_once("; if command -v")?;
    let quoted = url
        .strip_prefix('\'')
        .and_then(|url| url.strip_suffix('\''));
    let url = quoted.map_or(url.into(), |url| url.replace("'\\''", "'"));
    let path = url.strip_prefix(&format!("http://localhost:{port}"))?;
    let is_ours = path.starts_with('/') && self::command(port, path) == command;
    is_ours.then(|| path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_comes_back_from_the_command() {
        for asked in ["/", "/live", "/a?b=c&d", "/it's", "/$HOME;x", "/'"] {
            let line = command(5000, asked);
            assert_eq!(path(&line, 5000).as_deref(), Some(asked), "{line}");
            assert_eq!(path(&line, 500), None, "another port");
            assert_eq!(path(&format!("{line} "), 5000), None, "somebody's own");
        }
        assert_eq!(path("curl -f http://localhost:5000/live", 5000), None);
        assert!(command(5000, "/live").starts_with("u=http://localhost:5000/live; if "));
    }

    #[test]
    fn a_shell_takes_it_and_says_what_is_missing() {
        let run = |line: &str| {
            let mut shell = std::process::Command::new("/bin/sh");
            shell.args(["-c", line]).env("PATH", "/nowhere").output()
        };
        let line = command(1, "/it's").replace("/proc/1/fd/2", "/proc/self/fd/1");
        let said = run(&line).unwrap();
        assert_eq!(said.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&said.stdout).contains("neither curl nor wget"));
    }
}
