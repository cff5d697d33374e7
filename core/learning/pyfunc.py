"""How the model registry opens a model of ours: MLflow calls `_load_pyfunc` with the folder of the model's files.

Serving never comes this way; it hands the same files to `load_model`. This is for whoever takes the model from the
registry with MLflow's own tools.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.learning.models import load_model

ANSWER = ("proba_home", "proba_draw", "proba_away")


class Registered:
    """A model as MLflow expects it: `predict` takes a frame with the model's features, a row a match."""

    def __init__(self, folder: Path) -> None:
        self._model = load_model({path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()})

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The probabilities of each row, in columns proba_home, proba_draw, proba_away."""
        rows = frame[[feature.name for feature in self._model.features]].to_numpy(dtype=np.float64)
        return pd.DataFrame(self._model.predict(rows), columns=list(ANSWER), index=frame.index)


def _load_pyfunc(path: str) -> Registered:
    return Registered(Path(path))
