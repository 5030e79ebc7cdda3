"""The registry of ECR, with which docker and the like speak: /v2/ on the local AWS.

A token of GetAuthorizationToken opens the repositories of its account and region. Layers are
files (runs/layers.py), which are streamed without the lock. A manifest whose layers are missing is
refused; else it becomes an image of ECR, which alone knows which images there are, and their tags.

As in ECR, a request for a layer is redirected to a signed address of S3: here to /_layers/ on
another name of this host. As in S3, that refuses a request with a second signature.
"""

import base64
import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

from moto.core.exceptions import ServiceException
from moto.core.utils import utcnow
from moto.ecr.models import Repository, ecr_backends
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.utils import send_file

from ...ground import clock
from ...ground.lock import lock
from ...runs.layers import blob, layers
from . import uploads
from .manifests import DIGEST, Invalid, Manifest, read
from .refused import Answer, Refused

WHAT = re.compile(
    r"/v2/(?P<repository>.+)/"
    r"(?:manifests/(?P<manifest>[^/]+)|blobs/(?P<blob>[^/:]+:[^/]+)"
    r"|blobs/(?P<upload>uploads/[^/]*)|tags/(?P<tags>list))"
)
# The permission that each needs.
ACTIONS = {
    ("manifest", "GET"): "BatchGetImage",
    ("manifest", "HEAD"): "BatchGetImage",
    ("manifest", "PUT"): "PutImage",
    ("blob", "GET"): "GetDownloadUrlForLayer",
    ("blob", "HEAD"): "BatchCheckLayerAvailability",
    ("upload", "GET"): "BatchCheckLayerAvailability",
    ("upload", "POST"): "InitiateLayerUpload",
    ("upload", "PATCH"): "UploadLayerPart",
    ("upload", "PUT"): "CompleteLayerUpload",
    ("tags", "GET"): "ListImages",
}
TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
ONE_RANGE = re.compile(r"bytes=(\d+-\d*|-\d+)", re.ASCII)
TOKEN_HOURS = 12
MANIFEST_LIMIT = 4 * 1024 * 1024
PIECE = 64 * 1024

#: After how many requests a token expires; None: after its twelve hours.
token_requests: int | None = None
_tokens: dict[str, "Token"] = {}
#: The file of a layer, by the signature of an address that leads to it.
_signed: dict[str, Path] = {}


class Token:
    """The account and region that a password opens."""

    def __init__(self, account: str, region: str) -> None:
        self.account = account
        self.region = region
        self.expires = utcnow() + timedelta(hours=TOKEN_HOURS)
        self.requests = 0


def give_token(account: str, region: str) -> tuple[str, Token]:
    password = base64.b64encode(uuid.uuid4().hex.encode() * 8).decode()
    _tokens[password] = Token(account, region)
    return password, _tokens[password]


def action(environ: dict[str, Any]) -> str | None:
    """The permission that a request needs; None for the login, and for unknown requests."""
    what = WHAT.fullmatch(environ["PATH_INFO"])
    return ACTIONS.get((what.lastgroup or "", environ["REQUEST_METHOD"])) if what else None


def answer(environ: dict[str, Any]) -> Answer:
    """Status, headers and the parts of the body. The request's body is read to its end."""
    body = incoming(environ)
    try:
        if environ["PATH_INFO"].startswith("/_layers/"):
            return layer(environ)
        return handle(environ, body)
    except Refused as refused:
        return refused.answer()
    except ConnectionError:
        raise
    except OSError as fault:  # as a full disk
        return Refused("500 INTERNAL SERVER ERROR", "UNKNOWN", str(fault)).answer()
    finally:
        for _ in body:
            pass


def incoming(environ: dict[str, Any]) -> Iterator[bytes]:
    """The body of a request, as it comes."""
    if environ.get("wsgi.input_terminated"):
        while piece := environ["wsgi.input"].read(PIECE):
            yield piece
        return
    left = int(environ.get("CONTENT_LENGTH") or 0)
    while left:
        piece = environ["wsgi.input"].read(min(PIECE, left))
        if not piece:
            raise ConnectionAbortedError("the body ended early")
        left -= len(piece)
        yield piece


def handle(environ: dict[str, Any], body: Iterator[bytes]) -> Answer:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    token = token_of(environ.get("HTTP_AUTHORIZATION", ""))
    if token is None:
        challenge = f'Basic realm="http://{environ["HTTP_HOST"]}/",service="ecr.amazonaws.com"'
        headers = {"WWW-Authenticate": challenge, "Content-Type": "text/plain; charset=utf-8"}
        return "401 UNAUTHORIZED", headers | {"Content-Length": "15"}, [b"Not Authorized\n"]
    if path == "/v2/":
        return "200 OK", {"Content-Type": "text/plain", "Content-Length": "0"}, []
    what = WHAT.fullmatch(path)
    if not what or (what.lastgroup, method) not in ACTIONS:
        raise Refused("405 METHOD NOT ALLOWED", "UNSUPPORTED", f"no {method} {path} in ECR")
    name = what["repository"]
    with lock:
        clock.run_due()
        repository = repository_of(token, name)
        if what["tags"]:
            return list_tags(repository, parse_qs(environ.get("QUERY_STRING", "")))
        if what["manifest"] and method != "PUT":
            return manifest(repository, what["manifest"])
    if what["manifest"]:
        return put_manifest(environ, token, repository, what["manifest"], body)
    if what["upload"]:
        # A layer of another repository is not taken over: it is to be uploaded.
        id = what["upload"].removeprefix("uploads/")
        return uploads.answer(environ, repository, id, body)
    if not DIGEST.fullmatch(what["blob"]):
        raise Refused("400 BAD REQUEST", "DIGEST_INVALID", "This is no digest.", [what["blob"]])
    pushes = method == "HEAD"  # whoever pulls does not ask first
    find = layers.claim if pushes else blob
    file = find(repository, what["blob"])
    if file is None:
        raise Refused("404 NOT FOUND", "BLOB_UNKNOWN", "The layer does not exist.", [what["blob"]])
    if not pushes:
        return redirect(file, what["blob"])
    headers = {
        "Content-Length": str(file.stat().st_size),
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": what["blob"],
    }
    return "200 OK", headers, []


def token_of(authorization: str) -> Token | None:
    """The token of a login; None where there is no login."""
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(text).decode().partition(":")
    except ValueError:
        user = password = ""
    token = _tokens.get(password)
    if user != "AWS" or token is None:
        raise Refused("400 BAD REQUEST", "DENIED", "Your Authorization Token is invalid.")
    token.requests += 1
    used_up = token_requests is not None and token.requests > token_requests
    if used_up or token.expires < utcnow():
        message = "Your authorization token has expired. Reauthenticate and try again."
        raise Refused("403 FORBIDDEN", "DENIED", message)
    return token


def repository_of(token: Token, name: str) -> Repository:
    repositories = ecr_backends[token.account][token.region].repositories
    if name not in repositories:
        raise Refused(
            "404 NOT FOUND",
            "NAME_UNKNOWN",
            f"The repository with name '{name}' does not exist in the registry with id "
            f"'{token.account}'",
        )
    return repositories[name]


def list_tags(repository: Repository, query: dict[str, list[str]]) -> Answer:
    """The tags after `last`, at most `n` of them."""
    last, limit = query.get("last", [""])[0], query.get("n", [""])[0]
    tags = sorted(tag for image in repository.images for tag in image.image_tags if tag > last)
    shown = tags[: int(limit)] if limit.isdecimal() else tags
    status, headers, parts = found(
        "application/json", json.dumps({"name": repository.name, "tags": shown}).encode()
    )
    if shown and len(shown) < len(tags):
        next = urlencode({"last": shown[-1], "n": limit})
        headers["Link"] = f'</v2/{repository.name}/tags/list?{next}>; rel="next"'
    return status, headers, parts


def found(kind: str, text: bytes, digest: str = "") -> Answer:
    headers = {"Content-Type": kind, "Content-Length": str(len(text))}
    return "200 OK", headers | ({"Docker-Content-Digest": digest} if digest else {}), [text]


def manifest(repository: Repository, reference: str) -> Answer:
    for image in repository.images:
        if reference in (image.get_image_digest(), *image.image_tags):
            text = image.get_image_manifest().encode()
            return found(image.image_manifest_media_type or "", text, image.get_image_digest())
    raise Refused("404 NOT FOUND", "MANIFEST_UNKNOWN", "Requested image not found")


def redirect(file: Path, digest: str) -> Answer:
    signature = uuid.uuid4().hex
    _signed[signature] = file
    where = f"http://localhost:{os.environ['MOTO_PORT']}/_layers/{digest.removeprefix('sha256:')}"
    query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=3600&X-Amz-Signature={signature}"
    headers = {"Location": f"{where}?{query}", "Content-Length": "0"}
    return "307 TEMPORARY REDIRECT", headers, []


def layer(environ: dict[str, Any]) -> Answer:
    """The answer of S3 under the signed address of a layer."""
    file = _signed.get(environ.get("QUERY_STRING", "").rpartition("=")[2])
    if file is None or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        raise Refused("403 FORBIDDEN", "AccessDenied", "Access Denied")
    if "HTTP_AUTHORIZATION" in environ:
        raise Refused(
            "400 BAD REQUEST",
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
            "query string parameter or the Authorization header should be specified",
        )
    if not ONE_RANGE.fullmatch(environ.get("HTTP_RANGE", "")):
        environ.pop("HTTP_RANGE", None)  # S3 then sends all of it
    try:
        sent = send_file(file, environ, "application/octet-stream", etag=file.name)
    except FileNotFoundError:
        raise Refused("404 NOT FOUND", "NoSuchKey", "The specified key does not exist.") from None
    except RequestedRangeNotSatisfiable:
        message = "The requested range is not satisfiable"
        refused = Refused("416 REQUESTED RANGE NOT SATISFIABLE", "InvalidRange", message)
        refused.headers["Content-Range"] = f"bytes */{file.stat().st_size}"
        raise refused from None
    parts, status, headers = sent.get_wsgi_response(environ)
    return status, dict(headers), parts


def put_manifest(
    environ: dict[str, Any],
    token: Token,
    repository: Repository,
    reference: str,
    body: Iterator[bytes],
) -> Answer:
    text = b""
    for piece in body:
        text += piece
        if len(text) > MANIFEST_LIMIT:
            raise Refused("413 CONTENT TOO LARGE", "MANIFEST_INVALID", "The manifest is too large.")
    digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
    by_digest = ":" in reference  # which no tag has
    if by_digest and reference != digest:
        message = "the digest does not match the manifest"
        raise Refused("400 BAD REQUEST", "DIGEST_INVALID", message, [reference])
    if not by_digest and not TAG.fullmatch(reference):
        raise Refused("400 BAD REQUEST", "TAG_INVALID", "this is no tag", [reference])
    try:
        put = read(text, environ.get("CONTENT_TYPE", "").partition(";")[0].strip())
    except Invalid as invalid:
        message = f"the manifest is invalid: {invalid}"
        raise Refused("400 BAD REQUEST", "MANIFEST_INVALID", message) from None
    with lock:
        repository = repository_of(token, repository.name)  # it may have been deleted meanwhile
        check_parts(repository, put)
        try:
            images: Any = ecr_backends[token.account][token.region]
            tag = None if by_digest else reference
            images.put_image(repository.name, text.decode(), tag, put.media_type, digest)
        except ServiceException as refused:
            if refused.code != "ImageAlreadyExistsException":  # that one is as good as pushed
                taken = refused.code == "ImageTagAlreadyExistsException"
                code = "TAG_INVALID" if taken else "MANIFEST_INVALID"
                raise Refused("400 BAD REQUEST", code, refused.message) from None
        layers.settle(repository, put.layers)
    where = f"http://{environ['HTTP_HOST']}/v2/{repository.name}/manifests/{digest}"
    headers = {"Location": where, "Docker-Content-Digest": digest, "Content-Length": "0"}
    return "201 CREATED", headers, []


def check_parts(repository: Repository, put: Manifest) -> None:
    """Refuses a manifest that names what the repository does not have."""
    images = {image.get_image_digest() for image in repository.images}
    lacks = [digest for digest in put.layers if not layers.claim(repository, digest)]
    lacks += [digest for digest in put.images if digest not in images]
    if lacks:
        message = "blob unknown to registry"
        raise Refused("400 BAD REQUEST", "MANIFEST_BLOB_UNKNOWN", message, lacks)
