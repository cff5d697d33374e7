"""Boosted trees, read from LightGBM's own text and walked with arrays: whoever only forecasts need not import LightGBM."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.errors import LearningError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CHUNK = 2048  # rows walked at once: what they need stays in the processor's cache
END = "end of trees"
_UNSUPPORTED = re.compile(r"^(num_cat=[1-9]|is_linear=1|linear_tree: 1)", re.MULTILINE)


@dataclass(frozen=True)
class Trees:
    """All trees' nodes behind one another; a leaf leads to itself. `roots` and `classes` have an entry a tree.

    A row goes left where its `column` is not above the `threshold`, and ends at a leaf after at most `depth` steps.
    """

    text: str = field(repr=False)
    roots: Ints
    column: Ints
    threshold: Floats
    children: Ints  # shape (2 x nodes,): left and right of each node
    value: Floats
    depth: int
    classes: int

    @classmethod
    def read(cls, text: str) -> Trees:
        """The trees in what `Booster.model_to_string` gave; LearningError for a form that is not walked here."""
        if END not in text:
            raise LearningError("The file of trees is cut short or empty. Run `make pipeline` to make it again.")
        if _UNSUPPORTED.search(text):
            raise LearningError("These trees have categories or linear leaves, which are not read here. Fit them without.")
        blocks = [dict(re.findall(r"^(\w+)=(.*)$", block, re.MULTILINE)) for block in re.split(r"^Tree=\d+$", text, flags=re.MULTILINE)]
        head, trees = blocks[0], [_nodes(block) for block in blocks[1:]]
        sizes = np.cumsum([0, *(len(tree[0]) for tree in trees)])
        columns, thresholds, children, values = [np.concatenate(part) for part in zip(*trees, strict=True)] if trees else [np.zeros(0)] * 4
        moved = children.reshape(-1, 2) + np.repeat(sizes[:-1], np.diff(sizes))[:, None]
        depth = max((_depth(tree[2]) for tree in trees), default=0)
        classes = int(head["num_tree_per_iteration"])
        return cls(text, sizes[:-1].astype(np.int64), columns.astype(np.int64), thresholds, moved.ravel(), values, depth, classes)

    def scores(self, rows: Floats) -> Floats:
        """The sum of the leaves of each class, shape (n, classes), in LightGBM's own order of adding, so to the last bit."""
        parts = [self._walk(rows[start : start + CHUNK]) for start in range(0, len(rows), CHUNK)]
        return np.concatenate(parts) if parts else np.zeros((0, self.classes))

    def _walk(self, rows: Floats) -> Floats:
        number, width = rows.shape
        flat, first = np.ascontiguousarray(rows).ravel(), (np.arange(number) * width)[:, None]
        node = np.tile(self.roots, (number, 1))
        for _ in range(self.depth):
            right = flat[first + self.column[node]] > self.threshold[node]
            node = self.children[2 * node + right]
        # A running sum adds one after another; numpy's sum would not.
        running: Floats = self.value[node].reshape(number, -1, self.classes).cumsum(axis=1)[:, -1]
        return running


def _nodes(block: dict[str, str]) -> tuple[Ints, Floats, Ints, Floats]:
    """One tree: its inner nodes, then its leaves. In the text a leaf is a negative child, -1 the first."""
    values = np.array(block["leaf_value"].split(), dtype=np.float64)
    if "split_feature" not in block or not block["split_feature"]:
        return np.zeros(1, np.int64), np.full(1, np.inf), np.zeros(2, np.int64), values[:1]
    column = np.array(block["split_feature"].split(), dtype=np.int64)
    inner, leaves = len(column), len(values)
    both = np.array([block["left_child"].split(), block["right_child"].split()], dtype=np.int64).T
    both = np.where(both < 0, inner + ~both, both)
    own = np.repeat(np.arange(inner, inner + leaves), 2)
    return (
        np.concatenate([column, np.zeros(leaves, np.int64)]),
        np.concatenate([np.array(block["threshold"].split(), dtype=np.float64), np.full(leaves, np.inf)]),
        np.concatenate([both.ravel(), own]),
        np.concatenate([np.zeros(inner), values]),
    )


def _depth(children: Ints) -> int:
    """Steps from the root to the furthest leaf."""
    pairs, level, steps = children.reshape(-1, 2), np.zeros(1, np.int64), 0
    while (pairs[level, 0] != level).any():
        level, steps = np.unique(pairs[level]), steps + 1
    return steps
