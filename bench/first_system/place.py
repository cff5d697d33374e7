"""Where both systems find things, from the environment that the bench sets."""

from __future__ import annotations

import os

BROKER = "FIRST_SYSTEM_BROKER"
MODEL = "FIRST_SYSTEM_MODEL"
PREDICTIONS = "FIRST_SYSTEM_PREDICTIONS"


def said(name: str) -> str:
    return os.environ[name]
