"""What a manifest says: of which layers an image is, or of which images an index.

https://github.com/opencontainers/image-spec, and docker's schema 2, which came before it.
"""

import json
import re
from typing import Any, NamedTuple

IMAGES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
#: Layers that are not for everyone to keep: they may be elsewhere.
FOREIGN = re.compile(r"\.foreign\.|\.nondistributable\.")


class Invalid(Exception):
    """It is no manifest; the message says why."""


class Manifest(NamedTuple):
    """The digests that it names, of what must be there before it."""

    media_type: str
    layers: list[str]
    images: list[str]


def read(text: bytes, media_type: str) -> Manifest:
    """Reads one that came under a media type, which may be missing where it tells its own."""
    try:
        manifest = json.loads(text.decode())
    except (ValueError, RecursionError) as fault:
        raise Invalid(f"it is not JSON: {fault}") from None
    if not isinstance(manifest, dict) or manifest.get("schemaVersion") != 2:
        raise Invalid("it has no schemaVersion 2")
    own = manifest.get("mediaType") or media_type
    kind = media_type or own
    if own != kind:
        raise Invalid(f"it says that it is {own}, and came as {kind}")
    if kind in IMAGES:
        if "manifests" in manifest:
            raise Invalid("an image has layers, and no manifests")
        of_layers = descriptors(manifest.get("layers"), "layers")
        config = descriptors([manifest.get("config")], "config")
        here = [one["digest"] for one in of_layers if not FOREIGN.search(str(one["mediaType"]))]
        return Manifest(kind, [config[0]["digest"], *here], [])
    if kind in INDEXES:
        if "layers" in manifest or "config" in manifest:
            raise Invalid("an index has manifests, and no layers")
        of_images = descriptors(manifest.get("manifests"), "manifests")
        return Manifest(kind, [], [one["digest"] for one in of_images])
    raise Invalid(f"{kind or 'a manifest without a media type'} is not known here")


def descriptors(found: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(found, list):
        raise Invalid(f"it has no {name}")
    for one in found:
        if (
            not isinstance(one, dict)
            or not isinstance(one.get("mediaType"), str)
            or not isinstance(one.get("size"), int)
            or one["size"] < 0
            or not DIGEST.fullmatch(str(one.get("digest")))
        ):
            raise Invalid(f"its {name} lack a media type, a size or a digest")
    return found


def layers_of(text: str) -> set[str]:
    """What an image that is there keeps from being removed, whatever was put into ECR as one."""
    try:
        manifest = json.loads(text)
        found = [manifest.get("config"), *(manifest.get("layers") or [])]
        return {one["digest"] for one in found if one}
    except (ValueError, AttributeError, TypeError, KeyError):
        return set()
