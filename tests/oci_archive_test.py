"""Tests of the images that are built without an engine (scripts/oci_archive.py)."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path
from typing import Any

import oci_archive

PROGRAM = Path(oci_archive.__file__)
DOCKERFILE = """# A comment
FROM scratch
COPY web /
COPY page.html more.txt /srv/pages/
ENV RELEASE=1 "GREETING=good day"
LABEL of=web
USER 5678
WORKDIR /srv
EXPOSE 5000 \\
    6000/udp
ENTRYPOINT ["/web", "--quiet"]
"""


class Archives(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name, "web")
        self.folder.mkdir()
        for name, text in (("web", "#!"), ("page.html", "<p>"), ("more.txt", "more")):
            (self.folder / name).write_text(text)
        (self.folder / "web").chmod(0o700)
        self.archive = Path(temporary.name, "out/web.tar")

    def build(self, dockerfile: str, *flags: str) -> str:
        """What it says on stderr."""
        (self.folder / "Dockerfile").write_text(dockerfile)
        built = subprocess.run(
            [sys.executable, PROGRAM, self.folder, self.archive, *flags],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(built.returncode != 0, bool(built.stderr), built)
        return built.stderr

    def read(self) -> tuple[dict[str, Any], dict[str, tarfile.TarInfo]]:
        """The configuration, and what is in the layer. Each blob has the digest of its name."""
        with tarfile.open(self.archive) as outer:
            files = {one.name: outer.extractfile(one) for one in outer if one.isfile()}
            contents = {name: file.read() for name, file in files.items() if file}
        for name, content in contents.items():
            if name.startswith("blobs/"):
                self.assertEqual(name, f"blobs/sha256/{hashlib.sha256(content).hexdigest()}")

        def blob(descriptor: dict[str, Any]) -> bytes:
            content = contents[f"blobs/{descriptor['digest'].replace(':', '/')}"]
            self.assertEqual(descriptor["size"], len(content))
            return content

        (stored,) = json.loads(contents["index.json"])["manifests"]
        manifest = json.loads(blob(stored))
        config = json.loads(blob(manifest["config"]))
        (layer,) = manifest["layers"]
        self.assertEqual([layer["digest"]], config["rootfs"]["diff_ids"])
        with tarfile.open(fileobj=io.BytesIO(blob(layer))) as inner:
            return config, {one.name: one for one in inner}

    def test_the_image_is_what_its_dockerfile_says(self) -> None:
        self.build(DOCKERFILE)
        config, files = self.read()
        self.assertEqual(("linux", "amd64"), (config["os"], config["architecture"]))
        expected = {
            "Env": ["RELEASE=1", "GREETING=good day"],
            "Labels": {"of": "web"},
            "User": "5678",
            "WorkingDir": "/srv",
            "ExposedPorts": {"5000/tcp": {}, "6000/udp": {}},
            "Entrypoint": ["/web", "--quiet"],
        }
        self.assertEqual(expected, config["config"])
        modes = {name: one.mode for name, one in files.items()}
        there = {"srv": 0o755, "srv/pages": 0o755, "web": 0o755}
        there |= {"srv/pages/page.html": 0o644, "srv/pages/more.txt": 0o644}
        self.assertEqual(there, modes)
        self.assertEqual({(0, 0, 0)}, {(one.uid, one.gid, one.mtime) for one in files.values()})

    def test_the_same_files_are_the_same_archive_and_another_release_is_another(self) -> None:
        self.build(DOCKERFILE)
        first = self.archive.read_bytes()
        for name in ("web", "page.html"):
            os.utime(self.folder / name, (1, 1))
        self.build(DOCKERFILE)
        self.assertEqual(first, self.archive.read_bytes())
        self.build(DOCKERFILE + "ENV RELEASE=2\n")
        second = self.archive.read_bytes()
        self.assertNotEqual(first, second)
        self.build(DOCKERFILE, "--env", "RELEASE=2")
        self.assertEqual(second, self.archive.read_bytes())
        self.assertEqual(["RELEASE=2", "GREETING=good day"], self.read()[0]["config"]["Env"])

    def test_a_file_of_this_machine_comes_along(self) -> None:
        loader = self.folder / "page.html"
        self.build(DOCKERFILE, "--add", f"{loader}=/lib64/ld.so", "--architecture", "arm64")
        config, files = self.read()
        self.assertEqual("arm64", config["architecture"])
        self.assertEqual(3, files["lib64/ld.so"].size)

    def test_what_is_not_known_is_refused(self) -> None:
        for line, why in (
            ("RUN make", "RUN is not known here"),
            ("ENTRYPOINT /web", "/web is no list of words in JSON"),
            ("ENV A", "A is no list of NAME=VALUE"),
            ("COPY --from=build /web /", "COPY --from=build /web / is not known here"),
            ("COPY none /", "COPY none: there is no such file"),
            ("COPY ../web.tar /", "there is no such file"),
        ):
            self.assertIn(why, self.build(f"FROM scratch\n{line}\n"), line)
        for dockerfile in ("", "FROM debian:13\n"):
            self.assertIn("it does not begin with FROM scratch", self.build(dockerfile))
        self.assertFalse(self.archive.exists())


if __name__ == "__main__":
    unittest.main()
