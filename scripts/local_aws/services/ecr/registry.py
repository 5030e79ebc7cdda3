"""The registry of ECR, with which docker and the like speak: /v2/ on the local AWS.

A token of GetAuthorizationToken opens the repositories of its account and region. Layers are kept
by a docker-registry (runs/docker_registry.py); they are streamed to it and from it without the
lock. A manifest is put there first, because it refuses one whose layers are missing, and then
becomes an image of ECR: only ECR knows which images there are, and their tags. Without a
docker-registry there are no layers, and a request to store one is refused with the reason.

As in ECR, a request for a layer is redirected to a signed address of S3: here to /_layers/ on
another name of this host. As in S3, that refuses a request with a second signature. Simplified:
no layer is ever removed.
"""

import base64
import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.utils import utcnow
from moto.ecr.models import Repository, ecr_backends

from ...ground import clock
from ...ground.lock import lock
from ...runs import docker_registry

WHAT = re.compile(
    r"/v2/(?P<repository>.+)/"
    r"(?:manifests/(?P<manifest>[^/]+)|blobs/(?P<blob>sha256:[0-9a-f]{64})"
    r"|blobs/(?P<upload>uploads/[^/]*)|tags/(?P<tags>list))"
)
# The permission that each needs.
ACTIONS = {
    ("manifest", "GET"): "BatchGetImage",
    ("manifest", "HEAD"): "BatchGetImage",
    ("manifest", "PUT"): "PutImage",
    ("blob", "GET"): "GetDownloadUrlForLayer",
    ("blob", "HEAD"): "BatchCheckLayerAvailability",
    ("upload", "POST"): "InitiateLayerUpload",
    ("upload", "PATCH"): "UploadLayerPart",
    ("upload", "PUT"): "CompleteLayerUpload",
    ("tags", "GET"): "ListImages",
}
PASSED_ON = (
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "Range",
    "Docker-Content-Digest",
    "Docker-Upload-UUID",
)
TOKEN_HOURS = 12
MANIFEST_LIMIT = 4 * 1024 * 1024
PIECE = 64 * 1024

#: After how many requests a token expires; None: after its twelve hours.
token_requests: int | None = None
_tokens: dict[str, "Token"] = {}
_signed: dict[str, str] = {}

Answer = tuple[str, dict[str, str], Any]


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


class Refused(Exception):
    """An answer in the registry's own form of an error."""

    def __init__(self, status: str, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def action(environ: dict[str, Any]) -> str | None:
    """The permission that a request needs; None for the login, and for unknown requests."""
    what = WHAT.fullmatch(environ["PATH_INFO"])
    return ACTIONS.get((what.lastgroup or "", environ["REQUEST_METHOD"])) if what else None


def answer(environ: dict[str, Any]) -> Answer:
    """Status, headers and the parts of the body. The request's body is read to its end."""
    body = read(environ)
    try:
        if environ["PATH_INFO"].startswith("/_layers/"):
            return layer(environ)
        return handle(environ, body)
    except Refused as refused:
        return told(refused.status, refused.code, str(refused))
    except docker_registry.Unavailable as fault:
        if environ["REQUEST_METHOD"] == "HEAD":  # its answer has no body, and could not say why
            return told("404 NOT FOUND", "BLOB_UNKNOWN", str(fault))
        return told("405 METHOD NOT ALLOWED", "UNSUPPORTED", str(fault))
    finally:
        for _ in body:
            pass


def told(status: str, code: str, message: str) -> Answer:
    text = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return status, {"Content-Type": "application/json", "Content-Length": str(len(text))}, [text]


def read(environ: dict[str, Any]) -> Iterator[bytes]:
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
            tags = sorted(tag for image in repository.images for tag in image.image_tags)
            return found("application/json", json.dumps({"name": name, "tags": tags}).encode())
        if what["manifest"] and method != "PUT":
            return manifest(repository, what["manifest"])
    if what["manifest"]:
        return put_manifest(environ, token, repository, what["manifest"], body)
    if what["blob"] and method == "GET":
        return redirect(environ, f"{stored(repository)}/blobs/{what['blob']}")
    query = environ.get("QUERY_STRING", "")
    if method == "POST":
        query = ""  # a layer of another repository is not taken over: it is to be uploaded
    target = f"{stored(repository)}/{path.removeprefix(f'/v2/{name}/')}"
    told = pass_on(environ, method, f"{target}?{query}" if query else target, body)
    headers = passed_on(told)
    if where := told.headers["Location"]:
        local = where.replace(stored(repository), f"/v2/{name}", 1)
        headers["Location"] = f"http://{environ['HTTP_HOST']}{local}"
    return f"{told.status} {told.reason}", headers, iter(lambda: told.read(PIECE), b"")


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


def stored(repository: Repository) -> str:
    """Its name in the docker-registry. A repository that is made again gets another one."""
    return f"/v2/{repository.__dict__.setdefault('stored', uuid.uuid4().hex)}"


def found(kind: str, text: bytes, digest: str = "") -> Answer:
    headers = {"Content-Type": kind, "Content-Length": str(len(text))}
    return "200 OK", headers | ({"Docker-Content-Digest": digest} if digest else {}), [text]


def manifest(repository: Repository, reference: str) -> Answer:
    for image in repository.images:
        if reference in (image.get_image_digest(), *image.image_tags):
            text = image.get_image_manifest().encode()
            return found(image.image_manifest_media_type or "", text, image.get_image_digest())
    raise Refused("404 NOT FOUND", "MANIFEST_UNKNOWN", "Requested image not found")


def redirect(environ: dict[str, Any], target: str) -> Answer:
    told = pass_on(environ, "HEAD", target, iter(()))
    if told.status != 200:
        raise Refused("404 NOT FOUND", "BLOB_UNKNOWN", "The layer does not exist.")
    signature = uuid.uuid4().hex
    _signed[signature] = target
    where = f"http://localhost:{os.environ['MOTO_PORT']}/_layers/{target.rpartition(':')[2]}"
    query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=3600&X-Amz-Signature={signature}"
    headers = {"Location": f"{where}?{query}", "Content-Length": "0"}
    return "307 TEMPORARY REDIRECT", headers, []


def layer(environ: dict[str, Any]) -> Answer:
    """The answer of S3 under the signed address of a layer."""
    target = _signed.get(environ.get("QUERY_STRING", "").rpartition("=")[2])
    if target is None:
        raise Refused("403 FORBIDDEN", "AccessDenied", "Access Denied")
    if "HTTP_AUTHORIZATION" in environ:
        raise Refused(
            "400 BAD REQUEST",
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
            "query string parameter or the Authorization header should be specified",
        )
    told = pass_on(environ, environ["REQUEST_METHOD"], target, iter(()))
    return f"{told.status} {told.reason}", passed_on(told), iter(lambda: told.read(PIECE), b"")


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
    by_digest = reference.startswith("sha256:")
    wanted = (
        reference if by_digest else digest
    )  # the docker-registry refuses a digest that does not fit
    told = pass_on(environ, "PUT", f"{stored(repository)}/manifests/{wanted}", iter([text]))
    refusal = told.read()
    if told.status != 201:
        return f"{told.status} {told.reason}", passed_on(told), [refusal]
    with lock:
        repository_of(token, repository.name)  # it may have been deleted meanwhile
        try:
            images: Any = ecr_backends[token.account][token.region]
            images.put_image(
                repository.name,
                text.decode(),
                None if by_digest else reference,
                environ.get("CONTENT_TYPE"),
                digest,
            )
        except ServiceException as refused:
            if refused.code != "ImageAlreadyExistsException":  # that one is as good as pushed
                taken = refused.code == "ImageTagAlreadyExistsException"
                code = "TAG_INVALID" if taken else "MANIFEST_INVALID"
                raise Refused("400 BAD REQUEST", code, refused.message) from None
    where = f"http://{environ['HTTP_HOST']}/v2/{repository.name}/manifests/{digest}"
    headers = {"Location": where, "Docker-Content-Digest": digest, "Content-Length": "0"}
    return "201 CREATED", headers, []


def pass_on(environ: dict[str, Any], method: str, target: str, body: Iterator[bytes]) -> Any:
    names = ("CONTENT_TYPE", "HTTP_CONTENT_RANGE", "HTTP_RANGE", "HTTP_ACCEPT")
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").title(): environ[name]
        for name in names
        if environ.get(name)
    }
    if method in ("GET", "HEAD"):
        return docker_registry.ask(method, target, headers, None)
    if environ.get("wsgi.input_terminated"):
        headers["Transfer-Encoding"] = "chunked"
    else:
        headers["Content-Length"] = environ.get("CONTENT_LENGTH") or "0"
    return docker_registry.ask(method, target, headers, body)


def passed_on(told: Any) -> dict[str, str]:
    return {key: told.headers[key] for key in PASSED_ON if key in told.headers}
