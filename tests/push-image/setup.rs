//! A directory to build, and an engine with a storage of the test's own.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use support::LocalAws;
use tempfile::TempDir;

use crate::image::write;
use crate::process::write_script;
use crate::push;

/// A directory to build, and what the shell says to the engine.
pub struct Setup {
    temp: TempDir,
}

impl Setup {
    /// Makes it; nothing where no engine works here.
    pub fn new(aws: &LocalAws) -> Option<Self> {
        let temp = TempDir::new().unwrap();
        let setup = Setup { temp };
        for folder in ["home", "tmp", "storage", "run"] {
            fs::create_dir_all(setup.path(folder)).unwrap();
        }
        // The images of its engine are removed with the test.
        let storage = format!(
            "[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n",
            setup.path("storage").display(),
            setup.path("run").display()
        );
        write(&setup.path("storage.conf"), storage);
        for engine in ["docker", "podman", "buildah"] {
            setup.record_calls_of(engine);
        }
        setup.write("Dockerfile", "FROM scratch\nCOPY . /\n");
        let probe = aws.pipe(&setup.build("--quiet"));
        if probe.stderr.contains("no engine to build with") {
            let _ = write!(std::io::stderr(), "not tested: {}", probe.stderr);
            return None;
        }
        probe.ok();
        Some(setup)
    }

    /// Puts a program ahead of an engine that writes down with what the engine is called.
    fn record_calls_of(&self, engine: &str) {
        let script = format!(
            "#!/bin/sh\n{{ echo \"$0\" \"$@\"; env; }} >> '{}'\nPATH=${{PATH#*:}} exec {engine} \"$@\"\n",
            self.path("calls").display()
        );
        write_script(&self.path("engines").join(engine), &script);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// The variables by which an engine uses the storage of the test.
    pub fn variables(&self) -> [(&'static str, String); 4] {
        let path = |name: &str| self.path(name).display().to_string();
        [
            ("HOME", path("home")),
            ("TMPDIR", path("tmp")),
            ("CONTAINERS_STORAGE_CONF", path("storage.conf")),
            ("BUILDAH_ISOLATION", "chroot".to_string()),
        ]
    }

    /// The same for a shell, with the PATH.
    pub fn exports(&self) -> String {
        let mut exports = String::from("export");
        for (name, value) in self.variables() {
            exports += &format!(" {name}={value}");
        }
        let engines = self.path("engines");
        exports + &format!(" PATH={}:$PATH; ", engines.display())
    }

    /// The directory to build.
    pub fn directory(&self) -> PathBuf {
        self.path("web")
    }

    /// Writes a file of the directory.
    pub fn write(&self, name: &str, text: &str) {
        write(&self.directory().join(name), text);
    }

    /// The pipe that builds and pushes the directory.
    pub fn build(&self, flags: &str) -> String {
        let context = format!("--context web={}", self.directory().display());
        self.exports() + &push(&format!("{context} {flags}"))
    }

    /// What the engines were called with, and their environment.
    pub fn calls(&self) -> String {
        fs::read_to_string(self.path("calls")).unwrap()
    }
}
