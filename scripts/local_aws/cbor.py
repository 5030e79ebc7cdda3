"""CBOR, the newest of AWS's protocols, for an application that knows only JSON.

The SDK for Rust asks CodeConnections in it, and moto does not have it: the request is turned into
one in JSON, and the answer back.
"""

import io
import json
import re
import struct
from typing import Any

from botocore.parsers import RpcV2CBORParser

TYPE = "application/cbor"


def decode(data: bytes) -> Any:
    parser = RpcV2CBORParser()
    return parser.parse_data_item(parser.get_peekable_stream_from_bytes(data)) if data else None


def encode(value: Any) -> bytes:
    """The CBOR of what JSON can say."""
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, str):
        text = value.encode()
        return head(3, len(text)) + text
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    pairs = (encode(key) + encode(one) for key, one in value.items())
    return head(5, len(value)) + b"".join(pairs)


def head(kind: int, number: int) -> bytes:
    """A kind of value in three bits, and its number or length in as few bytes as will do."""
    if number < 24:
        return bytes([kind << 5 | number])
    size = next(size for size in range(4) if number < 1 << 8 * 2**size)
    return bytes([kind << 5 | 24 + size]) + number.to_bytes(2**size, "big")


class Translated:
    """A WSGI application that speaks JSON, for requests in CBOR as well."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        rpc = re.fullmatch(r"/service/(\w+)/operation/(\w+)", environ.get("PATH_INFO", ""))
        if not rpc or environ.get("CONTENT_TYPE", TYPE) != TYPE:
            return self.app(environ, start_response)
        body = json.dumps(decode(environ["wsgi.input"].read()) or {}).encode()
        asked = environ | {
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/x-amz-json-1.0",
            "HTTP_X_AMZ_TARGET": f"{rpc[1]}.{rpc[2]}",
            "PATH_INFO": "/",
            "wsgi.input": io.BytesIO(body),
        }
        answered: list[Any] = []

        def keep(status: str, headers: list[Any], exc_info: Any = None) -> Any:
            answered[:] = [status, headers]
            return lambda data: None

        answer = b"".join(self.app(asked, keep))
        status, headers = answered
        if status.startswith("500"):  # no answer of AWS's
            start_response(status, headers)
            return [answer]
        headers = [one for one in headers if one[0].lower() != "content-type"]
        headers += [("Content-Type", TYPE), ("smithy-protocol", "rpc-v2-cbor")]
        start_response(status, headers)
        return [encode(json.loads(answer or b"{}"))]
