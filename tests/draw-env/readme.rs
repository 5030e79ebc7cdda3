//! The picture at the top of the README is what draw-env draws now.

use support::{LocalAws, PIPELINE, replaced, root};

use super::up;

/// Where it is.
const PICTURE: &str = "tools/draw-env/environment.svg";

/// What AWS chooses anew each time: words of hexadecimal digits, but for the account, and the connection's ID.
fn masked(svg: &str) -> String {
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let mut masked = String::new();
    let mut rest = svg;
    while let Some(begin) = rest.find(is_hex) {
        masked += &rest[..begin];
        rest = &rest[begin..];
        let end = rest.find(|c| !is_hex(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        let is_id = word.len() >= 12 && word != "123456789012";
        masked += if is_id { "0a1b2c3d4e5f" } else { word };
        rest = &rest[end..];
    }
    masked += rest;
    let (before, after) = masked.split_once(":connection/").unwrap();
    let id = after.find('<').unwrap();
    format!("{before}:connection/0a1b{}", &after[id..])
}

#[test]
fn the_picture_of_the_readme_is_current() {
    let aws = LocalAws::start_connected();
    aws.pipe(&up()).ok();
    aws.pipe(&replaced(PIPELINE, "owner/web", "owner/web --deploy"))
        .ok();
    let drawn = masked(
        &aws.pipe("ls-env --env production-pr1 | draw-env")
            .ok()
            .stdout,
    );
    let committed = std::fs::read_to_string(root().join(PICTURE)).unwrap_or_default();
    let new = root().join("target/environment.svg");
    if drawn != committed {
        std::fs::write(&new, &drawn).unwrap();
        panic!(
            "{PICTURE} is not current: look at {} and copy it there",
            new.display()
        );
    }
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(
        readme.contains(&format!("({PICTURE})")),
        "no picture in README.md"
    );
}
