"""Small batches as the pipeline publishes them, for the tests of serving: made up, but of the real form."""

import io
import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from core.clock import iso
from core.storage.manifest import FORMER_OWN, OWN, FileEntry, Manifest, sha1
from core.tables import EVALUATION, LABELS, MATCHES
from core.vocabulary import BASELINE, CHALLENGER, CHAMPION, ELO, FORM5, JOINT_BOOSTED, SIX_RATINGS

MOMENT = datetime(2026, 3, 13, 12, 0, tzinfo=UTC)
FEATURES = ("elo", "diff_goals_for_w5", "diff_points_w5")
RECIPES = {CHAMPION: JOINT_BOOSTED, CHALLENGER: SIX_RATINGS, BASELINE: FORM5}
LABEL_OF = ("home_win", "draw", "away_win")


def parquet(frame):
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def ids(count):
    return np.sort(np.random.default_rng(7).choice(2**52, count, replace=False)) + 1


def matches(count, played=None):
    """`count` matches, two a day, around MOMENT; the first `played` of them (half by default) were played."""
    played = count // 2 if played is None else played
    known = np.arange(count) < played
    kickoff = pd.Series([MOMENT + timedelta(hours=12 * int(row - played) + 3) for row in range(count)]).astype("datetime64[us, UTC]")
    return MATCHES.check(
        pd.DataFrame(
            {
                "match_id": ids(count),
                "sex": np.arange(count) % 5 == 4,
                "competition_code": "en.1",
                "competition": "Premier League",
                "country": "England",
                "season": "2025-26",
                "round": "Matchday 1",
                "leg": 1,
                "date": kickoff.dt.tz_localize(None).dt.floor("D"),
                "kickoff_utc": kickoff,
                "neutral": False,
                "home_team_id": [f"england-home-{row % 20}" for row in range(count)],
                "away_team_id": [f"england-away-{row % 20}" for row in range(count)],
                "home_team": [f"Home {row % 20}" for row in range(count)],
                "away_team": [f"Away {row % 20}" for row in range(count)],
                "status": np.where(known, "played", "upcoming"),
                "home_score": np.where(known, np.arange(count) % 4, np.nan),
                "away_score": np.where(known, np.arange(count) % 3, np.nan),
                "label_ok": known,
            }
        )
    )


def match_features(count, features=FEATURES, seed=0):
    """The file's frame: index match_id, the leading columns, then one float64 column a feature."""
    table = matches(count)
    random = np.random.default_rng(seed)
    played = table["home_score"].notna()
    outcome = np.where(table["home_score"] > table["away_score"], 0, np.where(table["home_score"] == table["away_score"], 1, 2))
    lead = pd.DataFrame(
        {
            "is_future": ~played,
            "startTimeUtc": table["kickoff_utc"],
            "match_date": table["date"],
            "homeTeamName": table["home_team"],
            "awayTeamName": table["away_team"],
            **{
                name: table[name]
                for name in ("competition", "competition_code", "country", "season", "round", "home_team_id", "away_team_id", "sex")
            },
            "outcome_1x2": pd.Series(outcome).where(played).astype("Int64"),
            "homeScore": table["home_score"].astype("Int64"),
            "awayScore": table["away_score"].astype("Int64"),
        }
    )
    numbers = pd.DataFrame(random.normal(size=(count, len(features))), columns=list(features))
    return pd.concat([lead, numbers], axis=1).set_index(pd.Index(table["match_id"], name="match_id"))


def predictions(count, versions=None, seed=0):
    """A row for each match and model version; `versions` maps a stage to its version. Stages are not written: see LK-9."""
    versions = {"champion": 1, "challenger": 2, "baseline": 3} if versions is None else versions
    table = matches(count)
    parts = [_forecasts(table, None, version, seed + version) for version in sorted(set(versions.values()))]
    return pd.concat(parts).set_index("match_id")


def former_predictions(count, versions, seed=0):
    """The form until November 2026: a row for each match and stage, so that a version with two stages has two rows."""
    table = matches(count)
    parts = [_forecasts(table, stage, version, seed + version) for stage, version in versions.items()]
    return pd.concat(parts).set_index("match_id")


def former_manifest(store, stages):
    """Write the manifest again in the form until November 2026: a card for each stage, and no `stages`."""
    said = json.loads(store.read("batch/current.json"))
    said["models"] = {stage: said["models"][str(version)] | {"model_stage": stage} for stage, version in stages.items()}
    for name in ("stages", "former_champion", "chain"):
        del said[name]
    data = json.dumps(said).encode()
    store.remove(f"batch/{said['version']}/{OWN}")
    store.write(f"batch/{said['version']}/{FORMER_OWN}", data)
    store.write("batch/current.json", data)


def _forecasts(table, stage, version, seed):
    chances = np.random.default_rng(seed).dirichlet([3, 2, 2], len(table))
    best = chances.argmax(axis=1)
    return pd.DataFrame(
        {
            "match_id": table["match_id"],
            "proba_home": chances[:, 0],
            "proba_draw": chances[:, 1],
            "proba_away": chances[:, 2],
            "predicted_class": best,
            "predicted_label": np.array(LABEL_OF)[best],
            "is_future": table["home_score"].isna(),
            "startTimeUtc": table["kickoff_utc"],
            "homeTeamName": table["home_team"],
            "awayTeamName": table["away_team"],
            "model_run_id": f"run-{version}",
            "model_stage": stage,
            "model_version": version,
            "likeliest_home": 1,
            "likeliest_away": 1,
            "expected_home": 1.5,
            "expected_away": 1.1,
            "expected_total": 2.4,
            "in_sample": False,
            "wide": False,
        }
    )


def evaluation(count):
    """The walk of each of three versions, and of Elo."""
    table = matches(count)
    facts = {"date": table["date"], "season": table["season"], "outcome": 0, "sex": 0, "competition_code": "en.1"}
    parts = [
        _forecasts(table, None, number, number).assign(recipe=recipe, walk=f"{recipe}-code-data", **facts)
        for number, recipe in enumerate((*RECIPES.values(), ELO), 1)
    ]
    parts[-1]["model_version"] = None
    return EVALUATION.check(pd.concat(parts))


def card(stage, version, features=FEATURES):
    return {
        "model_name": "soccer-match-outcome",
        "model_version": version,
        "model_stage": stage,
        "model_run_id": f"run-{version}",
        "metrics": {"log_loss": 1.0},
        "params": {"recipe": RECIPES.get(stage, stage)},
        "features": [{"name": name, "type": "double"} for name in features],
        "registered_at": iso(MOMENT),
        "artefact": f"models/{version}",
        "title": f"Model {version}",
    }


def publish(
    store,
    version="v1",
    count=40,
    as_of=MOMENT,
    models=None,
    files=None,
    model_files=None,
    versions=None,
    features=FEATURES,
    skipped=None,
    former=None,
):
    """Write a batch as `publish` does: the data first, the pointer last. `files` replaces or adds files by name."""
    models = (
        {stage: card(stage, number, features) for stage, number in (versions or {"champion": 1, "challenger": 2, "baseline": 3}).items()}
        if models is None
        else models
    )
    made = {
        "predictions.parquet": parquet(predictions(count, {stage: said["model_version"] for stage, said in models.items()})),
        "match_features.parquet": parquet(match_features(count, features)),
        "matches.parquet": parquet(matches(count)),
        "evaluation.parquet": parquet(evaluation(count)),
        "scores.json": json.dumps(
            {"versions": {"1": {"n": count, "log_loss": {"point": 0.98, "low": 0.97, "high": 0.99}}}, "matches": count}
        ).encode(),
        "drift.json": json.dumps({"as_of": iso(as_of), "drift_score": 0.125, "sentence": "Little moved."}).encode(),
    } | (files or {})
    for number, contents in (model_files or {}).items():
        for name, data in contents.items():
            store.write(f"models/{number}/{name}", data)
    entries = {}
    for name, data in made.items():
        entries[name] = FileEntry(f"batch/{version}/{name}", sha1(data), len(data), count)
        store.write(entries[name].key, data)
    cards = {said["model_version"]: said for said in models.values()}
    stages = {stage: said["model_version"] for stage, said in models.items()}
    manifest = Manifest(version, datetime.now(UTC), as_of, "replay", entries, cards, stages, former, skipped or {})
    store.write(f"batch/{version}/{OWN}", manifest.to_json())
    store.write("batch/current.json", manifest.to_json())
    return json.loads(manifest.to_json())


def without_labels(names):
    return not set(names) & set(LABELS)
