"""The shapes of what the real AWS answered, as tests/shapes has them, and how others differ.

A line of tests/shapes stands for a member of an answer: in how many of the structures that could
have it it was there, and the forms of its values (answers.py). scripts/learn-shapes makes them from
public recordings.
"""

import collections
import json
import pathlib
import re
from collections.abc import Iterator

from .answers import Member, Seen, gathered

FOLDER = pathlib.Path(__file__).resolve().parent.parent.parent / "tests/shapes"
#: A member counts as always there if it was in so many structures, and in all that there were.
ENOUGH = 3
#: Forms that a client may take apart. The rest is any text.
FIXED = re.compile(r".+-#|arn:.*|account|address|digest")

Shapes = dict[str, dict[str, str]]

# Where the local AWS is right to differ.
EXPECTED = {
    # Sources, targets and actions of other kinds than those of the recordings.
    ("codebuild:BatchGetProjects", "projects[].source.location"),
    ("elasticloadbalancing:DescribeTags", "TagDescriptions[].ResourceArn"),
    ("events:ListTargetsByRule", "Targets[].Arn"),
    # Where the rules were made in the console, which numbers even a single action.
    ("elasticloadbalancing:DescribeRules", "Rules[].Actions[].Order"),
    # One task definition of the recordings says them; AWS answers what was registered.
    (
        "ecs:DescribeTaskDefinition",
        "taskDefinition.containerDefinitions[].linuxParameters.capabilities",
    ),
    ("ecs:DescribeTaskDefinition", "taskDefinition.containerDefinitions[].linuxParameters.devices"),
    # The tools take destinations away; the recordings set them.
    ("lambda:PutFunctionEventInvokeConfig", "DestinationConfig.OnFailure.Destination"),
    ("lambda:PutFunctionEventInvokeConfig", "DestinationConfig.OnSuccess.Destination"),
    # A gateway that failed because its address was in use has none.
    ("ec2:DescribeNatGateways", "NatGateways[].NatGatewayAddresses[].PublicIp"),
    # The volumes of the recordings are of a machine; those here are of EFS.
    ("ecs:DescribeTaskDefinition", "taskDefinition.volumes[].host"),
    # A container as a test registers it by hand.
    ("ecs:DescribeTaskDefinition", "taskDefinition.containerDefinitions[].logConfiguration"),
    # A secret of either service that keeps them.
    (
        "ecs:DescribeTaskDefinition",
        "taskDefinition.containerDefinitions[].secrets[].valueFrom",
    ),
    # A key of somebody's, and a filter and a bucket as a test made them.
    ("codebuild:BatchGetProjects", "projects[].encryptionKey"),
    ("s3:GetBucketReplication", "ReplicationConfiguration.Rules[].Filter.Prefix"),
    ("s3:ListObjectVersions", "Versions"),
    # A test puts a function into subnets that are none, so into no VPC.
    ("lambda:UpdateFunctionConfiguration", "VpcConfig.VpcId"),
    # Empty in every recording; nothing reads them unless IsTruncated.
    ("s3:ListMultipartUploads", "NextKeyMarker"),
    ("s3:ListMultipartUploads", "NextUploadIdMarker"),
}


def known() -> Shapes:
    """The shapes of tests/shapes, by operation."""
    shapes: Shapes = {}
    for file in sorted(FOLDER.glob("*.json")):
        shapes |= json.loads(file.read_text())
    return shapes


def told(member: Member) -> str:
    """A member as tests/shapes has it."""
    forms = {form for form in member.forms if not form.startswith("=")}
    count = f"{member.there}/{member.there + member.lacking}"
    return " ".join([count, *sorted(form.replace(" ", "-") for form in forms)])


def learn(seen: dict[str, list[Seen]]) -> Shapes:
    """The shapes of answers, without the members that none of them has."""
    return {
        name: {path: told(one) for path, one in sorted(gathered(of).items()) if one.there}
        for name, of in sorted(seen.items())
    }


def differences(seen: dict[str, list[Seen]], shapes: Shapes | None = None) -> Iterator[str]:
    """How answers differ from the shapes that are known, where a client could notice."""
    shapes = known() if shapes is None else shapes
    for name in sorted(seen.keys() & shapes.keys()):
        structures: dict[str, int] = collections.Counter()
        for path, real in shapes[name].items():
            structures[around(path)] = max(structures[around(path)], counts(real)[1])
        for path, one in sorted(gathered(seen[name]).items()):
            if (name, path) not in EXPECTED:
                real = shapes[name].get(path, f"0/{structures[around(path)]}")
                yield from (f"the answer of {name} {path} {what}" for what in odd(one, real))


def around(path: str) -> str:
    """The structure that a member is in."""
    return path.rpartition(".")[0]


def counts(told: str) -> tuple[int, int]:
    there, _, of = told.split(maxsplit=1)[0].partition("/")
    return int(there), int(of)


def odd(local: Member, real: str) -> Iterator[str]:
    """How a member differs from a known one."""
    there, of = counts(real)
    forms = real.split()[1:]
    if there == of >= ENOUGH and local.lacking:
        total = local.there + local.lacking
        yield f"is always there in AWS's ({there} seen), and not in {local.lacking} of {total}"
    if there < of >= ENOUGH and "empty" in local.forms and "empty" not in forms:
        yield "is an empty text where AWS leaves it out"
    others = {form for form in local.forms - {*forms} if FIXED.fullmatch(form)}
    if there >= ENOUGH and forms and "text" not in forms and others:
        yield f"is {', '.join(sorted(others))}, and AWS's are {', '.join(forms)}"


def by_service(shapes: Shapes) -> dict[str, Shapes]:
    """Shapes as the files of tests/shapes hold them."""
    files: dict[str, Shapes] = collections.defaultdict(dict)
    for name, members in shapes.items():
        files[name.partition(":")[0]][name] = members
    return files
