"""The API over a small published batch, a real database and a real queue; routed as the app routes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from core.serving.services import open_services
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


class Served:
    """`client` sends the key unless told otherwise; `stranger` never does."""

    def __init__(self, home: Path, published: bool = True, start: bool = True, **settings) -> None:
        self.settings = replace(Settings.from_environment(environment(home)), keys=(KEY,), **settings)
        prepare_home(self.settings)
        self.store = Store.open(self.settings.store_url)
        if published:
            publish_small(self.store)
        self.services = open_services(self.settings)
        if start:
            self.services.start()
        self.jobs = Jobs.open(self.settings, self.services.database)
        self.api = door.make_api()
        self.api.state.services, self.api.state.jobs = self.services, self.jobs
        self.client = self.asking({"X-API-Key": KEY})
        self.stranger = self.asking({})

    def asking(self, headers: dict[str, str]) -> TestClient:
        pages = Starlette(routes=[Route("/{rest:path}", endpoint=lambda request: HTMLResponse(PAGE), methods=["GET", "POST"])])
        pages.add_middleware(door.Front, api=self.api)
        return TestClient(pages, raise_server_exceptions=False, headers=headers)

    def ids(self, upcoming: bool = True) -> list[int]:
        frame = self.services.features.frame()
        return [int(number) for number in frame.index[frame["is_future"] == upcoming]]

    def features(self, match_id: int) -> dict:
        return dict(self.services.features.get_features(match_id))

    def close(self) -> None:
        self.jobs.close()
        self.services.close()
