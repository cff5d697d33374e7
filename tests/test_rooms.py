"""The doors between rooms: who may import whom. `docs/architecture.md` draws the same plan in words."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("app", "core", "pages", "workers")

ANYONE = {"core.errors", "core.metrics", "core.clock", "core.vocabulary"}
GROUND = {"core.tables", "core.football"}
SERVING = {"core.serving", "core.storage", "core.learning", "core.settings", *GROUND}
DRAWN = {"core.views", "core.football"}
DOORS = {
    "core.errors": set(),
    "core.metrics": set(),
    "core.clock": set(),
    "core.vocabulary": set(),
    "core.settings": set(),
    "core.tables": set(),
    "core.football": set(),
    "core.sources": GROUND,
    "core.learning": GROUND,
    "core.storage": GROUND,
    "core.views": GROUND,
    "core.serving": SERVING,
    "pages": {"pages.shared", "workers.jobs", *DRAWN},
    "pages.shared": {"core.serving", "core.settings", "workers.jobs", *DRAWN},
    "app": {"pages.shared", "core.serving", "core.settings", "workers.api", "workers.sidecar", *DRAWN},
    "workers": {"core.sources", "core.views", *SERVING},
}

# Each outside system has one door; the heavy ones are imported inside functions only.
OUTSIDE = {
    "streamlit": ("app", "pages"),
    "plotly": ("pages", "app"),
    "mlflow": ("core.storage.registry",),
    "sqlalchemy": ("core.storage",),
    "requests": ("core.sources.fetching", "core.storage.registry_look"),
    "s3fs": ("core.storage.files",),
    "fsspec": ("core.storage.files",),
    "boto3": ("core.storage",),
    "huey": ("workers",),
    "redis": ("workers",),
    "fastapi": ("workers",),
    "dvc": ("workers",),
    "celery": (),  # only the bench measures against it
    "sklearn": ("core.learning",),
    "lightgbm": ("core.learning",),
}
NEVER_AT_THE_TOP = {"mlflow", "dvc", "sklearn", "lightgbm", "s3fs", "boto3"}


def sources():
    files = [ROOT / "app.py", *(path for room in OURS[1:] for path in (ROOT / room).rglob("*.py"))]
    return sorted(path for path in files if path.is_file() and path.stat().st_size)  # empty: a package's own name, no room


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module):
    return max((room for room in DOORS if module == room or module.startswith(room + ".")), key=len, default=None)


def imports(tree):
    """Each imported module, with whether it stands at the top of the file."""
    top = set(ast.iter_child_nodes(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node in top
            yield from ((f"{node.module}.{alias.name}", node in top) for alias in node.names)


def room_is_open(here, there):
    return there in ANYONE or any(there == room or there.startswith(room + ".") for room in (here, *DOORS[here]))


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_a_module_goes_only_through_the_doors_of_its_room(path):
    here = room_of(name_of(path))
    assert here is not None, f"{name_of(path)} belongs to no room"
    # `from core import clock` names both `core` and `core.clock`; only the second is a room.
    wrong = [
        module
        for module, _ in imports(ast.parse(path.read_text(encoding="utf-8")))
        if module.split(".")[0] in OURS and (there := _target(module)) is not None and not room_is_open(here, there)
    ]
    assert not wrong, f"{name_of(path)} may not import {wrong}"


def _target(module):
    """The room an import leads to; of workers and pages the module, since their doors open to some modules only."""
    if module in ("workers", "pages"):
        return None
    room = room_of(module)
    return ".".join(module.split(".")[:2]) if room in ("workers", "pages") else room


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_an_outside_system_is_met_at_its_one_door(path):
    here = name_of(path)
    for module, at_top in imports(ast.parse(path.read_text(encoding="utf-8"))):
        package = module.split(".")[0]
        doors = OUTSIDE.get(package)
        assert doors is None or any(here == door or here.startswith(door + ".") for door in doors), f"{here} imports {package}"
        assert not (at_top and package in NEVER_AT_THE_TOP), f"{here} imports {package} at its top"


def test_serving_starts_without_the_heavy_libraries():
    heavy = sorted(NEVER_AT_THE_TOP | {"streamlit"})
    code = f"import sys, core.serving.services, workers.api, workers.jobs; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_import_reads_opens_and_makes_nothing(tmp_path):
    modules = [name_of(path) for path in sources() if path.name != "app.py" and path.relative_to(ROOT).parts[0] in ("core", "workers")]
    code = (
        "import importlib, os, sys\n"
        "before = set(os.listdir())\n"
        f"for name in {modules}: importlib.import_module(name)\n"
        "assert set(os.listdir()) == before, set(os.listdir()) - before\n"
        "import threading; assert threading.active_count() == 1, threading.enumerate()\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "SOCCER_HOME": str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "home").exists()


def test_no_room_imports_in_a_circle():
    graph = {}
    for path in sources():
        here = name_of(path)
        graph[here] = {
            module for module, at_top in imports(ast.parse(path.read_text(encoding="utf-8"))) if at_top and module.split(".")[0] in OURS
        }
    done, walking = set(), []

    def walk(module):
        if module in done or module not in graph:
            return
        assert module not in walking, " -> ".join([*walking, module])
        walking.append(module)
        for next_module in sorted(graph[module]):
            walk(next_module)
        walking.pop()
        done.add(module)

    for module in sorted(graph):
        walk(module)
