"""Tags the image that a pipeline just built `production`, and tells the pipeline how that went.

CodePipeline's job says which image in its UserParameters, {"repository": "repo-web-production-pr1",
"tag": the commit, "digest": "sha256:..."}; digest or tag may be absent. The newest image is never
asked for: of two builds at once, that may be the other one's.

Whatever happens the pipeline is answered, once: it would wait for an answer until its own timeout.
The event holds credentials, so neither it nor a text that may quote it is ever printed.
"""

import json
import re
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

TAG = "production"
# Every kind of manifest: ECR answers only with those that are asked for.
MANIFESTS = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
]
WORDS = {
    "repository": r"[a-z0-9][a-z0-9._/-]{1,255}",
    "tag": r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}",
    "digest": r"sha256:[0-9a-f]{64}",
}
# The function has 60 seconds. ECR's two calls take 42 at worst, and 18 are left for the answer.
ATTEMPTS = {"ecr": 3, "codepipeline": 6}


class Refused(Exception):
    """Why the image is not tagged, in words of our own."""


def handler(event: Any, context: Any) -> None:
    job = event.get("CodePipeline.job") if isinstance(event, dict) else None
    job_id = job.get("id") if isinstance(job, dict) else None
    if not isinstance(job_id, str) or not job_id:
        print("no job of CodePipeline in the event: nothing was done")
        return
    execution = getattr(context, "aws_request_id", "unknown")
    try:
        told, digest = promote(*wanted(job))
        details = {"summary": told, "externalExecutionId": execution}
        answer = {"executionDetails": details, "outputVariables": {"digest": digest}}
    except Exception as fault:
        told = f"not tagged {TAG}: {words(fault)}"[:5000]
        details = {"type": "JobFailed", "message": told, "externalExecutionId": execution}
        answer = {"failureDetails": details}
    try:
        pipeline = client("codepipeline")
        failed = "failureDetails" in answer
        put = pipeline.put_job_failure_result if failed else pipeline.put_job_success_result
        put(jobId=job_id, **answer)
    except Exception as fault:
        told += f"; the pipeline could not be told: {words(fault)}"
    print(" ".join(told.split()))


def wanted(job: Any) -> tuple[str, dict[str, str]]:
    """The repository, and how ECR is to find the image."""
    try:
        given = json.loads(job["data"]["actionConfiguration"]["configuration"]["UserParameters"])
    except (LookupError, TypeError, ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Refused("the action has no UserParameters that are a JSON object")
    for key, pattern in WORDS.items():
        value = given.get(key) or ""
        if not isinstance(value, str) or (value and not re.fullmatch(pattern, value)):
            raise Refused(f"the action's UserParameters hold no valid {key}")
    if not given.get("repository") or not (given.get("digest") or given.get("tag")):
        raise Refused("the action's UserParameters name no repository, or neither digest nor tag")
    # With both, ECR refuses a digest that is not what the tag names.
    both = {"imageDigest": given.get("digest"), "imageTag": given.get("tag")}
    return given["repository"], {key: value for key, value in both.items() if value}


def promote(repository: str, which: dict[str, str]) -> tuple[str, str]:
    """Puts the image's manifest again as it is, under the tag; it moves there from any other."""
    ask = {"repositoryName": repository, "imageIds": [which], "acceptedMediaTypes": MANIFESTS}
    try:
        ecr = client("ecr")
        found = ecr.batch_get_image(**ask)
        for failure in found.get("failures", []):
            raise Refused(f"{failure.get('failureCode')}: {failure.get('failureReason')}")
        digests = {image["imageId"]["imageDigest"] for image in found["images"]}
        if len(digests) != 1 or which.get("imageDigest") not in (None, *digests):
            raise Refused("the tag and the digest do not name one image")
        (digest,) = digests
        ecr.put_image(
            repositoryName=repository,
            imageManifest=found["images"][0]["imageManifest"],
            imageManifestMediaType=found["images"][0]["imageManifestMediaType"],
            imageDigest=digest,
            imageTag=TAG,
        )
    except Exception as fault:
        if not words(fault).startswith("ImageAlreadyExistsException:"):
            raise Refused(f"{repository} {' '.join(which.values())}: {words(fault)}") from None
        return f"{repository}: {digest} was tagged {TAG} already", digest
    return f"{repository}: {digest} is tagged {TAG}", digest


def client(service: str) -> Any:
    retries = {"mode": "standard", "total_max_attempts": ATTEMPTS[service]}
    return boto3.client(service, config=Config(retries=retries, connect_timeout=2, read_timeout=4))


def words(fault: Exception) -> str:
    """Our own words, or AWS's; of any other fault the kind alone: its text may quote the event."""
    if isinstance(fault, Refused):
        return str(fault)
    if isinstance(fault, ClientError):
        return "{Code}: {Message}".format(**{"Code": "?", "Message": "?"} | fault.response["Error"])
    return type(fault).__name__
