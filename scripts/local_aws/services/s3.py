"""S3 as AWS does it: names, regions and owners of buckets, and how a new bucket is set up.

A new bucket blocks public access, encrypts with AES256 and has no ACLs, as in AWS since 2023. The
name of a deleted bucket is not free for a moment. Buckets of other accounts are recognised by
name: one that contains `others-` belongs to another account.

Simplified: of the conditions of a bucket policy only aws:SecureTransport and aws:PrincipalAccount
are evaluated; a Deny with any other condition denies. Two configurations at the same time do not
conflict, because the local AWS handles one request after the other.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import xmltodict
from moto.iam.access_control import IAMPolicy
from moto.iam.models import iam_backends
from moto.s3.exceptions import (
    BucketAlreadyExists,
    IncompatibleLocationConstraintException,
    InvalidBucketName,
    MalformedXML,
    S3ClientError,
)
from moto.s3.models import FakeBucket, FakeKey, S3Backend, s3_backends
from moto.s3.responses import S3Response
from moto.s3.utils import bucket_policy_is_public

from ..ground.clock import later
from ..ground.override import override

STATUS = {
    "AccessDenied": 403,
    "BucketNotEmpty": 409,
    "InvalidBucketState": 409,
    "OperationAborted": 409,
    "PermanentRedirect": 301,
}
ENFORCED = "BucketOwnerEnforced"
AES256 = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}}
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")

deleting: set[str] = set()  # names that are not free yet


def error(code: str, message: str) -> S3ClientError:
    return S3ClientError(code, message)


def denied() -> S3ClientError:
    return error("AccessDenied", "Access Denied")


@override(S3Response)
def serialized(moto: Any, self: Any, result: Any) -> Any:
    """moto answers codes that are in no model with 400; AWS has another status for some."""
    status, headers, body = moto(self, result)
    fault = result.result
    if isinstance(fault, S3ClientError):
        status = STATUS.get(fault.code, status)
        if region := getattr(fault, "bucket_region", None):
            headers["x-amz-bucket-region"] = region
    return status, headers, body


# Who may ask, and where


def guard(self: Any, name: str, making: bool = False) -> None:
    """What AWS checks before it does anything with an existing bucket."""
    if making or not name:
        return
    if "others-" in name:
        raise denied()
    wanted = self.headers.get("x-amz-expected-bucket-owner")
    if name not in s3_backends.bucket_accounts:
        return  # moto says NoSuchBucket
    owner = s3_backends.bucket_accounts[name][1]
    if owner != self.current_account or wanted not in (None, owner):
        raise denied()
    bucket = self.backend.get_bucket(name)
    if bucket.region_name != self.region and "location" not in self.querystring:
        fault: Any = error(
            "PermanentRedirect",
            "The bucket you are attempting to access must be addressed using the specified "
            "endpoint. Please send all future requests to this endpoint.",
        )
        fault.bucket_region = bucket.region_name
        raise fault


@override(S3Response)
def _bucket_response(moto: Any, self: Any, request: Any, full_url: str) -> Any:
    query = self._get_querystring(request, full_url)
    making = request.method == "PUT" and not set(query) - {"x-id"}
    guard(self, self.bucket_name, making)
    if making:
        return create_bucket(moto, self, request, full_url)
    return moto(self, request, full_url)


@override(S3Response)
def _key_response(moto: Any, self: Any, request: Any, full_url: str) -> Any:
    guard(self, self.bucket_name)
    bucket = self.backend.buckets.get(self.bucket_name)
    acl = request.headers.get("x-amz-acl", "bucket-owner-full-control")
    if bucket and bucket.ownership_rule == ENFORCED and acl != "bucket-owner-full-control":
        raise no_acls()
    return moto(self, request, full_url)


# Creating and deleting


def create_bucket(moto: Any, self: Any, request: Any, full_url: str) -> Any:
    name = self.bucket_name
    if not valid(name):
        raise InvalidBucketName()
    if "others-" in name:
        raise BucketAlreadyExists(bucket=name)
    if name in deleting:
        raise conflict()
    document = xmltodict.parse(self.body)["CreateBucketConfiguration"] if self.body else None
    place = (document or {}).get("LocationConstraint")
    if self.region == "us-east-1" and place not in (None, "us-east-1"):
        raise IncompatibleLocationConstraintException(place)
    ownership = request.headers.get("x-amz-object-ownership", ENFORCED)
    if ownership == ENFORCED and request.headers.get("x-amz-acl", "private") != "private":
        raise error(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        )
    tags = {one["Key"]: one.get("Value") or "" for one in tags_in(document)}
    if any(key.startswith("aws:") for key in tags):
        raise error("InvalidTag", "System tags cannot be added/updated by requester")

    is_there = name in self.backend.buckets
    answer = moto(self, request, full_url)
    if not is_there:
        bucket = self.backend.get_bucket(name)
        bucket.ownership_rule = ownership
        bucket.encryption = AES256
        self.backend.put_public_access_block(name, dict.fromkeys(BLOCKS, "true"))
        if tags:
            self.backend.put_bucket_tagging(name, tags)
    return answer


def tags_in(document: dict[str, Any] | None) -> list[dict[str, Any]]:
    tags = ((document or {}).get("Tags") or {}).get("Tag") or []
    return tags if isinstance(tags, list) else [tags]


def valid(name: str) -> bool:
    return bool(
        re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name)
        and ".." not in name
        and not re.fullmatch(r"(\d+\.){3}\d+", name)
        and not name.startswith(("xn--", "sthree-", "amzn-s3-demo-"))
        and not name.endswith(("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"))
    )


def conflict() -> S3ClientError:
    return error(
        "OperationAborted",
        "A conflicting conditional operation is currently in progress against this resource. "
        "Please try again.",
    )


@override(S3Backend)
def delete_bucket(moto: Any, self: Any, bucket_name: str) -> Any:
    """moto itself keeps a bucket that has versions or delete markers."""
    gone = moto(self, bucket_name)
    if gone:
        deleting.add(bucket_name)
        later(lambda: deleting.discard(bucket_name))
    return gone


@override(S3Backend)
def reset(moto: Any, self: Any) -> None:
    deleting.clear()
    return moto(self)


# Configuration


def no_acls() -> S3ClientError:
    return error("AccessControlListNotSupported", "The bucket does not allow ACLs")


@override(S3Backend)
def put_bucket_acl(moto: Any, self: Any, bucket_name: str, acl: Any) -> None:
    if self.get_bucket(bucket_name).ownership_rule == ENFORCED:
        raise no_acls()
    return moto(self, bucket_name, acl)


@override(S3Backend)
def delete_bucket_encryption(moto: Any, self: Any, bucket_name: str) -> None:
    """No bucket is without encryption: it gets the default again."""
    moto(self, bucket_name)
    self.get_bucket(bucket_name).encryption = AES256


@override(S3Backend)
def put_bucket_versioning(moto: Any, self: Any, bucket_name: str, status: str) -> None:
    if status not in ("Enabled", "Suspended"):
        raise MalformedXML()
    return moto(self, bucket_name, status)


@override(S3Backend)
def put_bucket_lifecycle(moto: Any, self: Any, bucket_name: str, rules: list[Any]) -> None:
    """moto itself refuses Days together with ExpiredObjectDeleteMarker."""
    if not 0 < len(rules) <= 1000:
        raise MalformedXML()
    actions: tuple[str, ...] = ("Expiration", "Transition", "NoncurrentVersionExpiration")
    actions += ("NoncurrentVersionTransition", "AbortIncompleteMultipartUpload")
    for rule in rules:
        if rule.get("Status") not in ("Enabled", "Disabled"):
            raise MalformedXML()
        if not any(rule.get(action) for action in actions):
            raise error("InvalidRequest", "At least one action needs to be specified in a rule")
        if len(rule.get("ID") or "") > 255:
            raise error("InvalidArgument", "ID length should not exceed allowed limit of 255")
        for action in actions:
            days = [value for name, value in dict(rule.get(action) or {}).items() if "Days" in name]
            if any(int(number) <= 0 for number in days):
                raise error(
                    "InvalidArgument",
                    f"'Days' for {action} action must be a positive integer",
                )
        tagged = json.dumps(rule.get("Filter") or {}).count('"Tag"')
        if tagged and rule.get("AbortIncompleteMultipartUpload"):
            raise error(
                "InvalidRequest",
                "AbortIncompleteMultipartUpload cannot be specified with Tags.",
            )
        if tagged and (rule.get("Expiration") or {}).get("ExpiredObjectDeleteMarker"):
            raise error(
                "InvalidRequest", "ExpiredObjectDeleteMarker cannot be specified with Tags."
            )
    ids = [rule["ID"] for rule in rules if rule.get("ID")]
    if len(set(ids)) < len(ids):
        raise error(
            "InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule"
        )
    return moto(self, bucket_name, rules)


# Bucket policies


@override(S3Backend)
def put_bucket_policy(moto: Any, self: Any, bucket_name: str, policy: bytes) -> None:
    bucket = self.get_bucket(bucket_name)
    try:
        document = json.loads(policy)
        statements = document["Statement"]
    except (ValueError, KeyError, TypeError):
        raise malformed("Policies must be valid JSON and the first byte must be '{'") from None
    for one in listed(statements):
        if one.get("Effect") not in ("Allow", "Deny"):
            raise malformed("Missing required field Effect")
        if not {"Principal", "NotPrincipal"} & set(one):
            raise malformed("Missing required field Principal")
        if not {"Action", "NotAction"} & set(one):
            raise malformed("Missing required field Action")
        for resource in listed(one.get("Resource", [])):
            if not re.match(rf"arn:[\w-]+:s3:::{re.escape(bucket_name)}(/|$)", resource):
                raise malformed("Policy has invalid resource")
        for principal in principals(one):
            if is_missing_role(principal, self.partition):
                raise malformed("Invalid principal in policy")
    block = bucket.public_access_block
    if block and block.block_public_policy and bucket_policy_is_public(policy):
        raise denied()
    return moto(self, bucket_name, policy)


def malformed(message: str) -> S3ClientError:
    return error("MalformedPolicy", message)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def principals(statement: dict[str, Any]) -> list[str]:
    principal = statement.get("Principal")
    return listed(principal.get("AWS", [])) if isinstance(principal, dict) else []


def is_missing_role(arn: str, partition: str) -> bool:
    role = re.fullmatch(r"arn:[\w-]+:iam::(\d+):role/.*", arn)
    if not role:
        return False
    return all(one.arn != arn for one in iam_backends[role[1]][partition].roles.values())


@override(FakeBucket)
def get_permission(moto: Any, self: Any, action: str, resource: str) -> Any:
    """moto takes every condition as fulfilled."""
    if self.policy is None:
        return moto(self, action, resource)
    document = json.loads(self.policy)
    document["Statement"] = [one for one in listed(document["Statement"]) if holds(self, one)]
    return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)


def holds(bucket: Any, statement: dict[str, Any]) -> bool:
    # The local AWS is plain http in place of https: a policy that forbids requests without TLS
    # must not forbid everything here.
    known = {"aws:securetransport": "true", "aws:principalaccount": bucket.account_id}
    for operator, keys in (statement.get("Condition") or {}).items():
        for key, values in keys.items():
            if key.lower() not in known:
                continue
            among = known[key.lower()] in [str(value).lower() for value in listed(values)]
            if among == ("Not" in operator):
                return False
    return True


# Versions


@override(S3Backend)
def list_object_versions(
    moto: Any,
    self: Any,
    bucket_name: str,
    delimiter: str | None = None,
    key_marker: str | None = None,
    max_keys: int | None = 1000,
    prefix: str = "",
    version_id_marker: str | None = None,
) -> Any:
    """Pages go on after the markers: after all of a key, or after one of its versions.

    moto begins again with the key of a marker, and versions of the same millisecond come in any
    order.
    """
    if version_id_marker and not key_marker:
        raise error(
            "InvalidArgument",
            "A version-id marker cannot be specified without a key marker.",
        )
    limit = min(1000 if max_keys is None else max_keys, 1000)
    versions: list[Any] = []
    markers: list[Any] = []
    folders: list[str] = []
    last: tuple[str | None, str | None] = (None, None)
    bucket = self.get_bucket(bucket_name)
    before_marker = version_id_marker is not None
    for name, folder, version in listing(bucket, prefix, delimiter):
        id = str(version.version_id or "null")
        if key_marker and name < key_marker:
            continue
        if name == key_marker and (before_marker or not version_id_marker):
            before_marker = before_marker and id != version_id_marker
            continue
        if folder and (folder in folders or folder == key_marker):
            continue
        if len(versions) + len(markers) + len(folders) >= limit:
            return versions, folders, markers, *last
        if folder:
            folders.append(folder)
            last = (folder, None)
        else:
            (versions if isinstance(version, FakeKey) else markers).append(version)
            last = (name, id)
    return versions, folders, markers, None, None


def listing(bucket: Any, prefix: str, delimiter: str | None) -> Iterator[tuple[str, str, Any]]:
    """Every version by name, the newest first, with the common prefix that stands for it."""
    for name in sorted(bucket.keys):
        if not name.startswith(prefix or ""):
            continue
        rest = name[len(prefix or "") :]
        cut = rest.find(delimiter) if delimiter else -1
        folder = name[: len(prefix or "") + cut + len(delimiter or "")] if cut >= 0 else ""
        for index, version in enumerate(reversed(bucket.keys.getlist(name))):
            version.is_latest = index == 0
            yield name, folder, version


@override(S3Backend)
def delete_objects(
    moto: Any, self: Any, bucket_name: str, objects: list[Any], *args: Any, **kwargs: Any
) -> Any:
    if len(objects) > 1000:
        raise MalformedXML()
    return moto(self, bucket_name, objects, *args, **kwargs)
