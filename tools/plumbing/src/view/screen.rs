//! The terminal itself: a frame that is drawn over itself while the run lasts, and what stays.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::getpgrp;
use rustix::termios::{tcgetpgrp, tcgetwinsize};
use unicode_width::UnicodeWidthStr;

use super::channel::{self, Meeting};
use super::message::{Message, Told};
use super::speaker::Speaker;
use super::state::State;
use super::{end, frame};
use crate::record::Record;
use crate::terminal::printable;

/// What ends sooner needs no frame.
const FIRST_FRAME: Duration = Duration::from_millis(400);
/// How often it is looked whether there is something new to draw.
const TICK: Duration = Duration::from_millis(100);
/// How often a frame is drawn in which only the time is new.
const TIMES: Duration = Duration::from_secs(1);

/// The terminal that this tool draws on. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Screen(Arc<Mutex<Drawing>>);

#[derive(Debug)]
struct Drawing {
    state: State,
    /// Stdout, unbuffered: a frame is one write.
    terminal: File,
    /// Whether frames are drawn at all: not where the terminal cannot move its cursor, or in a CI's log.
    has_frames: bool,
    /// Whether only the end is shown.
    is_quiet: bool,
    colour: bool,
    /// Whether the terminal wraps lines anew when it becomes narrower: most do, the oldest two do not.
    wraps_again: bool,
    /// How wide each line of the frame is that stands on the screen.
    drawn: Vec<usize>,
    size: (usize, usize),
    last: Option<Instant>,
    is_new: bool,
    has_ended: bool,
    /// How many tools are connected.
    tools: usize,
    meeting: Option<Meeting>,
    broken: Option<io::Error>,
    /// The way to the one who draws already for this process group: two would draw over each other.
    beside: Option<Speaker>,
}

/// How this tool is to draw.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) tool: &'static str,
    /// Whether long IDs are shown as they are.
    pub(crate) is_whole: bool,
    /// Whether only the end is shown.
    pub(crate) is_quiet: bool,
}

impl Screen {
    /// Begins to draw on stdout, which is a terminal.
    pub(crate) fn open(wanted: Wanted) -> io::Result<Self> {
        let terminal = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let term = std::env::var("TERM").unwrap_or_default();
        let is_dumb = term.is_empty() || term == "dumb";
        let opened = channel::place(&terminal).and_then(channel::open);
        let is_taken = opened
            .as_ref()
            .is_err_and(|why| why.kind() == io::ErrorKind::AddrInUse);
        let beside = is_taken.then(|| Speaker::to(&terminal));
        let (meeting, listener) = opened.ok().unzip();
        let is_told = io::stderr().is_terminal() && meeting.is_some();
        let mut state = State::new(wanted.tool, Instant::now(), is_told);
        state.is_whole = wanted.is_whole;
        let drawing = Drawing {
            state,
            terminal,
            has_frames: wanted.is_quiet || !is_dumb && !set("CI") && meeting.is_some(),
            is_quiet: wanted.is_quiet,
            colour: !is_dumb && !set("NO_COLOR") && meeting.is_some(),
            wraps_again: !set("XTERM_VERSION") && term != "linux",
            drawn: Vec::new(),
            size: (0, 0),
            last: None,
            is_new: false,
            has_ended: false,
            tools: 0,
            beside,
            meeting,
            broken: None,
        };
        let screen = Screen(Arc::new(Mutex::new(drawing)));
        if let Some(listener) = listener {
            let hearing = screen.clone();
            std::thread::spawn(move || hearing.hear_others(&listener));
        }
        let ticking = screen.clone();
        std::thread::spawn(move || ticking.tick());
        Ok(screen)
    }

    /// Takes in a record.
    ///
    /// Errors: the terminal is gone.
    pub(crate) fn see(&self, record: Record) -> io::Result<()> {
        let mut drawing = self.drawing();
        drawing.state.see(record, Instant::now());
        drawing.is_new = true;
        drawing.broken.take().map_or(Ok(()), Err)
    }

    /// Takes in what a tool tells. An error, and what is to stay, is on the screen after that.
    pub(crate) fn hear(&self, message: Message) {
        let mut drawing = self.drawing();
        let is_error = message.is_error();
        let stays = match &message.told {
            Told::Note(line) if !drawing.is_quiet => Some(format!("{}: {line}", message.tool)),
            Told::Undrawn(line) if !drawing.has_frames => Some(format!("{}: {line}", message.tool)),
            Told::Drawn(line) => Some(line.clone()),
            _ => None,
        };
        drawing.state.hear(message, Instant::now());
        drawing.is_new = true;
        match stays {
            Some(line) => drawing.draw(&format!("{}\r\n", printable(&line))),
            None if is_error => drawing.draw(""),
            None => {}
        }
    }

    /// The cursor is elsewhere than it was left: somebody else wrote meanwhile, such as the shell.
    pub(crate) fn begin_anew(&self) {
        let mut drawing = self.drawing();
        drawing.drawn.clear();
        drawing.is_new = true;
    }

    /// Whether other tools may still tell something.
    pub(crate) fn is_told_more(&self) -> bool {
        self.drawing().tools > 0
    }

    /// Draws what stays.
    ///
    /// Errors: the terminal is gone.
    pub(crate) fn end(&self, interrupted: bool) -> io::Result<()> {
        let mut drawing = self.drawing();
        drawing.has_ended = true;
        drawing.meeting = None;
        drawing.state.interrupted |= interrupted;
        drawing.draw_end();
        if let Some(speaker) = &drawing.beside {
            speaker.end();
        }
        drawing.broken.take().map_or(Ok(()), Err)
    }

    fn tick(&self) {
        loop {
            std::thread::sleep(TICK);
            let mut drawing = self.drawing();
            if drawing.has_ended {
                return;
            }
            if drawing.is_due() {
                drawing.draw("");
            }
        }
    }

    fn hear_others(&self, listener: &UnixListener) {
        for stream in listener.incoming().flatten() {
            self.drawing().tools += 1;
            let screen = self.clone();
            std::thread::spawn(move || {
                let mut tool = String::new();
                let _ = channel::listen(stream, |message| {
                    tool.clone_from(&message.tool);
                    screen.hear(message);
                });
                let mut drawing = screen.drawing();
                drawing.state.forget_waits_of(&tool);
                drawing.tools -= 1;
            });
        }
    }

    fn drawing(&self) -> MutexGuard<'_, Drawing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drawing {
    fn is_due(&self) -> bool {
        let Some(last) = self.last else {
            return self.state.begun.elapsed() >= FIRST_FRAME;
        };
        self.is_new || last.elapsed() >= TIMES || self.size_now() != self.size
    }

    /// Draws the frame over the last one, below what stays.
    fn draw(&mut self, stays: &str) {
        let is_live =
            self.has_frames && !self.is_quiet && !self.has_ended && self.is_in_foreground();
        let is_worth_it =
            self.state.begun.elapsed() >= FIRST_FRAME || !self.state.faults.is_empty();
        if !is_live || !is_worth_it {
            self.put(stays);
            return;
        }
        let size = self.size_now();
        let mut out = self.to_its_top(size);
        if !stays.is_empty() {
            out.push_str(&format!("\u{1b}[J{stays}"));
        }
        // One row is the cursor's, and a line that fills its row would take another one.
        let (width, height) = (size.0.saturating_sub(1), size.1.saturating_sub(1));
        self.drawn.clear();
        for line in frame::lines(&self.state, (width, height), Instant::now()) {
            self.drawn.push(line.fitted(width, false).width());
            out.push_str(&format!("\u{1b}[K{}\r\n", line.fitted(width, self.colour)));
        }
        out.push_str("\u{1b}[J");
        self.last = Some(Instant::now());
        self.is_new = false;
        self.size = size;
        self.put(&out);
    }

    fn draw_end(&mut self) {
        let size = self.size_now();
        let mut out = self.to_its_top(size);
        if !self.drawn.is_empty() {
            out.push_str("\u{1b}[J");
        }
        let width = size.0.saturating_sub(1);
        for line in end::lines(&self.state, width, Instant::now()) {
            out.push_str(&format!("{}\r\n", line.fitted(width, self.colour)));
        }
        self.drawn.clear();
        self.put(&out);
    }

    /// Where the last frame begins. Of a screen that became narrower, its lines take more rows, where the
    /// terminal wraps them again.
    fn to_its_top(&self, (width, height): (usize, usize)) -> String {
        let rows = |line: &usize| {
            if self.wraps_again {
                line.div_ceil(width).max(1)
            } else {
                1
            }
        };
        let rows = self.drawn.iter().map(rows);
        match rows.sum::<usize>().min(height.saturating_sub(1)) {
            0 => String::new(),
            rows => format!("\r\u{1b}[{rows}A"),
        }
    }

    fn put(&mut self, out: &str) {
        if let Some(speaker) = &self.beside {
            for line in out.lines() {
                let (tool, told) = (String::new(), Told::Drawn(line.into()));
                speaker.tell(Message { tool, told }, Some(format!("{line}\n")));
            }
            return;
        }
        if let Err(why) = self.terminal.write_all(out.as_bytes()) {
            self.broken = Some(why);
        }
    }

    /// Columns and rows of the terminal; those of old where it does not say.
    fn size_now(&self) -> (usize, usize) {
        match tcgetwinsize(&self.terminal) {
            Ok(size) if size.ws_col > 1 && size.ws_row > 1 => {
                (size.ws_col.into(), size.ws_row.into())
            }
            _ => (80, 24),
        }
    }

    /// Whether the terminal is this process group's: who runs beside others draws only at the end.
    fn is_in_foreground(&self) -> bool {
        tcgetpgrp(&self.terminal).map_or(true, |group| group == getpgrp())
    }
}
