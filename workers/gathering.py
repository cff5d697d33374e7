"""Asking the sources for what is new, and loading it: part by part, each whole or not at all."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from core.clock import from_iso, iso, real_now
from core.errors import DocumentMissing, DocumentRefused, SourceError
from core.football.matches import Teams
from core.football.naming import found, names
from core.sources.documents import UNREADABLE, Get, Parsed, Part, RawDocument, Scored, Source
from core.storage import match_rows, raw_versions, source_documents
from core.storage.database import Database
from core.storage.source_documents import Note, Shelf, digest_of
from workers.log import line

JUST_NOW = timedelta(minutes=5)  # a document asked for so lately is not asked for again
FAILED_JUST_NOW = timedelta(seconds=45)  # nor one that did not come; less than the pause between two looks
SELDOM = timedelta(days=7)  # so often one of a season that is over
ABSENT = timedelta(days=1)  # and one that was not there
FAILURES = 3  # of a source in a row; after that it is left alone until the next time
NO_SEASON = 9999
_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?!\d)")
_TWO_YEARS = re.compile(r"^(\d\d)\d\d/")


@dataclass
class Gathered:
    """What came of it: how many parts were asked for, loaded, refused, missing; the versions of rows that are new, and those of
    them in seasons that are over; whether the table was built anew beside that; what kept a source from answering.
    """

    asked: int = 0
    loaded: int = 0
    refused: int = 0
    missing: int = 0
    versions: int = 0
    history: int = 0
    rebuilt: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def answered(self) -> bool:
        return self.asked > len(self.problems)

    @property
    def news(self) -> bool:
        """Whether the matches may be other ones than before."""
        return bool(self.loaded or self.rebuilt)


class Gathering:
    """One round through the sources. `reader` names the code that reads: when it changes, what is kept is read again."""

    def __init__(self, database: Database, shelf: Shelf, teams: Teams, get: Get, reader: str, now: datetime | None = None) -> None:
        self.database, self.shelf, self.teams, self.get, self.reader = database, shelf, teams, get, reader
        self.now = now or real_now()
        self.done = Gathered()

    def run(self, sources: Sequence[Source], since: int = 0) -> Gathered:
        """Ask for every part that is due; only for seasons from the year `since` on. The latest come first."""
        for source in sources:
            began, before = time.perf_counter(), replace(self.done)
            self._source(source, since)
            told = {
                name: getattr(self.done, name) - getattr(before, name) for name in ("asked", "loaded", "refused", "missing", "versions")
            }
            line("source", source=source.name, seconds=round(time.perf_counter() - began, 2), **told)
        return self.done

    def _source(self, source: Source, since: int) -> None:
        with self.database.read() as connection:
            known = source_documents.known(connection, source.name)
        failures, answered = 0, False
        # What tells of matches of other parts comes after those: a fixture is numbered by the results before it.
        for part in sorted(source.parts(self.now), key=lambda part: (part.across, -_begins(part))):
            if _begins(part) < since or not self._due(part, known):
                continue
            self.done.asked += 1
            try:
                _Attempt(self, source, part, known).make()
                failures, answered = 0, True
            except SourceError as error:
                failures += 1
                self._failed(source, part, known, error)
            if failures >= (FAILURES if answered else 1):
                return

    def _failed(self, source: Source, part: Part, known: Mapping[str, Note], error: SourceError) -> None:
        self.done.problems.append(str(error))
        line("source", logging.INFO, source=source.name, part=part.name, trouble=str(error))
        self.note(source, part, known, status="failed", reason=str(error))

    def note(self, source: Source, part: Part, known: Mapping[str, Note], **changed: object) -> None:
        """Write down of all documents of a part how it went."""
        asked = iso(self.now)
        with self.database.write() as connection:
            for role, url in part.urls.items():
                before = known.get(url) or Note(source.name, url, part.name, role, asked, "missing")
                source_documents.note(connection, [replace(before, asked_at=asked, **changed)])  # type: ignore[arg-type]

    def _due(self, part: Part, known: Mapping[str, Note]) -> bool:
        notes = [known.get(url) for url in part.urls.values()]
        return any(told is None or self._is_due(told, part) for told in notes)

    def _is_due(self, told: Note, part: Part) -> bool:
        age = self.now - from_iso(told.asked_at)
        if age < timedelta():  # the clock was put back
            return True
        if told.status == "missing":
            return age > ABSENT
        if told.reader != self.reader and told.status != "failed":
            return True
        if told.status == "failed":
            return age > FAILED_JUST_NOW
        return age > (JUST_NOW if is_current(part, self.now.date()) else SELDOM)


class _Attempt:
    """One part: its documents asked for, read and loaded."""

    def __init__(self, gathering: Gathering, source: Source, part: Part, known: Mapping[str, Note]) -> None:
        self.round, self.source, self.part, self.known = gathering, source, part, known

    def make(self) -> None:
        answers = {role: self._ask(url) for role, url in self.part.urls.items()}
        documents = {role: document for role, document in answers.items() if document is not None}
        if not documents or answers.keys() - documents.keys() - self.part.optional:
            self.round.done.missing += 1
            self.round.note(self.source, self.part, self.known, status="missing", reason="The provider has it not, or not yet.")
        elif self._judged(documents):
            self.round.note(self.source, self.part, self.known)
        else:
            self._judge(documents)

    def _ask(self, url: str) -> RawDocument | None:
        """The document as it is now, new or kept; None when the provider has none."""
        kept = self._kept(url, self.known.get(url))
        try:
            return self.round.get(self.source.name, url, kept) or kept
        except DocumentMissing:
            return None

    def _kept(self, url: str, told: Note | None) -> RawDocument | None:
        """What is there of an earlier answer, if it is the one that was judged last; without it all is asked for anew."""
        content = None if told is None else self.round.shelf.get(url, told.verdict)
        if told is None or content is None:
            return None
        return RawDocument(told.source, url, content, from_iso(told.fetched_at or told.asked_at), told.etag, told.last_modified)

    def _judged(self, documents: Mapping[str, RawDocument]) -> bool:
        """Whether these very documents were judged before, by this code."""
        notes = [(self.known.get(document.url), document) for document in documents.values()]
        return all(told and told.reader == self.round.reader and told.verdict == digest_of(document.content) for told, document in notes)

    def _judge(self, documents: Mapping[str, RawDocument]) -> None:
        """Read and load; what is refused leaves every earlier row as it was, and is listed."""
        for document in documents.values():
            self.round.shelf.put(document.url, document.content)
        with self.round.database.read() as connection:
            scored = raw_versions.scored(connection, self.source.name, None if self.part.across else self.part.name)
        try:
            parsed = self._parsed(documents, scored)
        except DocumentRefused as error:
            self.round.done.refused += 1
            line("document refused", logging.WARNING, source=self.source.name, part=self.part.name, reason=str(error))
            with self.round.database.write() as connection:
                source_documents.note(connection, self._notes(documents, "refused", str(error)))
            return
        self._load(documents, parsed)

    def _parsed(self, documents: Mapping[str, RawDocument], scored: Scored) -> Parsed:
        try:
            return self.source.parse(self.part, documents, scored)
        except UNREADABLE as error:
            said = f"{type(error).__name__}: {error}"
            raise DocumentRefused(f"The document is not as its source writes them ({said[:200]}); what was loaded before stays.") from error

    def _load(self, documents: Mapping[str, RawDocument], parsed: Parsed) -> None:
        done = self.round.done
        found(self.round.teams, names(parsed.rows))
        with self.round.database.write() as connection:
            loaded = match_rows.load(
                connection, self.source.name, self.part.name, parsed.rows, parsed.refused, self.round.teams, self.round.now
            )
            source_documents.note(connection, self._notes(documents, "loaded", None, loaded.rows))
        done.loaded += 1
        done.versions += loaded.new_versions
        done.history += loaded.new_versions if self._is_history(documents) else 0

    def _is_history(self, documents: Mapping[str, RawDocument]) -> bool:
        """Whether it is a season that is over, or a table of all times that was never loaded before."""
        before = [told for document in documents.values() if (told := self.known.get(document.url)) is not None and told.digest is not None]
        return not is_current(self.part, self.round.now.date()) or (_begins(self.part) == NO_SEASON and not before)

    def _notes(
        self, documents: Mapping[str, RawDocument], status: source_documents.Status, reason: str | None, rows: int | None = None
    ) -> list[Note]:
        return [self._note(role, document, status, reason, rows) for role, document in documents.items()]

    def _note(self, role: str, document: RawDocument, status: source_documents.Status, reason: str | None, rows: int | None) -> Note:
        before, verdict = self.known.get(document.url), digest_of(document.content)
        told = Note(
            self.source.name, document.url, self.part.name, role, iso(self.round.now), status, document.etag, document.last_modified
        )
        judged = replace(told, verdict=verdict, reader=self.round.reader, reason=reason)
        if status == "loaded":
            return replace(judged, digest=verdict, fetched_at=iso(document.fetched_at), rows=rows)
        return judged if before is None else replace(judged, digest=before.digest, fetched_at=before.fetched_at, rows=before.rows)


def _begins(part: Part) -> int:
    """The year in which its season begins; far ahead for a part that is no season, so that it comes first."""
    if years := _YEAR.search(part.name):
        return int(years[1])
    short = _TWO_YEARS.match(part.name)
    return NO_SEASON if short is None else int(short[1]) + (1900 if short[1] > "90" else 2000)


def is_current(part: Part, today: date) -> bool:
    """Whether its season may still change: until the summer of the year after it began. What is no season always may."""
    begins = _begins(part)
    return begins == NO_SEASON or today <= date(begins + 1, 8, 31)
