"""The API over a small published batch, a real database and a real queue; routed as the app routes it."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from core.serving.services import Services, open_services
from core.settings import Settings, prepare_home
from core.storage.files import Store
from tests.serving.batches import card, publish
from tests.serving.models import files, signature
from tests.workers.house import environment
from workers import api as door
from workers.jobs import Jobs

KEY = "a-key-of-the-tests"
VERSIONS = {"champion": 1, "challenger": 2, "baseline": 3}
LEAN = {1: 0.5, 2: -0.5, 3: 0.0}
PAGE = "<h1>a page</h1>"


def publish_small(store: Store, versions: dict[str, int] = VERSIONS, **more) -> None:
    models = {stage: card(stage, version) | {"features": signature()} for stage, version in versions.items()}
    publish(store, models=models, model_files={version: files(LEAN.get(version, 0.0)) for version in versions.values()}, **more)


def registry_holding(settings: Settings, *versions: int) -> None:
    """The rows by which a registry says that it holds these versions, without the seconds that MLflow takes to make its file."""
    with sqlite3.connect(settings.tracking_uri.removeprefix("sqlite:///")) as rows:
        rows.execute("CREATE TABLE registered_model_aliases (name TEXT, alias TEXT, version INTEGER)")
        rows.execute("CREATE TABLE model_versions (name TEXT, version INTEGER, current_stage TEXT)")
        rows.executemany("INSERT INTO model_versions VALUES (?, ?, 'None')", [(settings.model_name, version) for version in versions])


class Served:
    """`client` sends the key unless told otherwise; `stranger` never does."""

    def __init__(self, home: Path, published: bool = True, start: bool = True, **settings) -> None:
        self.settings = replace(Settings.from_environment(environment(home)), **{"keys": (KEY,), **settings})
        prepare_home(self.settings)
        if published:
            publish_small(Store.open(self.settings.store_url))
        self.services = open_services(self.settings)
        self.store = self.services.store
        if start:
            self.services.start()
        self.jobs = Jobs.open(self.settings, self.services.database)
        self.api = self.door(self.services)
        self.client = self.asking(self.api, {"X-API-Key": KEY})
        self.stranger = self.asking(self.api)

    def door(self, services: Services) -> FastAPI:
        made = door.make_api()
        made.state.services, made.state.jobs = services, self.jobs
        return made

    def asking(self, api: FastAPI, headers: dict[str, str] | None = None) -> TestClient:
        pages = Starlette(routes=[Route("/{rest:path}", endpoint=lambda request: HTMLResponse(PAGE), methods=["GET", "POST"])])
        pages.add_middleware(door.Front, api=api)
        return TestClient(pages, raise_server_exceptions=False, headers=headers)

    def with_settings(self, **settings) -> TestClient:
        """A stranger's client of the same services under other settings."""
        return self.asking(self.door(replace(self.services, settings=replace(self.settings, **settings))))

    def ids(self, upcoming: bool = True) -> list[int]:
        frame = self.services.features.frame()
        return [int(number) for number in frame.index[frame["is_future"] == upcoming]]

    def features(self, match_id: int) -> dict:
        return dict(self.services.features.get_features(match_id))

    def close(self) -> None:
        self.jobs.close()
        self.services.close()
