"""A visitor without a browser: opens the page's websocket and counts how long the server takes to run it."""

from __future__ import annotations

import re
import time
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect


class Visitor:
    """One session at `address`, such as `127.0.0.1:8501`."""

    def __init__(self, address: str) -> None:
        self._socket = connect(f"ws://{address}/_stcore/stream", subprotocols=["streamlit"], max_size=None, compression=None, legacy=True)  # type: ignore[list-item]

    def run(self, query: str = "", timeout: float = 60, page: str = "") -> float:
        """Run a page with this query string; seconds until the server has finished. RuntimeError if the script failed.

        `texts` has what the page shows afterwards, as HTML or Markdown.
        """
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        self.texts: list[str] = []
        started = time.perf_counter()
        self._socket.send(message.SerializeToString())
        while True:
            answer: Any = ForwardMsg()
            answer.ParseFromString(self._socket.recv(timeout=timeout))
            kind = answer.WhichOneof("type")
            if kind == "delta" and answer.delta.new_element.WhichOneof("type") == "exception":
                raise RuntimeError(answer.delta.new_element.exception.message)
            if kind == "delta":
                self.texts += _texts(answer.delta.new_element)
            if kind == "script_finished":
                return time.perf_counter() - started

    def read(self, page: str = "", query: str = "") -> str:
        """The words of a page, without its markup."""
        self.run(query, page=page)
        return " ".join(re.sub(r"<style.*?</style>|<[^>]+>", " ", " ".join(self.texts), flags=re.DOTALL).split())

    def close(self) -> None:
        self._socket.close()


def _texts(element: Any) -> list[str]:
    """The words of one element that is drawn; none of those that show no text."""
    kind = element.WhichOneof("type")
    if kind in ("html", "markdown", "alert"):
        return [getattr(element, kind).body]
    return [element.button.label] if kind == "button" else []
