//! How the other tools of a pipe reach the one that draws: a Unix socket whose name follows from what
//! all of them share, the process group and the terminal.

use std::fs::{self, DirBuilder};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::message::Message;

/// How long somebody who draws may take to read, or to say that an error is on the screen.
const PATIENCE: Duration = Duration::from_secs(1);
/// What is longer is no message of ours.
const LONGEST: u64 = 1 << 20;

/// Where those who write to a terminal meet, if there is a place that is ours alone.
pub(crate) fn place(terminal: impl AsFd) -> io::Result<PathBuf> {
    let terminal = rustix::fs::fstat(terminal)?.st_rdev;
    let group = rustix::process::getpgrp().as_raw_nonzero();
    Ok(private_folder()?.join(format!("{group}-{terminal}")))
}

/// A folder that nobody else can write to or look into.
fn private_folder() -> io::Result<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let folder = match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(folder)
            if Path::new(&folder).is_absolute() && is_private(Path::new(&folder), user) =>
        {
            Path::new(&folder).join("plumbline")
        }
        _ => std::env::temp_dir().join(format!("plumbline-{user}")),
    };
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(why) if why.kind() != io::ErrorKind::AlreadyExists => Err(why),
        _ if is_private(&folder, user) => Ok(folder),
        _ => Err(io::Error::other("somebody else's folder")),
    }
}

/// Whether a folder is this user's own, no link to another, and closed to all others.
fn is_private(folder: &Path, user: u32) -> bool {
    let found = fs::symlink_metadata(folder);
    found.is_ok_and(|found| found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0)
}

/// The place of the one who draws; it is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Meeting(PathBuf);

impl Drop for Meeting {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Opens the place to the others.
///
/// Errors: somebody else draws on this terminal for this process group, or there is no such place.
pub(crate) fn open(place: PathBuf) -> io::Result<(Meeting, UnixListener)> {
    let listener = match UnixListener::bind(&place) {
        Err(why)
            if why.kind() == io::ErrorKind::AddrInUse && UnixStream::connect(&place).is_err() =>
        {
            fs::remove_file(&place)?; // who had it was killed
            UnixListener::bind(&place)?
        }
        bound => bound?,
    };
    Ok((Meeting(place), listener))
}

/// Reads what one tool tells until it is gone; `hear` answers when it is on the screen.
pub(crate) fn listen(mut stream: UnixStream, mut hear: impl FnMut(Message)) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if lines.by_ref().take(LONGEST).read_line(&mut line)? == 0 {
            return Ok(());
        }
        let message: Message = serde_json::from_str(&line)?;
        let is_error = message.is_error();
        hear(message);
        if is_error {
            stream.write_all(b"\n")?;
        }
    }
}

/// The way to the one who draws.
pub(crate) struct Line(UnixStream);

impl Line {
    /// Errors: nobody draws.
    pub(crate) fn to(place: &Path) -> io::Result<Line> {
        let stream = UnixStream::connect(place)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Line(stream))
    }

    /// Tells a message; of an error it is known after that it is on the screen.
    ///
    /// Errors: who drew is gone, or does not read.
    pub(crate) fn tell(&mut self, message: &Message) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.0.write_all(&line)?;
        if message.is_error() {
            self.0.read_exact(&mut [0])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::message::Told;

    fn message(text: &str) -> Message {
        let told = Told::Error {
            text: text.into(),
            hint: None,
        };
        Message {
            tool: "mk-vpc".into(),
            told,
        }
    }

    #[test]
    fn what_is_told_is_heard_and_a_place_of_the_dead_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("1-2");
        drop(UnixListener::bind(&place).unwrap()); // as one leaves it that is killed
        let (meeting, listener) = open(place.clone()).unwrap();
        let listening = std::thread::spawn(move || {
            let mut heard = Vec::new();
            let (stream, _) = listener.accept().unwrap();
            listen(stream, |message| heard.push(message)).unwrap();
            (heard, listener)
        });
        let mut line = Line::to(&place).unwrap();
        line.tell(&message("a\nb")).unwrap();
        drop(line);
        let (heard, listener) = listening.join().unwrap();
        assert_eq!(heard, [message("a\nb")]);
        assert!(open(place.clone()).is_err(), "two draw at once");
        drop((listener, meeting));
        assert!(Line::to(&place).is_err() && !place.exists());
    }

    #[test]
    fn an_error_that_nobody_draws_is_no_error_told() {
        let folder = tempfile::tempdir().unwrap();
        let (_meeting, listener) = open(folder.path().join("1-2")).unwrap();
        let mut line = Line::to(&folder.path().join("1-2")).unwrap();
        drop(listener.accept().unwrap()); // killed before it has drawn
        assert!(line.tell(&message("no")).is_err());
    }

    #[test]
    fn a_folder_that_others_can_enter_is_none() {
        let user = rustix::process::geteuid().as_raw();
        let folder = tempfile::tempdir().unwrap();
        let private = folder.path().join("private");
        DirBuilder::new().mode(0o700).create(&private).unwrap();
        assert!(is_private(&private, user));
        assert!(!is_private(&private, user + 1));
        let open = folder.path().join("open");
        DirBuilder::new().mode(0o755).create(&open).unwrap();
        assert!(!is_private(&open, user));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&private, &link).unwrap();
        assert!(!is_private(&link, user));
    }
}
