"""Small models of the real kinds, whose answers can be told apart."""

import numpy as np

from core.learning.learners import Logit, Scale
from core.learning.models import Feature, Model, Origin, Part
from tests.serving.batches import FEATURES

SIGNATURE = [*(Feature(name) for name in FEATURES), Feature("sex", "integer")]


def model(lean=0.0, features=None, recipe="joint_boosted"):
    """A model that leans towards the home side by `lean`, in log-odds."""
    features = SIGNATURE if features is None else features
    number = len(features)
    beta = np.zeros((number + 1, 3))
    beta[0, 0], beta[1] = lean, (1.0, 0.0, -1.0)
    takes = tuple(feature.name for feature in features)
    part = Part("all football", {}, takes, np.zeros(number), Logit(Scale(np.zeros(number), np.ones(number)), beta))
    return Model(f"Lean {lean}", features, (part,), Origin(recipe))


def files(lean=0.0, features=None, recipe="joint_boosted"):
    return model(lean, features, recipe).to_files()


def signature(features=None):
    return [{"name": feature.name, "type": feature.type} for feature in (features or SIGNATURE)]


def folder(path, lean=0.0, features=None):
    """The model's files in a folder, as the pipeline hands them to the registry."""
    path.mkdir(parents=True)
    for name, data in files(lean, features).items():
        (path / name).write_bytes(data)
    return path


def register(registry, path, lean=0.0, features=None):
    """A new version in a real registry; its number."""
    card = {
        "metrics": {"log_loss": 1.0 - lean},
        "params": {"lean": lean},
        "tags": {"recipe": "joint_boosted"},
        "features": signature(features),
    }
    return registry.log_version(folder(path, lean, features), card, f"Lean {lean}").version
