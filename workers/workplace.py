"""Where a stage of the pipeline works: the settings, the parameters, the work files, the database."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from core.clock import Clock
from core.errors import FileMissing, SettingsError, TableInvalid
from core.settings import PROJECT, Settings
from core.storage import pipeline_log, replay
from core.storage.database import Database
from core.storage.files import Store
from core.storage.manifest import Manifest, is_whole

if TYPE_CHECKING:
    import pandas as pd

Figures = dict[str, Any]

# Set for the stages of a run that holds the lock for all of them.
WITHIN = "SOCCER_PIPELINE_RUN"

# Notes in the database: that its store and its registry were filled.
TRAIN_CUT = "train_cut"  # the day up to which somebody asked to learn
REGISTERED = "registered"
# And that the sources were asked by a run that has not come to its end: whatever it loaded is not published yet.
UNPUBLISHED, YES, NO = "unpublished", "yes", "no"


@dataclass(frozen=True)
class Workplace:
    """The files are below `root`; whatever lasts is where the settings say."""

    settings: Settings
    root: Path = PROJECT

    @cached_property
    def clock(self) -> Clock:
        """The clock to work by: of a replay, the moment that this run of the pipeline goes to."""
        return replay.clock(self.database, self.settings.clock)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @property
    def work(self) -> Path:
        return self.root / "data" / "work"

    @cached_property
    def database(self) -> Database:
        # Within a run the database is there: a stage whose home was deleted meanwhile must not make an empty one.
        return Database(self.settings.database_url, must_exist=WITHIN in os.environ)

    @cached_property
    def store(self) -> Store:
        return Store.open(self.settings.store_url, self.settings.s3_endpoint)

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """What params.yaml says."""
        path = self.root / "params.yaml"
        try:
            said: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise SettingsError(f"params.yaml cannot be read ({error}). Take it from the release again.") from error
        return said

    @property
    def cut(self) -> date:
        """The first day that is not learnt from: as params.yaml says; otherwise the first of the clock's month, or the day within
        that month on which somebody asked for new models.
        """
        given, today = self.parameters["train"]["cut"], self.now.date()
        if given is None:
            month, asked = today.replace(day=1), date.fromisoformat(pipeline_log.noted(self.database, TRAIN_CUT) or "0001-01-01")
            return asked if month < asked <= today else month
        return given if isinstance(given, date) else date.fromisoformat(str(given))

    def write_table(self, name: str, frame: pd.DataFrame, index: bool = False) -> None:
        """A work file, below data/; whole or not at all."""
        path = self.root / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        frame.to_parquet(part, index=index)
        part.replace(path)

    def read_table(self, name: str) -> pd.DataFrame:
        import pandas as pd

        path = self.root / "data" / name
        if not path.is_file():
            raise FileMissing(f"There is no data/{name} yet. Run `make pipeline`, which makes it in its turn.")
        return pd.read_parquet(path)

    def write_json(self, path: Path, said: Mapping[str, Any]) -> None:
        """JSON with sorted keys and without NaN: the same content gives the same bytes."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_text(json.dumps(said, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(path)

    def read_json(self, path: Path) -> dict[str, Any]:
        if not path.is_file():
            raise FileMissing(f"There is no {path.relative_to(self.root)} yet. Run `make pipeline`, which makes it in its turn.")
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return said

    def receipt(self, stage: str) -> Path:
        """Where a stage with effects outside its outs says what it did."""
        return self.work / "receipts" / f"{stage}.json"

    @property
    def places(self) -> str:
        """A digest of where everything lasting is kept, and for which stages; the addresses themselves may hold passwords."""
        settings = self.settings
        named = "|".join((settings.database_url, settings.tracking_uri, settings.store_url, settings.model_name, *sorted(settings.stages)))
        return hashlib.sha1(named.encode()).hexdigest()


def whole(store: Store) -> str | None:
    """The version that the manifest names; None when there is none, or a file of it is gone or is not what was published."""
    try:
        manifest = Manifest.read(store)
    except (FileMissing, TableInvalid):
        return None
    return manifest.version if is_whole(store, manifest) else None
