//! References of images, as people write them: `HOST:PORT/PATH:TAG@sha256:DIGEST`, of which the path
//! alone is always there. Pure; every tool that is given one reads it here.

use std::net::Ipv6Addr;

/// The registry of a reference that names none.
const DOCKER_HUB: &str = "docker.io";
/// The tag of a reference that names neither tag nor digest.
const LATEST: &str = "latest";
/// How long the path in a registry may be, and a tag (OCI distribution specification).
const LONGEST_PATH: usize = 255;
const LONGEST_TAG: usize = 128;
/// How much of what is no reference is shown.
const SHOWN: usize = 300;

/// The reference of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The host of its registry, with its port where it names one.
    pub registry: String,
    /// Its repository in the registry.
    pub repository: String,
    /// Its tag; `latest` where it names neither tag nor digest.
    pub tag: Option<String>,
    /// `sha256:…`, where it is pinned.
    pub digest: Option<String>,
}

/// Reads a reference.
///
/// Errors: it is one that no registry can have; the message says why.
pub fn parse(text: &str) -> Result<Reference, String> {
    read(text).map_err(|why| format!("'{}' is not an image reference: {why}", shown(text)))
}

fn read(text: &str) -> Result<Reference, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.contains("://") {
        return Err("it begins with its registry, without a scheme such as https://");
    }
    if text.starts_with(['/', '.']) {
        return Err("it is a path; a directory is given by --context");
    }
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    let (name, tag) = split_tag(rest);
    let (registry, path) = split_registry(name);
    check_registry(registry)?;
    check_path(path)?;
    if let Some(tag) = tag {
        check_tag(tag)?;
    }
    if let Some(digest) = digest {
        check_digest(digest)?;
    }
    let registry = match registry {
        "index.docker.io" => DOCKER_HUB, // its older name
        other => other,
    };
    let is_official = registry == DOCKER_HUB && !path.contains('/');
    let repository = if is_official {
        format!("library/{path}")
    } else {
        path.to_string()
    };
    let tag = match tag {
        None if digest.is_none() => Some(LATEST),
        tag => tag,
    };
    Ok(Reference {
        registry: registry.to_string(),
        repository,
        tag: tag.map(String::from),
        digest: digest.map(String::from),
    })
}

/// Takes the tag away. A colon ahead of the last slash is that of a port.
fn split_tag(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (text, None),
    }
}

/// What stands ahead of the first slash is a registry if it can be no part of a path at Docker Hub.
fn split_registry(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
        _ => (DOCKER_HUB, name),
    }
}

fn check_registry(registry: &str) -> Result<(), &'static str> {
    const NO_HOST: &str = "its registry is not the name of a host";
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (registry, None),
    };
    if let Some(port) = port
        && (!port.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(port.parse(), Ok(1u16..)))
    {
        return Err("the port of its registry is not one");
    }
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').ok_or(NO_HOST)?;
        return address.parse::<Ipv6Addr>().map(drop).map_err(|_| NO_HOST);
    }
    if host.split('.').all(is_host_label) {
        Ok(())
    } else {
        Err(NO_HOST)
    }
}

fn is_host_label(label: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_at_the_ends = label.starts_with('-') || label.ends_with('-');
    !label.is_empty() && !is_at_the_ends && label.bytes().all(is_allowed)
}

fn check_path(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("it names no repository");
    }
    if path.len() > LONGEST_PATH {
        return Err("its repository is longer than 255 characters");
    }
    if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("its repository has capital letters, which no registry takes");
    }
    if path.split('/').all(is_path_part) {
        return Ok(());
    }
    Err("its repository has more than lower-case letters, digits and single . _ - / between them")
}

/// Letters and digits, with `.`, `_`, `__` or any number of hyphens between them.
fn is_path_part(part: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    if !is_word(*first) || !is_word(*last) {
        return false;
    }
    let separators = part.split(|letter: char| letter.is_ascii() && is_word(letter as u8));
    for separator in separators {
        let is_hyphens = separator.bytes().all(|byte| byte == b'-'); // so is none at all
        if !is_hyphens && !matches!(separator, "." | "_" | "__") {
            return false;
        }
    }
    true
}

fn check_tag(tag: &str) -> Result<(), &'static str> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if tag.is_empty() {
        return Err("its tag is empty");
    }
    if tag.len() > LONGEST_TAG || tag.starts_with(['.', '-']) || !tag.bytes().all(is_allowed) {
        return Err("its tag is not one: at most 128 letters, digits and _ . -");
    }
    Ok(())
}

/// Whether a text is a digest of SHA-256 as a manifest says it: the one kind that ECR has.
pub fn is_digest(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    match text.strip_prefix("sha256:") {
        Some(hex) => hex.len() == 64 && hex.bytes().all(is_hex),
        None => false,
    }
}

fn check_digest(digest: &str) -> Result<(), &'static str> {
    if is_digest(digest) {
        Ok(())
    } else {
        Err("its digest is not sha256: and 64 digits of 0-9a-f")
    }
}

/// A text with what a terminal does not show, so that a line's end or a blank in it is seen.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars().take(SHOWN) {
        if letter.is_ascii_graphic() || letter == ' ' {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_default());
        }
    }
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// Asserts of what a reference is made.
    fn check(text: &str, registry: &str, repository: &str, tag: &str, digest: &str) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_string());
        let expected = Reference {
            registry: registry.into(),
            repository: repository.into(),
            tag: some(tag),
            digest: some(digest),
        };
        assert_eq!(parse(text), Ok(expected), "{text}");
    }

    #[test]
    fn a_reference_has_a_registry_a_repository_and_a_tag_or_digest() {
        check("web", "docker.io", "library/web", "latest", "");
        check("web.com:5000", "docker.io", "library/web.com", "5000", "");
        check("owner/web:1", "docker.io", "owner/web", "1", "");
        check(
            "index.docker.io/web",
            "docker.io",
            "library/web",
            "latest",
            "",
        );
        check("ghcr.io/o/w__e-b:V_1", "ghcr.io", "o/w__e-b", "V_1", "");
        check("localhost/web", "localhost", "web", "latest", "");
        check("a:5000/b/c", "a:5000", "b/c", "latest", "");
        check("[::1]:5000/web:1", "[::1]:5000", "web", "1", "");
        check(&format!("a.io/b@{DIGEST}"), "a.io", "b", "", DIGEST);
        check(&format!("a.io/b:1@{DIGEST}"), "a.io", "b", "1", DIGEST);
    }

    #[test]
    fn what_no_registry_can_have_is_refused_with_the_reason() {
        let cases = [
            ("", "it is empty"),
            ("https://ghcr.io/o/web:1", "without a scheme"),
            ("./web", "it is a path"),
            ("/srv/web", "it is a path"),
            ("ghcr.io/Owner/Web:1", "capital letters"),
            ("not/A/reference", "capital letters"),
            ("ghcr.io/o/web:", "its tag is empty"),
            ("ghcr.io/o/web:-1", "its tag is not one"),
            ("web@sha256:abc", "its digest is not"),
            ("web@sha512:abc", "its digest is not"),
            ("ghcr.io/o/we b:1", "its repository has more than"),
            ("ghcr.io/o//web", "its repository has more than"),
            ("ghcr.io/o/web_-x", "its repository has more than"),
            ("ghcr.io/o/wéb", "its repository has more than"),
            ("ghcr.io/", "it names no repository"),
            ("-a.io/web", "not the name of a host"),
            ("a..io/web", "not the name of a host"),
            ("user@a.io/web", "its digest is not"),
            ("[::1/web", "not the name of a host"),
            ("a.io:0/web", "the port of its registry"),
            ("a.io:99999/web", "the port of its registry"),
            ("a.io:+1/web", "the port of its registry"),
        ];
        for (text, why) in cases {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
        assert!(parse(&"a".repeat(300)).is_err());
        assert!(parse(&format!("web:{}", "a".repeat(129))).is_err());
    }

    #[test]
    fn a_message_shows_what_a_terminal_does_not() {
        let refused = parse("web:1\r\n\u{202e}\u{9b}").unwrap_err();
        let shown = "'web:1\\r\\n\\u{202e}\\u{9b}' is not an image reference: its tag";
        assert!(refused.starts_with(shown), "{refused}");
        assert!(parse(&"A".repeat(100_000)).unwrap_err().len() < 1000);
    }
}
