"""The parts of the Match page: what was read of one match, and each section of what is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from core.clock import real_now
from core.serving.services import Services
from core.views import match as view
from core.views.calendar import calendar
from core.views.form import Form, Past, past
from core.views.match import MatchView, Said
from core.views.matches import Card
from core.views.receipt import Receipt, not_sealed, receipt
from core.views.why import Why, why
from core.vocabulary import CHAMPION, EVALUATION_FILE
from pages.shared import cards, charts, frame, tables

SAME = 1e-6  # how far two numbers may be apart that are the same forecast


class Shown(NamedTuple):
    """All that the page shows of one match; `why` and `receipt` where there is one. `away`: the database does not answer."""

    match: MatchView
    why: Why | None
    past: Past
    receipt: Receipt | None
    sealed: list[dict[str, object]]
    away: bool


def read(services: Services, match_id: int, zone: ZoneInfo) -> Shown | None:
    """What the services know of a match; None when the history has none of this number."""
    match = services.history.match(match_id)
    if match is None:
        return None
    roles = services.roles()
    said = _said(services, match_id, roles)
    away = services.pulse.latest().error is not None
    sealed = [] if away else view.until(services.records.sealed(match_id, *services.match_ids.former(match_id)), services.clock.now())
    seen = view.match_view(match, said, _walked(services, match_id, roles), view.by_role(sealed, roles), zone, view.champion_then(sealed))
    return Shown(seen, _why(services, seen), past(match, services.history.frame()), receipt(sealed, _titles(services), zone), sealed, away)


def _said(services: Services, match_id: int, roles: Mapping[str, int | None]) -> list[dict[str, Any]]:
    """The forecast of each stage in the batch, one for each version: after a promotion, the former champion in place of the challenger."""
    rows: list[dict[str, Any]] = []
    for role, version in roles.items():
        row = services.predictions.of_version(match_id, version, role)
        if row is not None:
            rows.append(row)
    return rows


def _walked(services: Services, match_id: int, roles: Mapping[str, int | None]) -> list[dict[str, Any]]:
    """The forecast of each stage in the walk-forward of its version."""
    if not services.reports.lookups()[EVALUATION_FILE].ready:
        return []
    found = []
    for role, version in roles.items():
        for row in services.reports.walk_of(services.card_of(role), match_id).to_dict("records"):
            found.append({**{str(name): value for name, value in row.items()}, "model_stage": role, "model_version": version})
    return found


def _titles(services: Services) -> dict[int, str]:
    return {version: str(services.card_of(role).get("title") or "") for role, version in services.roles().items() if version is not None}


def _why(services: Services, seen: MatchView) -> Why | None:
    """Why the champion says so; None when the forecast shown is not what the champion of today says of the features of today."""
    champion, said = seen.champion, services.predictions.get_prediction(seen.match_id)
    if champion is None or said is None or services.models.versions().get(CHAMPION) != champion.version:
        return None
    if abs(said["proba_home"] - champion.probabilities.home) > SAME:
        return None
    parts = services.models.explain(seen.match_id, CHAMPION)
    return None if parts is None else why(parts, champion.probabilities)


def in_full(shown: Shown) -> None:
    """All that is known of a match that was forecast; the models stand where there is room, so that both columns end alike."""
    left, right = st.columns([1.4, 1], gap="medium")
    with left:
        forecast(shown)
        reasons(shown)
        if shown.receipt:
            models(shown)
        form(shown)
    with right:
        scorelines(shown)
        if not shown.receipt:
            models(shown)
        seal(shown)


def without_forecast(shown: Shown) -> None:
    """What is known of a match that nobody forecast."""
    left, right = st.columns([1.4, 1], gap="medium")
    with left:
        forecast(shown)
    with right:
        form(shown)


def forecast(shown: Shown) -> None:
    """The bar and the numbers that follow from it; after full time, how it did."""
    seen = shown.match
    if seen.verdict:
        tables.verdict(seen.verdict)
    if seen.champion is None:
        if seen.note and not seen.verdict:
            st.html(cards.empty(seen.note))
        return
    st.html(
        cards.wrapped(
            '<div class="big">',
            cards.bar(seen.champion.probabilities.percentages(), happened=seen.outcome),
            f'<p class="lab"><span>{escape(seen.home)} win</span><span>Draw</span><span>{escape(seen.away)} win</span></p>',
            cards.facts(seen.facts),
            f'<p class="mute">{escape(seen.wide)}</p></div>' if seen.wide else "</div>",
            kind="one",
        )
    )


def reasons(shown: Shown) -> None:
    """What moved the number."""
    if shown.why is None or not shown.why.parts:
        return
    tables.section("Why these numbers", shown.why.words)
    # Both teams' names would not fit side by side on a phone.
    chart = charts.contributions(shown.why.parts, "helps home side", "helps away side")
    charts.show(chart, "fig_cat_why", shown.why.words, shown.why.table)


def scorelines(shown: Shown) -> None:
    """The grid that every other number of the page comes from."""
    seen = shown.match
    if seen.grid is None or seen.champion is None:
        return
    home, draw, away = seen.champion.probabilities.percentages()
    words = f"Chance in per cent. Below the diagonal {seen.home} win ({home}), on it a draw ({draw}), above it {seen.away} win ({away})."
    tables.section("Every scoreline", words)
    goals = [str(goal) for goal in range(len(seen.grid.chances))]
    table = pd.DataFrame((100 * seen.grid.chances).round(2), columns=goals).map("{:.2f}".format)
    table.insert(0, f"{seen.home} goals", goals)
    charts.show(charts.scorelines(seen.grid.chances, escape(seen.home), escape(seen.away)), "fig_scorelines", words, table)


def form(shown: Shown) -> None:
    """The last six of both teams, and their meetings."""
    tables.section("Form and meetings")
    st.html(
        cards.wrapped(
            '<table class="frmt"><thead><tr><th scope="colgroup" colspan="2">Last six, latest on the right</th>',
            '<th scope="col">Goals</th></tr></thead><tbody>',
            *(_form(one) for one in shown.past.forms),
            f'</tbody></table><p class="met">{escape(shown.past.words)}</p>',
            *_meetings(shown.past),
        )
    )


def _form(one: Form) -> str:
    played = "".join(
        f'<li class="{match.letter}" title="{escape(match.words)}"><span aria-hidden="true">{match.letter}</span>'
        f"{cards.hidden(match.words + '; ')}</li>"
        for match in one.last
    )
    letters = f'<ol class="frm">{played}</ol>' if played else '<span class="mute">none earlier</span>'
    return f'<tr><th scope="row">{escape(one.team)}</th><td>{letters}</td><td>{one.goals}</td></tr>'


def _meetings(found: Past) -> list[str]:
    if not found.meetings:
        return []
    rows = (
        f'<li><span class="mute">{escape(meeting.day)}</span><span class="hm">{escape(meeting.home)}</span>'
        f"<b>{escape(meeting.score)}</b><span>{escape(meeting.away)}</span></li>"
        for meeting in found.meetings
    )
    return ['<ol class="mtg">', *rows, "</ol>"]


def models(shown: Shown) -> None:
    """What each model says, side by side."""
    said = shown.match.said
    if len(said) < 2:
        return
    tables.section("What each model says", "The champion is the one that speaks on the other pages.")
    st.html(cards.wrapped('<ul class="mods">', *(_model(one, shown.match) for one in said), "</ul>"))
    charts.table_and_csv(view.chances_table(said), "models", said="What each model says of this match, in per cent.")


def _model(one: Said, seen: MatchView) -> str:
    return f"<li><span>{escape(one.name)}</span>{cards.bar(one.probabilities.percentages(), happened=seen.outcome)}</li>"


def seal(shown: Shown) -> None:
    """The receipt from the chain, and how the forecast moved since it was first sealed."""
    written = shown.receipt
    if written is None:
        tables.section("Sealed forecast", not_sealed(shown.match.outcome is not None, shown.away))
        return
    tables.section("Sealed forecast", written.moved)
    st.html(cards.wrapped(cards.receipt(written.lines, written.code)))
    charts.table_and_csv(
        written.moves, "sealed_forecasts", said="Every sealed forecast of this match by the champion, in the order of sealing."
    )


def downloads(shown: Shown, spoken: str) -> None:
    """What is shown, as files; `spoken` says from which moment the forecasts of matches to come are."""
    seen = shown.match
    files: list[frame.Download] = []
    if seen.said:
        rows = pd.DataFrame(view.downloaded(seen, spoken))
        files.append(
            ("This forecast as CSV", rows.to_csv(index=False).encode(), f"match_{seen.match_id}.csv", "text/csv", ":material/download:")
        )
    if seen.champion and seen.grid and seen.outcome is None:
        home, away = seen.grid.likeliest
        card = Card(
            seen.match_id, seen.home, seen.away, seen.competition, seen.day, seen.kickoff, seen.champion.probabilities, f"{home}–{away}"
        )
        files.append(
            (
                "Add to calendar",
                lambda: calendar([card], real_now(), spoken),
                f"match_{seen.match_id}.ics",
                "text/calendar",
                ":material/calendar_add_on:",
            )
        )
    if shown.sealed:
        entries = json.dumps(shown.sealed, indent=1).encode()
        files.append(("Sealed entries as JSON", entries, f"sealed_{seen.match_id}.json", "application/json", ":material/receipt_long:"))
    frame.downloads(*files)
