"""The stage that registers: each fitted model once, the gate's verdict beside it, and the aliases."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict
from typing import Any, NamedTuple

from core.clock import iso, real_now
from core.errors import AliasMissing, LearningError
from core.football.words import words_of
from core.learning.gate import latency, verdict
from core.learning.models import Model, Part, load_model
from core.learning.recipe import SERVED
from core.storage import pipeline_log
from core.storage.registry import Registry
from workers.calibration_plot import calibration_plot
from workers.workplace import REGISTERED, Figures, Workplace

MEASURES = ("log_loss", "rps", "brier", "accuracy")
DIGEST = "digest"
REFERENCE = "baseline"


class Champion(NamedTuple):
    """The recipe and the version that serve."""

    recipe: str
    version: int | None


def open_registry(place: Workplace) -> Registry:
    """The registry of this timeline; a server keeps its models where it was told to."""
    own = place.settings.tracking_uri.startswith("sqlite:")
    return Registry(place.settings.tracking_uri, place.settings.model_name, place.settings.folder / "artifacts" if own else None)


def register(place: Workplace) -> Figures:
    """Each fitted model as a version, once; aliases where there are none, and the strongest new version as challenger.

    The champion's alias is set on the first run only: after that it moves by promotion. The baseline's is always at its
    latest fit: it is what the others are measured by and is never promoted, and a reference that stood still while they
    learn would flatter them.
    """
    registry = open_registry(place)
    aliases = registry.aliases()
    champion = _champion(registry, aliases)
    found = place.read_json(place.work / "scores.json")
    _refuse_leaks(place)
    versions, fresh = {}, []
    for recipe in SERVED:
        versions[recipe], is_new = _version(place, registry, recipe, champion)
        champion = champion if champion.version else Champion(champion.recipe, versions.get(champion.recipe))
        fresh += [recipe] * is_new
    wanted = {stage: version for stage, version in versions.items() if stage not in aliases}
    wanted[REFERENCE] = versions[REFERENCE]
    if "challenger" in aliases and (rival := _rival(fresh, champion.recipe, found)):
        wanted["challenger"] = versions[rival]
    for stage, version in wanted.items():
        registry.set_alias(stage, version)
    pipeline_log.note(place.database, REGISTERED, iso(real_now()))
    place.write_json(place.receipt("register"), {"versions": versions, "aliases": aliases | wanted})
    return {"new": len(fresh), **{f"{stage}_version": version for stage, version in sorted((aliases | wanted).items())}}


def _champion(registry: Registry, aliases: Mapping[str, int]) -> Champion:
    """Whom the gate judges by; on the first run the version that is about to become it."""
    version = aliases.get("champion")
    if version is None:
        return Champion("champion", None)
    return Champion(registry.card(version, "champion")["params"].get("recipe", "champion"), version)


def _refuse_leaks(place: Workplace) -> None:
    """No version is registered, and no alias set, while a later result moves an earlier feature. LearningError says so."""
    leak = place.read_json(place.work / "data.json")["leak"]
    if leak.get("matches") and not leak["ok"]:
        raise LearningError(
            "A later result moves a feature of an earlier match, so nothing is registered. Mend the feature, and run again."
        )


def _rival(fresh: list[str], champion: str, found: Mapping[str, Any]) -> str | None:
    """Of the recipes that were fitted anew, the one with the lowest log loss in the walk-forward, the reference aside.

    A refit of the champion's own recipe only when there is no other: it has the champion's figures, and would hide a rival.
    """
    candidates = [recipe for recipe in fresh if recipe != REFERENCE]
    others = [recipe for recipe in candidates if recipe != champion]
    return min(others or candidates, key=lambda recipe: (found.get(recipe, {}).get("log_loss") or {}).get("point") or 99.0, default=None)


def _version(place: Workplace, registry: Registry, recipe: str, champion: Champion) -> tuple[int, bool]:
    """The registry's version of this very model, and whether it was registered just now."""
    folder = place.work / "models" / recipe
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    digest = hashlib.sha1(b"".join(name.encode() + data for name, data in files.items())).hexdigest()
    known = pipeline_log.noted(place.database, f"model:{digest}")
    if known and _holds(registry, int(known), digest):
        return int(known), False
    model = load_model(files)
    card = _card(place, recipe, champion, model, digest)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # MLflow tells in four lines what our own line tells in one
        version = registry.log_version(folder, card, model.title).version
    pipeline_log.note(place.database, f"model:{digest}", str(version))
    return version, True


def _card(place: Workplace, recipe: str, champion: Champion, model: Model, digest: str) -> dict[str, Any]:
    """All that is kept with a version: from what it was fitted, how it did, what the gate says, and the evidence."""
    evaluation, data = place.read_table("work/evaluation.parquet"), place.read_json(place.work / "data.json")
    gate = verdict(evaluation, recipe, champion.recipe, data["leak"], latency(model), champion.version)
    parts = {f"part {number}": f"{part.name}: {_fitted(part)}" for number, part in enumerate(model.parts, start=1)}
    told = [asdict(feature) | dict(zip(("group", "words"), words_of(feature.name), strict=True)) for feature in model.features]
    own = evaluation[evaluation["recipe"] == recipe]
    return {
        "features": [asdict(feature) for feature in model.features],
        "metrics": _metrics(place.read_json(place.work / "scores.json").get(recipe, {})) | {"latency_ms": gate["latency_ms"]},
        "params": {**asdict(model.origin), DIGEST: digest, "title": model.title, "data": data["training"], "cut": data["cut"], **parts},
        "tags": {"recipe": recipe, "gate": "promote" if gate["promote"] else "keep", "gate_matches": gate["n"]},
        "gate": gate,
        "evidence": {
            "gate.json": _json(gate),
            "features.json": _json(told),
            **({"calibration.png": calibration_plot(own, model.title)} if len(own) else {}),
        },
    }


def _fitted(part: Part) -> str:
    return f"too few matches ({part.matches:,}), so a wide forecast" if part.wide else f"{part.learner.kind} on {part.matches:,} matches"


def _json(said: object) -> bytes:
    return json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False).encode()


def _holds(registry: Registry, version: int, digest: str) -> bool:
    """Whether the registry still has this version, and it is this model: a registry may have been begun anew."""
    try:
        return bool(registry.card(version, "")["params"].get(DIGEST) == digest)
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
