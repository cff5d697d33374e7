"""A look at the model registry without importing MLflow, whose import takes seconds: aliases, and whether a version is there.

A SQL store is asked for the rows that MLflow 3 keeps there, a server by its REST API (https://mlflow.org/docs/latest/rest-api.html).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from core.errors import RegistryUnavailable

AWAY = "The model registry does not answer. What is loaded keeps serving; check MLFLOW_TRACKING_URI."
CONNECT_SECONDS, ANSWER_SECONDS = 3.0, 10.0
ABSENT = "RESOURCE_DOES_NOT_EXIST"  # what MLflow answers for what it does not hold, with status 404
_ALIASES = sa.text("SELECT alias, version FROM registered_model_aliases WHERE name = :name")
_VERSION = sa.text("SELECT 1 FROM model_versions WHERE name = :name AND version = :version AND current_stage <> 'Deleted_Internal'")


def can_look(uri: str) -> bool:
    """Whether this kind of registry is known here; any other kind is for MLflow itself."""
    return urlsplit(uri).scheme.partition("+")[0] in ("sqlite", "postgresql", "http", "https")


def aliases(uri: str, name: str) -> dict[str, int]:
    """Every alias of a registered model with its version; empty when the model is not registered. RegistryUnavailable."""
    if _is_server(uri):
        with _as_mlflow_answers():
            model = _asked(uri, "registered-models/get", name=name)
            return {} if model is None else {row["alias"]: int(row["version"]) for row in model["registered_model"].get("aliases", [])}
    return {alias: int(version) for alias, version in _rows(uri, _ALIASES, name=name)}


def has_version(uri: str, name: str, version: int) -> bool:
    """Whether the registry holds this version of a model. RegistryUnavailable."""
    if _is_server(uri):
        with _as_mlflow_answers():
            found = _asked(uri, "model-versions/get", name=name, version=str(version))
            return found is not None and int(found["model_version"]["version"]) == version
    return bool(_rows(uri, _VERSION, name=name, version=version))


def _is_server(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


def _rows(uri: str, query: sa.TextClause, **values: Any) -> list[Any]:
    path = uri.removeprefix("sqlite:///")
    if path != uri and not Path(path).exists():
        return []  # connecting would make an empty file, which is the pipeline's work
    try:
        with _engine(uri).connect() as connection:
            return list(connection.execute(query, values))
    except SQLAlchemyError as error:
        if "no such table" in str(error) or type(getattr(error, "orig", None)).__name__ == "UndefinedTable":
            return []  # of SQLite, and of PostgreSQL
        raise RegistryUnavailable(AWAY) from error


# A server that is silent after it has let us in is given up, too.
_PATIENCE = {
    "connect_timeout": int(CONNECT_SECONDS),
    "options": f"-c statement_timeout={int(1000 * ANSWER_SECONDS)}",
    "tcp_user_timeout": int(1000 * ANSWER_SECONDS),
    "keepalives_idle": int(ANSWER_SECONDS),
}


@lru_cache(maxsize=4)
def _engine(uri: str) -> sa.Engine:
    address = sa.make_url(uri)
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
        return sa.create_engine(address, pool_size=1, pool_pre_ping=True, connect_args=_PATIENCE)
    return sa.create_engine(address, poolclass=sa.NullPool, connect_args={"timeout": ANSWER_SECONDS})


def _asked(uri: str, what: str, **parameters: str) -> Any:
    """What the server answers; None for what it does not hold."""
    import requests

    answer = requests.get(
        f"{uri.rstrip('/')}/api/2.0/mlflow/{what}", params=parameters, timeout=(CONNECT_SECONDS, ANSWER_SECONDS), **_credentials()
    )
    if answer.status_code == requests.codes.not_found and answer.json()["error_code"] == ABSENT:
        return None
    answer.raise_for_status()
    return answer.json()


@contextmanager
def _as_mlflow_answers() -> Iterator[None]:
    """RegistryUnavailable for any other answer than MLflow gives, as of a proxy in front of it: that the registry is empty is no guess."""
    try:
        yield
    except (OSError, LookupError, TypeError, ValueError, AttributeError) as error:  # requests raises OSError
        raise RegistryUnavailable(AWAY) from error


def _credentials() -> dict[str, Any]:
    """How MLflow's own client authenticates, from the same variables."""
    token, user = os.environ.get("MLFLOW_TRACKING_TOKEN"), os.environ.get("MLFLOW_TRACKING_USERNAME")
    verify: Any = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or os.environ.get("MLFLOW_TRACKING_INSECURE_TLS") != "true"
    if user:
        return {"auth": (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", "")), "verify": verify}
    return {"headers": {"Authorization": f"Bearer {token}"} if token else {}, "verify": verify}
