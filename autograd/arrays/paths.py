"""Which elements of the inputs of an operation have a path, given those of its output that have.

What a column does to a gradient, it does to paths (see `partial`): they are handed back by the
columns themselves, with ones for whatever a column multiplies by.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import rules
from ..graph import Node
from ..rules import Rule
from .libraries import library_of
from .rules import TABLE, Settled, spread

LEAVES_OUT = ("where", "getitem", "windows")  # rows that may hand nothing to some elements


def paths_back(row: Rule, inputs: tuple[Any, ...], g: Any, paths: Any, out: Any) -> Sequence[Any]:
    """The paths that each input is handed with its share of g."""
    xs = [_held(x) for x in inputs]
    if row.name in LEAVES_OUT and (paths is None or paths.__class__ is float):
        paths = _full(_held(g), math.nan)
    if paths is None or paths.__class__ is float:
        return [paths] * len(xs)
    if row.name == "where":
        return [column(paths, out, *xs) for column in rules.TABLE["where"]]
    if row.name == "elements":
        return [library_of(xs[0]).like(paths, xs[0])]
    if not isinstance(row, Settled):
        return [paths] * len(xs)
    columns, settings = TABLE[row.name], row.settings
    if "keepdims" in settings:  # whatever was made of some elements depends on each of them
        return [spread(paths, xs[0], settings["axes"], settings["keepdims"])]
    ones = [_full(x, 1.0) for x in (_held(out), *xs)]
    if row.variadic:
        return columns[0](paths, *ones, **settings)
    return [column(paths, *ones, **settings) for column in columns]


def _held(x: Any) -> Any:
    return x._data if isinstance(x, Node) else x


def _full(x: Any, number: float) -> Any:
    """An array of one number in the shape of x."""
    return library_of(x).full(x.shape, number, x) if hasattr(x, "shape") else number
