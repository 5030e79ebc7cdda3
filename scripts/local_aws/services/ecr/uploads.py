"""Uploads of layers, as in https://github.com/opencontainers/distribution-spec: begun by POST, in
pieces by PATCH, ended by PUT; or all of a layer comes with the PUT, or with the POST.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from moto.ecr.models import Repository

from ...runs.layers import Gone, Upload, layers
from .manifests import DIGEST
from .refused import Answer, Refused

RANGE = re.compile(r"(?:bytes[ =])?(\d{1,18})-(\d{1,18})(?:/(?:\d+|\*))?", re.ASCII)


class Request(NamedTuple):
    """A request for an upload that is there."""

    environ: dict[str, Any]
    repository: Repository
    id: str
    upload: Upload
    body: Iterator[bytes]

    def url(self, what: str) -> str:
        return f"http://{self.environ['HTTP_HOST']}/v2/{self.repository.name}/blobs/{what}"

    def progress(self) -> dict[str, str]:
        """Where it goes on. Nothing at all is told as 0-0 too, as other registries do."""
        return {
            "Location": self.url(f"uploads/{self.id}"),
            "Range": f"0-{max(self.upload.size - 1, 0)}",
            "Docker-Upload-UUID": self.id,
        }


def answer(
    environ: dict[str, Any], repository: Repository, id: str, body: Iterator[bytes]
) -> Answer:
    """Answers a request for an upload; a POST begins one."""
    method = environ["REQUEST_METHOD"]
    digest = parse_qs(environ.get("QUERY_STRING", "")).get("digest", [""])[0]
    if method == "PUT" and not digest:
        raise Refused("400 BAD REQUEST", "DIGEST_INVALID", "the digest is missing")
    if digest and not DIGEST.fullmatch(digest):
        raise Refused("400 BAD REQUEST", "DIGEST_INVALID", "the digest is none of sha256", [digest])
    try:
        if method == "POST" and not id:
            id = layers.begin(repository)
        request = Request(environ, repository, id, layers.upload(repository, id), body)
        if method == "GET":
            return "204 NO CONTENT", request.progress(), []
        if method == "PUT" or (method == "POST" and digest):
            return end(request, digest)
        if method == "PATCH":
            with request.upload.taking:
                take(request)
        return "202 ACCEPTED", request.progress() | {"Content-Length": "0"}, []
    except Gone:
        raise Refused("404 NOT FOUND", "BLOB_UPLOAD_UNKNOWN", "there is no such upload") from None


def take(request: Request) -> None:
    """Adds what a request brings. If it says which bytes those are, they must be the next ones."""
    length = None
    if told := request.environ.get("HTTP_CONTENT_RANGE"):
        here = request.upload.size
        found = RANGE.fullmatch(told)
        if not found or int(found[1]) != here or int(found[2]) < here:
            refused = Refused(
                "416 REQUESTED RANGE NOT SATISFIABLE",
                "BLOB_UPLOAD_INVALID",
                f"{told} does not follow the {here} bytes that are here",
            )
            refused.headers = request.progress()
            raise refused
        length = int(found[2]) - here + 1
    if not request.upload.add(request.body, length):
        raise Refused("400 BAD REQUEST", "SIZE_INVALID", f"not so many bytes came as {told} says")


def end(request: Request, digest: str) -> Answer:
    with request.upload.taking:
        take(request)
        if not layers.finish(request.repository, request.id, digest):
            message = "the digest does not match what was uploaded"
            raise Refused("400 BAD REQUEST", "DIGEST_INVALID", message, [digest])
    headers = {"Location": request.url(digest), "Docker-Content-Digest": digest}
    return "201 CREATED", headers | {"Content-Length": "0"}, []
