"""The figures: one template, nothing that jumps, and what they draw is what they were given."""

import numpy as np
import pandas as pd
import pytest

from core.football.outcomes import Probabilities, score_grid
from pages.shared import charts

GRID = score_grid(Probabilities(0.45, 0.3, 0.25)).chances
FOREST = pd.DataFrame(
    {"label": ["All", "Men"], "note": ["n 9", "n 5"], "point": [-0.004, 0.01], "low": [-0.01, -0.02], "high": [0.002, 0.03]}
)
BINS = pd.DataFrame(
    {"series": ["Champion", "Challenger"], "said": [0.2, 0.3], "happened": [0.25, 0.2], "low": [0.1, 0.1], "high": [0.4, 0.3]}
)
WEEKS = pd.DataFrame(
    {
        "week": pd.to_datetime(["2025-05-12", "2025-05-19", "2025-08-11", "2025-08-18"]),
        "score": [1.0, 0.9, 0.95, 1.1],
        "low": 0.8,
        "high": 1.2,
        "estimated": [False, False, False, True],
    }
)
SHARES = pd.DataFrame({"bin": ["1", "2", "3"], "window": [0.2, 0.5, 0.3], "reference": [0.3, 0.4, 0.3]})
FIGURES = {
    "scorelines": lambda: charts.scorelines(GRID, "Ajax", "PSV"),
    "contributions": lambda: charts.contributions([("Rating gap", 0.2), ("Form", -0.1)], "helps Ajax", "helps PSV"),
    "forest": lambda: charts.forest(FOREST, "challenger better", "champion better"),
    "reliability": lambda: charts.reliability(BINS, "Said"),
    "score over time": lambda: charts.score_over_time(WEEKS),
    "histogram": lambda: charts.histogram(SHARES, "Days"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_transparent_still_and_of_a_fixed_height(name):
    layout = FIGURES[name]().layout
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert layout.height and not layout.showlegend and layout.dragmode is False
    assert layout.xaxis.fixedrange and layout.yaxis.fixedrange and layout.xaxis.tickangle == 0


def test_each_scoreline_belongs_to_one_outcome_and_its_digits_are_per_cents():
    home, draw, away, digits = charts.scorelines(GRID, "Ajax", "PSV").data
    layers = np.stack([np.asarray(layer.z, dtype=float) for layer in (home, draw, away)])
    assert ((~np.isnan(layers)).sum(axis=0) == 1).all()
    assert np.nansum(np.where(np.isnan(layers), 0, layers), axis=0) == pytest.approx(100 * GRID[:6, :6])
    assert not np.isnan(np.asarray(home.z, dtype=float)[3, 1])  # home goals down, away goals across
    assert sum(text.startswith("<b>") for text in digits.text) == 1
    assert "<1" in digits.text


def test_the_likeliest_score_is_the_bold_one():
    digits = charts.scorelines(GRID, "Ajax", "PSV").data[-1]
    place = next(i for i, text in enumerate(digits.text) if text.startswith("<b>"))
    assert (digits.y[place], digits.x[place]) == np.unravel_index(GRID.argmax(), GRID.shape)


def test_a_forest_without_any_difference_is_drawn_too():
    assert charts.forest(FOREST.assign(point=0.0, low=0.0, high=0.0), "a", "b").layout.xaxis.range == (-1.0, 1.0)


def test_zero_stands_in_the_middle_of_a_forest_and_both_sides_have_a_tick():
    axis = charts.forest(FOREST, "a", "b").layout.xaxis
    assert axis.range[0] == -axis.range[1]
    assert list(axis.tickvals) == [-0.02, 0, 0.02] and list(axis.ticktext) == ["−0.02", "0", "+0.02"]


def test_numbers_carry_their_sign_so_that_colour_is_not_alone():
    assert list(charts.contributions([("a", 0.2), ("b", -0.1)], "x", "y").data[0].text) == ["+0.20", "−0.10"]


def test_the_line_breaks_over_the_summer_and_an_estimate_is_hollow():
    bands_and_lines = charts.score_over_time(WEEKS).data
    lines = [trace for trace in bands_and_lines if trace.mode == "lines+markers"]
    assert [len(trace.x) for trace in lines] == [2, 1, 2]
    assert lines[-1].marker.symbol == "circle-open" and lines[0].marker.symbol == "circle"
    assert sum(trace.fill == "toself" for trace in bands_and_lines) == 2


def test_an_outline_steps_at_the_edges_of_its_bars():
    outline = charts.histogram(SHARES, "Days").data[1]
    assert list(outline.x) == [-0.5, 0.5, 0.5, 1.5, 1.5, 2.5]
    assert list(outline.y) == [0.3, 0.3, 0.4, 0.4, 0.3, 0.3]


def test_what_markdown_would_take_for_a_sign_is_shown_as_it_is_written():
    assert charts.as_written("1. FC *Köln* [a](b) $x$ 13:41") == r"1. FC \*Köln\* \[a\](b) \$x\$ 13:41"
