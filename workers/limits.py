"""How much a caller may send."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST = 64 * 1024
# Nobody reads a body of these.
BODILESS = ("GET", "HEAD", "OPTIONS", "DELETE")
# What is still taken, and thrown away, after the answer: a caller that is cut off in the middle of sending may not read it.
LINGER, LINGER_SECONDS = 4 * 1024 * 1024, 2.0
TOO_LARGE = "The body is larger than 64 KiB. Send one match at a time."


class SmallBodies:
    """Refuses a larger body with 413: at once by the length it declares, otherwise as soon as so much of it has come."""

    def __init__(self, app: ASGIApp, most: int = MOST) -> None:
        self.app = app
        self.most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _declared(scope) > self.most:
            await _refuse(receive, send)
        elif scope["type"] == "http" and scope["method"] not in BODILESS:
            body = _Body(self.most, receive, send)
            await self.app(scope, body.receive, body.send)
        else:
            await self.app(scope, receive, send)


class _Body:
    """One request's body, counted as it comes."""

    def __init__(self, most: int, receive: Receive, send: Send) -> None:
        self.left = most
        self._receive, self._send = receive, send

    async def receive(self) -> Message:
        message = await self._receive()
        self.left -= len(message.get("body", b""))
        if self.left < 0:
            raise HTTPException(413, TOO_LARGE, {"Connection": "close"})
        return message

    async def send(self, message: Message) -> None:
        if self.left < 0 and message["type"] == "http.response.body" and not message.get("more_body"):
            await _last(message["body"], self._receive, self._send)
        else:
            await self._send(message)


def _declared(scope: Scope) -> int:
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(length) if length.isdigit() else 0


async def _refuse(receive: Receive, send: Send) -> None:
    body = json.dumps({"detail": TOO_LARGE}).encode()
    kind, length = (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 413, "headers": [kind, length, (b"connection", b"close")]})
    await _last(body, receive, send)


async def _last(body: bytes, receive: Receive, send: Send) -> None:
    """Send the answer's body, and end it only when the caller has sent what he had, or enough of it."""
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            await _throw_away(receive)
    await send({"type": "http.response.body", "body": b""})


async def _throw_away(receive: Receive) -> None:
    left = LINGER
    while left > 0:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            return
        left -= len(message.get("body", b""))
