"""Reads the images of the local ECR: what to run, and the layers of its files.

A reference to this account's ECR is an image that is really run. Any other is a stand-in, since
nothing is fetched from outside; so is what a build's docker, a stand-in itself, has put into ECR
without a configuration or layers.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.ecr.models import ecr_backends

from ..layers import blob

ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>.+))?"
)
PLATFORM = {"X86_64": "amd64", "ARM64": "arm64"}


class Missing(Exception):
    """An image, or a part of it, that is not there; the message is what ECS says."""


@dataclass
class Image:
    """An image as it is to run: its configuration, and the digests of its layers."""

    repository: Any
    config: dict[str, Any]
    layers: list[str]


def is_own(reference: str, account: str) -> bool:
    """Whether a reference is one to this account's ECR, and to no stand-in there."""
    parts = ECR.fullmatch(reference)
    if not parts or parts["account"] != account:
        return False
    try:
        repository, told = manifest(reference)
    except Missing:
        return True
    return "config" not in told or blob(repository, told["config"]["digest"]) is not None


def manifest(reference: str) -> tuple[Any, dict[str, Any]]:
    """The repository and the manifest of an image of ECR. The caller holds the lock.

    Errors: Missing.
    """
    parts = ECR.fullmatch(reference)
    assert parts
    repository = ecr_backends[parts["account"]][parts["region"]].repositories.get(
        parts["repository"]
    )
    wanted = parts["digest"] or parts["tag"] or "latest"
    for image in repository.images if repository else []:
        if wanted in (image.get_image_digest(), *image.image_tags):
            return repository, json.loads(image.get_image_manifest())
    raise Missing(f"failed to resolve ref {reference}: {reference}: not found")


def of(reference: str, found: tuple[Any, dict[str, Any]], cpu: str, folder: Path) -> Image:
    """The image that a manifest or an index tells of. Its configuration is fetched to the folder.

    Errors: Missing.
    """
    repository, told = found
    if "manifests" in told:
        told = of_platform(reference, repository, told, cpu)
    config = json.loads(fetch(repository, told["config"]["digest"], folder).read_bytes())
    has = config.get("architecture", PLATFORM[cpu])
    if (config.get("os", "linux"), has) != ("linux", PLATFORM[cpu]):
        raise Missing(
            f"image Manifest does not contain descriptor matching platform 'linux/{PLATFORM[cpu]}'"
        )
    return Image(repository, config, [one["digest"] for one in told["layers"]])


def of_platform(reference: str, repository: Any, index: dict[str, Any], cpu: str) -> dict[str, Any]:
    for one in index["manifests"]:
        platform = one.get("platform") or {}
        if (platform.get("os"), platform.get("architecture")) == ("linux", PLATFORM[cpu]):
            base = reference.partition("@")[0]
            found: dict[str, Any] = manifest(f"{base}@{one['digest']}")[1]
            return found
    raise Missing(
        f"image Manifest does not contain descriptor matching platform 'linux/{PLATFORM[cpu]}'"
    )


def fetch(repository: Any, digest: str, folder: Path) -> Path:
    """A layer or a configuration as a file, which is only read.

    Errors: Missing.
    """
    found = blob(repository, digest)
    path = folder / digest.removeprefix("sha256:")
    try:
        if found is None:
            raise FileNotFoundError
        path.hardlink_to(found)  # it stays, whatever becomes of the image
    except FileNotFoundError:
        raise Missing(f"failed to copy: httpReadSeeker: {digest}: not found") from None
    return path
