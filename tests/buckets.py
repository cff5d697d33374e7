"""A real S3 server on a folder: each folder in it is a bucket."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from pathlib import Path

from tests.installation import PATIENCE, free_port

RCLONE = Path(sys.executable).with_name("rclone")
BUCKETS = 100
KEY, SECRET = "testing-key", "testing-secret"


class S3Server:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._names = iter(range(1, BUCKETS + 1))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}

    def bucket(self) -> str:
        """The `s3://` address of an empty bucket that nobody else uses."""
        return f"s3://bucket-{next(self._names)}"

    def start(self) -> None:
        # Made beforehand: the server keeps the list of its buckets, and told not to, it uses the processor without end.
        for number in range(1, BUCKETS + 1):
            (self.folder / f"bucket-{number}").mkdir(exist_ok=True)
        command = [RCLONE, "serve", "s3", "--auth-key", f"{KEY},{SECRET}", "--addr", f"127.0.0.1:{self.port}", str(self.folder)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE
        while not self._answers():
            assert time.monotonic() < until and self._process.poll() is None, "rclone does not answer"
            time.sleep(0.05)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status > 0
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)
            self._process = None
