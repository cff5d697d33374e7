"""What a document as a whole must pass before a row of it is loaded, and how the rows of a season are told apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache

from core.errors import DocumentRefused
from core.football.competitions import COMPETITIONS, Competition
from core.football.matches import folded, slug
from core.football.raw import RawMatch, Refused, pair_of
from core.football.seasons import window
from core.sources.documents import Parsed, Scored

OUTSIDE_AT_MOST = 0.05  # above this share of impossible days or unreadable rows it is the document that is wrong, not a row
GONE, GONE_AT_MOST = 2, 0.01  # so many rows with a score, or this share of them, may vanish as corrections
MOST_GOALS, MOST_SHOTS = 60, 150
NOT_PLAYED_OUT = frozenset({"cancelled", "abandoned", "postponed"})
EXPLAINED = NOT_PLAYED_OUT | {"awarded"}  # with one of these a score may go


def checked(what: str, rows: Iterable[RawMatch], refused: Iterable[Refused], rules: Competition | None, scored: Scored) -> Parsed:
    """The rows of one season with their legs, and those set aside; DocumentRefused when they cannot be trusted as a whole.

    `what` names the document for people. Names are not looked up here: whoever loads the rows knows the teams.
    """
    inside, outside = _by_window(list(rows))
    left_out = [*refused, *outside]
    _refuse_mostly_broken(what, len(inside) + len(left_out), left_out)
    numbered, twice = with_legs(inside)
    if rules is not None:
        _refuse_other_league(what, numbered, rules)
    said_why = Counter(pair_of(row.source_ref) for row in inside if _says_why(row))
    _refuse_lost_scores(what, numbered, scored, said_why)
    return Parsed(tuple(numbered), (*left_out, *twice))


def with_legs(rows: Iterable[RawMatch], met: Mapping[str, int] | None = None) -> tuple[list[RawMatch], list[Refused]]:
    """Each row with its `leg`, counted by day over the matches that a team hosts against another; `{leg}` in its
    `source_ref` is filled in. A match that stands there twice is kept once at most. `met`: how often they met before, by the
    `source_ref` without the leg.
    """
    name = cache(folded)
    hosted: dict[tuple[str, str, str, str], list[RawMatch]] = defaultdict(list)
    for row in rows:
        hosted[row.competition_code, row.season_raw, name(row.home_raw), name(row.away_raw)].append(row)
    kept: list[RawMatch] = []
    twice: list[Refused] = []
    for meetings in hosted.values():
        single, again = _without_repeats(meetings) if len(meetings) > 1 else (meetings, [])
        single, anew = _without_attempts(single)
        before = (met or {}).get(meetings[0].source_ref.rpartition("/")[0], 0)
        kept += [row.numbered(leg) for leg, row in enumerate(single, start=1 + before)]
        twice += again + anew
    return kept, twice


def sides(home: str, away: str) -> None:
    """ValueError unless these are two names, each with a letter or a digit."""
    if not slug(home) or not slug(away) or home == away:
        raise ValueError(f"{home or 'nobody'} plays {away or 'nobody'}")


def goals(told: object) -> int:
    """A number of goals; ValueError for what cannot be one."""
    if isinstance(told, str) and told.isdecimal():
        told = int(told)
    if not isinstance(told, int) or isinstance(told, bool) or not 0 <= told <= MOST_GOALS:
        raise ValueError(f"{told!r} is no number of goals")
    return told


def shots(told: str | None) -> int | None:
    """A number of shots of one side; None for what cannot be one."""
    number = int(told) if told and told.isdecimal() and len(told) < 4 else None
    return number if number is not None and number <= MOST_SHOTS else None


def refusal(row: RawMatch, reason: str) -> Refused:
    """The row as one that was not taken."""
    score = "" if row.ft_home is None else f" {row.ft_home}-{row.ft_away}"
    return Refused(row.source, row.source_ref.format(leg=1), reason, f"{row.date_local} {row.home_raw} v {row.away_raw}{score}")


def _without_repeats(meetings: list[RawMatch]) -> tuple[list[RawMatch], list[Refused]]:
    """Meetings by day, and what stands there twice on one day: taken once, or not at all where the scores contradict."""
    by_day: dict[date, list[RawMatch]] = defaultdict(list)
    for row in sorted(meetings, key=lambda row: (row.date_local, row.ft_home is None)):
        by_day[row.date_local].append(row)
    single: list[RawMatch] = []
    twice: list[Refused] = []
    for same in by_day.values():
        scores = {(row.ft_home, row.ft_away) for row in same if row.ft_home is not None}
        single += same[:1] if len(scores) < 2 else []
        reason = "the same match stands in the document twice" + (", with different scores" if len(scores) > 1 else "")
        twice += [refusal(row, reason) for row in (same[1:] if len(scores) < 2 else same)]
    return single, twice


def _without_attempts(meetings: list[RawMatch]) -> tuple[list[RawMatch], list[Refused]]:
    """Of more meetings than the league has, those are left out that came to nothing and were played anew, the earliest first."""
    rules = COMPETITIONS.get(meetings[0].competition_code) if meetings else None
    surplus = len(meetings) - rules.home_meetings if rules else 0
    if surplus <= 0:
        return meetings, []
    attempts = [row for row in meetings[:-1] if row.ft_home is None or row.status_raw in NOT_PLAYED_OUT][:surplus]
    kept = [row for row in meetings if row not in attempts]
    return kept, [refusal(row, "it was not played then, but on a later day") for row in attempts]


def _by_window(rows: list[RawMatch]) -> tuple[list[RawMatch], list[Refused]]:
    inside, outside = [], []
    days = {season: window(season) for season in {row.season_raw for row in rows}}
    for row in rows:
        first, last = days[row.season_raw]
        if first <= row.date_local <= last:
            inside.append(row)
        else:
            outside.append(refusal(row, f"{row.date_local} lies outside the season {row.season_raw}"))
    return inside, outside


def _refuse_mostly_broken(what: str, total: int, left_out: list[Refused]) -> None:
    if total == 0:
        raise DocumentRefused(f"{what} holds no match. The rows from before are kept; the next document may be better.")
    if len(left_out) > max(2, OUTSIDE_AT_MOST * total):
        raise DocumentRefused(
            f"{what} was refused whole: {len(left_out)} of {total} rows cannot be right, the first because {left_out[0].reason}. "
            "The rows from before are kept; the next document may be better."
        )


def _refuse_other_league(what: str, rows: list[RawMatch], rules: Competition) -> None:
    """So many clubs, and no pair too often, or it is not this league. After a round or two not all of them have played."""
    for season, matches in Counter(row.season_raw for row in rows).items():
        clubs = {folded(name) for row in rows if row.season_raw == season for name in (row.home_raw, row.away_raw)}
        if rules.clubs and (len(clubs) > rules.clubs[1] or (len(clubs) < rules.clubs[0] <= matches)):
            raise DocumentRefused(
                f"{what} was refused whole: it names {len(clubs)} clubs in {season}, and the {rules.name} has {rules.clubs[0]} to "
                f"{rules.clubs[1]}. The rows from before are kept; the next document may be better."
            )
    too_often = Counter(row.source_ref for row in rows if (row.leg or 1) > rules.home_meetings)
    if len(too_often) > OUTSIDE_AT_MOST * len(rows):
        raise DocumentRefused(
            f"{what} was refused whole: {len(too_often)} matches are one meeting too many for the {rules.name}. "
            "The rows from before are kept; the next document may be better."
        )


def _says_why(row: RawMatch) -> bool:
    """Whether its score may go: none is there, or it is that of an attempt, which the match played anew takes the place of."""
    return row.status_raw in (EXPLAINED if row.ft_home is None else NOT_PLAYED_OUT)


def _refuse_lost_scores(what: str, rows: list[RawMatch], scored: Scored, explained: Counter[str]) -> None:
    """A match that is there without the score it had is an error of the document. A row that is gone may be a correction, many are not.

    Scores are counted by pair: a meeting that was put off may come to be a later leg than it was. `explained`: how many of each
    pair's rows say why a score may go, those among them that were left out for a match played anew.
    """
    before, played = Counter(map(pair_of, scored)), [row for row in rows if row.ft_home is not None]
    open_ones = [(pair_of(row.source_ref), row) for row in rows if row.ft_home is None]
    missing = before - Counter(pair_of(row.source_ref) for row in played)
    unexplained = missing - explained
    lost = [row for pair, row in open_ones if unexplained[pair] and row.status_raw not in EXPLAINED]
    gone = len(scored) - len(played) - (missing & explained).total()
    if not lost and gone <= max(GONE, GONE_AT_MOST * len(scored)):
        return
    named = f"{lost[0].home_raw} v {lost[0].away_raw} had a score before and has none now" if lost else f"{gone} scores are gone"
    raise DocumentRefused(f"{what} was refused whole: {named}. The rows from before are kept; the next document may be better.")
