"""What the API opens when it runs alone, without the pages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import multiprocess

from core.serving.services import Services, open_services
from core.settings import Settings, prepare_home
from workers import sidecar
from workers.jobs import Jobs


@contextmanager
def opened() -> Iterator[tuple[Services, Jobs]]:
    """The services and the jobs of this process, with their threads; all of it ends with the process."""
    settings = Settings.from_environment()
    prepare_home(settings)
    _forget_the_dead(settings)
    services = open_services(settings)
    services.start()
    jobs = Jobs.open(settings, services.database)
    services.follow_queue(jobs.check)
    try:
        with sidecar.beside(settings, shared=True):  # of several processes; /metrics answers in each
            yield services, jobs
    finally:
        jobs.close()
        services.close()
        if settings.multiproc_dir:
            multiprocess.mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]


def _forget_the_dead(settings: Settings) -> None:
    """A server of several processes starts one in the place of each that was killed: what that one showed of the present goes."""
    if settings.multiproc_dir:
        for left in Path(settings.multiproc_dir).glob("gauge_live*_*.db"):
            pid = int(left.stem.rpartition("_")[2])
            if not _lives(pid):
                multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True
