"""The services of the timeline that is shown, exchanged for the other's when that one is chosen, or arrives."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping

from core.errors import SoccerPredictError, StorageError
from core.serving.services import Services, open_services
from core.serving.steady import Steady
from core.settings import Settings

EVERY = 1.0
PATIENCE = 20.0  # seconds that the other timeline's models may take to be read
GRACE = 30.0  # seconds in which pages that began on the services of before may end


class Timelines:
    """Opens the services once per process, and follows the settings. Who follows is told of the new ones before they are shown."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        # As it is now: MLflow writes the registry's address into it, which would be the other timeline's too.
        self._environment = dict(os.environ if environment is None else environment)
        self._services = _opened(Settings.from_environment(self._environment))
        self._followers: list[Callable[[Services], None]] = []
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._leaving: list[threading.Timer] = []

    @property
    def services(self) -> Services:
        return self._services

    def follow(self, follower: Callable[[Services], None]) -> None:
        """Tell of the services now, and whenever others take their place."""
        follower(self._services)
        self._followers.append(follower)

    def start(self) -> None:
        """Begin to look; an app whose timeline the environment names has nothing to look for."""
        if self._thread is None and self._services.settings.can_switch:
            self._thread = threading.Thread(target=self._run, name="timelines", daemon=True)
            self._thread.start()

    def once(self) -> None:
        """Exchange the services if another timeline is to be shown."""
        before = self._services
        try:
            before.database.check_file()
            settings = Settings.from_environment(self._environment)
        except StorageError:  # the home is gone, and with it the choice: another timeline would make a new home in its place
            return
        except SoccerPredictError:  # said at the start, and by whoever wrote it since
            return
        if settings.timeline == before.settings.timeline:
            return
        opened = _opened(settings)
        until = time.monotonic() + PATIENCE
        while not opened.readiness()["model"]["ok"] and time.monotonic() < until and not self._closed.wait(0.1):
            pass  # those of before serve meanwhile
        for follower in self._followers:
            follower(opened)
        self._services = opened
        leaving = threading.Timer(GRACE, before.close)
        leaving.daemon = True
        leaving.start()
        self._leaving = [timer for timer in self._leaving if timer.is_alive()] + [leaving]

    def close(self) -> None:
        """Look no more, and close what is open."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        for timer in self._leaving:
            if timer.is_alive():
                timer.cancel()
                timer.function()
        self._services.close()

    def _run(self) -> None:
        steady = Steady("timelines")
        while not self._closed.wait(EVERY):
            steady(self.once)


def _opened(settings: Settings) -> Services:
    opened = open_services(settings)
    opened.start()
    return opened
