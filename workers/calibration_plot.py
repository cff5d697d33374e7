"""A model's calibration as a picture, for the registry: what was said against what happened, with 95 % intervals."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from core.football.evidence import reliability
from core.football.outcomes import Outcome

if TYPE_CHECKING:
    import pandas as pd

CHANCES = ["proba_home", "proba_draw", "proba_away"]


def calibration_plot(evaluation: pd.DataFrame, title: str) -> bytes:
    """A PNG of a recipe's EVALUATION rows: a panel for each outcome."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    chances, outcomes = evaluation[CHANCES].to_numpy(), evaluation["outcome"].to_numpy("int64")
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    for axes, outcome in zip(figure.subplots(1, 3), Outcome, strict=True):
        bins = reliability(chances, outcomes, outcome)
        said, share = [bin_.said for bin_ in bins], [bin_.happened.point for bin_ in bins]
        low, high = [bin_.happened.low for bin_ in bins], [bin_.happened.high for bin_ in bins]
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        axes.vlines(said, low, high, color="tab:blue")
        axes.plot(said, share, "o", color="tab:blue")
        axes.set(title=outcome.label.replace("_", " ").capitalize(), xlabel="Said", ylabel="Happened", xlim=(0, 1), ylim=(0, 1))
    figure.suptitle(f"{title}: {len(outcomes):,} matches, each forecast by a model of earlier months")
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
