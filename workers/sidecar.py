"""The threads beside a process's own work: metrics on a port of their own, and the reaper of tasks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from core.errors import SettingsError
from core.metrics import exposition
from core.settings import Settings
from workers.log import line
from workers.reaper import start_reaper


class _Scrape(BaseHTTPRequestHandler):
    timeout = 5  # seconds for a caller to say what he wants, and to take it: one who does neither keeps no thread

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


class Sidecar:
    """The running server; `close` ends it and frees the port."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self.port = int(server.server_address[1])
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        global _running
        with _guard:
            if _running is self:
                _running = None
                self._server.shutdown()
                self._server.server_close()


_guard = threading.Lock()
_running: Sidecar | None = None


def serve(port: int, host: str = "127.0.0.1", setting: str = "SOCCER_METRICS_PORT") -> Sidecar:
    """Serve this process's metrics on a port of their own; while one serves already, that one.

    Port 0 takes a free one. SettingsError when the port is taken, naming the setting to change.
    """
    global _running
    with _guard:
        if _running is None:
            try:
                _running = Sidecar(_Server((host, port), _Scrape))
            except OSError as error:
                raise SettingsError(
                    f"The port {port} for metrics cannot be opened ({error.strerror}). Set {setting} to a free port, or to 0 for any."
                ) from error
        return _running


class Reaping:
    """The reaper of lost tasks in a web process, so that a dead worker is noticed while no other lives. A bug in it ends no pages."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reaper = start_reaper(settings, steady=True)

    def work_for(self, settings: Settings) -> None:
        """Reap the tasks of these settings' timeline, and no longer those of before."""
        if settings.timeline != self._settings.timeline:
            self._reaper.stop()
            self._settings, self._reaper = settings, start_reaper(settings, steady=True)

    def stop(self) -> None:
        self._reaper.stop()


@contextmanager
def beside(settings: Settings, shared: bool = False) -> Iterator[Reaping]:
    """Within this, a web process has its metrics' own port and reaps lost tasks. `shared`: of several processes the first has the port."""
    metrics = _first(settings) if shared else serve(settings.metrics_port, settings.host)
    reaping = Reaping(settings)
    try:
        yield reaping
    finally:
        reaping.stop()
        if metrics is not None:
            metrics.close()


def _first(settings: Settings) -> Sidecar | None:
    try:
        return serve(settings.metrics_port, settings.host)
    except SettingsError as error:
        line("metrics", logging.WARNING, trouble=str(error))
        return None
