"""The stage that registers: each fitted model once, the gate's verdict beside it, and the aliases."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict
from typing import Any, NamedTuple

import pandas as pd

from core.clock import iso, real_now
from core.errors import AliasMissing, LearningError, PipelineBusy, SettingsError
from core.football.words import words_of
from core.learning.gate import latency, verdict
from core.learning.models import Model, Part, load_model
from core.learning.recipe import SERVED
from core.serving import stage_file
from core.storage import pipeline_log
from core.storage.manifest import recipe_of
from core.storage.registry import Registry
from core.vocabulary import BASELINE, CHALLENGER, CHAMPION, FORM5, JOINT_BOOSTED, SCORES_FILE, SIX_RATINGS
from workers.calibration_plot import calibration_plot
from workers.walks import WALK, WALK_EVIDENCE, Walks
from workers.workplace import REGISTERED, Figures, Workplace

DECISION_SECONDS = 60.0  # to wait for a promotion that is under way
UNDER_WAY = "A promotion or rollback has been under way for a minute. Run the pipeline again when it has ended."

MEASURES = ("log_loss", "rps", "brier", "accuracy")
DIGEST = "digest"
# The stage that the first version of each recipe has after the first run.
FIRST_STAGES: Mapping[str, str] = {CHAMPION: JOINT_BOOSTED, CHALLENGER: SIX_RATINGS, BASELINE: FORM5}


class Holder(NamedTuple):
    """The version that has a stage, and its recipe; `version` is None where none has it yet."""

    recipe: str
    version: int | None


def open_registry(place: Workplace) -> Registry:
    """The registry of this timeline; a server keeps its models where it was told to."""
    own = place.settings.tracking_uri.startswith("sqlite:")
    return Registry(place.settings.tracking_uri, place.settings.model_name, place.settings.folder / "artifacts" if own else None)


def register(place: Workplace) -> Figures:
    """Register each fitted model once, as a version; set aliases where there are none, and choose the challenger.

    The champion's alias is set on the first run only: after that it moves by promotion. The baseline's is always at its
    latest fit: it is what the others are measured by and is never promoted, and a reference that is not fitted anew while they
    are would flatter them.
    """
    registry = open_registry(place)
    aliases = registry.aliases()
    champion = _holder(registry, aliases, CHAMPION)
    _refuse_leaks(place)
    _named(place)
    judge = _Judge(place, registry, champion)
    versions, fresh = {}, []
    for recipe in SERVED:
        versions[recipe], is_new = _version(place, registry, recipe, judge)
        if recipe == champion.recipe and champion.version is None:
            champion = judge.champion = Holder(recipe, versions[recipe])
        fresh += [recipe] * is_new
    wanted = {stage: versions[recipe] for stage, recipe in FIRST_STAGES.items() if stage not in aliases and recipe in versions}
    wanted[BASELINE] = versions[FIRST_STAGES[BASELINE]]
    if CHAMPION in aliases:
        present = _holder(registry, aliases, CHALLENGER)
        rival = challenger(versions, fresh, champion, present, place.read_json(place.work / SCORES_FILE), _named(place))
        wanted.pop(CHALLENGER, None) if rival is None else wanted.update({CHALLENGER: rival})
    moved = _point(place, registry, {stage: version for stage, version in wanted.items() if aliases.get(stage) != version})
    pipeline_log.note(place.database, REGISTERED, iso(real_now()))
    place.write_json(place.receipt("register"), {"versions": versions, "aliases": aliases | moved})
    return {"new": len(fresh), **{f"{stage}_version": version for stage, version in sorted((aliases | moved).items())}}


def _named(place: Workplace) -> str | None:
    """The recipe that params.yaml names as the challenger's; SettingsError for one that cannot be it."""
    named: str | None = place.parameters.get("register", {}).get("challenger")
    offered = [recipe for recipe in SERVED if recipe != FIRST_STAGES[BASELINE]]
    if named is not None and named not in offered:
        raise SettingsError(f"params.yaml names {named!r} as register.challenger. Choose one of {', '.join(offered)}, or null.")
    return named


def _point(place: Workplace, registry: Registry, wanted: dict[str, int]) -> dict[str, int]:
    """Move these aliases, and write the file that says so; a decision that is under way is waited for."""
    with stage_file.held(place.database, DECISION_SECONDS) as mine:
        if not mine:
            raise PipelineBusy(UNDER_WAY)
        for stage, version in wanted.items():
            registry.set_alias(stage, version)
        stage_file.write(place.database, registry, place.store)
    return wanted


def _holder(registry: Registry, aliases: Mapping[str, int], stage: str) -> Holder:
    """Who has a stage; before the first run, the recipe whose version is about to."""
    version = aliases.get(stage)
    if version is None:
        return Holder(FIRST_STAGES[stage], None)
    return Holder(recipe_of(registry.card(version)) or FIRST_STAGES[stage], version)


def challenger(
    versions: Mapping[str, int],
    fresh: Sequence[str],
    champion: Holder,
    present: Holder,
    scores: Mapping[str, Any],
    named: str | None = None,
) -> int | None:
    """The version that becomes the challenger; None when the present one stays.

    A refit of the challenger's own recipe takes its place always. A version of another recipe does only with a lower log loss on the
    common matches of the walk-forward, or when params.yaml names its recipe. `fresh` are the recipes that have a new version. A refit
    of the champion's recipe is considered only when nothing else is new: walking forward cannot tell it from the champion. The
    baseline never is.
    """
    if named is not None:
        return None if versions[named] == champion.version else versions[named]
    candidates = [recipe for recipe in fresh if recipe != FIRST_STAGES[BASELINE]]
    candidates = [recipe for recipe in candidates if recipe != champion.recipe] or candidates

    def loss(recipe: str) -> float:
        point = ((scores.get(recipe) or {}).get("log_loss") or {}).get("point")
        return math.inf if point is None else float(point)

    vacant = present.version in (None, champion.version)
    better = [recipe for recipe in candidates if vacant or (recipe != present.recipe and loss(recipe) < loss(present.recipe))]
    if better:
        return versions[min(better, key=loss)]
    return versions[present.recipe] if present.recipe in fresh and not vacant else None


def _refuse_leaks(place: Workplace) -> None:
    """No version is registered, and no alias set, while a later result moves an earlier feature. LearningError says so."""
    leak = place.read_json(place.work / "data.json")["leak"]
    if leak.get("matches") and not leak["ok"]:
        raise LearningError(
            "A later result moves a feature of an earlier match, so nothing is registered. Mend the feature, and run again."
        )


def _version(place: Workplace, registry: Registry, recipe: str, judge: _Judge) -> tuple[int, bool]:
    """The registry's version of this very model, and whether it was registered just now."""
    folder = place.work / "models" / recipe
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    digest = hashlib.sha1(b"".join(name.encode() + data for name, data in files.items())).hexdigest()
    known = pipeline_log.noted(place.database, f"model:{digest}")
    if known and _holds(registry, int(known), digest):
        return int(known), False
    model = load_model(files)
    card = _card(place, recipe, judge, model, digest)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # MLflow tells in four lines what our own line tells in one
        version = registry.log_version(folder, card, model.title).version
    pipeline_log.note(place.database, f"model:{digest}", str(version))
    return version, True


class _Judge:
    """What the gate says of a new version, against the champion's walk."""

    def __init__(self, place: Workplace, registry: Registry, champion: Holder) -> None:
        self.champion = champion
        self.leak = place.read_json(place.work / "data.json")["leak"]
        self.walks = Walks.read(place)
        self._place, self._registry = place, registry

    def verdict(self, recipe: str, model: Model) -> dict[str, Any]:
        name, evaluation = self.champion.recipe, self.walks.evaluation
        if self.champion.version is not None:
            walk = self.walks.of_version(self._registry, self.champion.version)
            if walk.id != self.walks.id(name):  # made by other code than today's, so of the champion alone
                name = f"version {self.champion.version}"
                evaluation = pd.concat([evaluation, walk.rows.assign(recipe=name)], ignore_index=True)
        return verdict(evaluation, recipe, name, self.leak, latency(model), self.champion.version, is_first=self.champion.version is None)


def _card(place: Workplace, recipe: str, judge: _Judge, model: Model, digest: str) -> dict[str, Any]:
    """All that is kept with a version: from what it was fitted, how it did, what the gate says, and the evidence."""
    data, gate = place.read_json(place.work / "data.json"), judge.verdict(recipe, model)
    parts = {f"part {number}": f"{part.name}: {_fitted(part)}" for number, part in enumerate(model.parts, start=1)}
    described = [asdict(feature) | dict(zip(("group", "words"), words_of(feature.name), strict=True)) for feature in model.features]
    origin = {**asdict(model.origin), DIGEST: digest, WALK: judge.walks.id(recipe) or "", "title": model.title}
    return {
        "features": [asdict(feature) for feature in model.features],
        "metrics": _metrics(place.read_json(place.work / SCORES_FILE).get(recipe, {})) | {"latency_ms": gate["latency_ms"]},
        "params": {**origin, "data": data["training"], "cut": data["cut"], **parts},
        "tags": {"recipe": recipe, "gate": "promote" if gate["promote"] else "keep", "gate_matches": gate["n"]},
        "gate": gate,
        "evidence": {
            "gate.json": _json(gate),
            "features.json": _json(described),
            **_walk_evidence(judge.walks.of_recipe(recipe), model.title),
        },
    }


def _walk_evidence(rows: pd.DataFrame, title: str) -> dict[str, bytes]:
    """The forecasts of the walk-forward, and a picture of their calibration; nothing where there are none."""
    return {WALK_EVIDENCE: rows.to_parquet(index=False), "calibration.png": calibration_plot(rows, title)} if len(rows) else {}


def _fitted(part: Part) -> str:
    return f"too few matches ({part.matches:,}), so a wide forecast" if part.wide else f"{part.learner.kind} on {part.matches:,} matches"


def _json(said: object) -> bytes:
    return json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False).encode()


def _holds(registry: Registry, version: int, digest: str) -> bool:
    """Whether the registry still has this version, and it is this model: a registry may have been begun anew."""
    try:
        return bool(registry.card(version)["params"].get(DIGEST) == digest)
    except AliasMissing:
        return False


def _metrics(found: Mapping[str, Any]) -> dict[str, float]:
    """The walk-forward's figures of a recipe, as the registry keeps them: one number a name."""
    if not found.get("n"):
        return {}
    measured = {name: found[name] for name in MEASURES}
    spread = {f"{name}_{edge}": value[edge] for name, value in measured.items() for edge in ("low", "high")}
    known = {name: value["point"] for name, value in measured.items()} | spread | {"ece": found["ece"], "matches": float(found["n"])}
    return {name: value for name, value in known.items() if value is not None}
