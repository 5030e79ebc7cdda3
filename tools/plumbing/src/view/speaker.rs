//! How a tool tells the one that draws, and people where nobody does.
#![allow(clippy::print_stderr)]

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use super::channel::{self, Line};
use super::message::Message;

/// The tools of a pipe start at once: after so long, who draws is there.
const START: Duration = Duration::from_millis(300);
/// How often it is looked whether it is.
const LOOK: Duration = Duration::from_millis(15);
/// How long a tool that ends waits until what it said is heard.
const LAST: Duration = Duration::from_secs(3);

/// A thread that tells, so that nobody waits for who draws.
#[derive(Debug)]
pub(crate) struct Speaker {
    says: Sender<Said>,
    /// Whether somebody draws.
    is_heard: Arc<AtomicBool>,
}

/// What is to be told, with its lines for stderr; or an answer when all before is told.
enum Said {
    Message(Message, Option<String>),
    End(Sender<()>),
}

impl Speaker {
    /// Looks for who draws on a terminal.
    pub(crate) fn to(terminal: impl AsFd) -> Self {
        let place = channel::place(terminal);
        let (says, said) = mpsc::channel();
        let is_heard = Arc::new(AtomicBool::new(false));
        let heard = Arc::clone(&is_heard);
        std::thread::spawn(move || speak(place, &said, &heard));
        Speaker { says, is_heard }
    }

    /// Whether somebody draws what is told.
    pub(crate) fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Relaxed)
    }

    /// Tells a message; where nobody draws, its lines, if it has any.
    pub(crate) fn tell(&self, message: Message, lines: Option<String>) {
        let _ = self.says.send(Said::Message(message, lines));
    }

    /// Waits until all is told.
    pub(crate) fn end(&self) {
        let (ended, end) = mpsc::channel();
        if self.says.send(Said::End(ended)).is_ok() {
            let _ = end.recv_timeout(LAST);
        }
    }
}

fn speak(place: io::Result<PathBuf>, said: &Receiver<Said>, is_heard: &AtomicBool) {
    let Ok(place) = place else {
        return said.iter().for_each(say_plainly);
    };
    let mut line = find(&place, Instant::now());
    is_heard.store(line.is_some(), Ordering::Relaxed);
    for one in said {
        line = line.or_else(|| Line::to(&place).ok());
        let is_told = match (&mut line, &one) {
            (Some(line), Said::Message(message, _)) => line.tell(message).is_ok(),
            _ => false,
        };
        if !is_told {
            if matches!(one, Said::Message(..)) {
                line = None;
            }
            is_heard.store(line.is_some(), Ordering::Relaxed);
            say_plainly(one);
        }
    }
}

/// Whoever draws, once that one has begun to.
fn find(place: &Path, begun: Instant) -> Option<Line> {
    loop {
        match Line::to(place) {
            Ok(line) => return Some(line),
            Err(_) if begun.elapsed() < START => std::thread::sleep(LOOK),
            Err(_) => return None,
        }
    }
}

/// A stderr that is gone is no reason to stop.
fn say_plainly(one: Said) {
    match one {
        Said::Message(_, Some(lines)) => drop(io::stderr().lock().write_all(lines.as_bytes())),
        Said::Message(_, None) => {}
        Said::End(ended) => drop(ended.send(())),
    }
}
