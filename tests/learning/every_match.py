"""All matches of the shared data, clubs and nations of both sexes, as the table MATCHES: for the tests that are long."""

from __future__ import annotations

import zipfile
from functools import cache

import pandas as pd

from core.errors import DocumentRefused
from core.football.matches import Teams
from core.football.merging import Version, merged
from core.football.naming import found, names
from core.settings import PROJECT
from core.sources import international, openfootball
from core.tables import MATCHES

DATA = PROJECT.parent / "shared" / "data"


def clubs():
    rows = []
    with zipfile.ZipFile(DATA / "openfootball" / "football.json.zip") as files:
        for name in files.namelist():
            try:
                rows += openfootball.parse(name.removesuffix(".json"), files.read(name)).rows
            except DocumentRefused:
                continue
    return rows


def nations():
    rows = []
    for sex, folder in enumerate(("men", "women")):
        roles = {"results": "results", "goals": "goalscorers", "shootouts": "shootouts", "former": "former_names"}
        paths = {role: DATA / "international" / folder / f"{file}.csv" for role, file in roles.items()}
        rows += international.parse(sex, {role: path.read_bytes() for role, path in paths.items() if path.is_file()}).rows
    return rows


@cache
def every_match():
    """Merged as the pipeline merges them."""
    rows, teams = [*clubs(), *nations()], Teams()
    found(teams, names(rows))
    built, _ = merged([Version(row, "2026-01-01T00:00:00Z") for row in rows], teams)
    spelled = {team.team_id: team.name for team in teams}
    table = pd.DataFrame([{name: getattr(match, name) for name in (*MATCHES.columns,) if hasattr(match, name)} for match in built])
    sides = {side: table[f"{side}_id"].map(spelled) for side in ("home_team", "away_team")}
    kickoff = pd.to_datetime(table["kickoff_utc"], utc=True)
    return MATCHES.check(table.assign(**sides, round=table["round"].fillna(""), kickoff_utc=kickoff, date=pd.to_datetime(table["date"])))
