"""ECR as AWS does it: lifecycle policies are checked as a whole, an immutable tag stays.

The rules of a policy have different priorities, and a rule for any tag comes last. An image whose
tag moves to another image stays, without the tag. (moto itself keeps a repository that has images,
unless it is forced.) Layers that no image needs any more are removed. GetAuthorizationToken gives
a token for the registry of registry.py.
"""

import base64
import hashlib
import json
import os
from fnmatch import fnmatchcase
from typing import Any

from moto.core.responses import ActionResult
from moto.ecr.exceptions import InvalidParameterException, RepositoryNotFoundException
from moto.ecr.models import ECRBackend, Repository
from moto.ecr.policy_validation import EcrLifecyclePolicyValidator
from moto.ecr.responses import ECRResponse

from ...ground.override import override
from ...runs.layers import layers
from . import registry
from .manifests import layers_of


@override(EcrLifecyclePolicyValidator)
def validate(moto: Any, self: Any) -> None:
    moto(self)
    rules = json.loads(self._policy_text)["rules"]
    priorities = [rule["rulePriority"] for rule in rules]
    if len(set(priorities)) < len(priorities):
        raise invalid("rulePriority must be unique")
    for rule in rules:
        any_tag = rule["selection"]["tagStatus"] == "any"
        if any_tag and rule["rulePriority"] < max(priorities):
            raise invalid("a rule with tagStatus=any must have the highest rulePriority")


def invalid(problem: str) -> InvalidParameterException:
    return InvalidParameterException(
        "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
        f"'Lifecycle policy validation failure: {problem}'"
    )


def error(code: str, message: str) -> InvalidParameterException:
    """moto looks up the service of an error by its class."""
    return InvalidParameterException(code, message)


@override(ECRResponse)
def get_authorization_token(moto: Any, self: Any) -> ActionResult:
    data = []
    for account in self._get_param("registryIds") or [self.current_account]:
        password, token = registry.give_token(account, self.region)
        data.append(
            {
                "authorizationToken": base64.b64encode(f"AWS:{password}".encode()).decode(),
                "expiresAt": token.expires,
                "proxyEndpoint": f"http://127.0.0.1:{os.environ['MOTO_PORT']}",
            }
        )
    return ActionResult({"authorizationData": data})


@override(ECRBackend)
def put_image(
    moto: Any,
    self: Any,
    repository_name: str,
    image_manifest: str,
    image_tag: str | None,
    image_manifest_mediatype: str | None = None,
    digest: str | None = None,
) -> Any:
    if repository_name not in self.repositories:
        raise RepositoryNotFoundException(repository_name, self.account_id)
    repository = self.repositories[repository_name]
    own_digest = f"sha256:{hashlib.sha256(image_manifest.encode()).hexdigest()}"
    if digest not in (None, own_digest):
        raise error(
            "ImageDigestDoesNotMatchException",
            f"The digest {digest} does not match the digest {own_digest} of the manifest",
        )
    if image_tag is None and any(one.image_manifest == image_manifest for one in repository.images):
        raise error(
            "ImageAlreadyExistsException",
            f"Image with digest '{own_digest}' already exists in the '{repository_name}' "
            "repository.",
        )
    holders = [one for one in repository.images if image_tag in one.image_tags]
    others = [one for one in holders if one.image_manifest != image_manifest]
    if others and is_immutable(repository, image_tag or ""):
        raise error(
            "ImageTagAlreadyExistsException",
            f"The image tag '{image_tag}' already exists in the '{repository_name}' repository "
            "and cannot be overwritten because the tag is immutable.",
        )
    for one in others:  # moto would delete an image with its last tag
        one.remove_tag(image_tag)
        one.image_tag = one.image_tags[-1] if one.image_tags else None
    return moto(
        self, repository_name, image_manifest, image_tag, image_manifest_mediatype, own_digest
    )


def is_immutable(repository: Repository, tag: str) -> bool:
    filters = repository.image_tag_mutability_exclusion_filters or []
    excluded = any(fnmatchcase(tag, one["filter"]) for one in filters)
    return excluded != repository.is_tag_immutable()


@override(ECRBackend)
def batch_delete_image(moto: Any, self: Any, repository_name: str, *args: Any, **named: Any) -> Any:
    deleted = moto(self, repository_name, *args, **named)
    repository = self.repositories[repository_name]
    of_images = (layers_of(image.get_image_manifest()) for image in repository.images)
    layers.keep(repository, set().union(*of_images))
    return deleted


@override(ECRBackend)
def delete_repository(moto: Any, self: Any, *args: Any, **named: Any) -> Repository:
    repository = moto(self, *args, **named)
    layers.forget(repository)
    return repository
