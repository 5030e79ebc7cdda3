//! Commands that are run without a shell, as a shell takes them. Pure.

/// What a shell does not read otherwise, beside letters and digits.
const PLAIN: &str = "-_./:=@%+,";

/// Words as one command for a shell.
pub fn in_shell(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    quoted.join(" ")
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || PLAIN.contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_stays_one() {
        let words = [
            "curl",
            "-f",
            "http://localhost/",
            "it's",
            "a b",
            "$HOME",
            "",
        ];
        let words = words.map(String::from);
        let expected = r"curl -f http://localhost/ 'it'\''s' 'a b' '$HOME' ''";
        assert_eq!(in_shell(&words), expected);
    }
}
