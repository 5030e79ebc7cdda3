//! push-image and the engines as processes of a test's own.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use support::{LocalAws, bin, clean};

use crate::image::write;

/// How long a test sleeps before it asks again.
const PAUSE: Duration = Duration::from_millis(5);

/// The command of push-image alone.
pub fn command(aws: &LocalAws) -> Command {
    clean(Command::new(bin().join("push-image")), &aws.url)
}

/// Starts a command, and gives it records on stdin.
pub fn start(command: &mut Command, records: &str) -> Child {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(records.as_bytes()).unwrap();
    child
}

/// Waits until something is true, and asserts that the process goes on until then.
pub fn wait_until(child: &mut Child, what: &str, is_true: impl Fn() -> bool) {
    while !is_true() {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended before it {what}");
        sleep(PAUSE);
    }
}

/// Asks a process to end; answers its exit code.
pub fn interrupt(child: &mut Child) -> Option<i32> {
    let mut kill = Command::new("kill");
    kill.arg(child.id().to_string()).status().unwrap();
    child.wait().unwrap().code()
}

/// Writes a program that can be run.
pub fn write_script(path: &Path, script: &str) {
    write(path, script);
    std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}
