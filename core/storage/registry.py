"""The door to the model registry: versions, aliases, and the card of each version.

The only module that knows MLflow. It imports it inside its methods, since that import costs seconds, and belongs to the
pipeline, the worker and a background thread; which version an alias names is read without it (`registry_look`). A model is stored as
plain files, without pickle.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from core.clock import iso
from core.errors import AliasMissing, FileMissing, RegistryUnavailable
from core.storage import registry_look
from core.storage.manifest import with_recipe_id

GATE = "gate_verdict"  # the tag that holds it, as JSON
EVIDENCE = "evidence"
CORE = Path(__file__).resolve().parent.parent
# The module by which MLflow opens what `log_version` stored; it travels with the model, as does all of `core`.
LOADER = "core.learning.pyfunc"
NUMBERS = {"integer": "long", "int": "long", "int64": "long", "long": "long", "categorical": "long"}
# What MLflow answers when the model, the version or the alias is not there.
ABSENT = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SKIP_PIP_REQUIREMENTS_CHECK": "true",
    # A registry that is away is asked again in two seconds; a call must not hang for minutes before that.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
# MLflow writes where it is pointed at into these. A process that is started from here may work for another registry.
LEFT_BEHIND = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")


@dataclass(frozen=True)
class ModelVersion:
    version: int
    run_id: str


class Registry:
    """One registered model in one MLflow registry (SQLite or a server). RegistryUnavailable when it does not answer."""

    def __init__(self, tracking_uri: str, model_name: str, artifact_root: Path | str | None = None) -> None:
        self.tracking_uri = tracking_uri
        self.model_name = model_name
        self._artifact_root = artifact_root
        self._made: Any = None

    def log_version(self, model_dir: Path, card: Mapping[str, Any], title: str) -> ModelVersion:
        """Store a folder of model files as a new version: a run with its figures, a signature, an artefact.

        `card` holds `metrics`, `params`, `tags` and `features` (a list of {name, type}, in the model's order); it may hold
        `gate`, the verdict on it, and `evidence`, further files by name.
        """
        with self._mlflow(asking=False) as mlflow, _without_advice():
            with mlflow.start_run(experiment_id=self._experiment(mlflow), run_name=title) as run:
                mlflow.log_params(dict(card.get("params", {})))
                mlflow.log_metrics({name: value for name, value in card.get("metrics", {}).items() if math.isfinite(value)})
                mlflow.set_tags({**card.get("tags", {}), GATE: json.dumps(card.get("gate"))})
                self._attach(mlflow, card.get("evidence", {}))
                logged = mlflow.pyfunc.log_model(
                    name="model",
                    loader_module=LOADER,
                    data_path=str(model_dir),
                    code_paths=[str(CORE)],
                    signature=_signature(card["features"]),
                    pip_requirements=_requirements(),
                    metadata={"title": title, "features": list(card["features"])},
                    registered_model_name=self.model_name,
                )
            return ModelVersion(int(logged.registered_model_version), run.info.run_id)

    def _attach(self, mlflow: ModuleType, evidence: Mapping[str, bytes]) -> None:
        """Put files beside the run, below EVIDENCE."""
        with tempfile.TemporaryDirectory() as folder:
            for name, data in evidence.items():
                (Path(folder) / name).write_bytes(data)
            if evidence:
                mlflow.log_artifacts(folder, EVIDENCE)

    def alias(self, name: str) -> ModelVersion | None:
        """The version behind an alias; None where there is none."""
        version = self.aliases().get(name)
        return None if version is None else ModelVersion(version, self._version(version).run_id)

    def aliases(self) -> dict[str, int]:
        """Every alias with its version, in one call; empty when nothing was registered yet."""
        if self._empty():
            return {}
        if registry_look.can_look(self.tracking_uri):
            return registry_look.aliases(self.tracking_uri, self.model_name)
        try:
            with self._mlflow() as mlflow:
                found = self._client(mlflow).get_registered_model(self.model_name)
        except AliasMissing:
            return {}
        return {name: int(version) for name, version in found.aliases.items()}

    def has(self, version: int) -> bool:
        """Whether there is such a version."""
        if registry_look.can_look(self.tracking_uri):
            return registry_look.has_version(self.tracking_uri, self.model_name, version)
        try:
            return bool(self._version(version))
        except AliasMissing:
            return False

    def prepare(self) -> None:
        """Import MLflow and open the registry now, which takes seconds, so that whoever writes next does not wait for it."""
        with self._mlflow() as mlflow:
            self._client(mlflow).search_registered_models(max_results=1)

    def evidence(self, version: int, name: str) -> bytes | None:
        """A file that `log_version` was given as evidence; None when this version has none of that name."""
        run_id = self._version(version).run_id
        with self._mlflow() as mlflow, tempfile.TemporaryDirectory() as folder:
            present = {entry.path for entry in self._client(mlflow).list_artifacts(run_id, EVIDENCE)}
            if f"{EVIDENCE}/{name}" not in present:
                return None
            return Path(self._client(mlflow).download_artifacts(run_id, f"{EVIDENCE}/{name}", folder)).read_bytes()

    def set_alias(self, name: str, version: int) -> None:
        """Point an alias at a version; AliasMissing when there is no such version."""
        self._version(version)
        with self._mlflow() as mlflow:
            self._client(mlflow).set_registered_model_alias(self.model_name, name, str(version))

    def card(self, version: int, stage: str | None = None) -> dict[str, Any]:
        """What is known of a version, as it is published beside the model: see `models` of `core.storage.manifest.Manifest`."""
        found = self._version(version)
        with self._mlflow() as mlflow:
            run = self._client(mlflow).get_run(found.run_id)
            described = mlflow.models.get_model_info(self._address(version))
        about = described.metadata or {}
        card = {
            "model_name": self.model_name,
            "model_version": version,
            "model_stage": stage,
            "model_run_id": found.run_id,
            "metrics": dict(run.data.metrics),
            "params": dict(run.data.params),
            "features": about.get("features", []),
            "gate": json.loads(run.data.tags.get(GATE, "null")),
            "registered_at": iso(datetime.fromtimestamp(found.creation_timestamp / 1000, UTC)),
            "artefact": f"models/{version}",
            "title": about.get("title", f"{self.model_name} {version}"),
        }
        return with_recipe_id(card)

    def download(self, version: int, to: Path) -> Path:
        """Put the model files of a version into the folder `to`, and return it; AliasMissing when there is no such version."""
        self._version(version)
        with self._mlflow() as mlflow, tempfile.TemporaryDirectory() as scratch:
            fetched = mlflow.artifacts.download_artifacts(artifact_uri=self._address(version), dst_path=scratch)
            data = next((Path(fetched) / "data").iterdir(), None)
            if data is None:
                raise FileMissing(f"The registry has no model files of version {version}.")
            shutil.copytree(data, to, dirs_exist_ok=True)
        return to

    def _address(self, version: int) -> str:
        return f"models:/{self.model_name}/{version}"

    def _version(self, version: int) -> Any:
        if self._empty():
            raise AliasMissing(f"The registry is still empty: there is no version {version}. Run `make pipeline`.")
        with self._mlflow() as mlflow:
            return self._client(mlflow).get_model_version(self.model_name, str(version))

    def _empty(self) -> bool:
        """Whether there is no registry file yet. Asking MLflow would make one, which takes seconds and is the pipeline's work."""
        path = self.tracking_uri.removeprefix("sqlite:///")
        return path != self.tracking_uri and not Path(path).exists()

    def _experiment(self, mlflow: ModuleType) -> str:
        known = mlflow.get_experiment_by_name(self.model_name)
        if known is not None:
            return str(known.experiment_id)
        root = self._artifact_root.absolute().as_uri() if isinstance(self._artifact_root, Path) else self._artifact_root
        return str(mlflow.create_experiment(self.model_name, artifact_location=root))

    def _client(self, mlflow: ModuleType) -> Any:
        if self._made is None:
            self._made = mlflow.MlflowClient(self.tracking_uri, self.tracking_uri)
        return self._made

    @contextmanager
    def _mlflow(self, asking: bool = True) -> Iterator[ModuleType]:
        """MLflow, pointed at this registry, its errors told in our words. `asking`: what is not there is an answer."""
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            mlflow = self._pointed()
            if asking and self._empty():  # deleted while MLflow was imported, which takes seconds; MLflow would make the folder anew
                raise RegistryUnavailable(registry_look.AWAY)
            yield mlflow
        except MlflowException as error:
            if asking and error.error_code in ABSENT:
                raise AliasMissing(f"The registry knows no such version or alias of {self.model_name}. Run `make pipeline`.") from error
            raise RegistryUnavailable(registry_look.AWAY) from error
        except (SQLAlchemyError, OSError) as error:
            raise RegistryUnavailable(registry_look.AWAY) from error

    def _pointed(self) -> ModuleType:
        import mlflow
        import mlflow.artifacts
        import mlflow.models
        import mlflow.pyfunc

        before = {name: os.environ.get(name) for name in LEFT_BEHIND}
        mlflow.set_tracking_uri(self.tracking_uri)
        mlflow.set_registry_uri(self.tracking_uri)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        return mlflow


@contextmanager
def _without_advice() -> Iterator[None]:
    """Keep MLflow from advising an input example: the signature is given, and an example would run the model."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*input example", category=UserWarning)
        yield


def _signature(features: list[dict[str, str]]) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    given: list[Any] = [ColSpec(NUMBERS.get(feature["type"], "double"), feature["name"]) for feature in features]
    answer: list[Any] = [ColSpec("double", name) for name in ("proba_home", "proba_draw", "proba_away")]
    return ModelSignature(inputs=Schema(given), outputs=Schema(answer))


def _requirements() -> list[str]:
    from importlib.metadata import version

    return [f"{name}=={version(name)}" for name in ("numpy", "pandas")]
