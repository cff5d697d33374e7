"""Arena: is the challenger better than the champion?"""

from __future__ import annotations

import streamlit as st

from core.football.contest import choices
from core.views.arena import OUTCOME_WORDS, contestants, nothing_to_judge, sealed_words
from core.views.gate import check_rows, gate_words
from pages.shared import charts, deciding, frame, held, kept, state, tables

QUESTION = "Is the challenger better than the champion?"
ALL_LEAGUES, ALL_SEASONS = "All leagues", "All seasons"

services = held.services()
head = st.container()
if not kept.judged(services):
    with head:  # what follows says what is missing
        frame.masthead("Arena", QUESTION)
names = kept.leagues(services)
asked = kept.question(services, state.zone())
whole, everything = kept.compared(services, asked).contest, kept.arena(services, asked, None, None)
codes, seasons = choices(whole)
code_of = {names.get(code, code): code for code in codes}

leagues, periods = [ALL_LEAGUES, *code_of], [ALL_SEASONS, *seasons]
words = dict(zip(OUTCOME_WORDS.values(), OUTCOME_WORDS, strict=True))
state.tell_unknown({"slice": ("league", leagues), "period": ("season", periods), "outcome": ("outcome", words)})
with st.container(horizontal=True):
    league = st.selectbox("League", leagues, key="slice", bind="query-params", width=175)
    season = st.selectbox("Season", periods, key="period", bind="query-params", width=135)
view = kept.arena(services, asked, code_of.get(league), season if season in seasons else None)
with head:
    frame.masthead("Arena", view.question if view else asked.pair.question)

if view is None:
    st.info(nothing_to_judge(asked.pair, everything is None))
else:
    if why := sealed_words(asked.pair):
        st.caption(why)
    tables.verdict(view.verdict)
    left, right = st.columns(2, gap="medium")
    with left:
        champion, card, baseline = asked.cards
        if not asked.pair.is_former:
            tables.section("What a promotion needs", "All five, on the matches chosen above. The gate advises; somebody decides.")
            tables.checks(check_rows(view.judged))
            if said_at_gate := gate_words(card, asked.versions[0], whole.facts["date"].max().date()):
                st.caption(said_at_gate)
        tables.section("Scores", "Lower is better except accuracy. Intervals: 95%, block bootstrap by match day.")
        tables.scores(view.scores)
        charts.table_and_csv(view.scores_table, "arena_scores")
        tables.section("Who they are", "The models behind the names, as the registry knows them.")
        cards = {"champion": champion, asked.pair.noun: card, "baseline": baseline}
        tables.contestants(contestants(cards, state.zone()))
    with right:
        noun = asked.pair.noun
        tables.section(
            "Paired difference in log loss",
            f"{noun.capitalize()} minus champion. Left of the line the {noun} is better. q corrects for {view.looks} looks.",
        )
        chart = charts.forest(view.forest.data, *asked.pair.sides)
        charts.show(chart, "fig_cathalo_difference", view.forest.words, view.forest.table)
        tables.section(
            "Reliability",
            "Said against happened, ten bins, bars are 95% intervals. The table has the small bins too.",
        )
        chosen = st.segmented_control(
            "Outcome", list(words), default="Home win", required=True, key="outcome", bind="query-params", label_visibility="collapsed"
        )
        said = view.reliability[words[chosen]]
        charts.show(charts.reliability(said.data, f"Said: chance of a {chosen.lower()}"), "fig_reliability", said.words, said.table)
deciding.draw(services, held.jobs(), kept.challenger_judged(services, asked))
frame.footer()
