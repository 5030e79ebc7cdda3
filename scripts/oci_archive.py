#!/usr/bin/env python3
"""Builds a small image without an engine, as an OCI archive.

    python3 scripts/oci_archive.py DIRECTORY ARCHIVE [--architecture amd64]
                                   [--add FILE=PATH]... [--env NAME=VALUE]...

DIRECTORY has a Dockerfile that begins with `FROM scratch`. Only what needs nothing to be run is
known of it: COPY of files, ENV, LABEL, USER, WORKDIR, EXPOSE, and ENTRYPOINT and CMD as JSON lists;
anything else is refused. --add puts a file of this machine into the image, --env sets a variable.
The same files make the same archive, byte for byte, on every machine.
"""

import argparse
import hashlib
import io
import json
import os
import posixpath
import re
import shlex
import sys
import tarfile
from pathlib import Path
from typing import Any

MEDIA = "application/vnd.oci.image"


class Unknown(Exception):
    """The Dockerfile says what is not known here."""


class Image:
    """What a Dockerfile says: the files by their paths in the image, and the configuration."""

    def __init__(self, context: Path) -> None:
        self.context = context
        self.files: dict[str, Path] = {}
        self.config: dict[str, Any] = {}
        text = re.sub(r"\\\n", " ", (context / "Dockerfile").read_text())
        lines = [line.strip() for line in text.splitlines()]
        lines = [line for line in lines if line and not line.startswith("#")]
        if not lines or lines[0].lower().split() != ["from", "scratch"]:
            raise Unknown("it does not begin with FROM scratch")
        for line in lines[1:]:
            self.follow(*(line.split(None, 1) + [""])[:2])

    def follow(self, instruction: str, rest: str) -> None:
        match instruction.upper():
            case "COPY":
                self.copy(shlex.split(rest))
            case "ENV":
                self.set(pairs(rest))
            case "LABEL":
                self.config.setdefault("Labels", {}).update(pairs(rest))
            case "EXPOSE":
                ports = (port if "/" in port else f"{port}/tcp" for port in rest.split())
                self.config.setdefault("ExposedPorts", {}).update({port: {} for port in ports})
            case "USER":
                self.config["User"] = rest
            case "WORKDIR":
                self.config["WorkingDir"] = rest
            case "ENTRYPOINT" | "CMD":
                self.config[instruction.capitalize()] = words(rest)
            case _:
                raise Unknown(f"{instruction} is not known here")

    def set(self, variables: list[tuple[str, str]]) -> None:
        env = dict(one.split("=", 1) for one in self.config.get("Env", []))
        self.config["Env"] = [f"{name}={value}" for name, value in (env | dict(variables)).items()]

    def copy(self, names: list[str]) -> None:
        if len(names) < 2 or names[0].startswith("--"):
            raise Unknown(f"COPY {shlex.join(names)} is not known here")
        *sources, to = names
        for name in sources:
            source = self.context / name
            if not source.resolve().is_relative_to(self.context.resolve()) or not source.is_file():
                raise Unknown(f"COPY {name}: there is no such file in {self.context}")
            whole = to.endswith("/") or len(sources) > 1
            self.add(source, posixpath.join(to, source.name) if whole else to)

    def add(self, source: Path, to: str) -> None:
        self.files[posixpath.normpath(f"/{to}").lstrip("/")] = source


def pairs(text: str) -> list[tuple[str, str]]:
    found = [word.partition("=") for word in shlex.split(text)]
    if not all(name and equals for name, equals, _ in found):
        raise Unknown(f"{text} is no list of NAME=VALUE")
    return [(name, value) for name, _, value in found]


def words(text: str) -> list[str]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        raise Unknown(f"{text} is no list of words in JSON, and there is no shell to read it")
    return found


def tar(contents: dict[str, tuple[bytes, int]]) -> bytes:
    """A tar file of files, by path, each with its mode; owned by root, of no time."""
    folders = {str(parent) for name in contents for parent in Path(name).parents} - {"."}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(folders | contents.keys()):
            entry = tarfile.TarInfo(name)
            content, entry.mode = contents.get(name, (b"", 0o755))
            entry.type = tarfile.DIRTYPE if name in folders else tarfile.REGTYPE
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def layer(files: dict[str, Path]) -> bytes:
    def mode(file: Path) -> int:
        return 0o755 if file.stat().st_mode & 0o100 else 0o644

    return tar({name: (file.read_bytes(), mode(file)) for name, file in files.items()})


def archive(image: Image, architecture: str) -> bytes:
    """The layer is not compressed: compressed bytes differ from one zlib to the next."""
    blobs: dict[str, tuple[bytes, int]] = {}

    def put(content: bytes, kind: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = content, 0o644
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}

    files = put(layer(image.files), f"{MEDIA}.layer.v1.tar")
    config = {
        "created": "1970-01-01T00:00:00Z",
        "architecture": architecture,
        "os": "linux",
        "config": image.config,
        "rootfs": {"type": "layers", "diff_ids": [files["digest"]]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{MEDIA}.manifest.v1+json",
        "config": put(json.dumps(config).encode(), f"{MEDIA}.config.v1+json"),
        "layers": [files],
    }
    stored = put(json.dumps(manifest).encode(), f"{MEDIA}.manifest.v1+json")
    index = {"schemaVersion": 2, "mediaType": f"{MEDIA}.index.v1+json", "manifests": [stored]}
    blobs["index.json"] = json.dumps(index).encode(), 0o644
    blobs["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}', 0o644
    return tar(blobs)


def main() -> None:
    parser = argparse.ArgumentParser(description="Build an image without an engine")
    parser.add_argument("directory", type=Path)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--architecture", default="amd64", help="amd64 (default) or arm64")
    parser.add_argument("--add", action="append", default=[], metavar="FILE=PATH")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    args = parser.parse_args()
    try:
        image = Image(args.directory)
        for source, _, to in (one.partition("=") for one in args.add):
            image.add(Path(source), to or source)
        for variable in args.env:
            image.set(pairs(shlex.quote(variable)))
        content = archive(image, args.architecture)
        args.archive.parent.mkdir(parents=True, exist_ok=True)
        # Who reads the old one now goes on with it.
        new = args.archive.with_name(f"{args.archive.name}.{os.getpid()}")
        new.write_bytes(content)
        new.replace(args.archive)
    except Unknown as unknown:
        sys.exit(f"oci_archive: {args.directory / 'Dockerfile'}: {unknown}")
    except OSError as fault:
        sys.exit(f"oci_archive: {fault}")


if __name__ == "__main__":
    main()
