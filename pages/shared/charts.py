"""A frame in, a Plotly figure out: one template for both themes, and one way to show it.

Text colours come from the style sheet (keys that begin with `fig_`), so that a change of theme needs no rerun.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from core.views.words import signed

HOME, DRAW, AWAY, CHALLENGER, CHAMPION = "#2484C0", "#818991", "#D4621F", "#12936F", "#818991"
GRID = "rgba(128,136,146,.22)"
AXIS = "rgba(128,136,146,.55)"
BAND = "rgba(128,136,146,.18)"
HIDDEN = {"showticklabels": False, "showgrid": False, "zeroline": False}
SHOWN_GOALS = 6
SHORT = 14  # letters of a name that fits into the right third of a chart on a phone
MARKS = re.compile(r"[\\`*_\[\]<>$~#|]|:(?=[A-Za-z])")  # what Markdown would take for a sign


def figure(*traces: Any, height: int, x: dict[str, Any] | None = None, y: dict[str, Any] | None = None, **layout: Any) -> go.Figure:
    """Every chart of the app: transparent, of a fixed height, still under the finger. `x` and `y` refine the axes."""
    axis = {"fixedrange": True, "gridcolor": GRID, "zeroline": False, "tickangle": 0, "linecolor": AXIS, "automargin": True}
    return go.Figure(
        traces,
        {
            "height": height,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "dragmode": False,
            "showlegend": False,
            "hoverlabel": {"font": {"size": 13}},
            "font": {"size": 13},
            "xaxis": {**axis, "showgrid": False, "showline": True, **(x or {})},
            "yaxis": {**axis, **(y or {})},
            **layout,
        },
    )


def show(chart: go.Figure, key: str, alt: str, table: pd.DataFrame) -> None:
    """The chart, one line that says the same, and the same as a table and a CSV file.

    `key` begins with `fig_`; with `fig_cat` when the y axis names things, with `fig_cathalo` when numbers cross lines.
    `table` has columns named for people.
    """
    st.plotly_chart(chart, key=key, alt=alt, config={"displayModeBar": False, "scrollZoom": False, "doubleClick": False})
    table_and_csv(table, key.removeprefix("fig_").removeprefix("cathalo_").removeprefix("cat_"), said=alt)


def table_and_csv(table: pd.DataFrame, name: str, said: str = "") -> None:
    """The popover under a chart: one line of text, the table, and the table as a file called `name`.csv."""
    with st.popover("Table and CSV", icon=":material/table:", type="tertiary", key=f"pop_{name}"):
        if said:
            st.caption(as_written(said))
        st.download_button(
            "Download as CSV",
            lambda: table.to_csv(index=False).encode(),
            f"{name}.csv",
            "text/csv",
            key=f"csv_{name}",
            on_click="ignore",
            icon=":material/download:",
        )
        st.table(_as_written(table), hide_index=True, border="horizontal")


def as_written(text: str) -> str:
    """The text for a place that reads Markdown, so that it is shown as it is written."""
    return MARKS.sub(r"\\\g<0>", text)


def _as_written(table: pd.DataFrame) -> pd.DataFrame:
    words = {name: table[name].map(as_written, na_action="ignore") for name in table.columns if pd.api.types.is_string_dtype(table[name])}
    return table.assign(**words).rename(columns=as_written)


def ends(left: str, right: str, y: float) -> list[dict[str, Any]]:
    """The direction of an axis in words, at both its ends; `y` in pixels below the plot."""
    common = {"xref": "paper", "yref": "paper", "y": 0, "yshift": -y, "yanchor": "top", "showarrow": False, "font": {"size": 13}}
    return [
        {**common, "x": 0, "xanchor": "left", "text": f"← {left}"},
        {**common, "x": 1, "xanchor": "right", "text": f"{right} →"},
    ]


def scorelines(chances: NDArray[np.float64], home: str, away: str) -> go.Figure:
    """The chance of each score up to 5-5 in per cent. `chances[home goals, away goals]` sums to one; names as HTML, escaped."""
    grid = 100 * chances[:SHOWN_GOALS, :SHOWN_GOALS]
    goals = np.arange(len(grid))
    rows, columns = np.indices(grid.shape)
    regions = ((HOME, rows > columns), (DRAW, rows == columns), (AWAY, rows < columns))
    layers = [_region(np.where(member, grid, np.nan), colour, float(grid.max())) for colour, member in regions]
    words = ["<1" if value < 0.5 else f"{value:.0f}" for value in grid.ravel()]
    best = int(grid.argmax())
    words[best] = f"<b>{words[best]}</b>"
    digits = go.Scatter(x=columns.ravel(), y=rows.ravel(), text=words, mode="text", hoverinfo="skip", textfont={"size": 14})
    ticks = {"tickvals": goals, "showgrid": False, "showline": False, "ticks": ""}
    return figure(
        *layers,
        digits,
        height=430,
        x={**ticks, "side": "top", "title": {"text": f"{away} goals", "standoff": 10}},
        y={**ticks, "autorange": "reversed", "title": {"text": f"{home} goals", "standoff": 16}},
    )


def _region(values: NDArray[np.float64], colour: str, most: float) -> go.Heatmap:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    scale = [[0, f"rgba({red},{green},{blue},.05)"], [1, f"rgba({red},{green},{blue},.62)"]]
    return go.Heatmap(
        z=values, zmin=0, zmax=most, colorscale=scale, showscale=False, xgap=2, ygap=2, hovertemplate="%{y}–%{x}: %{z:.1f}%<extra></extra>"
    )


def contributions(parts: Sequence[tuple[str, float]], helps_home: str, helps_away: str) -> go.Figure:
    """What moved a forecast: (words, log-odds of a home win), the first on top."""
    words, values = [part for part, _ in parts], [value for _, value in parts]
    # Room for the number beyond the longest bar, on a phone too.
    reach = 1.6 * max([abs(value) for value in values], default=1) or 1
    bars = go.Bar(
        x=values,
        y=list(range(len(values))),
        orientation="h",
        width=0.54,
        marker={"color": [HOME if value >= 0 else AWAY for value in values]},
        text=[signed(value, 2) for value in values],
        textposition="outside",
        textangle=0,
        cliponaxis=False,
        hoverinfo="skip",
    )
    return figure(
        bars,
        height=32 * len(values) + 52,
        margin={"l": 8, "r": 8, "t": 8, "b": 40},
        x={**HIDDEN, "showline": False, "range": [-reach, reach]},
        y={"tickvals": list(range(len(words))), "ticktext": words, "autorange": "reversed", "showgrid": False, "showline": False},
        shapes=[_zero_line()],
        annotations=ends(helps_away, helps_home, 8),
    )


def _zero_line() -> dict[str, Any]:
    return {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "layer": "below", "line": {"color": AXIS, "width": 1.5}}


def forest(rows: pd.DataFrame, left: str, right: str, digits: int = 4) -> go.Figure:
    """Differences with their intervals, the first row the whole. Columns: label, note, point, low, high; first on top.

    `left` and `right` say what lies on either side of zero.
    """
    reach = 1.08 * float(np.nanmax(np.abs(rows[["low", "high"]].to_numpy()))) or 1.0
    return figure(
        *_intervals(rows),
        _points(rows, digits),
        height=50 * len(rows) + 84,
        margin={"l": 8, "r": 8, "t": 8, "b": 60},
        x={"range": [-reach, reach], **_ticks_about_zero(reach)},
        y={
            "tickvals": np.arange(len(rows)),
            "ticktext": [f"{label}<br>{note}" for label, note in zip(rows["label"], rows["note"], strict=True)],
            "range": [len(rows) - 0.5, -0.7],
            "showgrid": False,
            "showline": False,
            "tickfont": {"size": 12},
        },
        shapes=[_zero_line()],
        annotations=ends(left, right, 26),
    )


def _shades(rows: pd.DataFrame) -> list[str]:
    """The whole stands out."""
    return [CHALLENGER] + [CHAMPION] * (len(rows) - 1)


def _intervals(rows: pd.DataFrame) -> list[go.Scatter]:
    return [
        go.Scatter(x=[low, high], y=[i, i], mode="lines", line={"color": colour, "width": 3 if i == 0 else 2}, hoverinfo="skip")
        for i, (colour, low, high) in enumerate(zip(_shades(rows), rows["low"], rows["high"], strict=True))
    ]


def _points(rows: pd.DataFrame, digits: int) -> go.Scatter:
    numbers, parts = [signed(value, digits) for value in rows["point"]], len(rows) - 1
    return go.Scatter(
        x=rows["point"],
        y=np.arange(len(rows)),
        mode="markers+text",
        text=[f"<b>{number}</b>" if i == 0 else number for i, number in enumerate(numbers)],
        textposition="top center",
        textfont={"size": 12.5},
        marker={"opacity": 1, "color": _shades(rows), "symbol": ["diamond"] + ["square"] * parts, "size": [12] + [9] * parts},
        customdata=np.stack([rows["low"], rows["high"]], axis=1),
        hovertemplate="%{x:+.4f} (%{customdata[0]:+.4f} to %{customdata[1]:+.4f})<extra></extra>",
        cliponaxis=False,
    )


def _ticks_about_zero(reach: float) -> dict[str, Any]:
    """Zero and one round number on either side."""
    size = 10.0 ** np.floor(np.log10(reach))
    step = float(size * max(factor for factor in (1, 2, 5) if factor * size <= reach))
    digits = max(0, -int(np.floor(np.log10(step))))
    return {"tickvals": [-step, 0, step], "ticktext": [signed(-step, digits), "0", signed(step, digits)]}


def reliability(bins: pd.DataFrame, said: str) -> go.Figure:
    """What was said against what happened. Columns: series, said, happened, low, high (shares); `said` names the x axis.

    The last series is drawn on top, solid and green; the others grey and dashed.
    """
    names = list(dict.fromkeys(bins["series"]))
    most = float(min(1.0, max(0.4, bins[["said", "high"]].to_numpy().max() + 0.03))) if len(bins) else 1.0
    diagonal = go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": AXIS, "dash": "dot", "width": 1}, hoverinfo="skip")
    series = [_series(bins[bins["series"] == name], name, front=name == names[-1]) for name in names]
    corner = (0.62, 0.3) if max(map(len, names), default=0) <= SHORT else (0.42, 0.2)
    labels = [_in_plot_label(name, place, name == names[-1], corner) for place, name in enumerate(reversed(names))]
    ticks = {"tickformat": ".0%", "range": [-0.02, most], "dtick": 0.2}
    return figure(
        diagonal,
        *series,
        height=330,
        x={**ticks, "title": {"text": said, "standoff": 10}},
        y={**ticks, "showline": True, "title": {"text": "Happened", "standoff": 6}},
        annotations=labels,
    )


def _series(bins: pd.DataFrame, name: str, front: bool) -> go.Scatter:
    colour = CHALLENGER if front else CHAMPION
    bars = {"array": bins["high"] - bins["happened"], "arrayminus": bins["happened"] - bins["low"], "width": 0, "thickness": 1.2}
    return go.Scatter(
        x=bins["said"],
        y=bins["happened"],
        name=name,
        mode="lines+markers",
        line={"color": colour, "width": 2, "dash": "solid" if front else "dash"},
        marker={"symbol": "circle" if front else "square", "size": 8, "color": colour},
        error_y={"type": "data", "symmetric": False, "color": colour, **bars},
        hovertemplate=f"{name}<br>said %{{x:.1%}}, happened %{{y:.1%}}<extra></extra>",
    )


def _in_plot_label(name: str, place: int, front: bool, corner: tuple[float, float]) -> dict[str, Any]:
    mark = f'<span style="color:{CHALLENGER if front else CHAMPION}">{"●" if front else "■"}</span>'
    return {
        "xref": "paper", "yref": "paper", "x": corner[0], "y": corner[1] - 0.08 * place, "xanchor": "left", "showarrow": False,
        "align": "left", "text": f"{mark}  {name}", "font": {"size": 13},
    }  # fmt: skip


def score_over_time(weeks: pd.DataFrame, measure: str = "Log loss") -> go.Figure:
    """A score by week inside its band. Columns: week, score, low, high, estimated (True where results are not in yet).

    Neither line nor band crosses a pause of more than three weeks.
    """
    known, guessed = weeks[~weeks["estimated"]], weeks[weeks["estimated"]]
    return figure(
        *(_band(part) for part in _without_pauses(weeks)),
        *(_weekly(part, measure, hollow=False) for part in _without_pauses(known)),
        _weekly(pd.concat([known.tail(1), guessed]), measure, hollow=True),
        height=270,
        x={"tickformat": "%b<br>%Y", "dtick": "M2" if len(weeks) > 20 else "M1"},
        y={"showline": True, "nticks": 6, "tickformat": ".2f"},
    )


def _without_pauses(weeks: pd.DataFrame) -> list[pd.DataFrame]:
    stretch = (weeks["week"].diff() > pd.Timedelta(weeks=3)).cumsum()
    return [part for _, part in weeks.groupby(stretch)]


def _band(weeks: pd.DataFrame) -> go.Scatter:
    return go.Scatter(
        x=pd.concat([weeks["week"], weeks["week"][::-1]]),
        y=pd.concat([weeks["high"], weeks["low"][::-1]]),
        fill="toself",
        fillcolor=BAND,
        mode="lines",
        line={"width": 0},
        hoverinfo="skip",
    )


def _weekly(weeks: pd.DataFrame, measure: str, hollow: bool) -> go.Scatter:
    return go.Scatter(
        x=weeks["week"],
        y=weeks["score"],
        mode="lines+markers",
        line={"color": CHALLENGER, "width": 2, "dash": "dot" if hollow else "solid"},
        marker={"symbol": "circle-open" if hollow else "circle", "size": 7 if hollow else 6, "color": CHALLENGER},
        hovertemplate=f"%{{x|%-d %B %Y}}<br>{measure} %{{y:.3f}}<extra></extra>",
    )


def histogram(bins: pd.DataFrame, x_title: str) -> go.Figure:
    """One distribution over the outline of another. Columns: bin (text), window, reference (shares)."""
    place = np.arange(len(bins))
    bars = go.Bar(x=place, y=bins["window"], width=0.72, marker={"color": CHALLENGER}, hovertemplate="%{y:.1%}<extra>now</extra>")
    edges = np.repeat(np.arange(len(bins) + 1) - 0.5, 2)[1:-1]
    outline = go.Scatter(
        x=edges,
        y=np.repeat(bins["reference"].to_numpy(), 2),
        mode="lines",
        line={"color": CHAMPION, "width": 2},
        hovertemplate="%{y:.1%}<extra>before</extra>",
    )
    step = max(1, -(-len(bins) // 9))
    return figure(
        bars,
        outline,
        height=300,
        x={"tickvals": place[::step], "ticktext": list(bins["bin"])[::step], "title": {"text": x_title, "standoff": 10}},
        y={"tickformat": ".0%", "showline": True, "rangemode": "tozero", "nticks": 5},
    )
