"""Refusals of a registry, as the distribution specification words them."""

import json
from typing import Any

Answer = tuple[str, dict[str, str], Any]


class Refused(Exception):
    """One error, or the same of each of several details."""

    def __init__(self, status: str, code: str, message: str, details: list[str] | None = None):
        super().__init__(message)
        self.status = status
        self.headers: dict[str, str] = {}
        self.errors: list[dict[str, str]] = [
            {"code": code, "message": message, **detail}
            for detail in [{"detail": one} for one in details or []] or [{}]
        ]

    def answer(self) -> Answer:
        text = json.dumps({"errors": self.errors}).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(text))}
        return self.status, self.headers | headers, [text]
