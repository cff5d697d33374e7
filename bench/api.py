"""Requests a second that one process of the app answers: `python -m bench.api`, with what was last published.

Starts `uvicorn app:app` on a free port and asks over kept connections, from this process. The last column does not depend on
what else the machine does: answers for each second of processor time that the server took.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.app import free_port, until_answers
from core.errors import SoccerPredictError
from core.serving.services import open_services
from core.settings import PROJECT, Settings

KEY = "bench"


@dataclass(frozen=True)
class Question:
    name: str
    request: bytes


def question(name: str, method: str, path: str, body: bytes = b"") -> Question:
    head = [
        f"{method} {path} HTTP/1.1",
        "Host: bench",
        f"X-API-Key: {KEY}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return Question(name, "\r\n".join([*head, "", ""]).encode() + body)


def questions(settings: Settings) -> list[Question]:
    """About a match to come that was published, or else any."""
    services = open_services(settings)
    try:
        match_id = int((services.features.list_matches() or services.predictions.list_matches(1))[0]["match_id"])
        row = services.features.get_features(match_id) or {}
        wanted = [feature["name"] for feature in services.models.get_model_info()["features"]]
        body = json.dumps({"features": {name: row[name] or 0 for name in wanted}}).encode()
        services.models.predict(json.loads(body)["features"])
    finally:
        services.close()
    return [
        question("precomputed", "GET", f"/predict/precomputed/{match_id}"),
        question("by match", "GET", f"/predict/{match_id}"),
        question("from features", "POST", "/predict/", body),
    ]


@contextmanager
def server(settings: Settings) -> Iterator[tuple[int, int]]:
    """The app's port, and its process."""
    port = free_port()
    environment = os.environ | {"SOCCER_HOME": str(settings.home), "FASTAPI_HEADER_TOKEN": KEY, "SOCCER_METRICS_PORT": "0"}
    command = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--no-access-log", "--log-level", "warning"]
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.DEVNULL)
    try:
        until_answers(f"http://127.0.0.1:{port}/healthz", time.perf_counter())
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


async def caller(port: int, asked: Question, until: float, took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(asked.request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head.decode()
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
        took.append(time.perf_counter() - began)
    writer.close()


async def ask(port: int, asked: Question, callers: int, seconds: float) -> list[float]:
    """The seconds that each answer took."""
    took: list[float] = []
    until = time.perf_counter() + seconds
    await asyncio.gather(*(caller(port, asked, until, took) for _ in range(callers)))
    return took


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(port: int, pid: int, asked: Question, callers: int, seconds: float) -> str:
    asyncio.run(ask(port, asked, callers, 0.5))
    before = processor_seconds(pid)
    took = asyncio.run(ask(port, asked, callers, seconds))
    used = processor_seconds(pid) - before
    spread, answers = statistics.quantiles(took, n=100), len(took)
    figures = f"{answers / seconds:>9.0f} {spread[49] * 1e3:>8.2f} {spread[98] * 1e3:>8.2f} {answers / used:>14.0f}"
    return f"{asked.name:<14} {callers:>7} {figures}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.api", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each row")
    given = parser.parse_args()
    settings = Settings.from_environment()
    try:
        asked = questions(settings)
    except SoccerPredictError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{'forecast':<14} {'callers':>7} {'a second':>9} {'p50 ms':>8} {'p99 ms':>8} {'per CPU second':>14}")
    with server(settings) as (port, pid):
        for one in asked:
            for callers in (1, 8):
                print(measured(port, pid, one, callers, given.seconds), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
