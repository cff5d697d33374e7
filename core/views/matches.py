"""Matches: what is on, who is likely to win, and what we said of the matches just played."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import groupby
from typing import Any, NamedTuple

import pandas as pd

from core.football.matches import plain
from core.football.outcomes import Outcome, Probabilities
from core.views.known import known, score_words
from core.views.words import MISSING, count, day, number, percent

TOSS_UP, FAVOURITE = 40, 60  # per cent, as a bar shows them
ON_A_PAGE, MOST_ON_A_PAGE = 24, 60
FEWEST_RESULTS, MOST_RESULTS = 5, 24
# Heights in rows of one match: the head of a day of matches, a result, the head of a day of results, what else stands in their column.
DAY_ROWS, RESULT_ROWS, RESULT_DAY_ROWS, OTHER_ROWS = 1.9, 1.5, 0.7, 7
CHANCES = ["proba_home", "proba_draw", "proba_away"]
CONFIDENCE = {
    "Any": range(101),
    "Clear favourite, 60% or more": range(FAVOURITE, 101),
    "In between": range(TOSS_UP, FAVOURITE),
    "Toss-up": range(TOSS_UP),
}
HOW_RESULTS_ARE_TOLD = (
    "The underlined part is what happened. Each was forecast from earlier matches only; its page says whether it was sealed in time."
)
SEXES = {"All": None, "Men": 0, "Women": 1}


@dataclass(frozen=True)
class Choices:
    """What a visitor wants to see; an empty choice means all."""

    q: str = ""
    sex: int | None = None
    league: str | None = None
    team: str | None = None
    confidence: str = "Any"
    first: date | None = None
    last: date | None = None


class Card(NamedTuple):
    """One match to come. `kickoff` is in the visitor's zone, None where only the day is known."""

    match_id: int
    home: str
    away: str
    league: str
    day: date
    kickoff: datetime | None
    probabilities: Probabilities
    likeliest: str

    @property
    def time(self) -> str:
        return f"{self.kickoff:%H:%M}" if self.kickoff else "–"

    @property
    def toss_up(self) -> bool:
        return strongest(self.probabilities) < TOSS_UP


def strongest(probabilities: Probabilities) -> int:
    """The largest of the three numbers as they are shown, so that no mark contradicts the bar beside it."""
    return max(probabilities.percentages())


class Result(NamedTuple):
    """One match just played, beside what was said of it before."""

    match_id: int
    home: str
    away: str
    score: str
    day: date
    probabilities: Probabilities
    outcome: Outcome

    @property
    def toss_up(self) -> bool:
        return strongest(self.probabilities) < TOSS_UP

    @property
    def called(self) -> bool:
        return not self.toss_up and self.probabilities.likeliest is self.outcome


class Standing(NamedTuple):
    name: str
    right: str
    log_loss: str


EVERYTHING = Choices()
Days = list[tuple[date, list[Card]]]
Chances = tuple[float, float, float]


@dataclass(frozen=True)
class MatchesView:
    """`cards` are all that were chosen, and `pages` the same on pages, by day; `known` how many are to come in all;
    `on_day` how many of the chosen fall on each day. `lacking` is whose matches none of those to come are, if that was asked.
    """

    cards: list[Card]
    pages: list[Days]
    known: int
    on_day: Mapping[date, int]
    lacking: str = ""

    @property
    def nothing(self) -> str:
        """Why the list is empty, and what to do."""
        if not self.known:
            return "No matches are to come in the data. New ones appear by themselves once the pipeline has read them."
        if self.lacking:
            return f"None of the {count(self.known, 'match', 'matches')} to come is a {self.lacking} match. Choose All to see them."
        return (
            f"None of the {count(self.known, 'match', 'matches')} to come fits. Clear the search, choose All, or choose less under Filters."
        )


def upcoming(features: pd.DataFrame, predictions: pd.DataFrame, version: int | None, zone: tzinfo) -> list[Card]:
    """The matches to come with the forecasts of one model version, by kick-off. Frames as the lookups give them."""
    found = known(features[features["is_future"]], predictions, version, zone)
    cards = [
        Card(match.match_id, match.home, match.away, match.league, match.day, match.kickoff, match.probabilities,
             score_words(match.likeliest, MISSING))
        for match in found if match.probabilities
    ]  # fmt: skip
    return sorted(cards, key=lambda card: (card.day, card.kickoff is None, card.kickoff or _START, card.league, card.home))


_START = datetime(1, 1, 1, tzinfo=UTC)


def still_to_come(cards: Sequence[Card], now: datetime, today: date) -> list[Card]:
    """Without the matches that have begun since the forecasts were published. `today` is the visitor's day."""
    return [card for card in cards if (card.kickoff > now if card.kickoff else card.day >= today)]


def matches_view(cards: Sequence[Card], choices: Choices, women: Set[int] = frozenset()) -> MatchesView:
    """The cards that fit the choices, on pages, by day and league. `women` are the ids of women's matches."""
    of_sex = cards if choices.sex is None else [card for card in cards if (card.match_id in women) is (choices.sex == 1)]
    chosen = [card for card in of_sex if _fits(card, choices)]
    pages = [[(day, list(some)) for day, some in groupby(page, key=_day_of)] for page in _paged(chosen)]
    lacking = "" if of_sex else "women’s" if choices.sex == 1 else "men’s"
    return MatchesView(chosen, pages, len(cards), Counter(map(_day_of, chosen)), lacking)


def _paged(cards: Sequence[Card]) -> list[list[Card]]:
    """Pages of whole days, each of about ON_A_PAGE matches; only a day of more than MOST_ON_A_PAGE is cut."""
    pages: list[list[Card]] = [[]]
    for _, some in groupby(cards, key=_day_of):
        day = _by_league(list(some))
        for start in range(0, len(day), MOST_ON_A_PAGE):
            if len(pages[-1]) >= ON_A_PAGE:
                pages.append([])
            pages[-1].extend(day[start : start + MOST_ON_A_PAGE])
    return pages


def first_day(cards: Sequence[Card]) -> list[Card]:
    """The cards of the first of their days, each league's together."""
    return _by_league([card for card in cards if card.day == cards[0].day])


def _day_of(card: Card) -> date:
    return card.day


def _by_league(cards: list[Card]) -> list[Card]:
    """The cards of a day, each league's together, the league that begins first on top."""
    first = {card.league: place for place, card in reversed(list(enumerate(cards)))}
    return sorted(cards, key=lambda card: first[card.league])


def leagues(cards: Sequence[Card]) -> list[str]:
    return sorted({card.league for card in cards})


def teams(cards: Sequence[Card]) -> list[str]:
    return sorted({name for card in cards for name in (card.home, card.away)}, key=plain)


def results_beside(page: Days, found: Sequence[Result]) -> list[Result]:
    """As many of the results as stand beside this page of matches so that both columns end alike; a few in any case."""
    room = sum(DAY_ROWS + len(some) for _, some in page) - OTHER_ROWS
    shown: list[Result] = []
    for result in found:
        room -= RESULT_ROWS + (0.0 if shown and shown[-1].day == result.day else RESULT_DAY_ROWS)
        if room < 0 and len(shown) >= FEWEST_RESULTS:
            break
        shown.append(result)
    return shown


def results(
    features: pd.DataFrame, unseen: pd.DataFrame, zone: tzinfo, choices: Choices = EVERYTHING, limit: int = MOST_RESULTS
) -> list[Result]:
    """The latest results of what was chosen, each beside a forecast as `unseen_by_champion` gives it; the latest first."""
    wanted = features["outcome_1x2"].notna() & _is_chosen(features, choices) & features.index.isin(unseen.index)
    played = features[wanted].sort_values(["match_date", "startTimeUtc"], ascending=False).head(limit)
    return [
        Result(match.match_id, match.home, match.away, score_words(match.score), match.day, match.probabilities, Outcome.of(*match.score))
        for match in known(played, unseen, None, zone) if match.score and match.probabilities
    ]  # fmt: skip


def unseen_by_champion(
    predictions: pd.DataFrame,
    version: int | None,
    walked: pd.DataFrame | None,
    sealed: Mapping[int, tuple[float, float, float]] | None = None,
) -> pd.DataFrame:
    """What we said of matches beforehand: as it was `sealed`, by the champion of that time; or else what the champion says of matches that
    it had not learned from, in the batch or in its own walk-forward, `walked`. A decision changes nothing of what was sealed.
    """
    unsealed = _unsealed(predictions, version, walked)
    recorded = pd.DataFrame.from_dict(dict(sealed or {}), orient="index", columns=CHANCES).rename_axis("match_id")
    return pd.concat([recorded, unsealed[~unsealed.index.isin(recorded.index)]]) if len(recorded) else unsealed


def _unsealed(predictions: pd.DataFrame, version: int | None, walked: pd.DataFrame | None) -> pd.DataFrame:
    own = predictions if version is None else predictions[predictions["model_version"] == version]
    batch = own.loc[~own["in_sample"].fillna(True).astype(bool), CHANCES]
    if walked is None:
        return batch
    earlier = walked.set_index("match_id")[CHANCES]
    return pd.concat([batch, earlier[~earlier.index.isin(batch.index)]])


def _is_chosen(features: pd.DataFrame, choices: Choices) -> pd.Series[bool]:
    """Which matches are of the league, the team, the sex and the words that were chosen; a mask over `features`."""
    names = features[["homeTeamName", "awayTeamName", "competition"]]
    wanted = pd.Series(True, index=features.index)
    if choices.sex is not None:
        wanted &= features["sex"] == choices.sex
    if choices.league:
        wanted &= names["competition"] == choices.league
    if choices.team:
        wanted &= (names[["homeTeamName", "awayTeamName"]] == choices.team).any(axis=1)
    for begun in plain(choices.q).split():
        fitting = {name for name in set(names.to_numpy().ravel()) if any(word.startswith(begun) for word in plain(name).split())}
        wanted &= names.isin(fitting).any(axis=1)
    return wanted


def results_title(found: Sequence[Result], today: date) -> str:
    """`Yesterday, and what we said`, or the days that the results are from."""
    latest = max(result.day for result in found)
    if {result.day for result in found} == {today - timedelta(days=1)}:
        return "Yesterday, and what we said"
    return "Latest results, and what we said" if latest <= today else "Results, and what we said"


def results_words(found: Sequence[Result]) -> str:
    called, clear = sum(result.called for result in found), sum(not result.toss_up for result in found)
    toss_ups = len(found) - clear
    said = f"Our favourite won {called} of {clear}" if clear else ""
    rest = f"{count(toss_ups, 'match was a toss-up', 'matches were toss-ups')}" if toss_ups else ""
    return f"{'; '.join(filter(None, (said, rest)))}. {HOW_RESULTS_ARE_TOLD}"


def by_day(found: Sequence[Result]) -> list[tuple[date, list[Result]]]:
    """The results of each day, in their order."""
    return [(day, list(some)) for day, some in groupby(found, key=lambda result: result.day)]


def standings(scored: Iterable[tuple[str, int | None, Mapping[str, Any]]]) -> list[Standing]:
    """How the models did on the same matches, as a small table; those without scores are left out.

    `scored` has the role of each for people, its version if it has one, and its scores.
    """
    rows = []
    for words, version, scores in scored:
        right, loss = (_point(scores, measure) for measure in ("accuracy", "log_loss"))
        if loss is not None:
            rows.append(Standing(words if version is None else f"{words} v{version}", percent(right, 1), number(loss, 3)))
    return rows


def _point(scores: Mapping[str, Any], measure: str) -> float | None:
    value = (scores.get(measure) or {}).get("point")
    return None if value is None else float(value)


def standings_words(scores: Mapping[str, Any]) -> str:
    """On how many matches, and from when."""
    since = scores.get("from")
    return f"{scores.get('matches', 0):,} matches" + (f" since {date.fromisoformat(str(since)[:10]):%B %Y}" if since else "")


def spoken(as_of: datetime | None, replaying: bool) -> str:
    """From which moment forecasts are: a replayed one is labelled so wherever it goes."""
    if as_of is None:
        return ""
    return f"As of {day(as_of)}, {as_of:%H:%M} UTC{', in a replay' if replaying else ''}."


def downloaded(cards: Sequence[Card], spoken: str = "") -> pd.DataFrame:
    """What a download holds: a row a match, columns named for people; `spoken` says from which moment the forecasts are."""
    return pd.DataFrame(
        [
            (card.day.isoformat(), card.kickoff.isoformat(timespec="minutes") if card.kickoff else "", card.league, card.home, card.away,
             *(round(chance, 4) for chance in card.probabilities.as_tuple()), card.likeliest, card.match_id, spoken)
            for card in cards
        ],
        columns=["Date", "Kick-off", "League", "Home", "Away", "Home win", "Draw", "Away win", "Likeliest score", "Match id", "Forecast"],
    )  # fmt: skip


def _fits(card: Card, choices: Choices) -> bool:
    return (
        (not choices.league or card.league == choices.league)
        and (not choices.team or choices.team in (card.home, card.away))
        and (choices.first is None or card.day >= choices.first)
        and (choices.last is None or card.day <= choices.last)
        and strongest(card.probabilities) in CONFIDENCE.get(choices.confidence, CONFIDENCE["Any"])
        and _found(card, choices.q)
    )


def _found(card: Card, q: str) -> bool:
    """Whether every word searched for begins a word of the teams' or the league's names, whatever the accents."""
    words = plain(f"{card.home} {card.away} {card.league}").split()
    return all(any(word.startswith(wanted) for word in words) for wanted in plain(q).split())
