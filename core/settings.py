"""Where things are and what is secret, read from the environment once by whoever starts a process."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from core.clock import SNAPSHOT_MOMENT, Clock, from_iso
from core.errors import SettingsError
from core.vocabulary import STAGES

Timeline = Literal["replay", "real"]
TIMELINES: tuple[Timeline, ...] = ("replay", "real")

PROJECT = Path(__file__).resolve().parent.parent
# Those that need neither a key nor a file of one's own come first: they are the default.
KNOWN_SOURCES = ("openfootball", "international", "openligadb", "football_data", "my_league")
DEFAULT_SOURCES = KNOWN_SOURCES[:3]
YEARS = range(1900, 2201)  # of the clock: far from where dates end, since weeks are added to it and taken off


@dataclass(frozen=True)
class Settings:
    """Every setting, checked. Paths are absolute; intervals and ages in seconds; URLs as their libraries take them.

    `separate`: each timeline has a database, a registry and a store of its own. `pinned`: the environment says which one it is.
    """

    home: Path
    timeline: Timeline = "replay"
    clock: Clock = field(default_factory=lambda: Clock(SNAPSHOT_MOMENT))
    host: str = "127.0.0.1"
    port: int = 8501
    metrics_port: int = 9108
    worker_metrics_port: int = 9109
    keys: tuple[str, ...] = ()
    allow_query_token: bool = False
    close_monitoring: bool = False
    always_key: bool = False
    model_name: str = "soccer-match-outcome"
    stages: tuple[str, ...] = STAGES
    sync_timeout: float = 30.0
    lookup_check_interval: float = 60.0
    lookup_max_age: float = 36 * 3600.0
    tracking_uri: str = ""
    database_url: str = ""
    queue_url: str = ""
    store_url: str = ""
    s3_endpoint: str | None = None
    multiproc_dir: str | None = None
    live_interval: float = 20.0
    retry_delay: float = 10.0
    queue_limit: int = 1000
    task_days: float = 90.0
    workers: int = 1
    sources: tuple[str, ...] = ()
    my_league: str | None = None
    mirror: str | None = None
    refresh_every: float = 3600.0
    separate: bool = True
    pinned: bool = False

    @property
    def folder(self) -> Path:
        """The timeline's own folder below `home`: its database, registry, queue and store."""
        return self.home / self.timeline

    @property
    def key_file(self) -> Path:
        return self.home / "api_key"

    @property
    def instance_file(self) -> Path:
        return self.home / "instance_id"

    def keys_in_force(self) -> tuple[str, ...]:
        """The keys that were set at the start, or else what stands in the key file by now."""
        if self.keys:
            return self.keys
        try:
            written = self.key_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ()
        return tuple(key.strip() for key in written.split(",") if key.strip())

    @property
    def choice_file(self) -> Path:
        """Which timeline somebody chose; it need not be there."""
        return self.home / "timeline"

    @property
    def arrived_file(self) -> Path:
        """There once the real timeline has forecasts to show."""
        return self.home / "real" / "fetched"

    @property
    def arrived(self) -> bool:
        """Whether there is a real timeline to go to."""
        return self.arrived_at is not None

    @property
    def arrived_at(self) -> datetime | None:
        """Since when there is one; None while there is none, or where nobody may look."""
        try:
            return datetime.fromtimestamp(self.arrived_file.stat().st_mtime, UTC)
        except OSError:
            return None

    @property
    def can_switch(self) -> bool:
        """Whether the app can go from one timeline to the other while it runs."""
        return self.separate and not self.pinned

    @property
    def has_news(self) -> bool:
        """Whether there is anybody to ask, and a timeline for what he tells."""
        return bool(self.sources) and (self.timeline == "real" or self.can_switch)

    @property
    def refreshed(self) -> Timeline:
        """The timeline that a refresh works for: with sources the real one, even while the replay is shown."""
        return "real" if self.has_news else self.timeline

    def choose(self, timeline: Timeline) -> None:
        """Show this timeline from now on; every process of the app follows within seconds."""
        part = self.choice_file.with_name(f".timeline-{os.getpid()}")
        part.write_text(f"{timeline}\n", encoding="utf-8")
        part.replace(self.choice_file)

    @classmethod
    def of_timeline(cls, timeline: Timeline, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings of one timeline, whichever is shown: where its database, registry and store are."""
        given = dict(os.environ if environment is None else environment)
        if timeline == "real":
            given.pop("SOCCER_CLOCK", None)
        return cls.from_environment(given | {"SOCCER_TIMELINE": timeline})

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings of this process; SettingsError names the variable that cannot work. Writes nothing."""
        return _Reader(os.environ if environment is None else environment).settings()


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    def text(self, name: str, default: str) -> str:
        return self.environment.get(name, "").strip() or default

    def number(self, name: str, default: float, least: float = 0.0, most: float = 1e9) -> float:
        given = self.text(name, str(default))
        try:
            value = float(given)
        except ValueError:
            raise SettingsError(f"{name} is {given!r}, which is not a number. Set it to one, or unset it.") from None
        if not least <= value <= most:
            raise SettingsError(f"{name} is {given}; it must lie between {least:g} and {most:g}.")
        return value

    def whole(self, name: str, default: int, least: int = 0, most: int = 65535) -> int:
        value = self.number(name, default, least, most)
        if value != int(value):
            raise SettingsError(f"{name} is {value:g}; it must be a whole number.")
        return int(value)

    def switch(self, name: str) -> bool:
        given = self.text(name, "").lower()
        if given in ("", "0", "false", "no", "off"):
            return False
        if given in ("1", "true", "yes", "on"):
            return True
        raise SettingsError(f"{name} is {given!r}; say yes or no, or unset it.")

    def moment(self) -> datetime | None:
        given = self.text("SOCCER_CLOCK", "")
        if not given:
            return None
        try:
            moment = from_iso(given)
        except (ValueError, OverflowError):
            raise SettingsError(f"SOCCER_CLOCK is {given!r}. Give an ISO time such as 2026-03-13T12:00:00Z, or unset it.") from None
        if moment.year not in YEARS:
            raise SettingsError(f"SOCCER_CLOCK is {given!r}; its year must lie between {YEARS[0]} and {YEARS[-1]}.")
        return moment

    def stages(self) -> tuple[str, ...]:
        given = tuple(name.strip() for name in self.text("MLFLOW_MODEL_STAGES", ",".join(STAGES)).split(",") if name.strip())
        unknown = [name for name in given if name not in STAGES]
        if unknown or not given:
            raise SettingsError(f"MLFLOW_MODEL_STAGES names {unknown or 'no stage'}; it takes champion, challenger and baseline.")
        return given

    def keys(self, key_file: Path) -> tuple[str, ...]:
        given = self.text("FASTAPI_HEADER_TOKEN", "")
        if not given:
            given = self.written(key_file)
        keys = tuple(key.strip() for key in given.split(",") if key.strip())
        if len(keys) > 2:
            raise SettingsError("FASTAPI_HEADER_TOKEN holds more than two keys. Keep the new one and the one it replaces.")
        return keys

    def written(self, key_file: Path) -> str:
        try:
            return key_file.read_text(encoding="utf-8").strip() if key_file.is_file() else ""
        except (OSError, UnicodeDecodeError) as error:
            why = "you may not read it" if isinstance(error, PermissionError) else "it holds no text"
            raise SettingsError(
                f"The key in {key_file} cannot be read: {why}. Give it back to this user or delete it, or set FASTAPI_HEADER_TOKEN."
            ) from error

    def sources(self) -> tuple[str, ...]:
        """A clock that stands asks nobody; who has a league of his own need not name it here."""
        mine = ("my_league",) if self.text("SOCCER_MY_LEAGUE", "") else ()
        given = tuple(name.strip() for name in self.text("SOCCER_SOURCES", ",".join((*DEFAULT_SOURCES, *mine))).split(",") if name.strip())
        unknown = [name for name in given if name not in (*KNOWN_SOURCES, "none")]
        if unknown:
            raise SettingsError(f"SOCCER_SOURCES names {unknown[0]!r}; it takes {', '.join(KNOWN_SOURCES)}, or none.")
        if "my_league" in given and not mine:
            raise SettingsError("SOCCER_SOURCES names my_league. Say in SOCCER_MY_LEAGUE where its CSV is, a file or an address.")
        return () if given == ("none",) or self.text("SOCCER_CLOCK", "") else given

    def address(self, name: str, default: str, timeline: Timeline) -> str:
        """An address that may say `{timeline}` where the two timelines are to be kept apart."""
        return self.text(name, default).replace("{timeline}", timeline)

    def kept_apart(self) -> bool:
        registry = self.text("MLFLOW_TRACKING_URI", "{timeline}") + self.text("SOCCER_MODEL_NAME", "")
        places = (self.text("SOCCER_DATABASE_URL", "{timeline}"), self.text("SOCCER_STORE_URL", "{timeline}"), registry)
        return all("{timeline}" in place for place in places)

    def timeline(self) -> Timeline | None:
        """The one that the environment names; None when it leaves it to what is there and what somebody chose."""
        given, moment = self.text("SOCCER_TIMELINE", ""), self.text("SOCCER_CLOCK", "")
        if given not in ("", *TIMELINES):
            raise SettingsError(f"SOCCER_TIMELINE is {given!r}; it takes replay or real, or unset it.")
        if given == "real" and moment:
            raise SettingsError("SOCCER_CLOCK is set and SOCCER_TIMELINE is real, whose clock nobody sets. Unset one of the two.")
        if moment or given == "replay":
            return "replay"
        return "real" if given else None

    def settings(self) -> Settings:
        home = Path(self.text("SOCCER_HOME", str(PROJECT / "var"))).expanduser()
        home = home if home.is_absolute() else PROJECT / home
        pinned = self.timeline()
        timeline = pinned or _shown(home)
        clock = Clock() if timeline == "real" else Clock(self.moment() or SNAPSHOT_MOMENT)
        folder = home / timeline
        return Settings(
            home=home,
            timeline=timeline,
            clock=clock,
            host=self.text("SOCCER_HOST", "127.0.0.1"),
            port=self.whole("SOCCER_PORT", 8501),
            metrics_port=self.whole("SOCCER_METRICS_PORT", 9108),
            worker_metrics_port=self.whole("SOCCER_WORKER_METRICS_PORT", 9109),
            keys=self.keys(home / "api_key"),
            allow_query_token=self.switch("SOCCER_ALLOW_QUERY_TOKEN"),
            close_monitoring=self.switch("SOCCER_CLOSE_MONITORING"),
            always_key=self.switch("SOCCER_ALWAYS_KEY"),
            model_name=self.address("SOCCER_MODEL_NAME", "soccer-match-outcome", timeline),
            stages=self.stages(),
            sync_timeout=self.number("SYNC_TIMEOUT", 30, 0.1, 3600),
            lookup_check_interval=self.number("LOOKUP_CHECK_INTERVAL", 60, 0.05, 86400),
            lookup_max_age=self.number("LOOKUP_MAX_AGE", 36 * 3600, 1),
            tracking_uri=self.address("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}", timeline),
            database_url=self.address("SOCCER_DATABASE_URL", f"sqlite:///{folder / 'soccer.db'}", timeline),
            queue_url=self.address("SOCCER_QUEUE_URL", f"sqlite:///{folder / 'queue.db'}", timeline),
            store_url=self.address("SOCCER_STORE_URL", str(folder / "store"), timeline),
            s3_endpoint=self.text("AWS_ENDPOINT_URL", "") or None,
            multiproc_dir=self.text("PROMETHEUS_MULTIPROC_DIR", "") or None,
            live_interval=self.number("SOCCER_LIVE_INTERVAL", 20, 0.05, 3600),
            retry_delay=self.number("SOCCER_RETRY_DELAY", 10, 0, 3600),
            queue_limit=self.whole("SOCCER_QUEUE_LIMIT", 1000, 1, 1_000_000),
            task_days=self.number("SOCCER_TASK_DAYS", 90, 0, 36500),
            workers=self.whole("SOCCER_WORKERS", 1, 1, 64),
            sources=self.sources(),
            my_league=self.text("SOCCER_MY_LEAGUE", "") or None,
            mirror=self.text("SOCCER_MIRROR", "").rstrip("/") or None,
            refresh_every=60 * self.number("SOCCER_REFRESH_MINUTES", 60, 0.05, 10080),
            separate=self.kept_apart(),
            pinned=pinned is not None,
        )


def _shown(home: Path) -> Timeline:
    """Of the real timeline, once it has something to show, and the replay: the chosen one, else the real one."""
    if not os.path.isfile(home / "real" / "fetched"):  # noqa: PTH113
        return "replay"
    try:
        chosen = (home / "timeline").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return "real"
    return "replay" if chosen == "replay" else "real"


def prepare_home(settings: Settings) -> None:
    """Make the folders below `home`, and the key file (mode 600) where there is none. SettingsError if not writable."""
    try:
        settings.folder.mkdir(parents=True, exist_ok=True)
        probe = settings.folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
        if not settings.key_file.exists() or not settings.key_file.stat().st_size:
            _write_key(settings.key_file)
    except OSError as error:
        raise SettingsError(
            f"Cannot write to {settings.home} ({error.strerror}). Make it writable, or set SOCCER_HOME to a folder that is."
        ) from error


def _write_key(path: Path) -> None:
    """A random key, whole or not at all: a file without one would lock everybody out for good."""
    part = path.with_name(f".{path.name}-{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    part.replace(path)
