"""A load balancer's HTTP: takes requests off a connection and hands each on to a target.

As an Application Load Balancer, but for HTTP/2 and websockets. Where the balancer or the network
says no, the connection is closed; on AWS it would hang until a timeout.
"""

import contextlib
import http
import http.client
import http.server
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .rules import Request

HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
FORWARDED = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-port"}
#: Seconds: until a target must take a connection, and until it must go on with its answer.
CONNECT, IDLE = 10.0, 60.0
PIECE = 64 * 1024
TITLES = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


@dataclass
class Answer:
    """What the load balancer answers by itself."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Target:
    """Where a request goes: `connect` opens a connection within so many seconds."""

    connect: Callable[[float], socket.socket]
    #: What the answer adds as Set-Cookie, if anything.
    cookie: str = ""


#: Answers what becomes of a request; None closes the connection.
Decide = Callable[[Request], Answer | Target | None]


def failure(status: int) -> Answer:
    title = f"{status} {TITLES.get(status) or http.HTTPStatus(status).phrase}"
    text = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
    text += f"<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    return Answer(status, {"Content-Type": "text/html"}, text.encode())


class Connection(http.server.BaseHTTPRequestHandler):
    """One connection of a client, until either side closes it."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE

    def __init__(self, client: socket.socket, address: Any, port: int, decide: Decide) -> None:
        self.port = port
        self.decide = decide
        super().__init__(client, address, None)  # type: ignore[arg-type]

    def handle_one_request(self) -> None:
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if len(self.raw_requestline) > 65536:
                self.requestline = self.request_version = self.command = ""
                self.send_error(414)
            elif not self.raw_requestline:
                self.close_connection = True
            elif self.parse_request():
                self.pass_on()
                self.wfile.flush()
        except OSError:
            self.close_connection = True

    def pass_on(self) -> None:
        lengths = set(self.headers.get_all("Content-Length") or [])
        coding = self.headers.get("Transfer-Encoding")
        if coding and (lengths or coding.lower() != "chunked"):
            return self.tell(failure(400), ends=True)
        if len(lengths) > 1 or not all(one.isdecimal() for one in lengths):
            return self.tell(failure(400), ends=True)
        headers = {name.lower(): value for name, value in self.headers.items()}
        host, client = headers.get("host", ""), str(self.client_address[0])
        decided = self.decide(Request(self.command, host, self.path, client, headers))
        if decided is None:
            self.close_connection = True
            return None
        if isinstance(decided, Answer):
            return self.tell(decided, ends=bool(lengths or coding))
        return self.ask(decided)

    def ask(self, target: Target) -> None:
        """Hand the request on, and the answer back."""
        try:
            link = target.connect(CONNECT)
        except TimeoutError:
            return self.tell(failure(504), ends=True)
        except OSError:
            return self.tell(failure(502), ends=True)
        with link:
            link.settimeout(IDLE)
            asked = http.client.HTTPConnection("target")
            asked.sock = link
            try:
                # It may answer, and close, before it has read the whole body.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.send_request(asked)
                answer = asked.getresponse()
            except TimeoutError:
                return self.tell(failure(504), ends=True)
            except (OSError, http.client.HTTPException, ValueError):
                return self.tell(failure(502), ends=True)
            self.send_back(answer, target.cookie)
        return None

    def send_request(self, asked: http.client.HTTPConnection) -> None:
        asked.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        named = {one.strip().lower() for one in self.headers.get("Connection", "").split(",")}
        for name, value in self.headers.items():
            if name.lower() not in HOP_BY_HOP | FORWARDED | named:
                asked.putheader(name, value)
        earlier = self.headers.get("X-Forwarded-For")
        client = str(self.client_address[0])
        asked.putheader("X-Forwarded-For", f"{earlier}, {client}" if earlier else client)
        asked.putheader("X-Forwarded-Proto", "http")
        asked.putheader("X-Forwarded-Port", str(self.port))
        if "X-Amzn-Trace-Id" not in self.headers:
            trace = f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"
            asked.putheader("X-Amzn-Trace-Id", trace)
        asked.putheader("Connection", "close")
        chunked = "Transfer-Encoding" in self.headers
        if chunked:
            asked.putheader("Transfer-Encoding", "chunked")
        asked.endheaders()
        for piece in self.body():
            asked.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            asked.send(b"0\r\n\r\n")

    def body(self) -> Iterator[bytes]:
        """The request's body, as it comes.

        Errors: ValueError where it is not as HTTP has it.
        """
        if "Transfer-Encoding" not in self.headers:
            yield from self.exactly(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline(1024).split(b";")[0], 16):
            yield from self.exactly(size)
            self.rfile.readline(3)
        while self.rfile.readline(65536).strip():
            pass  # trailers

    def exactly(self, left: int) -> Iterator[bytes]:
        while left > 0:
            piece = self.rfile.read(min(PIECE, left))
            if not piece:
                raise ValueError("the body ended early")
            left -= len(piece)
            yield piece

    def send_back(self, answer: http.client.HTTPResponse, cookie: str) -> None:
        bodiless = self.command == "HEAD" or answer.status in (204, 304) or answer.status < 200
        length = answer.headers.get("Content-Length")
        chunk = not bodiless and length is None and self.request_version == "HTTP/1.1"
        self.close_connection |= not bodiless and length is None and not chunk
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.headers.items():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        if chunk:
            self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close" if self.close_connection else "keep-alive")
        self.end_headers()
        sent = 0
        try:
            while not bodiless and (piece := answer.read1(PIECE)):
                sent += len(piece)
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunk else piece)
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # and so the client knows that something is missing
            return
        if chunk:
            self.wfile.write(b"0\r\n\r\n")
        elif not bodiless and length != str(sent):
            self.close_connection = True

    def tell(self, answer: Answer, ends: bool) -> None:
        """Answer by itself; `ends` where the request's body was not read."""
        self.close_connection |= ends
        self.send_response_only(answer.status)
        headers = {"Server": "awselb/2.0", "Date": self.date_time_string(), **answer.headers}
        headers["Content-Length"] = str(len(answer.body))
        headers["Connection"] = "close" if self.close_connection else "keep-alive"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, *_: Any) -> None:
        """Nothing: the log of a load balancer is an option of its own on AWS."""
