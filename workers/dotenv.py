"""The settings in `.env`, where there is one: they count unless the environment says otherwise.

`python -m workers.dotenv MODULE ARGUMENT...` runs a module with them.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

from core.errors import SettingsError
from core.settings import PROJECT


def read(path: Path) -> dict[str, str]:
    """The settings of a file of `NAME=value` lines, with `#` comments; quotes around a value fall away. None there: none."""
    if not path.is_file():
        return {}
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise SettingsError(f"Line {number} of {path.name} is {text[:40]!r}; it should read NAME=value.")
        value = value.strip()
        found[name.strip()] = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
    return found


def load(path: Path = PROJECT / ".env") -> None:
    """Set in this process's environment what the file says and nobody has set before."""
    os.environ.update({name: value for name, value in read(path).items() if name not in os.environ})


def main(arguments: list[str]) -> None:
    try:
        load()
    except SettingsError as error:
        sys.exit(str(error))
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
