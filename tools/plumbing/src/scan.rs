//! Cuts a byte stream into JSON objects: lines, pretty-printed text, several files in a row.
//!
//! Only the nesting is followed here; whether an object is valid JSON is for serde_json to say.
//! Memory is bounded by [`MAX_RECORD`], whatever arrives.

/// The largest record that is accepted, in bytes. Ours have less than 2 KiB.
pub const MAX_RECORD: usize = 1 << 20;

/// One object as it stood in the input, and where.
#[derive(Debug, PartialEq)]
pub struct Piece {
    /// The bytes from `{` to `}`.
    pub bytes: Vec<u8>,
    /// Its number in the stream, from 1.
    pub record: usize,
    /// The line on which it begins, from 1.
    pub line: usize,
}

/// The scanner's state between two chunks.
#[derive(Default)]
pub struct Scanner {
    bytes: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
    records: usize,
    lines: usize,
    begun_at: usize,
}

impl Scanner {
    /// Takes the next bytes and gives each object that they complete to `found`, in order.
    ///
    /// Answers the number of bytes taken: fewer than given where `found` said no, or where the
    /// input is not a stream of objects; the error says which record and line.
    pub fn feed(
        &mut self,
        chunk: &[u8],
        mut found: impl FnMut(Piece) -> Result<(), String>,
    ) -> Result<(), (usize, String)> {
        for (at, &byte) in chunk.iter().enumerate() {
            if byte == b'\n' {
                self.lines += 1;
            }
            if self.depth == 0 {
                match byte {
                    b' ' | b'\t' | b'\r' | b'\n' => {}
                    b'{' => {
                        self.depth = 1;
                        self.begun_at = self.lines + 1;
                        self.bytes.push(byte);
                    }
                    _ => {
                        let place = place(self.records + 1, self.lines + 1);
                        return Err((at + 1, format!("{place} is not a JSON object")));
                    }
                }
                continue;
            }
            self.bytes.push(byte);
            if self.bytes.len() > MAX_RECORD {
                let place = place(self.records + 1, self.begun_at);
                self.reset();
                return Err((
                    at + 1,
                    format!("{place} is larger than {} KiB", MAX_RECORD >> 10),
                ));
            }
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth -= 1,
                _ => {}
            }
            if self.depth == 0 {
                self.records += 1;
                let piece = Piece {
                    bytes: std::mem::take(&mut self.bytes),
                    record: self.records,
                    line: self.begun_at,
                };
                found(piece).map_err(|why| (at + 1, why))?;
            }
        }
        Ok(())
    }

    /// Says what is wrong with the end of the input, if it came inside an object.
    pub fn end(&self) -> Result<(), String> {
        match self.depth {
            0 => Ok(()),
            _ => Err(format!(
                "{} ends in the middle of an object",
                place(self.records + 1, self.begun_at)
            )),
        }
    }

    /// Forgets a half-read object.
    fn reset(&mut self) {
        self.bytes = Vec::new();
        self.depth = 0;
        self.in_string = false;
        self.escaped = false;
    }
}

/// How a position is told: `record 3 (line 5)`.
pub fn place(record: usize, line: usize) -> String {
    format!("record {record} (line {line})")
}

/// The object on one line: unchanged where it is on one line already, else without the white
/// space between its tokens.
pub fn on_one_line(bytes: &[u8]) -> Vec<u8> {
    if !bytes.contains(&b'\n') {
        return bytes.to_vec();
    }
    let mut line = Vec::with_capacity(bytes.len());
    let (mut in_string, mut escaped) = (false, false);
    for &byte in bytes {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
        } else if byte == b'"' {
            in_string = true;
        } else if byte.is_ascii_whitespace() {
            continue;
        }
        line.push(byte);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(chunks: &[&str]) -> (Vec<String>, Result<(), String>) {
        let mut scanner = Scanner::default();
        let mut found = Vec::new();
        for chunk in chunks {
            let fed = scanner.feed(chunk.as_bytes(), |p| {
                found.push(String::from_utf8(p.bytes).unwrap());
                Ok(())
            });
            if let Err((_, why)) = fed {
                return (found, Err(why));
            }
        }
        (found, scanner.end())
    }

    #[test]
    fn objects_come_in_any_layout_and_any_chunks() {
        let want = vec![r#"{"a":"}\""}"#.to_string(), r#"{"b":[{}]}"#.to_string()];
        assert_eq!(scan(&[r#"{"a":"}\""}{"b":[{}]}"#]), (want.clone(), Ok(())));
        assert_eq!(
            scan(&[r#"  {"a":"}\"#, r#"""}"#, "\n\n", r#"{"b":[{"#, "}]}\n"]),
            (want, Ok(()))
        );
    }

    #[test]
    fn what_is_not_an_object_is_refused_with_its_place() {
        assert_eq!(
            scan(&["{}\n\nhello"]).1,
            Err("record 2 (line 3) is not a JSON object".into())
        );
        assert_eq!(
            scan(&["[{}]"]).1,
            Err("record 1 (line 1) is not a JSON object".into())
        );
    }

    #[test]
    fn a_truncated_object_is_refused_with_its_place() {
        assert_eq!(
            scan(&["{}\n{\"a\":\n1"]).1,
            Err("record 2 (line 2) ends in the middle of an object".into())
        );
    }

    #[test]
    fn a_huge_object_is_refused_before_it_is_held() {
        let huge = "x".repeat(MAX_RECORD + 1);
        assert_eq!(
            scan(&["{\"a\":\"", &huge]).1,
            Err("record 1 (line 1) is larger than 1024 KiB".into())
        );
    }

    #[test]
    fn a_record_on_one_line_is_not_touched_and_a_pretty_one_is_folded() {
        assert_eq!(on_one_line(b"{ \"a\" :  1.50 }"), b"{ \"a\" :  1.50 }");
        assert_eq!(
            on_one_line(b"{\n  \"a b\": \"c \\\" d\",\n  \"n\": 1.50\n}"),
            b"{\"a b\":\"c \\\" d\",\"n\":1.50}"
        );
    }
}
