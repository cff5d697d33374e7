"""A visitor without a browser: opens the page's websocket and counts how long the server takes to run it."""

from __future__ import annotations

import time
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect


class Visitor:
    """One session at `address`, such as `127.0.0.1:8501`."""

    def __init__(self, address: str) -> None:
        self._socket = connect(f"ws://{address}/_stcore/stream", subprotocols=["streamlit"], max_size=None, compression=None)  # type: ignore[list-item]

    def run(self, query: str = "", timeout: float = 60) -> float:
        """Run the page with this query string; seconds until the server has finished. RuntimeError if the script failed."""
        message = BackMsg()
        message.rerun_script.query_string = query
        started = time.perf_counter()
        self._socket.send(message.SerializeToString())
        while True:
            answer: Any = ForwardMsg()
            answer.ParseFromString(self._socket.recv(timeout=timeout))
            kind = answer.WhichOneof("type")
            if kind == "delta" and answer.delta.new_element.WhichOneof("type") == "exception":
                raise RuntimeError(answer.delta.new_element.exception.message)
            if kind == "script_finished":
                return time.perf_counter() - started

    def close(self) -> None:
        self._socket.close()
