"""Buildspecs of version 0.2: how one is read, and which parts of one are refused here."""

from pathlib import Path
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")


class Problem(Exception):
    """Why a phase failed: a status code of CodeBuild and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def read(text: str, source: Path) -> dict[str, Any]:
    """The buildspec of a text, or of the file that it names in the source.

    A Problem where it is invalid, or asks for what is not done here.
    """
    if "\n" not in text and text.endswith((".yml", ".yaml")):
        if not (source / text).is_file():
            raise Problem("YAML_FILE_ERROR", f"stat {source / text}: no such file or directory")
        text = (source / text).read_text()
    try:
        spec = yaml.safe_load(text)
    except yaml.YAMLError as fault:
        raise Problem("YAML_FILE_ERROR", str(fault)) from None
    if not isinstance(spec, dict) or str(spec.get("version")) != "0.2":
        raise Problem("YAML_FILE_ERROR", "the local AWS runs buildspecs of version 0.2")
    phases = spec.get("phases")
    if not isinstance(phases, dict) or not phases or set(phases) - set(PHASES):
        raise Problem("YAML_FILE_ERROR", f"unknown or no phases: {phases}")
    for name, phase in phases.items():
        unknown = set(phase or {}) - {"commands", "finally", "runtime-versions", "on-failure"}
        if unknown or (phase or {}).get("on-failure", "ABORT") not in ("ABORT", "CONTINUE"):
            raise not_here(f"{sorted(unknown) or 'on-failure'} of phase {name}")
        if not all(isinstance(one, str) for one in listed((phase or {}).get("commands"))):
            raise Problem("YAML_FILE_ERROR", f"Expected Commands[] of {name} to be strings")
    env = spec.get("env") or {}
    if unknown := set(env) - {"variables", "exported-variables", "shell"}:
        raise not_here(f"env: {sorted(unknown)}")
    if env.get("shell", "sh") not in ("sh", "bash", "/bin/sh", "/bin/bash"):
        raise not_here(f"shell {env['shell']}")
    if unknown := set(spec) - {"version", "run-as", "env", "phases", "artifacts", "cache"}:
        raise not_here(str(sorted(unknown)))
    if "secondary-artifacts" in (spec.get("artifacts") or {}):
        raise not_here("secondary-artifacts")
    return spec


def not_here(what: str) -> Problem:
    return Problem("YAML_FILE_ERROR", f"the local AWS does not do this: {what}")


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
