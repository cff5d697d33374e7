"""How it works: how to read a forecast, how it is made, from what, and where it ends. Said once, in words that are true today."""

from __future__ import annotations

from dataclasses import dataclass

from core.football.outcomes import TYPICAL_TOTAL, Probabilities, ScoreGrid, score_grid
from core.views.words import percent

FAVOURITE = Probabilities(0.50, 0.26, 0.24)

_READING = """
The bar of a match has three parts: home win, draw, away win, after 90 minutes. Its three numbers are chances in per cent and sum
to 100. Of all the matches where we say 60%, about six in ten should end that way, and four should not: a forecast that misses
was not wrong, but one that calls every 60% right is. The Arena draws what was said against what happened.

Toss-up :: No outcome reaches 40%. Nobody should be surprised by any of the three.

Called, missed :: Whether the likeliest of the three happened. It is the crudest of measures: 34% and 90% count the same.

Log loss, RPS :: Fairer measures, lower is better. Log loss asks how much chance was given to what happened; a blind guess of a
third each scores 1.099. RPS also counts a draw as nearer to a win than a defeat is.
"""

_ONE_ALL = """
Take a match with {home} for a home win, {draw} for a draw and {away} for an away win. Its likeliest single score is 1–1, and
that is no mistake. A home win can come as 1–0 ({one}), 2–1 ({two}), 2–0 ({three}) and in many more ways, each of them small; a
draw is nearly always 1–1 ({level}) or 0–0 ({none}). The sum of many small chances is larger than one larger chance.

So the score beside a bar answers another question than the bar: not who wins, but which one score to write down if only one
may be.
"""

_SEALED = """
Each run of the pipeline writes the forecasts of all matches to come into a chain: every entry holds a digest over itself and
over the digest before it, so that none can be changed or taken out afterwards without a trace. A match’s page shows its receipt.

While the app replays, its clock stands at a moment of the past. It knows nothing later; what it seals goes into a chain of its
own, labelled as a replay, and never counts in the real record.
"""

_LIVE = """
Live shows the score that a source last told, beside the forecast that was sealed before kick-off. Goals can be taken back. A match
in play of which nothing was heard for five minutes is marked; one is over when the results say so, and no model learns from a
score in play. German leagues are told by OpenLigaDB, which tells neither half nor minute: those are worked out from the kick-off.

In a replay nothing is told from outside: past matches are played again, from Operations. Where nobody here knows the minutes of a
match’s goals, they are drawn from other matches, and marked as illustrative.
"""

_METHOD = """
Every match of the past is read once, in the order of days. A day’s matches are forecast from earlier days only; then their
results move the ratings. Nothing that was not known before kick-off enters a forecast, and a test that scrambles the future holds
us to it.

Joint ratings, logit and trees :: Attack and defence of all teams of a league, rated together, with the doubt about each; what the
match means for the title, the places behind it and safety; shots, where they were counted. A logit on these, corrected by small
trees that also see form, rest and the season so far. The champion of the first run; the champion speaks on all pages.

Six numbers, ordered logit :: Five ratings of strength and the ground. The challenger of the first run: another way to be wrong,
judged on the same matches.

Last five, multinomial logit :: Goals, points and results of each side’s last five matches. The baseline, which the others must beat.

Scorelines :: Two Poisson counts, scaled so that win, draw and defeat agree with the champion’s three numbers exactly. Expected
goals, over 2.5 and both teams score all come from that one grid.

Why :: How far strength, form, stakes and the other groups of what the model looks at moved the log-odds of a home win, from the
average match of the competition to this one: each group’s Shapley value. The shares sum to the whole difference.

Kinds of football :: Men’s and women’s clubs and nations have ratings and models of their own. A kind with too few matches
gets a wide forecast that says so; a side’s first match is marked as well.

The scores were made by walking forward: for each month the models are fitted on the months before and asked about it. Intervals
are 95%, drawn over whole match days. After the first run a new version starts
as the challenger, and takes over only when somebody promotes it.
"""

_LIMITS = """
The models see results, dates and grounds. They know nothing of injuries, line-ups, transfers, the weather, or that nothing is at
stake.

How many goals to expect of a match comes from both sides’ attack and defence, and shapes its grid of scores; where that is not
known, the grid takes the usual {total} goals of European leagues.

A team with few matches in the data gets a wide forecast. A promoted team brings its rating with it where its former league is in
the data.

The bundled data hold men’s leagues only: no women’s matches, no cups, no internationals. From 2016 on only the Premier League is
complete.

This is no betting product. It gives no tips, and nothing in it is meant to be staked on.
"""

SOURCES = (
    ("football.json 1.0.0", "4,585 matches, 2011 to 2015: England, Spain, Italy, Germany, Austria", "public domain"),
    ("airsenal 1.17.0", "4,560 matches, the Premier League since 2014", "MIT, The Alan Turing Institute"),
    ("sports-betting 0.15.1", "380 matches, La Liga 2023-24", "MIT, Georgios Douzas"),
)

FETCHED = (
    (
        "openfootball",
        "Men’s leagues and cups of some thirty countries since 2010, World Cups, European Championships",
        "public domain (CC0)",
    ),
    (
        "International results, Mart Jürisoo",
        "Matches between nations: men since 1872, women since 1956",
        "men’s CC0; women’s state no licence",
    ),
    ("OpenLigaDB, www.openligadb.de", "Germany’s leagues, men and women: results, and goals while they are played", "ODbL 1.0"),
    (
        "football-data.co.uk",
        "European men’s leagues, with odds as a yardstick; only where it is switched on",
        "free to download, not passed on",
    ),
)


@dataclass(frozen=True)
class Section:
    """A heading and its paragraphs, each a term, or none, and a text."""

    title: str
    paragraphs: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, title: str, text: str) -> Section:
        """From text with a blank line between paragraphs, and ` :: ` behind a term."""
        found = []
        for paragraph in text.strip().split("\n\n"):
            term, _, meaning = " ".join(paragraph.split()).rpartition(" :: ")
            found.append((term, meaning))
        return cls(title, tuple(found))


@dataclass(frozen=True)
class Example:
    """A request to the API, and what it answers. `path` as the API names it; `open` when it needs no key;
    `keeps` is the part of the answer that a later example asks for."""

    path: str
    says: str
    query: str = ""
    body: str = ""
    open: bool = False
    keeps: str = ""

    def command(self, match_id: str) -> str:
        """The request for a shell, about this match."""
        path = self.path.replace("{match_id}", match_id).replace("{task_id}", "$TASK")
        key = "" if self.open else '-H "X-API-Key: $KEY" '
        body = f"\\\n  -H 'Content-Type: application/json' -d '{self.body.replace('{match_id}', match_id)}' \\\n  " if self.body else ""
        asked = f'curl {key}{body}"$API{path}{self.query}"'
        return f"TASK=$({asked} | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"{self.keeps}\"])')" if self.keeps else asked


EXAMPLES = (
    Example("/predict/matches/", "The matches to come, by kick-off; by league, team and days too.", "?team=Arsenal&limit=5"),
    Example("/predict/precomputed/{match_id}", "The forecast of the last batch, from memory."),
    Example("/predict/{match_id}", "The forecast of a stage’s model, worked out now.", "?stage=challenger"),
    Example("/predict/async/", "The same through the queue: at once a task to follow.", body='{"match_id": {match_id}}', keeps="task_id"),
    Example("/monitoring/task_status/{task_id}", "How that task stands, and its answer when it is done.", open=True),
    Example("/predict/model/info", "A stage’s version, its scores, parameters and features.", "?stage=baseline"),
    Example("/livescores/", "Scores of the matches in play; by day and league too.", open=True),
    Example("/monitoring/drift", "What moved, and whether it hurts.", open=True),
    Example("/readyz", "Fit to serve? Model, files and worker, each with its age and reason.", open=True),
    Example("/openapi.json", "Every route, what it takes and what it gives; /docs shows it to people.", open=True),
)


def commands(base: str, match_id: int | None) -> str:
    """All examples for a shell, about this match or one to be chosen."""
    shown = "$MATCH" if match_id is None else str(match_id)
    return "\n".join([f"API={base}", "KEY=$(cat var/api_key)", *(example.command(shown) for example in EXAMPLES)])


def reading() -> list[Section]:
    """For everybody: what the numbers mean."""
    return [
        Section.of("How to read a forecast", _READING),
        Section.of("1–1 beside a clear favourite", one_all(score_grid(FAVOURITE))),
        Section.of("Sealed", _SEALED),
        Section.of("Live scores, and the replay", _LIVE),
    ]


def one_all(grid: ScoreGrid) -> str:
    """Why the likeliest score may be a draw while a win is the likeliest outcome, with the numbers of this grid."""
    outcomes = dict(zip(("home", "draw", "away"), map(percent, grid.margins().as_tuple()), strict=True))
    scores = {"level": (1, 1), "one": (1, 0), "two": (2, 1), "three": (2, 0), "none": (0, 0)}
    return _ONE_ALL.format(**outcomes, **{name: percent(float(grid.chances[score]), 1) for name, score in scores.items()})


def method() -> list[Section]:
    """For those who want to know how it is done, and what it cannot do."""
    return [Section.of("The method in a page", _METHOD), Section.of("Limits", _LIMITS.format(total=TYPICAL_TOTAL))]
