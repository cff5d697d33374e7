"""Streamlit's own script and style files, compressed once and kept: a page needs eighty of them, for each new visitor."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass, field
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import file_util

# Their names hold a digest of their content, so what is kept is never out of date.
PLACE = "static"
PACKED_ALREADY = (".woff2", ".woff", ".png", ".gz", ".br")


@dataclass
class Kept:
    """An answer as it is sent: the message that starts it, and the whole body."""

    start: Message = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False


class Packed:
    """Before another ASGI app: answers for the files below `root`/static from memory, once that app has given them.

    A path that names no such file, letter by letter, is left to the app: what is kept is never more than the files are.
    """

    def __init__(self, app: ASGIApp, root: str | Path | None = None) -> None:
        self.app = app
        top = Path(root or file_util.get_static_dir())
        self._files = frozenset(f"/{path.relative_to(top).as_posix()}" for path in (top / PLACE).rglob("*") if path.is_file())
        self._kept: dict[str, Kept] = {}
        self._on_the_way: dict[str, asyncio.Task[Kept]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _wanted(scope) or scope["path"] not in self._files:
            await self.app(scope, receive, send)
            return
        # Whoever leaves does not take the file from those who wait for it too.
        kept = self._kept.get(scope["path"]) or await asyncio.shield(self._fetching(scope))
        await send(kept.start)
        await send({"type": "http.response.body", "body": kept.body})

    def _fetching(self, scope: Scope) -> asyncio.Task[Kept]:
        """One reading of a file at a time, however many ask for it."""
        path = scope["path"]
        if path not in self._on_the_way:
            fetching = self._on_the_way[path] = asyncio.create_task(self._fetched(scope))
            fetching.add_done_callback(lambda _: self._on_the_way.pop(path))
        return self._on_the_way[path]

    async def _fetched(self, scope: Scope) -> Kept:
        """The whole file, even when the visitor who asked for it leaves half-way: the next one gets it too."""
        found = Kept()

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                found.start = message
            else:
                found.body += message.get("body", b"")
                found.whole = not message.get("more_body", False)

        await self.app(_as_it_is(scope), _stays, keep)
        if found.start["status"] == 200 and found.whole:
            await asyncio.to_thread(_pack, scope["path"], found)
            self._kept[scope["path"]] = found
        return found


async def _stays() -> Message:
    """A caller who never leaves."""
    await asyncio.Event().wait()
    return {"type": "http.disconnect"}


def _wanted(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    headers = Headers(scope=scope)
    conditional = "if-none-match" in headers or "if-modified-since" in headers or "range" in headers
    return "gzip" in headers.get("accept-encoding", "") and not conditional


def _as_it_is(scope: Scope) -> Scope:
    """The same request for the file as it is: it is compressed here, and not while others wait."""
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name.lower() != b"accept-encoding"]}


def _pack(path: str, kept: Kept) -> None:
    headers = MutableHeaders(raw=list(kept.start["headers"]))
    headers.add_vary_header("Accept-Encoding")
    if not path.endswith(PACKED_ALREADY):
        kept.body = gzip.compress(kept.body, 9, mtime=0)
        headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(kept.body))
    kept.start = {**kept.start, "headers": headers.raw}
