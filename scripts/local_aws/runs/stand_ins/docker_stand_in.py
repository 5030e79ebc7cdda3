"""docker without an engine: it builds nothing, but what it pushes is in the local ECR.

    docker login --username AWS --password-stdin HOST     the password must be ECR's
    docker build --tag REF [--file FILE] CONTEXT          also `docker buildx build`
    docker tag REF REF
    docker push REF                                       [--all-tags]
    docker pull REF                                       from ECR only
    docker inspect | docker image inspect [--format TEMPLATE] REF
    docker version

An image's id follows from the files of its context, its Dockerfile and its build arguments, and
its manifest from its id. A build fails where the Dockerfile is missing or has no FROM, where a
COPY finds nothing, and at a `RUN exit N` or `RUN false`; no other line is executed. Each
invocation is a line of $DOCKER_LOG where that is set. What is not in this list fails.
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from botocore.exceptions import ClientError
from ecr import client, opens

HOST = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
FLAGS = ("--pull", "--no-cache", "--quiet", "-q", "--load", "--push")
OPTIONS = (
    "--platform",
    "--provenance",
    "--sbom",
    "--progress",
    "--label",
    "--target",
    "--network",
    "--cache-from",
    "--cache-to",
    "--build-arg",
    "--attest",
)


def fail(message: str, status: int = 1) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(status)


# State between two calls


def folder() -> Path:
    """The folder of its state. Without DOCKER_CONFIG, each local AWS has one of its own."""
    at = hashlib.sha256(os.environ["AWS_ENDPOINT_URL"].encode()).hexdigest()[:12]
    path = os.environ.get("DOCKER_CONFIG") or f"{tempfile.gettempdir()}/local-aws-docker-{at}"
    Path(path).mkdir(parents=True, exist_ok=True)
    return Path(path)


def load(name: str) -> dict[str, Any]:
    file = folder() / name
    return json.loads(file.read_text()) if file.exists() else {}


def save(name: str, content: dict[str, Any]) -> None:
    (folder() / name).write_text(json.dumps(content))


def full(reference: str) -> str:
    """A reference with its tag."""
    if not re.fullmatch(r"[a-z0-9][\w.:/@-]*", reference, re.ASCII):
        fail(f"invalid reference format: {reference!r}")
    return reference if ":" in reference.rsplit("/", maxsplit=1)[-1] else f"{reference}:latest"


def image(images: dict[str, Any], reference: str) -> dict[str, Any]:
    for one in images.values():
        if full(reference) in one["RepoTags"] or reference in (one["Id"], *one["RepoDigests"]):
            return one
    fail(f"Error response from daemon: No such image: {reference}")


def put(images: dict[str, Any], id: str, references: list[str], size: int = 0) -> None:
    new = {"Id": id, "RepoTags": [], "RepoDigests": [], "Size": size}
    one = images.setdefault(id, new)
    for reference in references:
        for other in images.values():
            if reference in other["RepoTags"]:
                other["RepoTags"].remove(reference)
        one["RepoTags"].append(reference)
    save("images.json", images)


# Commands


def login(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="docker login")
    parser.add_argument("-u", "--username", required=True)
    parser.add_argument("--password-stdin", action="store_true", required=True)
    parser.add_argument("host")
    args = parser.parse_args(arguments)
    given = sys.stdin.read().strip()
    host = args.host.removeprefix("https://")
    known = HOST.fullmatch(host)
    if not known:
        fail(f"this stand-in only logs in to ECR, not to {host}")
    if args.username != "AWS" or not opens(given):
        fail(
            f"Error response from daemon: login attempt to https://{host}/v2/ failed with "
            "status: 400 Bad Request"
        )
    config = load("config.json")
    config.setdefault("auths", {})[host] = {}
    save("config.json", config)
    print("Login Succeeded")


def build(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="docker build")
    parser.add_argument("-t", "--tag", action="append", default=[])
    parser.add_argument("-f", "--file")
    parser.add_argument("--iidfile")
    for option in OPTIONS:
        parser.add_argument(option, action="append", default=[])
    for option in FLAGS:
        parser.add_argument(option, action="store_true")
    parser.add_argument("context")
    args = parser.parse_args(arguments)
    context = Path(args.context)
    if not context.is_dir():
        fail(f"ERROR: unable to prepare context: path {args.context!r} not found")
    dockerfile = Path(args.file) if args.file else context / "Dockerfile"
    if not dockerfile.is_file():
        fail(
            "ERROR: failed to build: failed to solve: failed to read dockerfile: open "
            f"{dockerfile.name}: no such file or directory"
        )
    check(dockerfile.read_text(), context)
    digest = hashlib.sha256(dockerfile.read_bytes())
    digest.update(repr((sorted(args.build_arg), args.target, args.platform)).encode())
    size = 0
    for file in sorted(context.rglob("*")):
        if file.is_file():
            content = file.read_bytes()
            size += len(content)
            digest.update(f"{file.relative_to(context)}\0{len(content)}\0".encode() + content)
    id = f"sha256:{digest.hexdigest()}"
    references = [full(one) for one in args.tag]
    put(load("images.json"), id, references, size)
    if args.iidfile:
        Path(args.iidfile).write_text(id)
    print(id if args.quiet or args.q else f"writing image {id}")
    for reference in references:
        if not (args.quiet or args.q):
            print(f"naming to {reference}")
        if args.push:
            push_one(reference)


def check(dockerfile: str, context: Path) -> None:
    lines = re.sub(r"\\\n", " ", dockerfile).splitlines()
    if not any(re.match(r"\s*FROM\s+\S", line, re.IGNORECASE) for line in lines):
        fail("ERROR: failed to build: failed to solve: no build stage in current context")
    for line in lines:
        words = line.split()
        if not words:
            continue
        if words[0].upper() == "RUN" and re.fullmatch(r"false|exit [1-9]\d*", " ".join(words[1:])):
            command = " ".join(words[1:])
            code = words[2] if len(words) > 2 else "1"
            fail(
                f'ERROR: failed to build: failed to solve: process "/bin/sh -c {command}" did not '
                f"complete successfully: exit code: {code}"
            )
        plain = [word for word in words[1:] if not word.startswith("--")]
        local = not any(word.startswith("--from") for word in words) and "[" not in line
        if words[0].upper() == "COPY" and local and "$" not in line and "<<" not in line:
            for source in plain[:-1]:
                if not is_there(context, source.lstrip("/")):
                    fail(
                        "ERROR: failed to build: failed to solve: failed to compute cache key: "
                        f'"/{source}": not found'
                    )


def is_there(context: Path, source: str) -> bool:
    return Path(source) == Path() or any(context.glob(source))


def tag(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="docker tag")
    parser.add_argument("source")
    parser.add_argument("target")
    args = parser.parse_args(arguments)
    images = load("images.json")
    put(images, image(images, args.source)["Id"], [full(args.target)])


def push(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="docker push")
    parser.add_argument("-a", "--all-tags", action="store_true")
    parser.add_argument("-q", "--quiet", action="store_true")
    parser.add_argument("reference")
    args = parser.parse_args(arguments)
    references = [full(args.reference)]
    if args.all_tags:
        tags = [one for image in load("images.json").values() for one in image["RepoTags"]]
        references = [one for one in tags if one.rpartition(":")[0] == args.reference]
    for reference in references:
        push_one(reference)


def registry(reference: str) -> tuple[str, str, str, Any]:
    """The host, repository and tag of a reference, and its ECR; the login must be there."""
    host, _, rest = reference.partition("/")
    known = HOST.fullmatch(host)
    if not known:
        fail(f"this stand-in only knows ECR, not the registry of {reference}")
    if host not in load("config.json").get("auths", {}):
        fail("no basic auth credentials")
    repository, _, tag = rest.rpartition(":")
    return host, repository, tag, client(known[2])


def push_one(reference: str) -> None:
    images = load("images.json")
    if not any(reference in one["RepoTags"] for one in images.values()):
        fail(f"An image does not exist locally with the tag: {reference.rpartition(':')[0]}")
    one = image(images, reference)
    host, repository, tag, ecr = registry(reference)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": 1024,
                "digest": one["Id"],
            },
            "layers": [
                {
                    "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                    "size": one["Size"],
                    "digest": f"sha256:{hashlib.sha256(one['Id'].encode()).hexdigest()}",
                }
            ],
        },
        indent=3,
    )
    digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    print(f"The push refers to repository [{host}/{repository}]")
    try:
        ecr.put_image(
            repositoryName=repository,
            imageManifest=manifest,
            imageManifestMediaType=MANIFEST,
            imageTag=tag,
            imageDigest=digest,
        )
    except ClientError as fault:
        code, message = fault.response["Error"]["Code"], fault.response["Error"]["Message"]
        if code == "RepositoryNotFoundException":
            fail(f"name unknown: {message}")
        if code != "ImageAlreadyExistsException":  # that one is as good as pushed
            fail(f"tag invalid: {message}")
    print(f"{tag}: digest: {digest} size: {len(manifest)}")
    pushed = f"{host}/{repository}@{digest}"
    if pushed not in one["RepoDigests"]:
        one["RepoDigests"].append(pushed)
    save("images.json", images)


def pull(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="docker pull")
    parser.add_argument("-q", "--quiet", action="store_true")
    parser.add_argument("reference")
    reference = full(parser.parse_args(arguments).reference)
    host, repository, tag, ecr = registry(reference)
    try:
        answer = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag}])
    except ClientError as fault:
        fail(f"Error response from daemon: name unknown: {fault.response['Error']['Message']}")
    if not answer["images"]:
        fail(f"Error response from daemon: manifest for {reference} not found: manifest unknown")
    found = answer["images"][0]
    images = load("images.json")
    id = json.loads(found["imageManifest"])["config"]["digest"]
    put(images, id, [reference])
    pulled = f"{host}/{repository}@{found['imageId']['imageDigest']}"
    if pulled not in images[id]["RepoDigests"]:
        images[id]["RepoDigests"].append(pulled)
        save("images.json", images)
    print(reference)


def inspect(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="docker image inspect")
    parser.add_argument("-f", "--format")
    parser.add_argument("--type", choices=["image"])
    parser.add_argument("reference")
    args = parser.parse_args(arguments)
    one = image(load("images.json"), args.reference)
    template = re.sub(r"\s+", " ", args.format or "").replace("{{ ", "{{").replace(" }}", "}}")
    digests = one["RepoDigests"]
    if not template:
        print(json.dumps([one], indent=4))
    elif template == "{{.Id}}":
        print(one["Id"])
    elif template == "{{json .RepoDigests}}":
        print(json.dumps(digests))
    elif template == "{{range .RepoDigests}}{{println .}}{{end}}":
        print("".join(f"{digest}\n" for digest in digests))
    elif index := re.fullmatch(r"\{\{\(?index \.RepoDigests (\d+)\)?\}\}", template):
        if int(index[1]) >= len(digests):
            fail("template parsing error: error calling index: index out of range")
        print(digests[int(index[1])])
    else:
        fail(f"this stand-in does not know the format {args.format}")


def version(arguments: list[str]) -> None:
    print("docker: a stand-in of the local AWS, without an engine")


COMMANDS = {
    "login": login,
    "build": build,
    "buildx build": build,
    "image build": build,
    "tag": tag,
    "image tag": tag,
    "push": push,
    "image push": push,
    "pull": pull,
    "image pull": pull,
    "inspect": inspect,
    "image inspect": inspect,
    "version": version,
}


def main() -> None:
    arguments = sys.argv[1:]
    if log := os.environ.get("DOCKER_LOG"):
        with open(log, "a") as file:
            file.write(shlex.join(["docker", *arguments]) + "\n")
    if os.environ.get("STAND_IN_DOCKER") == "none":
        fail(
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. "
            "Is the docker daemon running?"
        )
    for words in (2, 1):
        if command := COMMANDS.get(" ".join(arguments[:words])):
            return command(arguments[words:])
    fail(f"this stand-in for docker does not know: docker {shlex.join(arguments)}", 125)


main()
