//! Text in the width and the colours of a terminal. Pure.

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use crate::terminal::printable;

/// So much of a digest tells it from any other.
const DIGEST: usize = 12;

/// What a piece of text is, which is shown by its colour where there are colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tone {
    Plain,
    Strong,
    Faint,
    Good,
    Changed,
    Bad,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Good => "32",
            Tone::Changed => "33",
            Tone::Bad => "31",
        }
    }
}

/// One line: what stands on its left, and what ends at its right end.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Line {
    left: Vec<(Tone, String)>,
    right: Option<(Tone, String)>,
    /// Whether it goes on in the next row where it is too long.
    keeps_all: bool,
}

impl Line {
    /// A line that begins with a piece; whoever wrote that, it drives no terminal.
    pub(crate) fn of(tone: Tone, text: &str) -> Self {
        Line::default().and(tone, text)
    }

    /// The line with one more piece, right after what it has.
    pub(crate) fn and(mut self, tone: Tone, text: &str) -> Self {
        self.left.push((tone, printable(text)));
        self
    }

    /// The line with blanks up to a column.
    pub(crate) fn up_to(self, column: usize) -> Self {
        let blanks = column.saturating_sub(self.width());
        self.and(Tone::Plain, &" ".repeat(blanks))
    }

    /// The line with a piece at its right end; nothing where that is empty.
    pub(crate) fn ends(mut self, tone: Tone, text: &str) -> Self {
        self.right = (!text.is_empty()).then(|| (tone, printable(text)));
        self
    }

    /// The line, of which nothing may be cut.
    pub(crate) fn uncut(mut self) -> Self {
        self.keeps_all = true;
        self
    }

    /// How many columns its left has.
    pub(crate) fn width(&self) -> usize {
        self.left.iter().map(|(_, text)| text.width()).sum()
    }

    /// The line in at most so many columns: what is too long is cut, and says so.
    pub(crate) fn fitted(&self, width: usize, colour: bool) -> String {
        if self.keeps_all {
            let pieces = self.left.iter();
            return pieces
                .map(|(tone, text)| toned(*tone, text, colour))
                .collect();
        }
        let right = self.right.as_ref();
        let right = right.filter(|(_, text)| text.width() + 8 <= width); // else the left is worth more
        let taken = right.map_or(0, |(_, text)| text.width() + 1);
        let mut room = width.saturating_sub(taken);
        let is_cut = self.width() > room;
        let mut line = String::new();
        for (tone, text) in &self.left {
            let piece = cut(text, room, is_cut);
            room -= piece.width().min(room);
            line.push_str(&toned(*tone, &piece, colour));
            if piece.len() != text.len() {
                break;
            }
        }
        let Some((tone, text)) = right else {
            return line.trim_end().to_string();
        };
        line.push_str(&" ".repeat(room + 1));
        line.push_str(&toned(*tone, text, colour));
        line
    }
}

fn toned(tone: Tone, text: &str, colour: bool) -> String {
    if !colour || tone == Tone::Plain || text.is_empty() {
        return text.to_string();
    }
    format!("\u{1b}[{}m{text}\u{1b}[0m", tone.code())
}

/// As much of a text as fits; with the sign that something is missing, where more than it is.
fn cut(text: &str, room: usize, more_follows: bool) -> String {
    if text.width() < room || text.width() == room && !more_follows {
        return text.to_string();
    }
    let fits = |end: &usize| text[..*end].width() < room;
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(fits).last().unwrap_or_default();
    match room {
        0 => String::new(),
        _ => format!("{}…", &text[..end]),
    }
}

/// The words of a text in lines of so many columns; a word that is longer has a line of its own.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last().map_or(0, |line| line.width());
        if last > 0 && last + 1 + word.width() > width {
            lines.push(word.to_string());
        } else if let Some(line) = lines.last_mut() {
            line.push_str(if last > 0 { " " } else { "" });
            line.push_str(word);
        }
    }
    lines
}

/// A text whose digests are their first digits, and whose ARNs are what they name.
pub(crate) fn short(text: &str) -> String {
    let words = text.split_inclusive(ENDS);
    words.map(short_word).collect()
}

/// What ends a digest or an ARN in a sentence.
const ENDS: [char; 6] = [' ', ',', ';', '(', ')', '"'];

fn short_word(word: &str) -> String {
    let (body, end) = word.split_at(word.trim_end_matches(ENDS).len());
    if let Some(name) = body.strip_prefix("planned:") {
        return format!("new {name}{end}");
    }
    let body = match body.find("arn:aws") {
        Some(at) => format!("{}{}", &body[..at], named_by(&body[at..])),
        None => body.to_string(),
    };
    let Some(at) = body.find("sha256:").map(|at| at + "sha256:".len()) else {
        return body + end;
    };
    let digits = body[at..].bytes().take_while(u8::is_ascii_hexdigit).count();
    let kept = digits.min(DIGEST);
    format!("{}{}{end}", &body[..at + kept], &body[at + digits..])
}

/// What an ARN names: the last of its path that is no ID without a meaning.
fn named_by(arn: &str) -> &str {
    let Some(resource) = arn.splitn(6, ':').nth(5) else {
        return arn;
    };
    if let Some(group) = resource.strip_prefix("log-group:") {
        return group; // its name has slashes itself
    }
    let is_id = |part: &&str| part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut path = resource.rsplit('/');
    path.find(|part| !is_id(part)).unwrap_or(resource)
}

/// A time in as few words as tell it: `0.9s`, `41s`, `2m41s`, `1h2m`.
pub(crate) fn elapsed(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds < 10 => format!("{:.1}s", time.as_secs_f64()),
        seconds if seconds < 60 => format!("{seconds}s"),
        seconds if seconds < 3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        seconds => format!("{}h{}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(left: &[&str], right: &str, width: usize) -> String {
        let line = left
            .iter()
            .fold(Line::default(), |line, text| line.and(Tone::Plain, text));
        line.ends(Tone::Faint, right).fitted(width, false)
    }

    #[test]
    fn a_line_is_as_wide_as_its_room_and_its_right_end_stays() {
        assert_eq!(fitted(&["web", " runs"], "12s", 14), "web runs   12s");
        assert_eq!(fitted(&["web", " runs long"], "12s", 14), "web runs … 12s");
        assert_eq!(fitted(&["web", " runs"], "", 8), "web runs");
        assert_eq!(fitted(&["web", " runs", "!"], "", 8), "web run…");
        assert_eq!(fitted(&["web"], "12s", 4), "web");
    }

    #[test]
    fn wide_letters_take_the_room_that_they_have() {
        assert_eq!(fitted(&["環境です"], "", 7), "環境で…");
        assert_eq!(fitted(&["環境です"], "", 8), "環境です");
        assert_eq!(fitted(&["環境です"], "", 6), "環境…");
        for text in [
            "🚀🚀🚀🚀🚀",
            "ａｂｃｄｅ",
            "e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}",
        ] {
            for width in 1..12 {
                assert!(
                    fitted(&[text], "", width).width() <= width,
                    "{text} {width}"
                );
            }
        }
    }

    #[test]
    fn what_strangers_wrote_drives_no_terminal() {
        let line = Line::of(Tone::Good, "a\u{1b}[2J\u{202e}\u{9b}b");
        assert_eq!(line.fitted(80, false), "a\\u{1b}[2J\\u{202e}\\u{9b}b");
        assert_eq!(
            Line::of(Tone::Good, "ok").fitted(9, true),
            "\u{1b}[32mok\u{1b}[0m"
        );
    }

    #[test]
    fn digests_and_arns_are_shortened() {
        let digest = format!("web@sha256:{}", "ab".repeat(32));
        assert_eq!(short(&digest), "web@sha256:abababababab");
        let arn = "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/tg-web/9a872293ab52b179";
        assert_eq!(
            short(&format!("{arn} -> {arn}, ({arn})")),
            "tg-web -> tg-web, (tg-web)"
        );
        assert_eq!(
            short("arn:aws:ecs:r:1:task-definition/task-web:7"),
            "task-web:7"
        );
        assert_eq!(short("arn:aws:s3:::bucket-1"), "bucket-1");
        assert_eq!(short("arn:aws:logs:r:1:log-group:/ecs/p/web"), "/ecs/p/web");
        assert_eq!(short("planned:tg-web, x"), "new tg-web, x");
        assert_eq!(short("nothing: of the kind"), "nothing: of the kind");
    }

    #[test]
    fn times_are_short() {
        let told = [0.94, 41.0, 161.0, 3725.0].map(|s| elapsed(Duration::from_secs_f64(s)));
        assert_eq!(told, ["0.9s", "41s", "2m41s", "1h2m"]);
    }

    #[test]
    fn words_are_wrapped_and_never_cut() {
        assert_eq!(
            wrapped("cannot make it: no", 10),
            ["cannot", "make it:", "no"]
        );
        assert_eq!(wrapped("abcdefghijkl m", 5), ["abcdefghijkl", "m"]);
    }
}
