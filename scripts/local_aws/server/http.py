"""HTTP/1.1 for WSGI applications; the faults of the tests (tests/faults) use it as well."""

import sys
from typing import Any

from moto.moto_server.werkzeug_app import (
    MotoRequestHandler,
)
from werkzeug.serving import ThreadedWSGIServer


class Handler(MotoRequestHandler):
    """Keeps connections open, sends each answer in one piece, and logs nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 120

    def handle_expect_100(self) -> bool:
        """Flush the answer at once: boto3 waits up to a second for it before it sends an object."""
        answered = super().handle_expect_100()
        self.wfile.flush()
        return answered

    def run_wsgi(self) -> None:
        """werkzeug's own closes the connection after every answer.

        It can stay open here because the application reads every request to its end, and
        answers with the whole body at once.
        """

        def start_response(status: str, headers: list[Any], exc_info: Any = None) -> Any:
            code, _, reason = status.partition(" ")
            self.send_response(int(code), reason)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            return self.wfile.write

        self.environ = self.make_environ()
        parts = self.server.app(self.environ, start_response)
        try:
            for part in parts:
                self.wfile.write(part)
        finally:
            if hasattr(parts, "close"):  # it is of a file
                parts.close()
        self.wfile.flush()

    def log(self, type: str, message: str, *args: Any) -> None:
        if type == "error" and "timed out" not in message:
            print("local-aws:", message % args if args else message, file=sys.stderr)


class Server(ThreadedWSGIServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256


def read_body(environ: dict[str, Any]) -> bytes:
    """The whole request body, also when it comes in chunks."""
    if environ.get("wsgi.input_terminated"):
        return environ["wsgi.input"].read()
    return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def respond(start_response: Any, status: str, body: bytes) -> list[bytes]:
    start_response(
        status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]
