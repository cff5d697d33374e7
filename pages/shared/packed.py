"""Streamlit's own script and style files, compressed once and kept: a page needs eighty of them, for each new visitor."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Their names hold a digest of their content, so what is kept is never out of date.
PLACE = "/static/"
MOST = 2000
PACKED_ALREADY = (".woff2", ".woff", ".png", ".gz", ".br")


@dataclass
class Kept:
    """An answer as it is sent: the message that starts it, and the whole body."""

    start: Message = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False


class Packed:
    """Before another ASGI app: answers for its static files from memory, once it has given them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._kept: dict[str, Kept] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _wanted(scope):
            await self.app(scope, receive, send)
            return
        kept = self._kept.get(scope["path"]) or await self._fetched(scope)
        await send(kept.start)
        await send({"type": "http.response.body", "body": kept.body})

    async def _fetched(self, scope: Scope) -> Kept:
        """The whole file, even when the visitor who asked for it leaves half-way: the next one gets it too."""
        found = Kept()

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                found.start = message
            else:
                found.body += message.get("body", b"")
                found.whole = not message.get("more_body", False)

        await self.app(scope, _stays, keep)
        if found.start["status"] == 200 and found.whole and len(self._kept) < MOST:
            _pack(scope["path"], found)
            self._kept[scope["path"]] = found
        return found


async def _stays() -> Message:
    """A caller who never leaves."""
    await asyncio.Event().wait()
    return {"type": "http.disconnect"}


def _wanted(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(PLACE):
        return False
    headers = Headers(scope=scope)
    conditional = "if-none-match" in headers or "if-modified-since" in headers or "range" in headers
    return "gzip" in headers.get("accept-encoding", "") and not conditional


def _pack(path: str, kept: Kept) -> None:
    headers = MutableHeaders(raw=list(kept.start["headers"]))
    headers.add_vary_header("Accept-Encoding")
    if not path.endswith(PACKED_ALREADY) and "content-encoding" not in headers:
        kept.body = gzip.compress(kept.body, 9, mtime=0)
        headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(kept.body))
    kept.start = {**kept.start, "headers": headers.raw}
