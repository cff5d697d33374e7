"""A broken model and a registry that is away: the version before serves, and readiness, metrics and a banner say so."""

from __future__ import annotations

import shutil
import socket

import pytest

from core.serving import predictor
from tests.installation import free_port
from tests.serving import models
from tests.workers.house import eventually

CHAMPION = 'model_reload_total{{result="{}",stage="champion"}}'


@pytest.fixture
def following(tmp_path, registry, standing_on):
    """It follows a real registry in which three versions stand."""
    for number, lean in ((1, 0.5), (2, -0.5), (3, 0.0)):
        assert models.register(registry, tmp_path / f"model-{number}", lean) == number
    for stage, number in (("champion", 1), ("challenger", 2), ("baseline", 3)):
        registry.set_alias(stage, number)
    made = standing_on(tmp_path / "home", tracking_uri=registry.tracking_uri)
    eventually(lambda: made.services.models.silence() < 2 and made.services.models._shelf._led)
    return made


def broken(registry, folder) -> int:
    """A version whose file is no model."""
    models.folder(folder)
    for file in folder.iterdir():
        file.write_bytes(b'{"kind": "nothing we know"}')
    card = {"metrics": {}, "params": {}, "tags": {}, "features": models.signature()}
    return registry.log_version(folder, card, "broken").version


def test_PS_6_a_broken_version_behind_the_alias_leaves_the_one_before_and_is_told(following, registry, tmp_path):
    before = following.counted(CHAMPION.format("error"))
    with following.going_on():
        number = broken(registry, tmp_path / "broken")
        registry.set_alias("champion", number)
        eventually(lambda: "Version 1 keeps serving" in following.banner("model"))
        ready = following.until_ready()
        assert ready["model"]["ok"]
        assert f"Version {number} could not be loaded as champion" in ready["model"]["reason"]
        assert following.counted(CHAMPION.format("error")) > before
    registry.set_alias("champion", 2)
    eventually(lambda: following.forecasts()["model_version"] == 2)
    assert following.banner("model") == "" and following.ready()[1]["model"]["reason"] is None


def replaced(registry_uri: str, data: bytes | None, keep) -> None:
    path = registry_uri.removeprefix("sqlite:///")
    if data is None:
        shutil.copy(keep, path)
    else:
        shutil.copy(path, keep)
        with open(path, "wb") as file:
            file.write(data)


def test_PS_6_a_registry_that_breaks_and_is_mended_leaves_the_models_serving(following, registry, tmp_path, monkeypatch):
    monkeypatch.setattr("core.serving.services.TOO_OLD", 3.0)
    before = following.counted(CHAMPION.format("away"))
    with following.going_on():
        replaced(registry.tracking_uri, b"torn" * 10_000, tmp_path / "kept.db")
        eventually(lambda: "The model registry has not answered" in following.banner("model"))
        ready = following.until_ready()
        assert ready["model"]["ok"]
        assert "registry does not answer" in ready["model"]["reason"]
        assert following.counted(CHAMPION.format("away")) > before
        replaced(registry.tracking_uri, None, tmp_path / "kept.db")
        eventually(lambda: following.banner("model") == "" and following.ready()[1]["model"]["reason"] is None)


@pytest.mark.parametrize("how", ["nobody listens", "it never answers"])
def test_EP_6_a_registry_server_that_is_unreachable_holds_up_nothing_and_is_told(tmp_path, standing_on, monkeypatch, how):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = free_port() if how == "nobody listens" else silent.getsockname()[1]
        made = standing_on(tmp_path / "home", tracking_uri=f"http://127.0.0.1:{port}")
        with made.going_on():
            assert made.client.get("/predict/model/info").status_code == 200
            monkeypatch.setattr("core.serving.services.TOO_OLD", 3.0)
            monkeypatch.setattr(predictor, "TOO_OLD", 3.0)
            eventually(lambda: "The model registry has not answered" in made.banner("model"))
            assert made.client.get("/predict/model/info").status_code == 503
            made.until_ready()
