"""Which elements of the inputs of an operation have a path, given those of its output that have.

What a column does to a gradient, it does to paths (see `partial`): they are handed back by the
columns themselves, with ones for whatever a column multiplies by.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.graph import Node
from ..core.rules import TABLE as NUMBERS
from ..core.rules import Rule
from .libraries import library_of
from .rules import ROWS, Settled, spread

LEAVES_OUT = ("where", "getitem", "windows")  # rows that may hand nothing to some elements


def paths_back(row: Rule, inputs: tuple[Any, ...], g: Any, paths: Any, out: Any) -> Sequence[Any]:
    """The paths that each input is handed with its share of g."""
    xs = [x._data if isinstance(x, Node) else x for x in inputs]
    held = g._data if isinstance(g, Node) else g
    if paths is None or paths.__class__ is float:
        if row.name not in LEAVES_OUT:
            return [paths] * len(xs)
        paths = _full(held, held.shape, math.nan)
    if row.name == "elements":
        return [library_of(xs[0]).like(paths, xs[0])]
    if row.name == "where":
        branches = zip(inputs, NUMBERS["where"], strict=True)
        return [whole(c(paths, out, *xs)) if isinstance(x, Node) else None for x, c in branches]
    if not isinstance(row, Settled):
        return [paths] * len(xs)
    columns, settings = ROWS[row.name].columns, row.settings
    if "keepdims" in settings:  # whatever was made of some elements depends on each of them
        return [whole(spread(paths, xs[0], settings["axes"], settings["keepdims"]))]
    shapes = _thin(row, [getattr(x, "shape", ()) for x in xs])
    ones = [_full(held, shape, 1.0) for shape in (held.shape, *shapes)]
    if row.variadic:
        return list(map(whole, columns[0](paths, *ones, **settings)))
    return [whole(column(paths, *ones, **settings)) for column in columns]


def _thin(row: Settled, shapes: Sequence[Any]) -> Sequence[Any]:
    """The shapes of the inputs; of products, with 1 for what is summed: all of it is alike."""
    if row.name == "matmul":
        (*left, _), right = shapes
        summed = max(len(right) - 2, 0)
        return (*left, 1), (*right[:summed], 1, *right[summed + 1 :])
    if row.name == "einsum":
        output = row.settings["output"]
        return [
            tuple([n if label in output else 1 for label, n in zip(labels, shape, strict=True)])
            for labels, shape in zip(row.settings["inputs"], shapes, strict=True)
        ]
    return shapes


def whole(paths: Any) -> Any:
    """Paths of NumPy's as the number nan where every element has one."""
    return math.nan if isinstance(paths, np.ndarray) and np.isnan(paths).all() else paths


def _full(x: Any, shape: Any, number: float) -> Any:
    """An array of one number, of the kind of x."""
    return library_of(x).full(tuple(shape), number, x)
