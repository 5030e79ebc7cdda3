//! File systems of EFS, as a record says them: `fs-0a1b2c3d:/exports=/data:ro`. Pure.

use plumbing::Mount;

/// The texts of some, in order of where they are in the container.
pub fn texts(mounts: &[Mount]) -> Vec<String> {
    let mut mounts = mounts.to_vec();
    mounts.sort_by(|one, other| one.at.cmp(&other.at));
    mounts.iter().map(text).collect()
}

fn text(mount: &Mount) -> String {
    let mut text = mount.file_system.clone();
    match &mount.access_point {
        Some(point) => text.push_str(&format!("@{point}")),
        None if mount.directory != "/" => text.push_str(&format!(":{}", mount.directory)),
        None => {}
    }
    let read_only = if mount.read_only { ":ro" } else { "" };
    format!("{text}={}{read_only}", mount.at)
}

#[cfg(test)]
mod tests {
    use plumbing::Container;

    use super::*;

    #[test]
    fn a_text_is_as_it_was_written() {
        let wish = Container {
            mounts: vec![
                "fs-0a1b2c3d@fsap-0a1b2c3d=/c".into(),
                "fs-0a1b2c3d:/a=/b:ro".into(),
                "fs-0a1b2c3d=/a".into(),
            ],
            ..Container::default()
        };
        let mut expected = wish.mounts.clone();
        expected.reverse();
        assert_eq!(texts(&wish.mounts()), expected);
    }
}
