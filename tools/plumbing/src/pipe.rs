//! The two ends of the pipe: the threads that read stdin and write stdout for a [`Stream`].

use std::collections::HashSet;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Instant;

use tokio::sync::watch;

use crate::check;
use crate::error::{Error, Kind};
use crate::flags::Common;
use crate::record::{App, Env, Failed, Record, Typed};
use crate::scan::{self, Scanner};
use crate::stream::{Line, Shared, State, Stream};
use crate::voice::Voice;

/// Past a bad record, this much of unreadable input ends the tool instead of being skipped.
const SKIPPED_AT_MOST: usize = 64 << 20;

/// How much of what is wrong with a record is told, in characters: a name can be as long as the record.
const TOLD_AT_MOST: usize = 1000;

impl Stream {
    /// Begins to read and to write; `first` goes out before anything that is read.
    pub(crate) fn open(
        tool: &'static str,
        common: Common,
        voice: Voice,
        read_stdin: bool,
        first: Vec<Record>,
    ) -> Self {
        let (out, lines) = mpsc::channel();
        let state = State {
            ended: !read_stdin,
            ..State::default()
        };
        let stream = Stream(Arc::new(Shared {
            tool,
            common,
            voice,
            state: Mutex::new(state),
            changed: watch::channel(0).0,
            out,
            account_asked: AtomicBool::new(false),
            account_checked: AtomicBool::new(false),
            unchanged: AtomicUsize::new(0),
            changes: AtomicUsize::new(0),
            makes_apps: matches!(tool, "mk-app" | "mk-source"),
            opened: Instant::now(),
        }));
        for record in first {
            stream.pass(serde_json::to_vec(&record.0).unwrap_or_default());
            stream.remember(record);
        }
        let writer = stream.clone();
        std::thread::spawn(move || writer.write_lines(lines));
        if read_stdin {
            let reader = stream.clone();
            std::thread::spawn(move || reader.read_stdin());
        }
        stream
    }

    pub(crate) fn read_stdin(&self) {
        let mut scanner = Scanner::default();
        let mut chunk = vec![0; 64 << 10];
        let mut skipping: Option<Skipping> = None;
        let mut stdin = std::io::stdin().lock();
        loop {
            let count = match stdin.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(why) if why.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(why) => {
                    self.stop(Error::input(format!("cannot read stdin: {why}")));
                    break;
                }
            };
            {
                let mut state = self.state();
                state.heard = true;
                state.midway = true;
                state.last_input = Some(Instant::now());
            }
            let mut bytes = &chunk[..count];
            if skipping.is_none()
                && let Err((taken, why)) = scanner.feed(bytes, |piece| self.arrived(piece))
            {
                self.stop(Error::input(shortened(why)));
                skipping = Some(Skipping::default());
                bytes = &bytes[taken..];
            }
            if let Some(skipping) = &mut skipping
                && !skipping.feed(bytes, |line| self.pass(line.to_vec()))
            {
                break;
            }
            self.state().midway = skipping.is_none() && scanner.end().is_err();
        }
        if skipping.is_none()
            && let Err(why) = scanner.end().and_then(|()| self.apps_are_whole())
        {
            self.stop(Error::input(shortened(why)));
        }
        self.state().ended = true;
        self.wake();
    }

    fn arrived(&self, piece: scan::Piece) -> Result<(), String> {
        let place = scan::place(piece.record, piece.line);
        let record = check::read(&piece.bytes).map_err(|why| format!("{place} {why}"))?;
        self.fits(&record)
            .map_err(|why| format!("{place}: {} '{}' {why}", record.kind(), record.name()))?;
        self.pass(scan::on_one_line(&piece.bytes));
        if record.kind() == Failed::TYPE {
            self.state().upstream_failed = true;
        }
        self.remember(record);
        Ok(())
    }

    /// A record must be of the one environment that this stream is about.
    fn fits(&self, record: &Record) -> Result<(), String> {
        let known = self.state().env.clone();
        if let Some(env) = record.typed::<Env>() {
            let named = self
                .0
                .common
                .env
                .as_deref()
                .filter(|name| *name != env.name);
            if let Some(name) = named {
                return Err(format!("is not the environment that --env names, '{name}'"));
            }
            let region = self
                .0
                .common
                .region
                .as_deref()
                .filter(|region| *region != env.region);
            if let Some(region) = region {
                return Err(format!(
                    "is in region {}, but --region is {region}",
                    env.region
                ));
            }
            if let Some(known) = known.filter(|known| {
                (&known.name, &known.region, &known.account)
                    != (&env.name, &env.region, &env.account)
            }) {
                let itself = match known.name == env.name {
                    true => format!("of account {} in {} ", env.account, env.region),
                    false => String::new(),
                };
                return Err(format!(
                    "{itself}comes after environment '{}' of account {} in {}",
                    known.name, known.account, known.region
                ));
            }
            let state = self.state();
            return state
                .records
                .iter()
                .try_for_each(|earlier| check::belongs(earlier, &env));
        }
        known.map_or(Ok(()), |env| check::belongs(record, &env))
    }

    /// Every app that is called must be there, once all are.
    fn apps_are_whole(&self) -> Result<(), String> {
        if self.0.makes_apps || self.upstream_failed() {
            return Ok(());
        }
        let state = self.state();
        let apps: Vec<App> = state.records.iter().filter_map(Record::typed).collect();
        let there: HashSet<&str> = apps.iter().map(|app| app.name.as_str()).collect();
        for app in &apps {
            if let Some(called) = app
                .calls
                .iter()
                .find(|called| !there.contains(called.as_str()))
            {
                return Err(format!(
                    "app '{}' calls '{called}', which no app record names",
                    app.name
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn pass(&self, mut line: Vec<u8>) {
        line.push(b'\n');
        let _ = self.0.out.send(Line::Passed(line));
    }

    pub(crate) fn write_lines(&self, lines: mpsc::Receiver<Line>) {
        let mut out = std::io::stdout().lock();
        let mut broken = false;
        for line in lines {
            match line {
                Line::Passed(bytes) if !broken => broken = !self.put(&mut out, &bytes),
                Line::Passed(_) => {}
                Line::Ours(bytes, written) => {
                    broken = broken || !self.put(&mut out, &bytes);
                    if broken {
                        self.0.voice.error(&format!(
                            "not written: {}",
                            String::from_utf8_lossy(&bytes).trim_end()
                        ));
                    }
                    let _ = written.send(());
                }
                Line::End(written) => {
                    let _ = written.send(());
                }
            }
        }
    }

    fn put(&self, out: &mut impl Write, line: &[u8]) -> bool {
        match out.write_all(line).and_then(|()| out.flush()) {
            Ok(()) => true,
            Err(why) if why.kind() == std::io::ErrorKind::BrokenPipe => {
                // The reader said why it ended; what it did not read is told line by line.
                self.stop(Error::new(Kind::Output, ""));
                false
            }
            Err(why) => {
                self.stop(Error::new(
                    Kind::Output,
                    format!("cannot write to stdout: {why}"),
                ));
                false
            }
        }
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
    pub(crate) fn feed(&mut self, bytes: &[u8], mut pass: impl FnMut(&[u8])) -> bool {
        for &byte in bytes {
            if byte != b'\n' {
                if self.line.len() <= scan::MAX_RECORD {
                    self.line.push(byte);
                }
                self.skipped += 1;
                continue;
            }
            if check::read(&self.line).is_ok() {
                pass(&self.line);
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
            |line| passed.push(line.to_vec())
        ));
        assert_eq!(passed, [good.as_bytes()]);
    }
}
