"""A small published batch, real models and a real ledger behind the front door, for the analysts' and operators' pages."""

import json
import shutil
from dataclasses import dataclass

import pytest
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest, app_test

from core.settings import PROJECT, Settings
from core.storage.database import Database
from core.storage.files import Store
from core.storage.task_ledger import TaskLedger
from tests.installation import PATIENCE
from tests.serving import models
from tests.serving.batches import parquet, publish
from tests.views.contests import evaluation
from tests.views.reports import drift_report

STAGES = {"champion": 1, "challenger": 2, "baseline": 3}


@dataclass
class House:
    """One installation in a folder, with something published."""

    settings: Settings
    store: Store
    database: Database

    @property
    def ledger(self):
        return TaskLedger(self.database)

    def publish(self, cards=None, **files):
        """Publish anew. `cards` of the models by stage, and `files` by name, a dot as two underscores, stand in for the usual ones."""
        given = {name.replace("__", "."): data for name, data in files.items()}
        made = {"evaluation.parquet": parquet(evaluation(n=400)), "drift.json": json.dumps(drift_report()).encode()} | given
        publish(self.store, models=cards, files=made, model_files={number: models.files(lean=number / 4) for number in STAGES.values()})

    def unpublish(self):
        """Take everything away again, as before the first run of the pipeline."""
        self.store.remove("batch")

    def open(self, page, **query):
        """The page of this name as a new visitor's browser opens it, from the front door."""
        visit = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=PATIENCE).run().switch_page(f"pages/{page}.py")
        for name, value in query.items():
            visit.query_params[name] = value
        return visit.run()


class FrontDoor(PagesManager):
    """As the lifespan sets it: a folder called pages does not make Streamlit run a page alone, past app.py."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        PagesManager.uses_pages_directory = False


@pytest.fixture
def house(tmp_path, monkeypatch, migrated):
    monkeypatch.setattr(app_test, "PagesManager", FrontDoor)
    home = tmp_path / "home"
    for name in (
        "SOCCER_CLOCK",
        "SOCCER_STORE_URL",
        "SOCCER_DATABASE_URL",
        "SOCCER_QUEUE_URL",
        "MLFLOW_TRACKING_URI",
        "FASTAPI_HEADER_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SOCCER_HOME", str(home))
    settings = Settings.from_environment()
    settings.folder.mkdir(parents=True)
    shutil.copy(migrated, settings.folder / "mlflow.db")
    database = Database(settings.database_url)
    database.create()
    opened = House(settings, Store.open(settings.store_url), database)
    opened.publish()
    st.cache_resource.clear()
    yield opened
    _close()
    database.close()


def _close():
    from pages.shared import held

    held.jobs().close()
    held.services().close()
    st.cache_resource.clear()


def said(visit):
    """Everything that the page says, as one text."""
    from html import unescape

    parts = [element.proto.body for element in visit.get("html")]
    for kind in (visit.warning, visit.info, visit.error, visit.caption, visit.code):
        parts += [str(element.value) for element in kind]
    return unescape("\n".join(parts))
