"""The threads beside a process's own work: metrics on a port of their own, and the reaper of tasks."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from core.errors import SettingsError
from core.metrics import exposition
from core.settings import Settings
from workers.reaper import start_reaper

_guard = threading.Lock()
_running: dict[str, Any] = {}


class _Scrape(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body, kind = exposition()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """A scrape is no event."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer asks DNS for the host's full name here, which nobody needs


def serve_metrics(port: int, host: str = "127.0.0.1", setting: str = "SOCCER_METRICS_PORT") -> int:
    """Serve this process's metrics in a thread; returns the port. The second call in a process changes nothing.

    Port 0 takes a free one. SettingsError when the port is taken, naming the setting to change.
    """
    with _guard:
        if "metrics" not in _running:
            try:
                server = _Server((host, port), _Scrape)
            except OSError as error:
                raise SettingsError(
                    f"The port {port} for metrics cannot be opened ({error.strerror}). Set {setting} to a free port, or 0 for any."
                ) from error
            threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
            _running["metrics"] = server
        return int(_running["metrics"].server_address[1])


def watch_tasks(settings: Settings) -> None:
    """Reap lost tasks in this process too, so that a dead worker is noticed while no other lives. Once in a process."""
    with _guard:
        if "reaper" not in _running:
            _running["reaper"] = start_reaper(settings)
