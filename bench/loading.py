"""How long loading takes: `python -m bench.loading FOLDER` with openfootball's `football.json.zip`, and the tables of internationals
in `men/` and `women/`, below it. From empty, and again with nothing new; parsing, comparing and building included.
"""

from __future__ import annotations

import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path, PurePosixPath

from core.clock import real_now
from core.errors import DocumentMissing
from core.settings import PROJECT
from core.sources.documents import RawDocument, Source
from core.sources.international import International
from core.sources.openfootball import OpenFootball
from core.storage import match_rows
from core.storage.database import Database
from core.storage.source_documents import Shelf
from workers import gathering, providers
from workers.gathering import Gathered, Gathering

SEXES = {"men": "international_results", "women": "womens-international-results"}


def found(folder: Path) -> dict[str, bytes]:
    """What is below the folder, by the end of its address."""
    contents: dict[str, bytes] = {}
    for archive in folder.rglob("football.json.zip"):
        with zipfile.ZipFile(archive) as files:
            contents |= {"/".join(PurePosixPath(name).parts[-2:]): files.read(name) for name in files.namelist() if name.endswith(".json")}
    for sex, repository in SEXES.items():
        contents |= {f"{repository}/master/{file.name}": file.read_bytes() for file in folder.rglob(f"{sex}/*.csv")}
    return contents


def loaded(database: Database, shelf: Shelf, sources: list[Source], contents: Mapping[str, bytes]) -> tuple[Gathered, float]:
    """A round through the sources and its seconds; the network is a look into `contents`."""

    def get(source: str, url: str, earlier: RawDocument | None) -> RawDocument:
        content = next((contents[end] for depth in (2, 3) if (end := "/".join(url.split("/")[-depth:])) in contents), None)
        if content is None:
            raise DocumentMissing(f"{url} is not below the folder.")
        return RawDocument(source, url, content, real_now())

    teams, _ = providers.known_teams(PROJECT, database)
    began = time.perf_counter()
    done = Gathering(database, shelf, teams, get, providers.reader(PROJECT)).run(sources)
    return done, time.perf_counter() - began


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("Give the folder that holds football.json.zip, men/ and women/.", file=sys.stderr)
        return 2
    contents = found(Path(arguments[0]))
    gathering.JUST_NOW = gathering.SELDOM = gathering.ABSENT = timedelta(0)
    print(f"{'':<16}{'from empty':>12}{'again':>10}{'versions':>12}{'set aside whole':>18}")
    everything: dict[str, list[Source]] = {"openfootball": [OpenFootball()], "internationals": [International(0), International(1)]}
    for name, sources in everything.items():
        with tempfile.TemporaryDirectory() as folder:
            database, shelf = Database(f"sqlite:///{folder}/soccer.db"), Shelf(Path(folder) / "documents")
            database.create()
            first, seconds = loaded(database, shelf, sources, contents)
            _, again = loaded(database, shelf, sources, contents)
            print(f"{name:<16}{seconds:>10.1f} s{again:>8.1f} s{first.versions:>12,}{first.refused:>18}")
            assert len(match_rows.matches_frame(database)) <= first.versions
            database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
