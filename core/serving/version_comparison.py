"""Two model versions on the same matches: the champion, and the version that is compared with it.

Walking forward judges recipes. Two versions that share a walk, as two fits of one recipe do, are compared on what was sealed before the
matches instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import pandas as pd

from core.errors import FileMissing
from core.football.contest import Contest, contest
from core.football.judging import Judged, evidence, judge
from core.serving.readers import READERS
from core.storage.database import Database
from core.storage.files import Store
from core.storage.forecast_chain import last_before_kickoff
from core.storage.manifest import Card, Manifest, recipe_of
from core.storage.registry import Registry
from core.tables import EVALUATION
from core.vocabulary import BASE_RATE, BASELINE, CHALLENGER, CHAMPION, ELO, EVALUATION_FILE, MATCHES_FILE

On = Literal["walk", "sealed"]


@dataclass(frozen=True)
class Compared:
    """`contest` has the champion under CHAMPION and the other version under CHALLENGER, whatever its stage; `on` says which forecasts."""

    contest: Contest
    on: On

    def judged(self, rival: Card) -> Judged:
        """What the gate says of the other version, whose card is `rival`."""
        return judge(self.contest, evidence(rival))


def walk_in(evaluation: pd.DataFrame, card: Card) -> pd.DataFrame:
    """The rows of a published evaluation that a version is judged by; empty when there are none."""
    if evaluation["model_version"].isna().all():  # of the form before November 2026, by recipe
        return evaluation[evaluation["recipe"] == recipe_of(card)]
    return evaluation[(evaluation["model_version"] == card.get("model_version")).fillna(False).astype(bool)]


def compare(
    evaluation: pd.DataFrame, champion: Card, rival: Card, sealed: Callable[[int], pd.DataFrame], baseline: Card | None = None
) -> Compared:
    """The contest of two versions on the walk-forward of each, or on sealed forecasts where both have the same walk.

    `sealed` gives the EVALUATION rows of what was sealed of a version; it is asked only where that is needed.
    """
    ours, theirs = walk_in(evaluation, champion), walk_in(evaluation, rival)
    if _share_a_walk(ours, theirs, champion, rival):
        return Compared(
            contest({CHAMPION: sealed(int(champion["model_version"])), CHALLENGER: sealed(int(rival["model_version"]))}), "sealed"
        )
    entrants = {CHAMPION: ours, CHALLENGER: theirs, BASELINE: walk_in(evaluation, baseline) if baseline else ours.iloc[:0]}
    references = {name: evaluation[evaluation["recipe"] == name] for name in (ELO, BASE_RATE)}
    return Compared(contest({**entrants, **references}), "walk")


def _share_a_walk(ours: pd.DataFrame, theirs: pd.DataFrame, champion: Card, rival: Card) -> bool:
    walks = [set(rows["walk"].dropna().unique()) for rows in (ours, theirs)]
    return walks[0] == walks[1] if all(walks) else recipe_of(champion) is not None and recipe_of(champion) == recipe_of(rival)


def judge_published(store: Store, database: Database, registry: Registry, timeline: str, champion: int | None, version: int) -> Judged:
    """What the gate says of a version against the champion, by the published batch; both cards come from the registry.

    Without a champion, or a batch, the checks that need matches are not made.
    """
    rival = registry.card(version)
    if champion is None:
        return judge(contest({}), evidence(rival))
    try:
        manifest = Manifest.read(store)
        evaluation = READERS[EVALUATION_FILE](store.read(manifest.file(EVALUATION_FILE).key))
        matches = READERS[MATCHES_FILE](store.read(manifest.file(MATCHES_FILE).key))
    except FileMissing:
        return judge(contest({}), evidence(rival))
    sealed = partial(sealed_rows, database, timeline, matches)
    return compare(evaluation, registry.card(champion), rival, sealed).judged(rival)


def sealed_rows(database: Database, timeline: str, matches: pd.DataFrame, version: int) -> pd.DataFrame:
    """What was last sealed of a version before each match that was played, as EVALUATION rows; `matches` as `core.tables.MATCHES`."""
    with database.read() as connection:
        found = last_before_kickoff(connection, timeline, version)
    said = pd.DataFrame(found, columns=["match_id", "proba_home", "proba_draw", "proba_away"]).astype({"match_id": "int64"})
    played = matches[matches["label_ok"] & matches["home_score"].notna() & matches["away_score"].notna()]
    rows = played.merge(said, on="match_id")
    ahead = rows["home_score"] - rows["away_score"]
    outcome = (1 - (ahead > 0).astype("int64") + (ahead < 0).astype("int64")).astype("int64")
    return EVALUATION.check(rows.assign(recipe="", outcome=outcome, model_version=version, walk="sealed"))
