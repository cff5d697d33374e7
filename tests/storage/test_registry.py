"""The registry, on a real MLflow over SQLite."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from core.clock import from_iso, real_now
from core.errors import AliasMissing, RegistryUnavailable
from core.learning.features import build_features
from core.learning.training import fit
from core.storage.registry import Registry
from tests.learning.league import league
from tests.serving import models


def test_a_version_is_registered_with_its_figures_and_its_card_says_them(registry, tmp_path):
    card = {
        "metrics": {"log_loss": 0.97, "never": float("nan")},
        "params": {"half_life": 120},
        "tags": {"recipe": "champion"},
        "features": models.signature(),
        "gate": {"promote": False, "reason": "Too few."},
        "evidence": {"note.txt": b"seen"},
    }
    logged = registry.log_version(models.folder(tmp_path / "model"), card, "Elo, ordered logit")
    said = registry.card(logged.version, "champion")
    assert said == {
        "model_name": "soccer-match-outcome",
        "model_version": 1,
        "model_stage": "champion",
        "model_run_id": logged.run_id,
        "metrics": {"log_loss": 0.97},
        "params": {"half_life": "120"},
        "features": models.signature(),
        "gate": {"promote": False, "reason": "Too few."},
        "registered_at": said["registered_at"],
        "artefact": "models/1",
        "title": "Elo, ordered logit",
    }
    assert abs((real_now() - from_iso(said["registered_at"])).total_seconds()) < 120
    json.dumps(said, allow_nan=False)


def test_aliases_move_and_each_new_version_has_a_number_of_its_own(registry, tmp_path):
    first, second = (models.register(registry, tmp_path / f"{lean}", lean) for lean in (0.0, 0.1))
    assert (first, second) == (1, 2)
    assert registry.aliases() == {} and registry.alias("champion") is None
    registry.set_alias("champion", first)
    registry.set_alias("challenger", second)
    assert registry.aliases() == {"champion": 1, "challenger": 2}
    registry.set_alias("champion", second)
    assert registry.alias("champion").version == 2
    assert registry.alias("champion").run_id == registry.card(2, "champion")["model_run_id"]


def test_a_version_that_is_not_there_is_said_so(registry, tmp_path):
    models.register(registry, tmp_path / "model")
    for ask in (
        lambda: registry.set_alias("champion", 9),
        lambda: registry.card(9, "champion"),
        lambda: registry.download(9, tmp_path / "to"),
    ):
        with pytest.raises(AliasMissing, match="no such version"):
            ask()


def test_the_files_come_back_as_they_were_given(registry, tmp_path):
    version = models.register(registry, tmp_path / "model", lean=0.3)
    fetched = registry.download(version, tmp_path / "fetched")
    assert {path.name: path.read_bytes() for path in fetched.iterdir()} == models.files(0.3)


def test_a_registry_without_a_file_is_empty_and_asking_makes_none(tmp_path):
    path = tmp_path / "mlflow.db"
    none_yet = Registry(f"sqlite:///{path}", "soccer-match-outcome")
    assert none_yet.aliases() == {} and none_yet.alias("champion") is None
    with pytest.raises(AliasMissing, match="make pipeline"):
        none_yet.card(1, "champion")
    assert not path.exists()


def test_a_registry_that_is_away_is_said_so_within_seconds(tmp_path):
    away = Registry("http://127.0.0.1:9", "soccer-match-outcome")
    for ask in (away.aliases, lambda: away.card(1, "champion"), lambda: away.set_alias("champion", 1)):
        with pytest.raises(RegistryUnavailable, match="does not answer"):
            ask()
    torn = tmp_path / "torn.db"
    torn.write_bytes(b"this is no database" * 100)
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        Registry(f"sqlite:///{torn}", "soccer-match-outcome").aliases()


def test_parameters_that_the_registry_refuses_are_no_missing_alias(registry, tmp_path):
    card = {"metrics": {}, "params": {"a name with a |": 1}, "tags": {}, "features": models.signature()}
    with pytest.raises(RegistryUnavailable):
        registry.log_version(models.folder(tmp_path / "model"), card, "Elo")


def test_the_module_alone_imports_no_mlflow():
    code = "import sys, core.storage.registry as r; r.Registry('sqlite:///nowhere.db', 'x').aliases(); print('mlflow' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": "."}, check=True)
    assert found.stdout.strip() == "False"


def test_mlflow_itself_loads_a_version_without_pickle_outside_the_project(registry, tmp_path):
    """Who takes the model with MLflow's own tools needs neither this checkout nor leave to unpickle."""
    version = models.register(registry, tmp_path / "model", lean=0.4)
    code = (
        "import sys, mlflow, pandas as pd\n"
        f"mlflow.set_tracking_uri({registry.tracking_uri!r})\n"
        f"model = mlflow.pyfunc.load_model('models:/soccer-match-outcome/{version}')\n"
        "names = model.metadata.signature.inputs.input_names()\n"
        "row = pd.DataFrame([[0.0] * (len(names) - 1) + [1]], columns=names).astype({'sex': 'int64'})\n"
        "print(model.predict(row).to_json(orient='records'))\n"
        "import core; print(core.__file__)\n"
    )
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {**kept, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert found.returncode == 0, found.stderr
    answer, where = found.stdout.strip().splitlines()[-2:]
    chances = json.loads(answer)[0]
    assert sum(chances.values()) == pytest.approx(1) and chances["proba_home"] > chances["proba_draw"] == pytest.approx(
        chances["proba_away"]
    )
    assert str(tmp_path) in where, "its code travels with the model"


def test_a_model_with_trees_says_the_same_through_mlflow_as_it_does_natively(registry, tmp_path):
    import mlflow

    table = build_features(league(10, first_year=2014))
    model = fit("champion", table)
    (tmp_path / "model").mkdir()
    for name, data in model.to_files().items():
        (tmp_path / "model" / name).write_bytes(data)
    card = {"features": [{"name": feature.name, "type": feature.type} for feature in model.features]}
    version = registry.log_version(tmp_path / "model", card, model.title).version
    mlflow.set_tracking_uri(registry.tracking_uri)
    loaded = mlflow.pyfunc.load_model(f"models:/soccer-match-outcome/{version}")
    rows = table[[feature.name for feature in model.features]].fillna(0.0).astype({"national": "int64"})
    assert np.array_equal(loaded.predict(rows).to_numpy(), model.predict(rows.to_numpy(np.float64)))


def test_the_environment_does_not_say_where_the_registry_is_after_it_was_asked(registry, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://given")
    registry.aliases()
    assert "MLFLOW_TRACKING_URI" not in os.environ, "a process that is started from here may work for another"
    assert os.environ["MLFLOW_REGISTRY_URI"] == "http://given"


def test_a_registry_that_goes_while_mlflow_is_imported_is_away_and_its_folder_is_not_made_anew(registry, tmp_path, monkeypatch):
    pointed = registry._pointed

    def gone_meanwhile():
        shutil.rmtree(tmp_path / "registry")
        return pointed()

    monkeypatch.setattr(registry, "_pointed", gone_meanwhile)
    with pytest.raises(RegistryUnavailable):
        registry.prepare()
    assert not (tmp_path / "registry").exists()
