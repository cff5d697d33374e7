"""What the stage `ingest` loads: on the replay the bundled matches, on the real timeline those and whatever the sources tell."""

from __future__ import annotations

import hashlib
from contextlib import closing

from core.clock import real_now
from core.football.matches import Teams
from core.sources import snapshot
from core.sources.fetching import Fetcher, Limits
from core.storage import building, match_rows, pipeline_log
from core.storage.source_documents import Shelf
from workers import providers
from workers.gathering import Gathered, Gathering
from workers.log import line
from workers.workplace import UNPUBLISHED, YES, Workplace

# Two attempts a document: who cannot be reached now is asked again at the next refresh.
MANNERS = Limits(pause=0.15, attempts=2, first_wait=0.5, silence=15.0)
YEARS_AT_FIRST = 1  # back from this one: whose seasons are asked for before the real timeline is shown; the others come after it


def bundled(place: Workplace) -> None:
    """The bundled matches, as far as the replay's clock allows."""
    rows = snapshot.read(place.root / "data" / "snapshot")
    match_rows.ingest(place.database, rows.matches, rows.teams(), rows.refused, place.clock, real_now())
    with place.database.write() as connection:
        building.lead(connection, rows.formerly)


def gather(place: Workplace) -> Gathered:
    """The bundled matches, and what is new at the sources. Who does not answer is left for the next time, and nothing is lost.

    That something is not published yet is noted beforehand; the run of the pipeline that comes to its end takes the note away.
    """
    settings, now = place.settings, real_now()
    place.database.create()
    pipeline_log.note(place.database, UNPUBLISHED, YES)
    teams, rebuilt = providers.known_teams(place.root, place.database)
    rebuilt = _bundled_beneath(place, teams) or rebuilt
    with closing(Fetcher(MANNERS)) as fetcher:
        get = providers.reached(fetcher.get, settings.mirror)
        shelf = Shelf(settings.folder / "documents")
        gathering = Gathering(place.database, shelf, teams, get, providers.reader(place.root), now)
        done = gathering.run(
            providers.sources(settings, at_first=not settings.arrived), 0 if settings.arrived else now.year - YEARS_AT_FIRST
        )
    done.rebuilt = rebuilt
    if done.problems and not done.answered:
        line("sources", note="No source can be reached. What was loaded before is kept, and served.", first=done.problems[0])
    return done


def _bundled_beneath(place: Workplace, teams: Teams) -> bool:
    """The bundled matches as the last of all sources; read again only when they, or the code that reads them, changed."""
    data = (place.root / "data" / "snapshot" / snapshot.MATCHES_FILE).read_bytes()
    digest = hashlib.sha1(data + providers.reader(place.root).encode()).hexdigest()
    if pipeline_log.noted(place.database, snapshot.SOURCE) == digest:
        return False
    rows = snapshot.read(place.root / "data" / "snapshot")
    with place.database.write() as connection:
        match_rows.load(connection, snapshot.SOURCE, snapshot.SOURCE, rows.matches, rows.refused, teams, real_now())
        building.lead(connection, rows.formerly)
    pipeline_log.note(place.database, snapshot.SOURCE, digest)
    return True
