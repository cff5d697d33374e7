"""The real supervisor over a small web process and the tests' own workers: `python -m tests.workers.supervised`.

As a module that it starts itself (`--web PORT`) it is that small web process.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from core.storage.database import Database
from core.storage.manifest import Manifest
from workers import supervise
from workers.children import Role


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, format, *args):
        pass


def web(port: int) -> None:
    if os.environ.get("STUBBORN"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.environ.get("DIES_AT_ONCE"):
        sys.exit(3)
    ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()


def make_roles(settings):
    here = "tests.workers.supervised"
    return [
        Role("web", here, ["--web", str(settings.port)]),
        Role("ml", "tests.workers.station", ["--queue", "ml"], "ml"),
        Role("batch", "tests.workers.station", ["--queue", "batch"], "batch"),
    ]


def opened(settings):
    database = Database(settings.database_url)
    database.create()
    if os.environ.get("SLOW_TO_OPEN"):
        print("opening", flush=True)
        while not signal.getsignal(signal.SIGTERM).__self__.asked:  # the supervisor's own note of what it was told
            time.sleep(0.02)
    current = Path(settings.store_url) / "batch" / "current.json"
    if not os.environ.get("NOTHING_PUBLISHED"):
        current.parent.mkdir(parents=True, exist_ok=True)
        current.write_bytes(Manifest("v1", settings.clock.now(), settings.clock.now(), "replay", {}, {}, {}).to_json())
    return database


if __name__ == "__main__":
    if sys.argv[1:2] == ["--web"]:
        web(int(sys.argv[2]))
    supervise.roles = make_roles
    supervise.Database = lambda url: opened(supervise.Settings.from_environment())
    sys.exit(supervise.main())
