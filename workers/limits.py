"""How much a caller may send."""

from __future__ import annotations

import json

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST = 64 * 1024
# What is still taken, and thrown away, after the answer: a caller that is cut off in the middle of sending may not read it.
LINGER = 4 * 1024 * 1024
TOO_LARGE = "The body is larger than 64 KiB. Send one match at a time."


class SmallBodies:
    """Refuses a larger body with 413: at once by the length it declares, otherwise as soon as so much of it has come."""

    def __init__(self, app: ASGIApp, most: int = MOST) -> None:
        self.app = app
        self.most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _declared(scope) > self.most:
            await _refuse(receive, send)
            return
        come = 0

        async def counted() -> Message:
            nonlocal come
            message = await receive()
            come += len(message.get("body", b""))
            if come > self.most:
                raise HTTPException(413, TOO_LARGE, {"Connection": "close"})
            return message

        await self.app(scope, counted, send)


def _declared(scope: Scope) -> int:
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(length) if length.isdigit() else 0


async def _refuse(receive: Receive, send: Send) -> None:
    body = json.dumps({"detail": TOO_LARGE}).encode()
    kind, length = (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 413, "headers": [kind, length, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    left = LINGER
    while left > 0:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            break
        left -= len(message.get("body", b""))
    await send({"type": "http.response.body", "body": b""})
