"""What no description can say of a request, told to Schemathesis: see contract.sh.

Three rules speak of more than the request itself. An Idempotency-Key that named another request before is refused (422), a
deadline, or the end of a key, must lie in the future, and a picture must be where it is said to be. Requests that are meant to
be taken get a key of their own, a year that is far away, and a picture that is there; those that are meant to be refused are
sent as they are.
"""

import base64
import re
import struct
import uuid
import zlib

import schemathesis


def png(side):
    """A grey picture, as a data: URI."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * side) * side)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(data).decode()


PICTURE = png(64)


def with_pictures(body):
    for name in ("image", "imageUrl", "mask", "maskUrl"):
        if body.get(name) is not None:
            body[name] = PICTURE
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else []:
        content = message.get("content")
        for part in content if isinstance(content, list) else []:
            if part.get("type") == "image":
                part.pop("assetId", None)
                part["url"] = PICTURE


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    for name in list(case.headers or {}):
        if name.lower() == "idempotency-key":
            case.headers[name] = uuid.uuid4().hex
    if isinstance(case.body, dict):
        with_pictures(case.body)
        for name in ("deadline", "expiresAt"):
            if isinstance(case.body.get(name), str):
                case.body[name] = re.sub(r"^\d{4}", "2996", case.body[name])
