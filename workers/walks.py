"""The walk-forward of each recipe, and which of them belongs to a model version.

A walk is named by its recipe, a digest of the code that made it and a digest of its data. As long as the code is the same, the latest
walk of a recipe is the record of every version that was fitted by it; a version fitted by other code keeps the walk that it was
registered with.
"""

from __future__ import annotations

import ast
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import yaml

from core.storage.manifest import Card, recipe_of
from core.storage.registry import Registry
from core.tables import EVALUATION
from core.vocabulary import EVALUATION_FILE, recipe_id
from workers.workplace import Workplace

WALK = "walk"  # the parameter of a version that names the walk it was registered with
WALK_EVIDENCE = "walk.parquet"  # the rows of that walk, kept with the version
WALKS_FILE = "walks.json"
STAGES = ("featurize", "train")  # of dvc.yaml, whose code decides what a walk says


class Walk(NamedTuple):
    """`rows` as `core.tables.EVALUATION`; empty, without an id, where nothing is known."""

    id: str | None
    rows: pd.DataFrame


@dataclass(frozen=True)
class Walks:
    """The latest walk of each recipe: `evaluation` as `core.tables.EVALUATION`, and each recipe's walk id."""

    evaluation: pd.DataFrame
    ids: Mapping[str, str]

    @classmethod
    def read(cls, place: Workplace) -> Walks:
        """As the stage `train` left them."""
        path = place.work / WALKS_FILE
        ids = place.read_json(path) if path.is_file() else {}
        return cls(place.read_table(f"work/{EVALUATION_FILE}"), ids)

    def id(self, recipe: str) -> str | None:
        return self.ids.get(recipe)

    def of_recipe(self, recipe: str) -> pd.DataFrame:
        return self.evaluation[self.evaluation["recipe"] == recipe].reset_index(drop=True)

    def of_version(self, registry: Registry, version: int) -> Walk:
        """The walk that a version is judged by."""
        return self.of_card(registry, registry.card(version))

    def of_card(self, registry: Registry, card: Card) -> Walk:
        """The same, for a version whose card is known."""
        recipe, own = recipe_of(card) or "", (card.get("params") or {}).get(WALK)
        latest = self.id(recipe)
        if not own or (latest is not None and _code_of(own) == _code_of(latest)):
            return Walk(latest, self.of_recipe(recipe))
        kept = registry.evidence(int(card["model_version"]), WALK_EVIDENCE)
        return Walk(str(own), EVALUATION.empty() if kept is None else EVALUATION.check(pd.read_parquet(io.BytesIO(kept))))


def walk_ids(place: Workplace, training: pd.DataFrame, recipes: tuple[str, ...]) -> dict[str, str]:
    """By recipe the id of a walk over this training table: `<recipe>-<digest of the code>-<digest of the data>`."""
    rows = pd.util.hash_pandas_object(training).to_numpy().tobytes()
    code, data = code_digest(place.root), hashlib.sha256(rows).hexdigest()[:12]
    return {recipe_id(recipe): f"{recipe}-{code}-{data}" for recipe in recipes}


def _code_of(walk_id: str) -> str:
    return walk_id.rpartition("-")[0]


def code_digest(root: Path) -> str:
    """Twelve digits for all the code that dvc.yaml names for STAGES, without its comments and docstrings, which decide nothing."""
    stages = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    named = sorted({name for stage in STAGES for name in stages[stage]["deps"] if name.endswith(".py")})
    digest = hashlib.sha256()
    for name in named:
        digest.update(_bare((root / name).read_text(encoding="utf-8")))
    return digest.hexdigest()[:12]


def _bare(source: str) -> bytes:
    tree = ast.parse(source)
    for node in _documented(tree):
        node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree).encode()


def _documented(tree: ast.AST) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every node that begins with a docstring."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node, False) is not None
        ):
            yield node
