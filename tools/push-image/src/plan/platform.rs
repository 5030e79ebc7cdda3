//! For which operating system and processor an image is. Pure.

use std::fmt::{Display, Formatter};

/// The platform of an image, in the words of OCI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    architecture: &'static str,
}

impl Platform {
    /// What runs where nothing else is said.
    pub const AMD64: Platform = Platform {
        architecture: "amd64",
    };
    /// What an app may ask for.
    pub const ARM64: Platform = Platform {
        architecture: "arm64",
    };

    /// The platform of an app's architecture, `X86_64` or `ARM64`.
    pub fn of(architecture: &str) -> Self {
        if architecture == "ARM64" {
            Platform::ARM64
        } else {
            Platform::AMD64
        }
    }

    /// Whether an image or an entry of an index is for it.
    pub fn fits(self, os: &str, architecture: &str) -> bool {
        os == "linux" && architecture == self.architecture
    }
}

impl Display for Platform {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "linux/{}", self.architecture)
    }
}
