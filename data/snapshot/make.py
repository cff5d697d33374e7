"""Make the bundled snapshot from a folder of candidate tables: `python data/snapshot/make.py CANDIDATE_FOLDER`.

Keeps the rows whose source package is in the public domain or under the MIT licence, computes the match ids by the
project's own rule, maps the goal minutes to them, and fails on a collision. The same input gives the same bytes.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from core.football.matches import match_id, team_id  # noqa: E402

SOURCES = ("npm:football.json@1.0.0", "pypi:airsenal@1.17.0", "pypi:sports-betting@0.15.1")
COLUMNS = (
    "match_id", "date", "kickoff_utc", "competition_code", "competition", "country", "season", "round", "sex", "neutral",
    "home_team", "away_team", "home_score", "away_score", "status", "leg", "source", "licence", "score_verified", "formerly",
)  # fmt: skip
# Ten clubs met twice on each ground, once in rounds 1 to 18 and again in 19 to 36.
TWICE_AT_HOME, FIRST_ROUNDS = ("aut.1", "aut.2"), 18


def read(path: Path) -> list[dict[str, str]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return list(csv.DictReader(io.StringIO(text)))


def write(path: Path, columns: Iterable[str], rows: Iterable[dict[str, object]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data = text.getvalue().encode()
    # No time and no name in the gzip header, so that the same rows give the same file.
    path.write_bytes(gzip.compress(data, 9, mtime=0) if path.suffix == ".gz" else data)


def leg(row: dict[str, str]) -> str:
    """The ordinal of the meeting: by its round where the table lacks some of the earlier ones, else as it was counted."""
    if row["competition_code"] not in TWICE_AT_HOME:
        return row["leg"]
    return "1" if int(row["round"].partition(".")[0]) <= FIRST_ROUNDS else "2"


def new_id(row: dict[str, str]) -> int:
    sex, country = int(row["sex"]), row["country"]
    home, away = (team_id(country, row[side], sex) for side in ("home_team", "away_team"))
    return match_id(sex, row["competition_code"], row["season"], home, away, int(row["leg"]))


def bundled(row: dict[str, str], number: int) -> dict[str, object]:
    """The row with its id, and the one that it had before its leg was mended."""
    before = new_id(row)
    return {**row, "match_id": number, "leg": leg(row), "formerly": "" if before == number else before}


def main(folder: Path) -> None:
    kept = [row for row in read(folder / "matches.csv.gz") if row["source"] in SOURCES]
    ids = {row["match_id"]: new_id(row | {"leg": leg(row)}) for row in kept}
    if len(set(ids.values())) != len(kept):
        raise SystemExit("Two matches have the same id. Look for a pair with the same season, teams and leg.")
    goals = read(folder / "goal_minutes_epl.csv.gz")
    lost = {goal["match_id"] for goal in goals} - set(ids)
    if lost:
        raise SystemExit(f"{len(lost)} matches with goal minutes are not among the rows kept, {min(lost)} for one.")
    write(HERE / "matches.csv.gz", COLUMNS, [bundled(row, ids[row["match_id"]]) for row in kept])
    write(HERE / "goal_minutes.csv.gz", ("match_id", "minute", "side"), [{**goal, "match_id": ids[goal["match_id"]]} for goal in goals])
    aliases = [row for row in read(folder / "team_aliases.csv") if row["source"] in SOURCES]
    write(HERE / "team_aliases.csv", ("country", "canonical", "alias", "source", "rows"), aliases)
    print(f"{len(kept)} matches, {len({goal['match_id'] for goal in goals})} with goal minutes, {len(aliases)} aliases")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
