//! The two ends of the pipe: the threads that read stdin and write stdout for a [`Stream`].

use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Instant;

use crate::check;
use crate::control::Control;
use crate::error::{Error, Kind};
use crate::flags::Common;
use crate::not_yet;
use crate::owned::{Incoming, Owned};
use crate::record::{Record, RecordType};
use crate::scan::{self, Scanner};
use crate::stream::{Input, Line, Shared, Stream};
use crate::terminal::in_json;
use crate::types::{App, Env, Failed, known_type};
use crate::view::{Screen, Wanted};
use crate::voice::Voice;

/// Past a bad record, this much of unreadable input ends the tool instead of being skipped.
const SKIPPED_AT_MOST: usize = 64 << 20;

/// How much of what is wrong with a record is told, in characters: a name can be as long as the record.
const TOLD_AT_MOST: usize = 1000;

/// These act on no app: the first two write apps, so that their input may name some that come after
/// it, and a person chooses with `grep` what the last is to delete. The reader may be at the end of the
/// input before the tool has begun: it cannot say so itself.
const CHECK_NO_CALLS: [&str; 3] = ["mk-app", "mk-source", "rm-env"];

/// Their stdout is their own, such as a picture, and carries no records: they write with
/// [`Stream::print`]. It is known by the name since arguments that are refused are told as a record.
const PRINTS: [&str; 1] = ["draw-env"];

/// Deletes whatever apps call each other.
const DELETES: &str = "rm-env";

/// What stdin is.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Stdin {
    Terminal,
    /// `/dev/null`, as in most CI runners.
    Null,
    /// A pipe, a file, or whatever else may hold records.
    Pipe,
}

impl Stdin {
    pub(crate) fn of_this_process() -> Self {
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            return Stdin::Terminal;
        }
        let device = stdin.as_fd().try_clone_to_owned().map(File::from);
        let device = device.and_then(|file| file.metadata());
        match (device, std::fs::metadata("/dev/null")) {
            (Ok(stdin), Ok(null)) if null.rdev() == stdin.rdev() && null.rdev() != 0 => Stdin::Null,
            _ => Stdin::Pipe,
        }
    }
}

impl Stream {
    /// Begins to read and to write; `first` goes out before anything that is read. What it owns it
    /// checks.
    pub(crate) fn open(
        common: Common,
        voice: Voice,
        stdin: Stdin,
        owned: Owned,
        first: Vec<Record>,
    ) -> Self {
        let (out, lines) = mpsc::channel();
        let is_shown = std::io::stdout().is_terminal();
        if is_shown && !common.json && !common.json_log && !PRINTS.contains(&voice.tool()) {
            let wanted = Wanted {
                tool: voice.tool(),
                is_whole: common.verbose,
                is_quiet: common.quiet,
            };
            if let Ok(screen) = Screen::open(wanted) {
                voice.draw_on(screen);
            }
        } else if !is_shown {
            voice.find_who_draws();
        }
        let input = Input {
            ended: stdin == Stdin::Terminal,
            owned,
            ..Input::default()
        };
        let shared = Shared {
            common,
            input: Mutex::new(input),
            heads_pipe: stdin != Stdin::Pipe,
            out,
            checks_calls: !CHECK_NO_CALLS.contains(&voice.tool()),
            passes_records: !PRINTS.contains(&voice.tool()),
            is_shown,
            opened: Instant::now(),
        };
        let stream = Stream {
            control: Control::new(voice.clone()),
            voice,
            shared: Arc::new(shared),
        };
        for record in first {
            stream.pass(serde_json::to_vec(&record.0).unwrap_or_default());
            stream.remember(record);
        }
        let writer = stream.clone();
        std::thread::spawn(move || writer.write_lines(lines));
        if stdin != Stdin::Terminal {
            let reader = stream.clone();
            std::thread::spawn(move || reader.read_stdin());
        }
        stream
    }

    fn read_stdin(&self) {
        let mut scanner = Scanner::default();
        let mut skipping: Option<Skipping> = None;
        let mut chunk = vec![0; 64 << 10];
        let mut stdin = std::io::stdin().lock();
        loop {
            let mut bytes = match self.read_chunk(&mut stdin, &mut chunk) {
                Some(0) | None => break,
                Some(count) => &chunk[..count],
            };
            if skipping.is_none()
                && let Err((taken, why)) = scanner.feed(bytes, |piece| self.take_in(piece))
            {
                self.control.stop(Error::input(shortened(why)));
                skipping = Some(Skipping::default());
                bytes = &bytes[taken..];
            }
            if let Some(skipping) = &mut skipping
                && !skipping.feed(bytes, |line, record| self.pass_after_bad(line, record))
            {
                break;
            }
            self.input().midway = skipping.is_none() && scanner.end().is_err();
        }
        if skipping.is_none()
            && let Err(why) = scanner.end().and_then(|()| self.check_calls())
        {
            self.control.stop(Error::input(shortened(why)));
        }
        self.input().ended = true;
        self.control.wake();
    }

    /// Passes a record on that comes after a bad one, unless this tool would have to check it.
    fn pass_after_bad(&self, line: &[u8], record: &Record) {
        let owned = &self.input().owned;
        if owned.check_of(record.kind()).is_none() && !owned.swallows(record) {
            self.pass(line.to_vec());
        }
    }

    /// Reads what there is; answers how many bytes, or nothing where stdin cannot be read.
    fn read_chunk(&self, stdin: &mut impl Read, chunk: &mut [u8]) -> Option<usize> {
        let count = loop {
            match stdin.read(chunk) {
                Ok(count) => break count,
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => {
                    let why = format!("cannot read stdin: {why}");
                    self.control.stop(Error::input(why));
                    return None;
                }
            }
        };
        if count > 0 {
            let mut input = self.input();
            input.begun = true;
            input.midway = true;
            input.last_read = Some(Instant::now());
        }
        Some(count)
    }

    /// Checks a record; one that is all right passes on.
    fn take_in(&self, piece: scan::Piece) -> Result<(), String> {
        let place = scan::place(piece.record, piece.line);
        let record = check::read(&piece.bytes).map_err(|why| format!("{place} {why}"))?;
        if let Some(app) = record.typed::<App>()
            && self.voice.tool() != DELETES
        {
            let neighbours = self.input().arrived.neighbours(&app);
            check::calls_nothing_public(&app, &neighbours)?;
            if let Some(mut apps) = self.input().arrived.apps_that_share(&app) {
                apps.retain(|one| one.name != app.name);
                apps.push(app);
                check::share_well(&apps)?;
            }
        }
        self.judge(Incoming {
            place,
            record,
            line: scan::on_one_line(&piece.bytes),
        })
    }

    /// Passes a record on and remembers it.
    ///
    /// Errors: the tool acts already on one of its key that says something else.
    pub(crate) fn accept(&self, incoming: Incoming) -> Result<(), String> {
        let Incoming {
            place,
            record,
            line,
        } = incoming;
        let mut input = self.input(); // held, so that the tool does not begin to act meanwhile
        let again = input.arrived.check_again(&record);
        again.map_err(|why| format!("{place}: {} '{}' {why}", record.kind(), record.name()))?;
        self.pass(line);
        not_yet::note_record(&record);
        input.upstream_failed |= record.kind() == Failed::TYPE;
        self.remember_in(input, record);
        Ok(())
    }

    /// A record must be of the one environment that this stream is about.
    pub(crate) fn check_environment(&self, record: &Record) -> Result<(), String> {
        let known = self.known_env();
        let Some(env) = record.typed::<Env>() else {
            return known.map_or(Ok(()), |env| check::belongs(record, &env));
        };
        let Common {
            env: named, region, ..
        } = self.common();
        if let Some(name) = named.as_ref().filter(|name| **name != env.name) {
            return Err(format!("is not the environment that --env names, '{name}'"));
        }
        if let Some(region) = region.as_ref().filter(|region| **region != env.region) {
            return Err(format!(
                "is in region {}, but --region is {region}",
                env.region
            ));
        }
        if let Some(known) = known {
            check::same_environment(&known, &env)?;
        }
        let input = self.input();
        let earlier = input.arrived.all();
        earlier
            .iter()
            .try_for_each(|record| check::belongs(record, &env))
    }

    /// Every app that is called must be there, once all are.
    fn check_calls(&self) -> Result<(), String> {
        if !self.shared.checks_calls || self.upstream_failed() {
            return Ok(());
        }
        let apps = self.arrived::<App>();
        check::calls(&apps)?;
        check::behind(&apps)
    }

    /// Passes a line on byte for byte; where a person reads it, without what drives a terminal.
    pub(crate) fn pass(&self, mut line: Vec<u8>) {
        if !self.shared.passes_records {
            return;
        }
        if self.shared.is_shown {
            line = in_json(&String::from_utf8_lossy(&line)).into_bytes();
        }
        line.push(b'\n');
        let _ = self.shared.out.send(Line::Passed(line));
    }

    fn write_lines(&self, lines: mpsc::Receiver<Line>) {
        let mut out = std::io::stdout();
        let mut broken = false;
        for line in lines {
            match line {
                Line::Passed(bytes) if !broken => broken = !self.put(&mut out, &bytes),
                Line::Passed(_) => {}
                Line::Ours(bytes, written) => {
                    broken = broken || !self.put(&mut out, &bytes);
                    if broken && tells_of_a_resource(&bytes) {
                        let line = String::from_utf8_lossy(&bytes);
                        let lost = format!("not written: {}", line.trim_end());
                        self.voice.error(&Error::new(Kind::Output, lost));
                    }
                    let _ = written.send(());
                }
                Line::End(written) => {
                    let _ = written.send(());
                }
                Line::Close(written) => {
                    close_stdout();
                    let _ = written.send(());
                }
            }
        }
    }

    /// Writes a line, or has it drawn; answers whether that went well.
    fn put(&self, out: &mut impl Write, line: &[u8]) -> bool {
        let put = match self.voice.screen() {
            Some(screen) => match serde_json::from_slice(line) {
                Ok(record) => screen.see(record),
                Err(_) => Ok(()), // what is no record was refused where it came in
            },
            None => out.write_all(line).and_then(|()| out.flush()),
        };
        match put {
            Ok(()) => true,
            Err(why) if why.kind() == ErrorKind::BrokenPipe => {
                // The reader said why it ended; what it did not read is told line by line.
                self.control.stop(Error::new(Kind::Output, ""));
                false
            }
            Err(why) => {
                self.control.stop(Error::new(
                    Kind::Output,
                    format!("cannot write to stdout: {why}"),
                ));
                false
            }
        }
    }
}

/// Closes stdout for whoever reads it; what is written after that goes nowhere.
fn close_stdout() {
    if let Ok(nowhere) = File::options().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(nowhere);
    }
}

/// Whether a line is lost with a record of something that exists: a wish or a mark can be had again.
fn tells_of_a_resource(line: &[u8]) -> bool {
    match check::read(line) {
        Ok(record) => known_type(record.kind()).is_none_or(|known| known.is_resource),
        Err(_) => true,
    }
}

/// What is wrong, without the rest of a text that has no end.
fn shortened(why: String) -> String {
    match why.char_indices().nth(TOLD_AT_MOST) {
        Some((at, _)) => format!("{}…", &why[..at]),
        None => why,
    }
}

/// After a bad record: whole lines that are records still pass, so that what the tools upstream
/// go on to make is not lost.
#[derive(Default)]
pub(crate) struct Skipping {
    line: Vec<u8>,
    skipped: usize,
}

impl Skipping {
    /// Answers false when too much was skipped: this is no stream of records.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut pass: impl FnMut(&[u8], &Record)) -> bool {
        for &byte in bytes {
            if byte != b'\n' {
                if self.line.len() <= scan::MAX_RECORD {
                    self.line.push(byte);
                }
                self.skipped += 1;
                continue;
            }
            if let Ok(record) = check::read(&self.line) {
                pass(&self.line, &record);
                self.skipped = 0;
            }
            self.line.clear();
        }
        self.skipped <= SKIPPED_AT_MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_long_name_is_told_in_short() {
        assert_eq!(shortened("é".repeat(2000)), "é".repeat(1000) + "…");
        assert_eq!(shortened("no".into()), "no");
    }

    #[test]
    fn after_a_bad_record_whole_records_still_pass() {
        let mut passed = Vec::new();
        let mut skipping = Skipping::default();
        let good = r#"{"type":"vpc","name":"main","id":"vpc-1","cidr":"x"}"#;
        assert!(skipping.feed(
            format!("garbage\n{good}\n{{\"type\":\n").as_bytes(),
            |line, _| passed.push(line.to_vec())
        ));
        assert_eq!(passed, [good.as_bytes()]);
    }
}
