"""The pretended GitHub: every repository exists, with a tiny Dockerfile on its branch main.

A repository whose name begins with `empty` has no commit yet, and none ends in `.git`.
POST /_local/push makes commits; a new branch begins with the files of main.
"""

import hashlib
import re
import zipfile
from io import BytesIO
from typing import Any, NamedTuple

from moto.core.utils import utcnow
from moto.moto_api._internal import mock_random

DOCKERFILE = "FROM public.ecr.aws/docker/library/busybox:1\nCOPY index.html /www/index.html\n"
FILES = {"Dockerfile": DOCKERFILE, "index.html": "<h1>It works</h1>\n"}


class Commit(NamedTuple):
    id: str
    message: str
    date: str
    files: dict[str, str]


repositories: dict[str, dict[str, list[Commit]]] = {}


def branches(repository: str) -> dict[str, list[Commit]]:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise ValueError(f"{repository} is no OWNER/NAME")
    if repository.lower().endswith(".git"):
        return {}
    if repository not in repositories:
        id = hashlib.sha1(repository.encode(), usedforsecurity=False).hexdigest()
        first = Commit(id, "Initial commit", "2024-01-01T00:00:00Z", FILES)
        is_empty = repository.split("/")[1].startswith("empty")
        repositories[repository] = {} if is_empty else {"main": [first]}
    return repositories[repository]


def commit_of(repository: str, branch: str, id: str = "") -> Commit | None:
    """The tip of a branch, or another commit of it by its id."""
    commits = branches(repository).get(branch, [])
    return next((one for one in reversed(commits) if id in ("", one.id)), None)


def push(
    repository: str,
    branch: str,
    files: dict[str, Any] | None = None,
    message: str = "Change",
    commit: str | None = None,
) -> Commit:
    """Add a commit: the files before it, with those given in their place; None deletes one."""
    id = commit or mock_random.get_random_hex(40)
    if not re.fullmatch(r"[0-9a-f]{40}", id):
        raise ValueError(f"{id} is no commit: 40 hex digits")
    if repository.lower().endswith(".git"):
        raise ValueError(f"{repository}: no repository ends in .git")
    there = branches(repository)
    before = there.get(branch) or there.get("main") or []
    after = (before[-1].files if before else {}) | (files or {})
    kept = {name: text for name, text in after.items() if text is not None}
    new = Commit(id, message, f"{utcnow():%Y-%m-%dT%H:%M:%SZ}", kept)
    there[branch] = [*before, new]
    return new


def packed(commit: Commit) -> bytes:
    """The files of a commit as a zip."""
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in sorted(commit.files.items()):
            file.writestr(name, text)
    return archive.getvalue()
