//! How botocore reads the AWS files: as Python's `configparser.RawConfigParser` does
//! (botocore, configloader.py). Pure.
//!
//! It differs from the SDK's own reader: settings may be indented, `:` stands for `=`, a value goes on
//! in lines that are indented more, and nothing but a whole line is a comment.

use std::collections::BTreeMap;
use std::fmt::{Debug, Formatter};

/// A value, and where it stands.
#[derive(Clone, PartialEq)]
pub(super) struct Setting {
    pub(super) value: String,
    /// `FILE, line N`.
    pub(super) place: String,
}

/// A value may be a secret: only its place is shown.
impl Debug for Setting {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place)
    }
}

/// The settings of a section, by their names in lower case.
pub(super) type Section = BTreeMap<String, Setting>;

/// A section that goes for all others, by Python's rules.
const DEFAULTS: &str = "DEFAULT";

/// Reads a file's text; the sections in their order, each once.
///
/// Errors: what botocore refuses too, with its place.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<(String, Section)>, String> {
    let mut reader = Reader::default();
    for (index, line) in text.replace("\r\n", "\n").split(['\n', '\r']).enumerate() {
        let place = format!("{file}, line {}", index + 1);
        reader
            .read(line, &place)
            .map_err(|why| format!("{place}: {why}"))?;
    }
    let mut sections = reader.sections;
    for (_, section) in &mut sections {
        for setting in section.values_mut() {
            setting.value = setting.value.trim_end().to_string();
            if setting.value.starts_with('\n') {
                nested(setting)?;
            }
        }
    }
    if let Some(index) = sections.iter().position(|(name, _)| name == DEFAULTS) {
        let (_, defaults) = sections.remove(index);
        for (_, section) in &mut sections {
            for (name, setting) in &defaults {
                section.entry(name.clone()).or_insert(setting.clone());
            }
        }
    }
    Ok(sections)
}

/// The settings within a value that stands in lines of its own, such as those of one service.
pub(super) fn nested(setting: &Setting) -> Result<BTreeMap<String, String>, String> {
    let mut settings = BTreeMap::new();
    for line in setting.value.lines().filter(|line| !line.trim().is_empty()) {
        let Some((name, value)) = line.split_once('=') else {
            let place = &setting.place;
            return Err(format!(
                "{place}: what is indented below it is no 'name = value'"
            ));
        };
        settings.insert(name.trim().to_string(), value.trim().to_string());
    }
    Ok(settings)
}

#[derive(Default)]
struct Reader {
    sections: Vec<(String, Section)>,
    /// The setting that a line which is indented more goes on with.
    open: Option<String>,
    indent: usize,
}

impl Reader {
    fn read(&mut self, line: &str, place: &str) -> Result<(), String> {
        let value = line.trim();
        let is_comment = value.starts_with(['#', ';']);
        if is_comment || value.is_empty() {
            if !is_comment && let Some(setting) = self.open_setting() {
                setting.value.push('\n');
            }
            return Ok(());
        }
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        let is_more = indent > self.indent;
        if is_more && let Some(setting) = self.open_setting() {
            setting.value.push('\n');
            setting.value.push_str(value);
            return Ok(());
        }
        self.indent = indent;
        match header(value) {
            Some(name) => self.begin(name),
            None => self.set(value, place),
        }
    }

    fn open_setting(&mut self) -> Option<&mut Setting> {
        let (_, section) = self.sections.last_mut()?;
        section.get_mut(self.open.as_ref()?)
    }

    fn begin(&mut self, name: &str) -> Result<(), String> {
        if self.sections.iter().any(|(other, _)| other == name) && name != DEFAULTS {
            return Err(format!("the section [{name}] is there twice"));
        }
        self.sections.push((name.to_string(), Section::new()));
        self.open = None;
        Ok(())
    }

    fn set(&mut self, line: &str, place: &str) -> Result<(), String> {
        let Some((section_name, section)) = self.sections.last_mut() else {
            return Err("a setting stands before any [section]".into());
        };
        let Some((name, value)) = line.split_once(['=', ':']) else {
            return Err("neither a [section] nor a 'name = value'".into());
        };
        let name = name.trim_end().to_lowercase();
        if name.is_empty() {
            return Err("a value without a name".into());
        }
        let setting = Setting {
            value: value.trim().to_string(),
            place: place.to_string(),
        };
        if section.insert(name.clone(), setting).is_some() {
            return Err(format!("{name} is there twice in [{section_name}]"));
        }
        self.open = Some(name);
        Ok(())
    }
}

/// The name in `[name]`; what follows the last bracket does not count.
fn header(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix('[')?.rsplit_once(']')?;
    Some(name).filter(|name| !name.is_empty())
}

/// The words of a text as a shell splits them, without any expansion (Python's `shlex.split`).
/// None where a quotation does not end.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            _ if letter.is_ascii_whitespace() => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(letters.next()?),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        end if end == letter => break,
                        '\\' if letter == '"' && matches!(letters.peek(), Some('"' | '\\')) => {
                            word.push(letters.next()?);
                        }
                        other => word.push(other),
                    }
                }
            }
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, Vec<(String, String)>)> {
        let sections = parse("f", text).unwrap().into_iter();
        let own = |section: Section| {
            let settings = section.into_iter();
            settings
                .map(|(name, setting)| (name, setting.value))
                .collect()
        };
        sections
            .map(|(name, section)| (name, own(section)))
            .collect()
    }

    fn one(section: &str, name: &str, value: &str) -> Vec<(String, Vec<(String, String)>)> {
        vec![(section.into(), vec![(name.into(), value.into())])]
    }

    #[test]
    fn what_botocore_reads_is_read() {
        for text in [
            "[p]\na=1",
            "  [p]\n\ta = 1\n",
            "[p]  # mine\r\nA : 1\r\n\r\n",
            "# x\n; y\n[p]\n\n  a = 1\n  # z\n",
            "[DEFAULT]\na=1\n[p]\n",
        ] {
            assert_eq!(values(text), one("p", "a", "1"), "{text:?}");
        }
        assert_eq!(values("[p]\na=1 # mine"), one("p", "a", "1 # mine"));
        assert_eq!(values("[p]\ns3 =\n  a = 1"), one("p", "s3", "\na = 1"));
        let two = values("[p]\n  a=1\n  b=2\n[q]");
        assert_eq!((two[0].1.len(), two[1].0.as_str()), (2, "q"));
    }

    #[test]
    fn what_botocore_refuses_is_refused_with_its_line() {
        for (text, why) in [
            ("a=1", "f, line 1: a setting stands before any [section]"),
            (
                "\u{feff}[p]\na=1",
                "f, line 1: a setting stands before any [section]",
            ),
            (
                "[p]\nb",
                "f, line 2: neither a [section] nor a 'name = value'",
            ),
            ("[p]\n=b", "f, line 2: a value without a name"),
            ("[p]\na=1\nA=2", "f, line 3: a is there twice in [p]"),
            ("[p]\n[q]\n[p]", "f, line 3: the section [p] is there twice"),
            (
                "[p]\na=\n b",
                "f, line 2: what is indented below it is no 'name = value'",
            ),
        ] {
            assert_eq!(parse("f", text).unwrap_err(), why);
        }
    }

    #[test]
    fn words_are_split_as_a_shell_does() {
        let split = |text| words(text).unwrap();
        assert_eq!(
            split(" a  'b c' d\\ e\"f\\\"$g\" ''"),
            ["a", "b c", "d ef\"$g", ""]
        );
        assert_eq!(words("'a"), None);
    }
}
