"""Metrics on a port of their own."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request

import pytest

from core.errors import SettingsError
from core.settings import Settings
from tests.workers.house import PATIENCE, ROOT, House, eventually, free_port
from workers import checks, sidecar


def scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        return answer.read().decode()


@pytest.fixture
def taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_process_serves_its_metrics_once_however_often_it_is_asked_to():
    first = sidecar.serve(0)
    assert sidecar.serve(0) is first
    assert "tasks_total" in scrape(first.port)
    first.close()
    again = sidecar.serve(first.port)
    assert "tasks_total" in scrape(again.port)
    again.close()
    with pytest.raises(OSError, match="refused"):
        scrape(again.port)


def test_a_caller_who_says_nothing_is_sent_away(monkeypatch):
    monkeypatch.setattr(sidecar._Scrape, "timeout", sidecar._Scrape.timeout / 25)
    running = sidecar.serve(0)
    with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE) as silent:
        assert silent.recv(1) == b""
    running.close()


def test_a_busy_port_is_a_sentence_that_names_the_setting(taken):
    with pytest.raises(SettingsError, match=rf"{taken}.*SOCCER_METRICS_PORT"):
        sidecar.serve(taken)


def test_a_worker_whose_metrics_port_is_busy_ends_with_a_sentence(sqlite_house, taken):
    environment = sqlite_house.environment | {"SOCCER_WORKER_METRICS_PORT": str(taken)}
    command = [sys.executable, "-m", "tests.workers.station", "--queue", "ml"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert ended.returncode == 2
    assert f"{taken}" in ended.stderr
    assert "SOCCER_WORKER_METRICS_PORT" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_each_worker_serves_its_own_metrics_and_the_batch_worker_on_the_next_port(tmp_path, house_maker):
    port = free_port()
    house = house_maker(tmp_path / "home", SOCCER_WORKER_METRICS_PORT=str(port))
    house.worker("ml")
    house.worker("batch")
    house.jobs.wait(house.jobs.hand_in("echo", {"value": 1}), PATIENCE)
    assert eventually(lambda: 'tasks_total{status="SUCCESS",task="echo"} 1.0' in scrape(port))
    assert 'task="echo"' not in scrape(port + 1)


def test_with_a_shared_folder_any_port_tells_of_all_processes(tmp_path, house_maker):
    port = free_port()
    house: House = house_maker(tmp_path / "home", SOCCER_WORKER_METRICS_PORT=str(port), PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "shared"))
    checks.check_multiproc(house.settings)
    house.worker("ml")
    house.worker("batch")
    house.jobs.wait(house.jobs.hand_in("echo", {"value": 1}), PATIENCE)
    assert eventually(lambda: 'tasks_total{status="SUCCESS",task="echo"} 1.0' in scrape(port + 1))


def test_what_an_earlier_run_counted_and_what_a_dead_process_showed_is_forgotten(tmp_path):
    settings = Settings(tmp_path, multiproc_dir=str(tmp_path / "shared"))
    checks.check_multiproc(settings)
    for name in ("gauge_livemostrecent_77.db", "counter_77.db", "gauge_livemostrecent_78.db"):
        (tmp_path / "shared" / name).touch()
    checks.forget(settings, 77)
    assert sorted(path.name for path in (tmp_path / "shared").iterdir()) == ["counter_77.db", "gauge_livemostrecent_78.db"]
    checks.check_multiproc(settings)
    assert list((tmp_path / "shared").iterdir()) == []
