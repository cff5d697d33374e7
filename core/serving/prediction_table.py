"""`predictions.parquet` in memory: for each model version the forecasts of its matches, found by their ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import TableInvalid
from core.football.outcomes import Outcome
from core.serving.parsing import Codes, Ints, Row, by_match_id, place, read_parquet, refusing, uniques
from core.tables import PREDICTIONS
from core.vocabulary import CHAMPION, PREDICTIONS_FILE

_NUMBERS = ("proba_home", "proba_draw", "proba_away", "expected_home", "expected_away", "expected_total")
_CHANCES = list(_NUMBERS[:3])
_ALONE = ("startTimeUtc", "homeTeamName", "awayTeamName")
# These take few values together, so that one code stands for all of them.
_TOGETHER = ("predicted_class", "predicted_label", "is_future", "model_run_id", "likeliest_home", "likeliest_away", "in_sample", "wide")
_RECORD = Struct("=6d4i")
_SIZE, _unpack = _RECORD.size, _RECORD.unpack_from
_AGAIN = "Run the pipeline again to make it anew."


@dataclass(frozen=True)
class Forecasts:
    """The forecasts of one model version: `ids` ascending, shape (n,), and `records`, one after the other as `_RECORD` says.

    Numbers stand in a record as they are, all else as a code: the place in one of the lists of `values`.
    """

    version: int | None
    ids: Ints
    records: memoryview
    values: tuple[list[Any], ...]

    def row(self, match_id: object, stage: str) -> Row | None:
        at = place(self.ids, match_id)
        return None if at is None else self.at(at, stage)

    def at(self, at: int, stage: str | None) -> Row:
        home, draw, away, *expected, start, home_team, away_team, together = _unpack(self.records, at * _SIZE)
        expected_home, expected_away, expected_total = (goals if goals == goals else None for goals in expected)
        starts, home_teams, away_teams, combinations = self.values
        said, label, future, run, likeliest_home, likeliest_away, in_sample, wide = combinations[together]
        return Row(
            {
                "match_id": self.ids.item(at),
                "proba_home": home,
                "proba_draw": draw,
                "proba_away": away,
                "predicted_class": said,
                "predicted_label": label,
                "is_future": future,
                "startTimeUtc": starts[start],
                "homeTeamName": home_teams[home_team],
                "awayTeamName": away_teams[away_team],
                "model_run_id": run,
                "model_stage": stage,
                "model_version": self.version,
                "likeliest_home": likeliest_home,
                "likeliest_away": likeliest_away,
                "expected_home": expected_home,
                "expected_away": expected_away,
                "expected_total": expected_total,
                "in_sample": in_sample,
                "wide": wide,
            }
        )


@dataclass(frozen=True)
class PredictionTable:
    """All forecasts, by model version. A file without versions has one, None, the champion's.

    `aliases` are the stages that rows name, as they did until November 2026; what the manifest or the registry says comes before them.
    """

    versions: Mapping[int | None, Forecasts]
    aliases: Mapping[str, int | None]
    frame: pd.DataFrame

    @classmethod
    def read(cls, data: bytes) -> PredictionTable:
        """The table in a Parquet file; TableInvalid says what is wrong with it."""
        with refusing(PREDICTIONS_FILE):
            given = _checked(by_match_id(PREDICTIONS_FILE, read_parquet(data)))
            frame = _without_copies(given)
            coded = [*(uniques(frame[column]) for column in _ALONE), _combined([uniques(frame[column]) for column in _TOGETHER])]
            records = _records(frame, [codes for codes, _ in coded])
            ids = frame.index.to_numpy()
            versions = {
                version: Forecasts(version, ids[rows], memoryview(records[rows].tobytes()), tuple(values for _, values in coded))
                for version, rows in _by_version(frame).items()
            }
            return cls(versions, _named(given), frame)

    def all(self, stages: Mapping[int | None, str], limit: int | None, offset: int) -> Iterator[Row]:
        """Every row, by version and match, from the one numbered `offset`; `stages` has the stage of a version, if it has one."""
        left = sum(len(forecasts.ids) for forecasts in self.versions.values()) if limit is None else limit
        for version, forecasts in self.versions.items():
            many = len(forecasts.ids)
            for at in range(min(offset, many), min(offset + left, many)):
                yield forecasts.at(at, stages.get(version))
                left -= 1
            offset = max(0, offset - many)


def _combined(columns: list[tuple[Codes, list[Any]]]) -> tuple[Codes, list[Any]]:
    """Several coded columns as one, whose values are tuples."""
    sizes = [len(values) for _, values in columns]
    # A missing value is -1, the last of its list, and so counts as the number before the list's length.
    number = np.ravel_multi_index([codes % size for (codes, _), size in zip(columns, sizes, strict=True)], sizes)
    found, codes = np.unique(number, return_inverse=True)
    chosen = zip(*np.unravel_index(found, sizes), strict=True)
    return codes.astype(np.int32), [tuple(values[at] for (_, values), at in zip(columns, places, strict=True)) for places in chosen]


def _records(frame: pd.DataFrame, codes: list[Codes]) -> NDArray[np.void]:
    """Each row as one record: a read touches one place in memory, and unpacks it in one call."""
    columns = [*(frame[name].to_numpy(dtype=np.float64) for name in _NUMBERS), *codes]
    records = np.empty(len(frame), dtype=[(f"{number}", column.dtype) for number, column in enumerate(columns)])
    for number, column in enumerate(columns):
        records[f"{number}"] = column
    return records


def _by_version(frame: pd.DataFrame) -> dict[int | None, Ints]:
    """The positions of each version's rows, the newest version first."""
    version = frame["model_version"].fillna(-1).to_numpy(dtype=np.int64)
    found: dict[int | None, Ints] = {}
    for number in np.unique(version)[::-1]:
        found[int(number) if number >= 0 else None] = np.flatnonzero(version == number)
    return found


def _named(frame: pd.DataFrame) -> dict[str, int | None]:
    if frame["model_version"].isna().all():
        return {CHAMPION: None}
    if frame["model_stage"].isna().all() and (frame["model_version"] == frame["model_version"].iloc[0]).all():
        return {CHAMPION: int(frame["model_version"].iloc[0])}
    pairs = frame[["model_stage", "model_version"]].dropna().drop_duplicates("model_stage", keep="last")
    return {str(stage): int(version) for stage, version in pairs.itertuples(index=False)}


def _checked(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame as PREDICTIONS says, with probabilities that are ones. TableInvalid names what is wrong, and how often."""
    if "startTimeUtc" in frame:
        frame = frame.assign(startTimeUtc=pd.to_datetime(frame["startTimeUtc"], utc=True))
    frame = PREDICTIONS.check(frame)
    chances = frame[_CHANCES].to_numpy()
    said = frame["predicted_class"].to_numpy()
    _refuse(np.isnan(chances).any(axis=1), "lack a probability")
    _refuse(((chances < 0) | (chances > 1)).any(axis=1), "have a probability outside 0 to 1")
    _refuse(np.abs(chances.sum(axis=1) - 1) > 1e-6, "have probabilities that do not sum to one")
    _refuse((said < 0) | (said > 2), "have a predicted_class that is not 0, 1 or 2")
    _refuse(chances[np.arange(len(said)), said] < chances.max(axis=1), "have a predicted_class that is not the likeliest")
    labels = np.array([outcome.label for outcome in Outcome])
    _refuse(labels[said] != frame["predicted_label"].to_numpy(dtype=object), "have a predicted_label that is not their class's")
    _refuse(frame["model_version"].isna().to_numpy() != frame["model_version"].isna().all(), "lack a model_version that others have")
    return frame


def _without_copies(frame: pd.DataFrame) -> pd.DataFrame:
    """Each forecast once: until November 2026 a version with two stages was written once for each. TableInvalid if two contradict."""
    if not _repeats(frame).any():
        return frame
    copies = frame.reset_index().drop(columns="model_stage").duplicated().to_numpy()
    _refuse(_repeats(frame[~copies]), "repeat a match and model version")
    return frame[~copies]


def _repeats(frame: pd.DataFrame) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = frame.reset_index()[["match_id", "model_version"]].duplicated().to_numpy()
    return found


def _refuse(wrong: Any, what: str) -> None:
    if wrong.any():
        raise TableInvalid(f"{PREDICTIONS_FILE}: {int(wrong.sum())} of {len(wrong)} rows {what}. {_AGAIN}")
