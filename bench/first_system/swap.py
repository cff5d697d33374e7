"""A promotion while eight callers ask without a pause: every answer, and when each process was on the new version."""

from __future__ import annotations

import asyncio
import json
import re
import time
import urllib.request
from dataclasses import dataclass
from typing import Any

from bench.api import KEY, Question
from bench.first_system.rig import Rig
from core.storage.registry import Registry

CALLERS, LEAST, LONGEST = 8, 2000, 30.0


@dataclass(frozen=True)
class Swap:
    answers: int
    failures: int
    seconds: float


async def caller(port: int, asked: Question, seen: list[tuple[float, int, int]], stop: asyncio.Event) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while not stop.is_set():
        writer.write(asked.request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = re.search(r"content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        version = re.search(r"x-model-version: (\d+)", head)
        seen.append((time.perf_counter(), int(head.split()[1]), int(version[1]) if version else 0))
    writer.close()


def post(port: int, path: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def promoted(rig: Rig, version: int, champion: int) -> float:
    """When the registry had the new champion."""
    asked = {"version": version, "reason": "measured under load", "expected_champion": champion, "against_the_gate": True}
    task_id = post(rig.ours, "/predict/model/promote", asked)["task_id"]
    registry, end = Registry(rig.settings.tracking_uri, rig.settings.model_name), time.perf_counter() + LONGEST
    while registry.aliases().get("champion") != version and time.perf_counter() < end:
        time.sleep(0.01)
    moved = time.perf_counter()
    task = rig.homes["SQLite"].wait(task_id, LONGEST)
    assert task["status"] == "SUCCESS", task
    return moved


def on_new(rig: Rig, version: int) -> bool:
    workers = [worker for name in ("SQLite", "Redis") for worker in rig.homes[name].ledger.workers()]
    return all(worker["model_versions"].get("champion") == version for worker in workers)


def followed(rig: Rig, version: int, seen: list[tuple[float, int, int]]) -> float:
    """When all had followed; goes on until enough was asked."""
    end = time.perf_counter() + LONGEST
    while time.perf_counter() < end and not (seen[-1][2] == version and on_new(rig, version)):
        time.sleep(0.05)
    all_new = time.perf_counter()
    while time.perf_counter() < end and len(seen) < LEAST:
        time.sleep(0.05)
    return all_new


async def under_load(rig: Rig, version: int, champion: int) -> Swap:
    seen: list[tuple[float, int, int]] = []
    stop = asyncio.Event()
    callers = [asyncio.create_task(caller(rig.ours, rig.by_match, seen, stop)) for _ in range(CALLERS)]
    try:
        await asyncio.sleep(1.0)
        moved = await asyncio.to_thread(promoted, rig, version, champion)
        took = await asyncio.to_thread(followed, rig, version, seen) - moved
        await asyncio.sleep(0.5)
    finally:
        stop.set()
        ended = await asyncio.gather(*callers, return_exceptions=True)
    broken = sum(isinstance(one, BaseException) for one in ended)
    late = max((moment - moved for moment, _, version_then in seen if version_then != version), default=0.0)
    return Swap(len(seen), broken + sum(status != 200 for _, status, _ in seen), max(took, late))


def measured(rig: Rig) -> Swap:
    """From the published champion to the challenger's version."""
    with urllib.request.urlopen(f"http://127.0.0.1:{rig.ours}/monitoring/workers", timeout=10) as answer:
        versions = json.load(answer)[0]["model_versions"]
    return asyncio.run(under_load(rig, versions["challenger"], versions["champion"]))
