"""How a build runs: the commands of its buildspec, in a real shell.

`start` begins a build of a project on the zip of a source, from any thread; `builds` has every
build by its id. The commands run in a temporary folder with no container around them, with
stand_ins/docker and stand_ins/aws first on the PATH; INSTALL, PRE_BUILD, BUILD and POST_BUILD
follow each other as in buildspec version 0.2:

- one shell runs all commands; when a command ends it, the next phase has another one with the
  same variables and folder;
- a command that fails ends its phase, whose `finally` still runs; a failed INSTALL or PRE_BUILD
  ends the build; after a failed BUILD, POST_BUILD runs with CODEBUILD_BUILD_SUCCEEDING=0;
- the output goes to the project's log group where that exists. It is never made here: the role
  of a build may not make it.

Simplified: the role's permissions are not looked at, runtime-versions are those of this machine,
files have no execute bit. A buildspec that asks for more (secondary artifacts, reports, variables
from a parameter store) fails the build, whose log says why.
"""

import os
import tempfile
import threading
import time
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from moto.core.utils import utcnow
from moto.moto_api._internal import mock_random
from moto.utilities.utils import get_partition

from ..ground import clock
from ..ground.folder import kept
from . import buildspec
from .buildspec import Problem
from .client import client, send_log
from .shell import Shell

STAND_INS = Path(__file__).parent / "stand_ins"

#: What a build takes over from its project.
KEPT = (
    "source",
    "cache",
    "environment",
    "serviceRole",
    "timeoutInMinutes",
    "queuedTimeoutInMinutes",
    "encryptionKey",
)

builds: dict[str, "Build"] = {}
numbers: dict[tuple[str, str, str], int] = {}


def start(
    url: str,
    account: str,
    region: str,
    project: str,
    source_zip: bytes,
    variables: dict[str, str],
    commit: str = "",
    initiator: str = "",
) -> str:
    """Begin a build; answers its id. A commit may also come as CODEBUILD_RESOLVED_SOURCE_VERSION.

    ValueError where there is no such project. Not for a thread that handles a request.
    """
    answer = client(url, region, "codebuild").batch_get_projects(names=[project])
    if not answer["projects"]:
        raise ValueError(f"Project cannot be found: {project}")
    known = answer["projects"][0]
    one = launch(url, account, region, known, source_zip, variables, commit, initiator)
    return one.id


def launch(
    url: str,
    account: str,
    region: str,
    project: dict[str, Any],
    source_zip: bytes,
    variables: dict[str, str],
    commit: str = "",
    initiator: str = "",
) -> "Build":
    """Begin a build of a project, given as BatchGetProjects answers it."""
    variables = dict(variables)
    commit = variables.pop("CODEBUILD_RESOLVED_SOURCE_VERSION", commit)
    one = Build(url, account, region, project, source_zip, variables, commit, initiator)
    builds[one.id] = one
    threading.Thread(target=one.run, daemon=True).start()
    return one


def forget(where: tuple[str, str]) -> None:
    for one in list(builds.values()):
        if one.where == where:
            one.stop()
            del builds[one.id]


class Build:
    """One build. `told` is what BatchGetBuilds answers, `artifact` the zip that it made."""

    def __init__(
        self,
        url: str,
        account: str,
        region: str,
        project: dict[str, Any],
        source_zip: bytes,
        variables: dict[str, str],
        commit: str,
        initiator: str,
    ) -> None:
        self.url = url
        self.where = (account, region)
        self.project = project["name"]
        self.settings = project
        self.source_zip = source_zip
        self.variables = variables
        self.artifact: bytes | None = None
        self.uuid = str(mock_random.uuid4())
        self.id = f"{self.project}:{self.uuid}"
        self.arn = f"arn:{get_partition(region)}:codebuild:{region}:{account}:build/{self.id}"
        self.failed: Problem | None = None
        self.stopped = False
        self.timed_out = False
        self.shell: Shell | None = None
        self.lines: list[dict[str, Any]] = []
        number = numbers[account, region, self.project] = (
            numbers.get((account, region, self.project), 0) + 1
        )
        self.told: dict[str, Any] = {
            **{key: project[key] for key in KEPT if key in project},
            "id": self.id,
            "arn": self.arn,
            "buildNumber": number,
            "startTime": utcnow(),
            "currentPhase": "SUBMITTED",
            "buildStatus": "IN_PROGRESS",
            "projectName": self.project,
            "phases": [],
            "artifacts": {"location": ""},
            "logs": self.where_logs_go(project.get("logsConfig") or {}),
            "buildComplete": False,
            "initiator": initiator,
            "exportedEnvironmentVariables": [],
        }
        if commit:
            self.told |= {"sourceVersion": commit, "resolvedSourceVersion": commit}

    def where_logs_go(self, config: dict[str, Any]) -> dict[str, Any]:
        cloud_watch = {"status": "ENABLED", **(config.get("cloudWatchLogs") or {})}
        logs: dict[str, Any] = {"cloudWatchLogs": cloud_watch}
        if cloud_watch["status"] == "ENABLED":
            account, region = self.where
            logs["groupName"] = cloud_watch.get("groupName") or f"/aws/codebuild/{self.project}"
            prefix = cloud_watch.get("streamName")
            logs["streamName"] = f"{prefix}/{self.uuid}" if prefix else self.uuid
            logs["cloudWatchLogsArn"] = (
                f"arn:{get_partition(region)}:logs:{region}:{account}:log-group:"
                f"{logs['groupName']}:log-stream:{logs['streamName']}"
            )
        return logs

    # From outside

    def stop(self) -> None:
        """Kill the commands of a build. One that has ended keeps its status."""
        if self.told["buildComplete"]:
            return
        self.stopped = True
        self.end("STOPPED")
        if self.shell:
            self.shell.kill()

    def end(self, status: str) -> None:
        if self.told["buildComplete"]:
            return
        self.close_phase("STOPPED" if status == "STOPPED" else "SUCCEEDED")
        now = utcnow()
        self.told["phases"].append({"phaseType": "COMPLETED", "startTime": now})
        self.told |= {
            "currentPhase": "COMPLETED",
            "buildStatus": status,
            "endTime": now,
            "buildComplete": True,
        }

    # In the build's own thread

    def run(self) -> None:
        with tempfile.TemporaryDirectory(dir=kept.part("builds")) as folder:
            timer = threading.Timer(self.settings.get("timeoutInMinutes", 60) * 60, self.time_out)
            timer.daemon = True
            timer.start()
            try:
                self.go(Path(folder))
            except Exception as fault:  # a build never stays IN_PROGRESS for ever
                self.fail(Problem("CLIENT_ERROR", repr(fault)))
            finally:
                timer.cancel()
                if self.shell:
                    self.shell.kill()
        if not self.stopped:
            self.phase("FINALIZING")
            self.close_phase("SUCCEEDED")
        try:
            self.send_log()
        finally:
            status = "TIMED_OUT" if self.timed_out else "FAILED" if self.failed else "SUCCEEDED"
            self.end(status)

    def time_out(self) -> None:
        self.timed_out = True
        if self.shell:
            self.shell.kill()

    def phase(self, name: str) -> None:
        if self.stopped:
            return
        self.told["currentPhase"] = name
        self.told["phases"].append({"phaseType": name, "startTime": utcnow()})

    def close_phase(self, status: str, problem: Problem | None = None) -> None:
        phases = self.told["phases"]
        if not phases or "phaseStatus" in phases[-1]:
            return
        last = phases[-1]
        now = utcnow()
        last |= {"phaseStatus": status, "endTime": now}
        last["durationInSeconds"] = int((now - last["startTime"]).total_seconds())
        message = {"statusCode": problem.code, "message": problem.message} if problem else {}
        last["contexts"] = [message] if problem else []

    def fail(self, problem: Problem) -> None:
        self.failed = self.failed or problem
        if not self.stopped:
            self.close_phase("TIMED_OUT" if self.timed_out else "FAILED", problem)
        self.log(f"Phase context status code: {problem.code} Message: {problem.message}")

    def go(self, folder: Path) -> None:
        for name in ("SUBMITTED", "QUEUED", "PROVISIONING"):
            self.phase(name)
            if name == "PROVISIONING":
                time.sleep(clock.moment)
            self.close_phase("SUCCEEDED")
        if self.stopped:
            return
        self.phase("DOWNLOAD_SOURCE")
        source = folder / "src"
        source.mkdir()
        try:
            if self.source_zip:
                zipfile.ZipFile(BytesIO(self.source_zip)).extractall(source)
            spec = buildspec.read(
                self.settings["source"].get("buildspec") or "buildspec.yml", source
            )
            shell = Shell(folder, source, spec, self.environment(folder, source, spec))
        except Problem as problem:
            self.fail(problem)
            return
        self.shell = shell
        self.close_phase("SUCCEEDED")
        for name in buildspec.PHASES:
            self.run_phase(shell, name, spec["phases"].get(name) or {})
            if self.stopped or self.timed_out:
                return
            if self.failed and (name != "build" or self.aborts(spec, name)):
                break
        self.told["exportedEnvironmentVariables"] = shell.exported()
        if not self.failed or name == "post_build":
            self.upload(source, spec.get("artifacts"))

    def aborts(self, spec: dict[str, Any], name: str) -> bool:
        return (spec["phases"].get(name) or {}).get("on-failure") == "ABORT"

    def run_phase(self, shell: Shell, name: str, phase: dict[str, Any]) -> None:
        self.phase(name.upper())
        self.log(f"Entering phase {name.upper()}")
        problem = None
        for part in ("commands", "finally"):
            for command in buildspec.listed(phase.get(part)):
                self.log(f"Running command {command}")
                well = not self.failed and not problem
                status = shell.run(command, well, self.log_raw)
                if self.stopped:
                    return
                if self.timed_out:
                    self.fail(Problem("BUILD_TIMED_OUT", "Build has timed out."))
                    return
                if status:
                    problem = problem or Problem(
                        "COMMAND_EXECUTION_ERROR",
                        f"Error while executing command: {command}. Reason: exit status {status}",
                    )
                    break
        if problem:
            self.log(f"Phase complete: {name.upper()} State: FAILED")
            self.fail(problem)
        else:
            self.log(f"Phase complete: {name.upper()} State: SUCCEEDED")
            self.close_phase("SUCCEEDED")

    def environment(self, folder: Path, source: Path, spec: dict[str, Any]) -> dict[str, str]:
        """Variables of the buildspec, the project, and the start; the later ones win."""
        _, region = self.where
        given: dict[str, str] = {}
        for name, value in ((spec.get("env") or {}).get("variables") or {}).items():
            given[name] = str(value).lower() if isinstance(value, bool) else str(value)
        for one in self.settings["environment"].get("environmentVariables") or []:
            if one.get("type", "PLAINTEXT") != "PLAINTEXT":
                raise buildspec.not_here(f"variable {one['name']} of type {one['type']}")
            given[one["name"]] = one["value"]
        given |= self.variables
        commit = self.told.get("resolvedSourceVersion", "")
        (folder / "home").mkdir()
        given |= {
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_SDK_UA_APP_ID": "build",
            "CODEBUILD_BUILD_ARN": self.arn,
            "CODEBUILD_BUILD_ID": self.id,
            "CODEBUILD_BUILD_IMAGE": self.settings["environment"]["image"],
            "CODEBUILD_BUILD_NUMBER": str(self.told["buildNumber"]),
            "CODEBUILD_CI": "true",
            "CODEBUILD_INITIATOR": self.told["initiator"],
            "CODEBUILD_LOG_PATH": self.told["logs"].get("streamName", ""),
            "CODEBUILD_RESOLVED_SOURCE_VERSION": commit,
            "CODEBUILD_SOURCE_VERSION": self.told.get("sourceVersion", ""),
            "CODEBUILD_SRC_DIR": str(source),
            "CODEBUILD_START_TIME": str(int(self.told["startTime"].timestamp() * 1000)),
            "DOCKER_CONFIG": str(folder / "docker"),
            "HOME": str(folder / "home"),
            "PATH": f"{STAND_INS}:/usr/local/bin:/usr/bin:/bin",
            "TMPDIR": str(folder / "home"),
        }
        if not self.settings["environment"].get("privilegedMode"):
            given["STAND_IN_DOCKER"] = "none"  # no daemon runs in such a container
        if log := os.environ.get("DOCKER_LOG"):
            given["DOCKER_LOG"] = log
        return given

    def upload(self, source: Path, artifacts: dict[str, Any] | None) -> None:
        self.phase("UPLOAD_ARTIFACTS")
        if not artifacts or self.settings["artifacts"]["type"] == "NO_ARTIFACTS":
            self.close_phase("SUCCEEDED")
            return
        base = source / (artifacts.get("base-directory") or ".")
        excluded = matching(base, artifacts.get("exclude-paths"))
        files = matching(base, artifacts.get("files")) - excluded
        if not files:
            self.fail(Problem("CLIENT_ERROR", "no matching artifact paths found"))
            return
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(files):
                flat = artifacts.get("discard-paths") in (True, "yes")
                archive.write(file, file.name if flat else file.relative_to(base))
        self.artifact = packed.getvalue()
        self.close_phase("SUCCEEDED")

    # The log

    def log(self, message: str) -> None:
        self.log_raw(f"[Container] {utcnow():%Y/%m/%d %H:%M:%S.%f} {message}")

    def log_raw(self, message: str) -> None:
        self.lines.append({"timestamp": int(time.time() * 1000), "message": message or " "})

    def send_log(self) -> None:
        logs = self.told["logs"]
        if "groupName" in logs:
            send_log(self.url, self.where[1], logs["groupName"], logs["streamName"], self.lines)


def matching(base: Path, patterns: Any) -> set[Path]:
    """The files that match; `**/*` matches all."""
    root = base.resolve()
    found = {path for one in buildspec.listed(patterns) for path in base.glob(str(one))}
    return {path for path in found if path.is_file() and root in path.resolve().parents}
