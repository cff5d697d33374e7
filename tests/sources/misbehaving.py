"""A local server whose paths each misbehave in their own way, and which remembers what it was asked."""

import gzip
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GOOD = b'{"matches": []}'


class Misbehaving(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.partition("?")[0].strip("/")
        self.server.asked.append((path, time.monotonic(), dict(self.headers)))
        self.server.counts[path] += 1
        getattr(self, path.replace("-", "_"), self.missing)(self.server.counts[path])

    def good(self, _count):
        if self.headers.get("If-None-Match") == '"1"' or self.headers.get("If-Modified-Since") == "Fri, 13 Mar 2026 12:00:00 GMT":
            self.answer(304, b"")
        else:
            self.answer(200, GOOD, {"ETag": '"1"', "Last-Modified": "Fri, 13 Mar 2026 12:00:00 GMT"})

    def missing(self, _count):
        self.answer(404, b"not here")

    def forbidden(self, _count):
        self.answer(403, b"no")

    def page(self, _count):
        self.answer(200, b"<html>Welcome</html>", kind="text/html; charset=utf-8")

    def empty(self, _count):
        self.answer(200, b"")

    def broken(self, _count):
        self.answer(500, b"oops")

    def recovers(self, count):
        self.answer(*((503, b"busy") if count < 3 else (200, GOOD)))

    def busy(self, count):
        self.answer(*((429, b"slow down", {"Retry-After": "7"}) if count == 1 else (200, GOOD)))

    def busy_for_hours(self, count):
        self.answer(*((429, b"slow down", {"Retry-After": "7200"}) if count == 1 else (200, GOOD)))

    def truncated(self, _count):
        self.answer(200, GOOD, {"Content-Length": "5000"})
        self.close_connection = True

    def huge(self, _count):
        self.start(200, {"Content-Length": str(10**9)})
        self.pour(lambda: self.wfile.write(b"x" * 65536))

    def silent(self, _count):
        self.server.over.wait(20)

    def dripping(self, _count):
        self.start(200, {"Content-Length": "100000"})
        self.pour(lambda: self.wfile.write(b"x") and self.server.over.wait(0.02))

    def packed(self, _count):
        body = gzip.compress(GOOD)
        self.start(200, {"Content-Encoding": "gzip", "Content-Length": str(len(body))})
        for place in range(len(body)):
            self.wfile.write(body[place : place + 1])
            self.wfile.flush()
            self.server.over.wait(0.002)

    def round_and_round(self, _count):
        self.answer(302, b"", {"Location": "/round-and-round"})

    def moved(self, _count):
        self.answer(301, b"", {"Location": "/good"})

    def pour(self, once):
        try:
            while not self.server.over.is_set():
                once()
        except OSError:
            self.close_connection = True

    def answer(self, status, body, headers=None, kind="application/json"):
        self.start(status, {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})})
        self.wfile.write(body)

    def start(self, status, headers):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_args):
        """Quiet."""


@contextmanager
def misbehaving():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
    server.asked, server.counts, server.over = [], Counter(), threading.Event()
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    server.base = f"http://127.0.0.1:{server.server_port}"
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
