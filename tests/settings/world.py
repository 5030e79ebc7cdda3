"""What a tool's settings can lead to, for tests/settings.rs: a server that plays STS, the metadata
services, IAM Identity Center and a proxy, and remembers who came; and botocore itself, which shows
how the AWS CLI takes the same settings.

    python -m settings.world FOLDER      certificates are written to FOLDER

Says where it answers, and then obeys lines of JSON on stdin, each with one line:

    {"do": "botocore", "env": {...}}     asks STS who it is, as botocore under these variables
    {"do": "seen"}                       what came since the last line
"""

import contextlib
import datetime
import hashlib
import http.server
import ipaddress
import json
import os
import pathlib
import re
import ssl
import sys
import threading
import urllib.parse
from typing import Any

import botocore.config
import botocore.credentials
import botocore.session
import botocore.utils
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LATER = "2099-01-01T00:00:00Z"
seen: list[dict[str, str]] = []


def key(*parts: str | None) -> str:
    """An access key that says from what it follows."""
    return "ASIA" + hashlib.sha256(repr(parts).encode()).hexdigest()[:12].upper()


def keys(*parts: str | None) -> dict[str, str]:
    return {
        "AccessKeyId": key(*parts),
        "SecretAccessKey": "secret",
        "Token": key("token", *parts),
        "SessionToken": key("token", *parts),
        "Expiration": LATER,
    }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: http.server.HTTPServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def answer(self, status: int, body: str, kind: str = "text/xml") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def remember(self, what: str) -> None:
        signed = re.match(
            r"AWS4-HMAC-SHA256 Credential=([^/]*)/[^/]*/([^/]*)/",
            self.headers.get("authorization", ""),
        )
        way = "proxy" if self.path.startswith("http") else "direct"
        secret = "" if signed else self.headers.get("authorization", "")
        seen.append(
            {
                "what": what,
                "key": signed[1] if signed else "",
                "region": signed[2] if signed else "",
                "token": self.headers.get("x-amz-security-token", ""),
                "host": self.headers.get("host", ""),
                "path": urllib.parse.urlsplit(self.path).path.rstrip("/"),
                "way": way,
                "secret": secret,
            }
        )

    def do_CONNECT(self) -> None:
        seen.append({"what": "CONNECT", "host": self.path})
        self.answer(407 if self.server.server_port == ports.get("wants") else 403, "")

    def do_PUT(self) -> None:
        self.remember("metadata")
        self.send_response(200)
        self.send_header("x-aws-ec2-metadata-token-ttl-seconds", "21600")
        self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.write(b"a-token")

    def do_GET(self) -> None:
        path = urllib.parse.urlsplit(self.path).path
        self.remember("metadata" if "/latest/" in path else path)
        if path.endswith("/security-credentials/"):
            return self.answer(200, "machine", "text/plain")
        if path.endswith("/machine"):
            found = {"Code": "Success", **keys("machine", path)}
            return self.answer(200, json.dumps(found), "application/json")
        if path.endswith("/federation/credentials"):
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
            token = self.headers.get("x-amz-sso_bearer_token")
            if token == "refused":  # noqa: S105
                body = '{"message": "Session token not found or invalid"}'
                self.send_response(401)
                self.send_header("x-amzn-errortype", "UnauthorizedException")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())
                return None
            of = keys("sso", query.get("account_id"), query.get("role_name"), token)
            small = {name[0].lower() + name[1:]: value for name, value in of.items()}
            small["expiration"] = 4070908800000  # type: ignore[assignment]
            return self.answer(200, json.dumps({"roleCredentials": small}), "application/json")
        if "/broken" in path:
            return self.answer(200, "{", "application/json")
        found = keys("container", path, self.headers.get("authorization"))
        return self.answer(200, json.dumps(found), "application/json")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
        params = dict(urllib.parse.parse_qsl(body))
        action = params.get("Action", "")
        self.remember(action)
        fault = re.match(r"(?:http://[^/]*)?/(page|status)/(\d+)", self.path)
        if "/reset" in self.path:
            self.close_connection = True
            return None
        if self.server.server_port == ports.get("wants"):
            return self.answer(407, "")
        if fault and fault[1] == "page":
            page = "<!DOCTYPE html><html><head><title>Sign in\n here</title></head></html>"
            return self.answer(int(fault[2]), page, "text/html; charset=utf-8")
        if fault:
            return self.answer(int(fault[2]), "")
        if self.path.endswith("/token"):
            token = {"accessToken": "renewed", "expiresIn": 3600, "tokenType": "Bearer"}
            return self.answer(200, json.dumps(token), "application/json")
        if action == "GetCallerIdentity":
            return self.answer(200, result(action, {"Account": "123456789012"}))
        role = params.get("RoleArn", "")
        if "denied" in role:
            why = f"not authorized to perform: sts:AssumeRole on resource: {role}"
            error = f"<Error><Code>AccessDenied</Code><Message>{why}</Message></Error>"
            return self.answer(403, f"<ErrorResponse>{error}</ErrorResponse>")
        session = params.get("RoleSessionName")
        of = keys(
            role,
            params.get("ExternalId"),
            params.get("DurationSeconds"),
            params.get("WebIdentityToken"),
            session if session == "mine" else None,
            seen[-1]["key"],
        )
        credentials = {"Credentials": {name: of[name] for name in of if name != "Token"}}
        return self.answer(200, result(action, credentials))


def result(action: str, fields: dict[str, Any]) -> str:
    def xml(fields: dict[str, Any]) -> str:
        parts = fields.items()
        return "".join(f"<{n}>{xml(v) if isinstance(v, dict) else v}</{n}>" for n, v in parts)

    space = "https://sts.amazonaws.com/doc/2011-06-15/"
    return (
        f'<{action}Response xmlns="{space}"><{action}Result>{xml(fields)}</{action}Result>'
        f"<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>"
    )


ports: dict[str, int] = {}


def serve(context: ssl.SSLContext | None = None) -> int:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_port)


def certificates(folder: pathlib.Path) -> None:
    """A CA, and servers with certificates of it: good, expired, for another name, the CA's own."""
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA of the tests")])

    def certificate(
        name: str, end: datetime.datetime, host: str, own_key: ec.EllipticCurvePrivateKey, ca: bool
    ) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder(ca_name, ca_name if ca else subject)
        builder = builder.public_key(own_key.public_key()).serial_number(
            x509.random_serial_number()
        )
        builder = builder.not_valid_before(now - 9 * day).not_valid_after(end)
        address = x509.IPAddress(ipaddress.ip_address(host))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
        return builder.sign(ca_key, hashes.SHA256())

    for name, end, host, is_ca in [
        ("good", now + day, "127.0.0.1", False),
        ("expired", now - day, "127.0.0.1", False),
        ("other", now + day, "127.0.0.9", False),
        ("ca", now + day, "127.0.0.1", True),
    ]:
        own_key = ca_key if is_ca else ec.generate_private_key(ec.SECP256R1())
        pem = certificate(name, end, host, own_key, is_ca).public_bytes(serialization.Encoding.PEM)
        private = own_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (folder / f"{name}.pem").write_bytes(pem)
        (folder / f"{name}.key").write_bytes(private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
        ports[name] = serve(context)


def as_botocore(env: dict[str, str]) -> str:
    """Asks who it is, as the AWS CLI would; answers what went wrong, or nothing. AWS_REGION, which
    the CLI puts before AWS_DEFAULT_REGION and botocore does not know, is put in for it."""
    os.environ.clear()
    os.environ.update(env)
    if env.get("AWS_REGION"):
        os.environ["AWS_DEFAULT_REGION"] = env["AWS_REGION"]
    session = botocore.session.Session()
    once = botocore.config.Config(retries={"total_max_attempts": 1})
    session.set_default_client_config(once)
    try:
        region = session.get_config_variable("region")
        region = "us-east-1" if region is None else region
        session.create_client("sts", region_name=region).get_caller_identity()
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"
    return ""


def main() -> None:
    # What waits between two tries, and what needs a library in C before it reads a file.
    botocore.utils.ContainerMetadataFetcher.SLEEP_TIME = 0
    botocore.credentials.EC = botocore.credentials.EC or object()
    certificates(pathlib.Path(sys.argv[1]))
    ports["plain"] = serve()
    ports["wants"] = serve()
    print(json.dumps(ports), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        error = ""
        if order["do"] == "botocore":
            error = as_botocore(order["env"])
        print(json.dumps({"error": error, "seen": seen}), flush=True)
        seen.clear()


with contextlib.suppress(KeyboardInterrupt):
    main()
