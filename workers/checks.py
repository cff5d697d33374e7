"""What must be so before anything starts; each problem is a sentence with the next step."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

from core.errors import SettingsError
from core.settings import Settings

LIBGOMP = {"linux": "libgomp.so.1", "darwin": "libomp.dylib"}
INSTALL = "Debian and Ubuntu: apt-get install libgomp1; Fedora: dnf install libgomp; Alpine: apk add libgomp; macOS: brew install libomp"


def ports(settings: Settings) -> dict[str, list[int]]:
    """The ports that a run opens, by the setting that moves them; 0 means any and is not among them."""
    workers = settings.worker_metrics_port
    found = {
        "SOCCER_PORT": [settings.port],
        "SOCCER_METRICS_PORT": [settings.metrics_port],
        "SOCCER_WORKER_METRICS_PORT": [workers + number for number in range(settings.workers + 1)] if workers else [],
    }
    return {name: [port for port in numbers if port] for name, numbers in found.items()}


def check_ports(settings: Settings) -> None:
    """SettingsError when a port is taken, with a command that would work."""
    wanted = ports(settings)
    taken: dict[str, int] = {}
    with ExitStack() as held:
        for name, numbers in wanted.items():
            for port in numbers:
                if not _hold(held, settings.host, port):
                    taken.setdefault(name, port)
        instead = {name: _free_run(settings.host, len(wanted[name]), held) for name in taken}
    if taken:
        named = " and ".join(f"{port} ({name})" for name, port in taken.items())
        command = " ".join(f"{name}={port}" for name, port in instead.items())
        is_taken = "Port {} is taken" if len(taken) == 1 else "The ports {} are taken"
        raise SettingsError(f"{is_taken.format(named)} by another program. Stop it, or run: {command} make run")


def check_multiproc(settings: Settings) -> None:
    """The folder of shared metrics must be writable; what an earlier run left there goes."""
    if settings.multiproc_dir is None:
        return
    folder = Path(settings.multiproc_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.db"):
            left.unlink()
        (folder / ".probe").touch()
        (folder / ".probe").unlink()
    except OSError as error:
        raise SettingsError(
            f"PROMETHEUS_MULTIPROC_DIR is {folder}, which cannot be written ({error.strerror}). Name a folder that can, or unset it."
        ) from error


def check_queue(settings: Settings) -> None:
    """An address that can never be the queue's is told now, not by the first task; whether it answers is not asked."""
    from workers import broker  # what it needs would make the supervisor, which lives long, three times as large

    broker.check(settings.queue_url)


def forget(settings: Settings, pid: int) -> None:
    """A process is gone: what it showed of the present goes too, what it counted stays."""
    if settings.multiproc_dir is not None:
        for left in Path(settings.multiproc_dir).glob(f"gauge_live*_{pid}.db"):
            left.unlink(missing_ok=True)


def missing_libgomp() -> str | None:
    """A sentence when LightGBM could not be loaded here for want of the OpenMP library."""
    name = LIBGOMP.get(sys.platform)
    if name is None:
        return None
    try:
        ctypes.CDLL(name)
    except OSError:
        return f"{name} is missing, which LightGBM needs. Install it ({INSTALL})."
    return None


def free_port(host: str) -> int:
    with socket.socket(_family(host)) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def is_free(host: str, port: int) -> bool:
    with ExitStack() as held:
        return _hold(held, host, port)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _hold(held: ExitStack, host: str, port: int) -> bool:
    """Bind the port until `held` closes, so that two settings with one port are noticed too. False when it is taken."""
    probe = held.enter_context(socket.socket(_family(host)))
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((host, port))
        probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise SettingsError(_cannot_open(host, port, error)) from error
    return True


def _cannot_open(host: str, port: int, error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {port} needs more rights than this user has. Choose one above 1023, for example SOCCER_PORT=8501."
    return f"SOCCER_HOST is {host!r}, which is no address of this machine ({error.strerror}). Set it to 127.0.0.1, or to 0.0.0.0 for all."


def _free_run(host: str, length: int, held: ExitStack) -> int:
    """The first of so many free ports in a row."""
    for first in range(8510, 60000, 10):
        with ExitStack() as trial:
            if all(_hold(trial, host, first + number) for number in range(length)):
                # Kept until the end, so that the next setting gets others.
                held.push(trial.pop_all())
                return first
    raise SettingsError(f"No free ports were found on {host}.")


def child_environment(project: Path) -> dict[str, str]:
    """The environment of what we start: this Python first, the project importable, and nobody phones home."""
    here = str(Path(sys.executable).parent)
    quiet = {"DVC_NO_ANALYTICS": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "PYTHONUNBUFFERED": "1"}
    quiet["STREAMLIT_BROWSER_GATHER_USAGE_STATS"] = "false"
    return {**os.environ, **quiet, "PATH": f"{here}{os.pathsep}{os.environ.get('PATH', os.defpath)}", "PYTHONPATH": str(project)}
