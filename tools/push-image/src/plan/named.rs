//! Which of several images of an archive is meant, by the names that its builder gave them. Pure.

use plumbing::reference;

/// How many names a message shows, and how much of each: anybody may have made the archive.
const MOST_SHOWN: usize = 5;
const LONGEST_SHOWN: usize = 100;

/// What an image of an archive is called.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// By its builder: references, or tags alone.
    pub names: Vec<String>,
    /// The digest of its manifest or of its configuration.
    pub digest: String,
    /// Its place in the archive, from 0.
    pub number: usize,
}

impl Names {
    fn is_called(&self, wanted: &str) -> bool {
        let same = |name: &String| name == wanted || is_same(name, wanted);
        self.digest == wanted
            || format!("@{}", self.number) == wanted
            || self.names.iter().any(same)
    }

    fn ends_in(&self, wanted: &str) -> bool {
        let end = format!("/{wanted}");
        self.names.iter().any(|name| name.ends_with(&end))
    }
}

fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (reference::parse(one), reference::parse(other));
    one.is_ok() && one == other
}

/// The places of the images that a name means, which may be one image for several platforms. A name
/// without its registry means any registry's, where it is no other's whole name: podman saves `web:1` as
/// `localhost/web:1`.
///
/// Errors: there is none; what is there is named.
pub fn choose(images: &[Names], wanted: &str) -> Result<Vec<usize>, String> {
    let places = |is_meant: &dyn Fn(&Names) -> bool| {
        let meant = images
            .iter()
            .enumerate()
            .filter(|(_, image)| is_meant(image));
        meant.map(|(place, _)| place).collect::<Vec<_>>()
    };
    let mut found = places(&|image| image.is_called(wanted));
    if found.is_empty() {
        found = places(&|image| image.ends_in(wanted));
    }
    if found.is_empty() {
        return Err(format!(
            "it holds no image '{wanted}', but {}",
            shown(images)
        ));
    }
    Ok(found)
}

/// What is said of several images where one is wanted.
pub fn several(images: &[Names]) -> String {
    format!(
        "it holds {} images; say which, as in --archive APP=PATH:NAME: {}",
        images.len(),
        shown(images)
    )
}

fn shown(images: &[Names]) -> String {
    let mut shown: Vec<String> = Vec::new();
    for image in images.iter().take(MOST_SHOWN) {
        let name = match image.names.first() {
            Some(name) => name.clone(),
            None => format!("@{}", image.number),
        };
        shown.push(name.chars().take(LONGEST_SHOWN).collect());
    }
    if images.len() > MOST_SHOWN {
        shown.push("…".into());
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Vec<Names> {
        let names = [
            vec!["docker.io/library/web:1", "1"],
            vec!["localhost/web:2"],
            vec!["ghcr.io/o/api:1", "ghcr.io/o/api:latest"],
            vec![],
        ];
        let named = names.into_iter().enumerate().map(|(number, names)| Names {
            names: names.into_iter().map(String::from).collect(),
            digest: format!("sha256:{number}"),
            number,
        });
        named.collect()
    }

    #[test]
    fn an_image_is_meant_by_any_of_its_names() {
        for (wanted, place) in [
            ("web:1", 0),
            ("docker.io/web:1", 0),
            ("1", 0),
            ("web:2", 1),
            ("localhost/web:2", 1),
            ("ghcr.io/o/api", 2),
            ("o/api:1", 2),
            ("sha256:3", 3),
            ("@3", 3),
        ] {
            assert_eq!(choose(&archive(), wanted), Ok(vec![place]), "{wanted}");
        }
        let none = choose(&archive(), "web:3").unwrap_err();
        assert_eq!(
            none,
            "it holds no image 'web:3', but docker.io/library/web:1, localhost/web:2, ghcr.io/o/api:1, @3"
        );
    }

    #[test]
    fn an_archive_of_anybody_makes_no_long_message() {
        let long = Names {
            names: vec!["x".repeat(10_000)],
            ..Names::default()
        };
        assert!(several(&vec![long; 1000]).len() < 800);
    }
}
