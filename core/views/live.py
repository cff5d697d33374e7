"""Live: the scores now, each beside what was said before kick-off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Literal, NamedTuple, Protocol

import pandas as pd

from core.football.competitions import shown
from core.football.live import IN_PLAY, OVER, LiveMatch, LiveRow
from core.football.outcomes import Outcome, Probabilities
from core.views.known import Known, known, score_words
from core.views.matches import Card as ToCome
from core.views.words import count, day, duration, listed, weekday

JUST_OVER, SOON = timedelta(hours=12), timedelta(hours=6)
GOAL_SHOWN, TAKEN_BACK_SHOWN = timedelta(minutes=5), timedelta(minutes=10)
SILENT = timedelta(hours=3)  # after kick-off, a match of which nothing is heard is over in any case
HALVES = {"first_half": (45, "1st half"), "second_half": (90, "2nd half"), "extra_time": (120, "Extra time")}
PHASES = {
    "half_time": "Half-time",
    "shootout": "Penalties",
    "settling": "Full time",
    "finished": "Full time",
    "suspended": "Stopped",
    "postponed": "Postponed",
    "cancelled": "Called off",
    "abandoned": "Abandoned",
}
State = Literal["playing", "over", "soon"]
Chances = tuple[float, float, float]


class Card(NamedTuple):
    """A match as it is shown: `clock` stands where the minute does, `tags` are short words about it."""

    known: Known
    state: State
    clock: str
    score: str
    tags: tuple[str, ...] = ()
    happened: Outcome | None = None
    penalties: str = ""


@dataclass(frozen=True)
class LiveView:
    """By state, the matches to show: those in play, those just over, and those that begin soon."""

    playing: list[Card]
    over: list[Card]
    soon: list[Card]
    estimated: bool
    illustrative: bool

    @property
    def cards(self) -> list[Card]:
        return [*self.playing, *self.over, *self.soon]

    @property
    def headline(self) -> str:
        """`3 matches in play, 2 begin soon.`"""
        parts = [count(len(self.playing), "match", "matches") + " in play"] if self.playing else []
        parts += [f"{len(self.over)} over"] if self.over else []
        parts += [f"{len(self.soon)} to come"] if self.soon else []
        return f"{listed(parts)}." if parts else ""


class Replay(Protocol):
    """Where a replay stands."""

    @property
    def moment(self) -> datetime: ...
    @property
    def speed(self) -> float | None: ...
    @property
    def target(self) -> datetime | None: ...


def of_days(features: pd.DataFrame, predictions: pd.DataFrame, version: int | None, zone: tzinfo, first: date, last: date) -> list[Known]:
    """The matches of these days, with the forecasts of one model version that had not seen them. Frames as the lookups give them."""
    near = features["match_date"].between(pd.Timestamp(first - timedelta(days=1)), pd.Timestamp(last + timedelta(days=1)))
    return known(features[near], predictions[~predictions["in_sample"].fillna(False).astype(bool)], version, zone)


def as_sealed(matches: Iterable[Known], sealed: Mapping[int, Chances]) -> list[Known]:
    """The matches, those that were played with what was sealed of them, by whichever version was champion then."""
    return [
        match._replace(probabilities=Probabilities(*sealed[match.match_id])) if match.score and match.match_id in sealed else match
        for match in matches
    ]


def live_view(
    heard: Sequence[LiveMatch], batch: Iterable[Known], sealed: Mapping[int, Chances], now: datetime, league: str | None, on: date | None
) -> LiveView:
    """The matches of the day `on`, or else of the hours around `now`, which is in the visitor's zone; of one league or all."""
    facts = {match.match_id: match for match in batch}
    in_play = {match.row.match_id or 0: match for match in heard}
    cards = [_heard(match, _facts(match.row, facts.get(number), sealed.get(number), now), now) for number, match in in_play.items()]
    cards += [_unheard(match, now) for number, match in facts.items() if number not in in_play]
    chosen = [card for card in cards if _fits(card, now, on) and (not league or card.known.league == league)]
    chosen.sort(key=lambda card: (card.known.league, card.known.home))
    chosen.sort(key=lambda card: (card.known.kickoff is None, card.known.kickoff or now))
    over = [card for card in chosen if card.state == "over"]
    return LiveView(
        _by_league([card for card in chosen if card.state == "playing"]),
        sorted(over, key=lambda card: card.known.kickoff or now, reverse=True),
        [card for card in chosen if card.state == "soon"],
        any(match.row.phase_estimated for match in heard),
        any(match.row.illustrative and match.row.phase not in OVER for match in heard),
    )


def _by_league(cards: list[Card]) -> list[Card]:
    """Each league's cards together, the league that began first on top."""
    first = {card.known.league: place for place, card in reversed(list(enumerate(cards)))}
    return sorted(cards, key=lambda card: first[card.known.league])


def _facts(row: LiveRow, match: Known | None, sealed: Chances | None, now: datetime) -> Known:
    """The batch's facts of a match that was heard of, or the source's own; with the sealed forecast before any other."""
    if match is None:
        kickoff = row.kickoff_utc.astimezone(now.tzinfo) if row.kickoff_utc else None
        when = (kickoff or row.observed_at.astimezone(now.tzinfo)).date()
        match = Known(row.match_id or 0, row.home_name, row.away_name, shown(row.competition_code), when, kickoff, None, None)
    return match if sealed is None else match._replace(probabilities=Probabilities(*sealed))


def _heard(match: LiveMatch, facts: Known, now: datetime) -> Card:
    row = match.row
    score = None if row.home_score is None or row.away_score is None else (row.home_score, row.away_score)
    state: State = "over" if row.phase in OVER else "soon" if row.phase == "pre" else "playing"
    happened = Outcome.of(*score) if score and row.phase == "finished" else None
    penalties = f"{row.pen_home}–{row.pen_away} on penalties" if row.pen_home is not None else ""
    clock = _begins(facts, now) if state == "soon" else clock_words(row)
    return Card(facts, state, clock, score_words(score), tuple(_tags(match, now)), happened, penalties)


def _unheard(match: Known, now: datetime) -> Card:
    """A match of which no source tells while it is played."""
    if match.score is not None:
        return Card(match, "over", "Full time", score_words(match.score), happened=Outcome.of(*match.score))
    if match.kickoff is not None and match.kickoff <= now:
        over = now - match.kickoff > SILENT
        return Card(
            match, "over" if over else "playing", "Over" if over else "Under way", "", ("result to come" if over else "no live score",)
        )
    return Card(match, "soon", _begins(match, now), "")


def clock_words(row: LiveRow) -> str:
    """`67′`, `45+2′`, `~67′` for one that is worked out, `Half-time`, `Full time`."""
    if row.phase not in HALVES:
        return PHASES.get(row.phase, "")
    end, words = HALVES[row.phase]
    if row.minute is None:
        return words
    about = "~" if row.phase_estimated else ""
    return f"{about}{min(row.minute, end)}+{row.stoppage}′" if row.stoppage else f"{about}{row.minute}′"


def _begins(match: Known, now: datetime) -> str:
    if match.kickoff is None:
        return "–"
    return f"{match.kickoff:%H:%M}" if match.day == now.date() else f"{match.kickoff:%a %H:%M}"


def _tags(match: LiveMatch, now: datetime) -> Iterable[str]:
    row, since = match.row, now - match.changed_at if match.changed_at else None
    if match.taken_back and match.before and since is not None and since < TAKEN_BACK_SHOWN:
        yield f"goal taken back, it was {score_words(match.before)}"
    elif since is not None and since < GOAL_SHOWN and row.phase in IN_PLAY:
        yield "goal"
    if row.is_stale:
        yield f"no news for {duration((now - row.observed_at).total_seconds())}"
    if row.phase == "settling":
        yield "not confirmed yet"
    if row.illustrative and row.phase not in OVER:
        yield "illustrative"


def _fits(card: Card, now: datetime, on: date | None) -> bool:
    """Whether it is of the day `on`; without one, whether it is in play, or lately was, or soon will be."""
    match = card.known
    if on is not None or match.kickoff is None:
        return match.day == (on or now.date())
    return card.state == "playing" or now - JUST_OVER <= match.kickoff <= now + SOON


def nothing(following: ToCome | None, now: datetime, league: str | None, on: date | None) -> str:
    """Why nothing is shown, and when the next match is."""
    what = f"No match of {league}" if league else "No match"
    said = f"{what} is known for {weekday(on, now.date())}." if on else f"{what} is in play, was lately, or begins soon."
    if following is None:
        return f"{said} None is to come in the data; new ones appear by themselves once the pipeline has read them."
    when = weekday(following.day, now.date()) + (f", {following.kickoff:%H:%M}" if following.kickoff else "")
    return f"{said} The next one is {following.home} v {following.away}, {when}."


def replay_words(stands: Replay, now: datetime) -> str:
    """Whether a replay moves, and then how its clock runs; where it stands is told in the head of the page."""
    if stands.target is not None and stands.target < stands.moment:
        return "The replay begins again, and stands until its first forecasts are made anew. That takes a minute or two."
    if stands.target is not None:
        return "The replay stands while results are taken in and forecasts made anew. That takes up to a minute."
    if stands.speed is None:
        return "The replay stands."
    return f"The replay plays: {day(now)}, {now:%H:%M %Z}, {pace(stands.speed)}."


def pace(speed: float) -> str:
    """`one second is a minute` at a speed of 1 minute a second."""
    return (
        "one second is a minute"
        if speed == 1
        else f"one second is {speed:g} minutes"
        if speed > 1
        else f"{1 / speed:.0f} seconds are a minute"
    )


COLUMNS = ("Date", "Kick-off", "League", "Home", "Away", "Clock", "Score", "Home win", "Draw", "Away win", "Notes", "Match id")


def downloaded(cards: Sequence[Card]) -> pd.DataFrame:
    """What a download holds: a row a match, columns named for people."""
    return pd.DataFrame([_line(card) for card in cards], columns=list(COLUMNS))


def _line(card: Card) -> tuple[Any, ...]:
    match = card.known
    kickoff = match.kickoff.isoformat(timespec="minutes") if match.kickoff else ""
    chances = [round(chance, 4) for chance in match.probabilities.as_tuple()] if match.probabilities else [None] * 3
    notes = ", ".join(card.tags)
    return match.day.isoformat(), kickoff, match.league, match.home, match.away, card.clock, card.score, *chances, notes, match.match_id
