"""One match out of what several sources say of it: who meets whom, which score counts, and what cannot be told."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from core.football.competitions import COMPETITIONS, titled
from core.football.matches import Team, Teams, match_id
from core.football.outcomes import Outcome
from core.football.places import INTERNATIONAL, listed
from core.football.raw import SHOTS, RawMatch, Refused, ScoreBasis

# Whom to believe first. A source of no known name comes before the bundled matches, which any source may correct.
PRECEDENCE = ("my_league", "openligadb", "football_data", "openfootball", "international_men", "international_women")
BUNDLED = "snapshot"
# Nearest to the score after 90 minutes first: two sources that mean different scores do not contradict each other.
_BASES = ("90", "aet_or_90", "unknown", "awarded")
_SAID = {
    "postponed": "postponed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "annulled": "cancelled",
    "abandoned": "abandoned",
    "awarded": "awarded",
    "live": "live",
}
_WITHOUT_RESULT = frozenset({"postponed", "cancelled", "live"})  # a score beside one of these is not the result
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Version:
    """A raw row, and since when it stands so (ISO text)."""

    raw: RawMatch
    observed_at: str


@dataclass(slots=True)
class Match:
    """A row of the table `matches`, with the raw rows that it was made of."""

    match_id: int
    sex: int
    competition_code: str
    competition: str
    country: str
    season: str
    round: str | None
    leg: int
    date: date
    kickoff_utc: datetime | None
    neutral: bool
    home_team_id: str
    away_team_id: str
    status: str
    home_score: int | None
    away_score: int | None
    ht_home: int | None
    ht_away: int | None
    home_shots: int | None
    away_shots: int | None
    home_shots_on_target: int | None
    away_shots_on_target: int | None
    sources: str
    label: str | None
    label_ok: bool
    refs: tuple[tuple[str, str], ...]


class Meeting(NamedTuple):
    """A raw row whose two teams are known."""

    version: Version
    home: Team
    away: Team

    @property
    def raw(self) -> RawMatch:
        return self.version.raw

    def on_basis(self, basis: ScoreBasis) -> Meeting:
        return self._replace(version=replace(self.version, raw=replace(self.raw, score_basis=basis)))


def merged(versions: Iterable[Version], teams: Teams) -> tuple[list[Match], list[Refused]]:
    """The matches of whole seasons from the latest version of each of their raw rows, and what is set aside, with the reason."""
    known, doubtful = _known(list(versions), teams)
    # Of two rows of one source for one match, such as one whose day moved, that with a score counts, then that told last.
    known.sort(key=lambda meeting: meeting.version.observed_at, reverse=True)
    known.sort(key=lambda meeting: meeting.raw.ft_home is None)
    told: dict[int, list[Meeting]] = defaultdict(list)
    taken: set[tuple[int, str]] = set()
    for meeting in known:
        number = _match_id(meeting)
        if (number, meeting.raw.source) in taken:
            doubtful.append(refused(meeting.raw, "the same match stands in the document twice"))
            continue
        taken.add((number, meeting.raw.source))
        told[number].append(meeting)
    built = []
    for number, meetings in told.items():
        ordered = sorted(meetings, key=lambda meeting: _rank(meeting.raw.source)) if len(meetings) > 1 else meetings
        scored = _scored(ordered)
        built.append(_match(number, ordered, scored))
        doubtful += _conflicts(scored)
    return built, doubtful


def refused(raw: RawMatch, reason: str) -> Refused:
    """A raw row as one that was set aside."""
    said = {name: value for name, value in vars(raw).items() if value is not None}
    return Refused(raw.source, raw.source_ref, reason, json.dumps(said, default=str, ensure_ascii=False))


def status_said(raw: RawMatch) -> str | None:
    """The status that the source names outright, in our words; None when it names none that changes anything."""
    return _SAID.get((raw.status_raw or "").casefold())


def _known(versions: Sequence[Version], teams: Teams) -> tuple[list[Meeting], list[Refused]]:
    known, doubtful = [], []
    often, played = _repeated_pairs(versions), _repeated_pairs([version for version in versions if version.raw.ft_home is not None])
    for version in versions:
        raw = version.raw
        home, away = teams.find(raw.country, raw.sex, raw.home_raw), teams.find(raw.country, raw.sex, raw.away_raw)
        if home is None or away is None:
            name = raw.home_raw if home is None else raw.away_raw
            doubtful.append(refused(raw, _nobody(raw, name)))
        elif reason := _doubt(raw, home, away, played if raw.ft_home is not None else often):
            doubtful.append(refused(raw, reason))
        else:
            known.append(Meeting(version, home, away))
    return known, doubtful


def _nobody(raw: RawMatch, name: str) -> str:
    place, spelling = listed(raw.country, name)
    who = "women's team" if raw.sex else "team"
    kind = f"national {who}" if place == INTERNATIONAL else f"{who} of {place}"
    return f"no {kind} is known as {spelling!r}; if it is one under another name, add a line for it to data/teams/aliases.csv"


def _doubt(raw: RawMatch, home: Team, away: Team, repeated: set[tuple[str, ...]]) -> str | None:
    if home is away:
        return f"{raw.home_raw!r} and {raw.away_raw!r} are one team, and no team plays itself; check data/teams/aliases.csv"
    if _pair(raw) in repeated:
        return f"{raw.home_raw} hosts {raw.away_raw} too often in {raw.season_raw}: which of the rows is right is not known"
    if (raw.ft_home is None) != (raw.ft_away is None):
        return "only one side of the score is there"
    return None


def _repeated_pairs(versions: Sequence[Version]) -> set[tuple[str, ...]]:
    """Pairs that a source has meet on the same ground more often than the competition lets them."""
    hosted = Counter(_pair(version.raw) for version in versions if version.raw.country != INTERNATIONAL)
    return {pair for pair, times in hosted.items() if times > (known.home_meetings if (known := COMPETITIONS.get(pair[1])) else 2)}


def _pair(raw: RawMatch) -> tuple[str, ...]:
    return raw.source, raw.competition_code, raw.season_raw, raw.home_raw, raw.away_raw


def _match_id(meeting: Meeting) -> int:
    raw = meeting.raw
    return match_id(raw.sex, raw.competition_code, raw.season_raw, meeting.home.team_id, meeting.away.team_id, raw.leg or 1)


def _rank(source: str) -> int:
    if source == BUNDLED:
        return len(PRECEDENCE) + 1
    return PRECEDENCE.index(source) if source in PRECEDENCE else len(PRECEDENCE)


def _scored(ordered: Sequence[Meeting]) -> list[Meeting]:
    """The rows with a score, the one that counts first: nearest to 90 minutes, not bundled, seen first, and then by precedence."""
    rows = [meeting for meeting in ordered if meeting.raw.ft_home is not None and status_said(meeting.raw) not in _WITHOUT_RESULT]
    return rows if len(rows) < 2 else sorted(_as_awarded(rows), key=_weight)


def _as_awarded(rows: list[Meeting]) -> list[Meeting]:
    """Where one source says that the score was awarded, another that tells the same score, or none at half time, only repeats it."""
    awards = {_score(row.raw) for row in rows if row.raw.score_basis == "awarded"}
    repeats = [bool(awards) and (_score(row.raw) in awards or row.raw.ht_home is None) for row in rows]
    return [row.on_basis("awarded") if repeat else row for row, repeat in zip(rows, repeats, strict=True)]


def _weight(meeting: Meeting) -> tuple[int, bool, str]:
    raw = meeting.raw
    return _BASES.index(raw.score_basis), raw.source == BUNDLED, meeting.version.observed_at


def _conflicts(scored: Sequence[Meeting]) -> list[Refused]:
    """The rows that tell another score of the same kind than the one that counts."""
    if len(scored) < 2:
        return []
    kept = scored[0].raw
    return [
        refused(
            row.raw, f"{row.raw.source} has {_score(row.raw)} and {kept.source} has {_score(kept)}, which is kept; one of them is wrong"
        )
        for row in scored[1:]
        if row.raw.score_basis == kept.score_basis and _score(row.raw) != _score(kept)
    ]


def _score(raw: RawMatch) -> str:
    return f"{raw.ft_home}-{raw.ft_away}"


def _match(number: int, ordered: Sequence[Meeting], scored: Sequence[Meeting]) -> Match:
    lead, result = ordered[0], scored[0].raw if scored else None
    raw = result or lead.raw
    status = _status(lead.raw, result)
    return Match(
        match_id=number,
        sex=raw.sex,
        competition_code=raw.competition_code,
        competition=titled(lead.raw.competition_raw, raw.country),
        country=raw.country,
        season=raw.season_raw,
        round=next((row.raw.round_raw for row in ordered if row.raw.round_raw), None),
        leg=raw.leg or 1,
        date=raw.date_local,
        kickoff_utc=_kickoff(raw, ordered),
        neutral=raw.neutral,
        home_team_id=lead.home.team_id,
        away_team_id=lead.away.team_id,
        status=status,
        home_score=result.ft_home if result else None,
        away_score=result.ft_away if result else None,
        ht_home=result.ht_home if result else None,
        ht_away=result.ht_away if result else None,
        **_shots(scored),
        sources=",".join(row.raw.source for row in ordered),
        label="HDA"[Outcome.of(result.ft_home or 0, result.ft_away or 0)] if result else None,
        label_ok=result is not None and status == "finished" and result.score_basis == "90",
        refs=tuple((row.raw.source, row.raw.source_ref) for row in ordered),
    )


def _shots(scored: Sequence[Meeting]) -> dict[str, int | None]:
    """The shots of the first row that counted them, and does not tell of another score than the one that counts."""
    agreed = [row.raw.shots for row in scored if _score(row.raw) == _score(scored[0].raw)]
    counted = (shots for shots in agreed if any(number is not None for number in shots.values()))
    return next(counted, dict.fromkeys(SHOTS))


def _status(lead: RawMatch, result: RawMatch | None) -> str:
    """Finished by a result only; what was not played out, or decided at a desk, says so."""
    if result is None:
        said = status_said(lead)
        return said if said and said != "awarded" else "scheduled"
    if result.score_basis == "awarded":
        return "awarded"
    return "abandoned" if status_said(result) == "abandoned" else "finished"


def _kickoff(raw: RawMatch, ordered: Sequence[Meeting]) -> datetime | None:
    """The minute of the row whose day counts, or another's for about the same day: an older one may stand for a day that was moved."""
    for other in (raw, *(row.raw for row in ordered)):
        if other.kickoff_utc is not None and other.kickoff_precision == "minute" and abs(other.date_local - raw.date_local) <= A_DAY:
            return other.kickoff_utc
    return None
