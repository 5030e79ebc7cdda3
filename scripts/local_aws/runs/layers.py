"""The layers and configurations of the images in the local ECR, as files on disk.

A repository is moto's, and has a folder of its own. A layer has its digest for a name there from
the moment that all of it has come; until then it is an `Upload`. `blob` is its file, for whoever
runs an image. A layer that no image of its repository names is removed when an image is deleted,
but not while a push counts on it, and all of a repository goes with the repository.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..ground.folder import kept

if TYPE_CHECKING:  # __main__ imports this before it has said how moto is to start
    from moto.ecr.models import Repository

#: For how long, in seconds, a push may do nothing. Then its upload is forgotten, and what it has
#: found or uploaded may go.
PATIENCE = 3600


class Gone(Exception):
    """An upload has ended, or its repository has been deleted meanwhile."""


class Upload:
    """A layer on its way. One request at a time adds to it, all that it brings or nothing."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.size = 0
        self.digest = hashlib.sha256()
        self.taking = threading.Lock()
        self.touched = time.monotonic()
        file.touch()

    def add(self, pieces: Iterable[bytes], length: int | None = None) -> bool:
        """Whether so many bytes have come as were announced; if not, none of them counts."""
        size, digest = self.size, self.digest.copy()
        try:
            file = self.file.open("r+b")
        except FileNotFoundError as fault:
            raise Gone from fault
        with file:
            file.seek(size)
            try:
                for piece in pieces:
                    file.write(piece)
                    digest.update(piece)
                    size += len(piece)
                    self.touched = time.monotonic()
                file.flush()
            except BaseException:
                file.truncate(self.size)
                raise
            if length not in (None, size - self.size):
                file.truncate(self.size)
                return False
        self.size, self.digest = size, digest
        return True


class Layers:
    """The layers of all repositories."""

    def __init__(self) -> None:
        self.guard = threading.RLock()
        self.root: Path | None = None
        self.ended = False
        self.uploads: dict[tuple[str, str], Upload] = {}
        #: What pushes count on that no image names yet, and since when.
        self.claims: dict[tuple[str, str], float] = {}

    def folder(self, repository: Repository) -> Path:
        with self.guard:
            if self.root is None:
                if self.ended:
                    raise Gone
                self.root = kept.part("registry")
            return self.root / key(repository)

    def file(self, repository: Repository, digest: str) -> Path:
        return self.folder(repository) / digest.removeprefix("sha256:")

    def claim(self, repository: Repository, digest: str) -> Path | None:
        """The file of a layer on which a push counts from now on; None where it is not there."""
        with self.guard:
            file = self.file(repository, digest)
            if not file.is_file():
                return None
            self.claims[key(repository), digest] = time.monotonic()
            return file

    def settle(self, repository: Repository, digests: Iterable[str]) -> None:
        """They are an image's now, and no longer a push's."""
        with self.guard:
            for digest in digests:
                self.claims.pop((key(repository), digest), None)

    def begin(self, repository: Repository) -> str:
        """The id of a new upload."""
        with self.guard:
            if self.ended:
                raise Gone
            old = time.monotonic() - PATIENCE
            for name, upload in list(self.uploads.items()):
                if upload.touched < old:
                    del self.uploads[name]
                    upload.file.unlink(missing_ok=True)
            id = str(uuid.uuid4())
            folder = self.folder(repository) / "uploads"
            folder.mkdir(parents=True, exist_ok=True)
            self.uploads[key(repository), id] = Upload(folder / id)
            return id

    def upload(self, repository: Repository, id: str) -> Upload:
        if upload := self.uploads.get((key(repository), id)):
            return upload
        raise Gone

    def finish(self, repository: Repository, id: str, digest: str) -> bool:
        """Ends an upload. Whether it has this digest; if not, it is removed."""
        with self.guard:
            upload = self.upload(repository, id)
            del self.uploads[key(repository), id]
            if f"sha256:{upload.digest.hexdigest()}" != digest:
                upload.file.unlink(missing_ok=True)
                return False
            try:
                os.replace(upload.file, self.file(repository, digest))
            except FileNotFoundError as fault:
                raise Gone from fault
            self.claims[key(repository), digest] = time.monotonic()
            return True

    def keep(self, repository: Repository, named: set[str]) -> None:
        """Removes the layers of a repository that are not named, and on which no push counts."""
        with self.guard:
            folder = self.folder(repository)
            old = time.monotonic() - PATIENCE
            self.claims = {name: since for name, since in self.claims.items() if since >= old}
            for file in folder.glob("?" * 64):
                digest = f"sha256:{file.name}"
                if digest not in named and (key(repository), digest) not in self.claims:
                    file.unlink(missing_ok=True)

    def forget(self, repository: Repository) -> None:
        """Removes all of a repository, uploads included."""
        with self.guard:
            own = key(repository)
            self.uploads = {name: one for name, one in self.uploads.items() if name[0] != own}
            self.claims = {name: since for name, since in self.claims.items() if name[0] != own}
            shutil.rmtree(self.folder(repository), ignore_errors=True)

    def clear(self) -> None:
        """Removes everything. It waits for no lock."""
        root, self.root = self.root, None
        self.uploads, self.claims = {}, {}
        if root:
            with contextlib.suppress(OSError):
                # Whoever is just writing finds no folder any more in which to make a file.
                root = root.rename(f"{root}.gone")
            shutil.rmtree(root, ignore_errors=True)

    def end(self) -> None:
        """Takes nothing more: the folder goes. May be called in a signal handler."""
        self.ended = True


layers = Layers()


def blob(repository: Repository, digest: str) -> Path | None:
    """The file of a layer, or of a configuration; None where it has not been pushed."""
    if layers.root is None:
        return None
    file = layers.file(repository, digest)
    return file if file.is_file() else None


def key(repository: Repository) -> str:
    """The name of its folder. A repository that is made again gets another one."""
    return repository.__dict__.setdefault("stored", uuid.uuid4().hex)
