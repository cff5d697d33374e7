"""The sources that the settings name, how they are reached, and the teams that are known before any of them is read."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from core.clock import real_now
from core.football.matches import Teams
from core.football.naming import found
from core.settings import Settings
from core.sources import snapshot
from core.sources.documents import Get, RawDocument, Source
from core.sources.football_data import FootballData
from core.sources.international import International
from core.sources.my_league import MyLeague, read_file
from core.sources.openfootball import OpenFootball
from core.sources.openligadb import OpenLigaDB
from core.storage import match_rows, pipeline_log, raw_versions, team_names
from core.storage.database import Database

LISTS = (Path("data/snapshot") / snapshot.ALIASES_FILE, Path("data/teams/aliases.csv"))
NOTED = "team_lists"


def sources(settings: Settings, at_first: bool = False) -> list[Source]:
    """Each source that is switched on, in the order of the settings. `at_first` leaves out what takes minutes to learn from:

    60,000 internationals come when the leagues are shown already.
    """
    made: dict[str, list[Source]] = {
        "openfootball": [OpenFootball()],
        "international": [International(0), International(1)],
        "openligadb": [OpenLigaDB()],
        "football_data": [FootballData()],
        "my_league": [MyLeague(settings.my_league)] if settings.my_league else [],
    }
    named = [name for name in settings.sources if not (at_first and name == "international" and len(settings.sources) > 1)]
    return [source for name in named for source in made[name]]


def reached(get: Get, mirror: str | None) -> Get:
    """How a document is had: from a file, by `get`, or by `get` from the mirror in place of its host. It keeps its own address."""

    def asked(source: str, url: str, earlier: RawDocument | None) -> RawDocument | None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            return read_file(Path(url), earlier)
        query = f"?{parts.query}" if parts.query else ""
        document = get(source, f"{mirror}/{parts.netloc}{parts.path}{query}" if mirror else url, earlier)
        return None if document is None else replace(document, url=url)

    return asked


def reader(root: Path) -> str:
    """A digest of the code that reads documents: when it changes, what was read before is read again."""
    code = sorted([*(root / "core" / "sources").glob("*.py"), *(root / "core" / "football").glob("*.py")])
    return hashlib.sha1(b"".join(path.read_bytes() for path in code)).hexdigest()


def known_teams(root: Path, database: Database) -> tuple[Teams, bool]:
    """Every team that is listed beforehand or was named before, and whether the lists have changed: then all matches are built anew."""
    teams, digest = Teams(), hashlib.sha1()
    for path in LISTS:
        digest.update((root / path).read_bytes())
        for alias in snapshot.read_aliases(root / path):
            teams.add(alias.country, alias.sex, alias.canonical, alias.alias, alias.source)
    teams.complete()
    with database.read() as connection:
        before = raw_versions.named(connection) if _changed(database, digest.hexdigest()) else None
        if before is None:
            team_names.recall(connection, teams)
    if before is not None:
        found(teams, before)
        match_rows.rebuild(database, teams, real_now())
        pipeline_log.note(database, NOTED, digest.hexdigest())
    return teams, before is not None


def _changed(database: Database, digest: str) -> bool:
    return pipeline_log.noted(database, NOTED) != digest
