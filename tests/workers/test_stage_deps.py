"""dvc.yaml names all the code that decides what a stage makes: a change of it runs the stage again."""

from __future__ import annotations

import ast
import functools
import importlib

import pytest
import yaml

from core.settings import PROJECT
from workers.pipeline import STAGES

DVC = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]

# What carries the work and does not shape it: errors, the clock, settings, the doors to the database and to the store.
CARRIERS = {
    "core.errors", "core.clock", "core.metrics", "core.settings", "core.serving.stage_file", "core.storage.database",
    "core.storage.files", "core.storage.leases", "core.storage.live_scores", "core.storage.logbook", "core.storage.pipeline_log",
    "core.storage.registry_look", "core.storage.replay", "core.storage.schema", "workers.log", "workers.workplace",
}  # fmt: skip


def file_of(module):
    path = PROJECT / f"{module.replace('.', '/')}.py"
    return path if path.is_file() else None


@functools.cache
def tree(module):
    return ast.parse(file_of(module).read_text(encoding="utf-8"))


@functools.cache
def bindings(module):
    """By name, what a module's imports bind: the module it is taken from, and the name there; None for a whole module."""
    found = {}
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ("core", "workers"):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found[alias.asname or alias.name] = (whole, None) if file_of(whole) else (node.module, alias.name)
    return found


@functools.cache
def definitions(module):
    """By name, the statements at the top of a module that define it."""
    found = {}
    for node in tree(module).body:
        targets = [node] if hasattr(node, "name") else getattr(node, "targets", [getattr(node, "target", None)])
        for target in targets:
            for part in ast.walk(target) if isinstance(target, ast.Tuple) else [target]:
                name = getattr(part, "name", None) or getattr(part, "id", None)
                if name:
                    found.setdefault(name, []).append(node)
    return found


def reached(module, name):
    """Every module whose code is used, at any remove, by what is called `name` in a module."""
    seen, open_ends = set(), [(module, name)]
    while open_ends:
        here, wanted = end = open_ends.pop()
        if end in seen or here in CARRIERS:
            continue
        seen.add(end)
        nodes = [tree(here)] if wanted is None else definitions(here).get(wanted, [])
        for node in nodes:
            open_ends += _ends(here, node)
    return {here for here, _ in seen}


def _ends(here, node):
    attributes = {id(part.value): part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in bindings(here):
            module, name = bindings(here)[part.id]
            yield module, name or attributes.get(id(part))
        elif isinstance(part, ast.Name) and part.id in definitions(here):
            yield here, part.id


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "instance"])
def test_all_the_code_that_a_stage_uses_is_among_its_deps(stage):
    used = {f"{module.replace('.', '/')}.py" for module in reached(STAGES[stage], stage)}
    named = {dep for dep in DVC[stage]["deps"] if dep.endswith(".py")}
    assert sorted(used - named) == []
    assert all((PROJECT / dep).is_file() for dep in named)


def test_a_stage_that_always_runs_needs_no_deps():
    assert DVC["instance"]["always_changed"] and "deps" not in DVC["instance"]


def test_the_way_through_the_code_reaches_what_lies_far():
    far = reached(STAGES["train"], "train")
    assert {"core.football.evidence", "core.learning.models", "core.tables"} <= far
    assert "core.storage.match_rows" not in far, "of a file with several stages only what this one uses counts"
    assert all(callable(getattr(importlib.import_module(module), stage)) for stage, module in STAGES.items())
