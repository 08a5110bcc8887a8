"""The paths of an operation's inputs, from those of its output (see `partial`).

The columns compute them: each is applied to the paths in place of the gradient, with ones in place
of the inputs and the output.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.graph import Node, data_of
from ..core.rules import TABLE as NUMBERS
from .libraries import Array, Shape, library_of
from .matrix_rules import OWN_AXES
from .operations import broadcast_to, reshape
from .operations import sum as add_up
from .rules import ROWS, spread

LEAVES_OUT = ("where", "getitem", "windows")  # rows that may pass nothing back to some elements


def paths_back(
    row: Any, inputs: tuple[Array, ...], g: Array, paths: Array, out: Array
) -> Sequence[Array]:
    """The paths of the share of each input."""
    xs, held = list(map(data_of, inputs)), data_of(g)
    if paths is None or paths.__class__ is float:
        if row.name not in LEAVES_OUT:
            return [paths] * len(xs)
        paths = library_of(held).full(held.shape, math.nan, held)
    if row.name == "elements":
        return [library_of(xs[0]).like(paths, xs[0])]
    if row.name == "where":
        branches = zip(inputs, NUMBERS["where"], strict=True)
        return [whole(c(paths, out, *xs)) if isinstance(x, Node) else None for x, c in branches]
    if not row.of_arrays:
        return [paths] * len(xs)
    if row.name not in ROWS:  # a function of another framework
        return [math.nan] * len(xs)
    columns, settings = ROWS[row.name].columns, row.settings
    if row.name in OWN_AXES:
        return _of_matrices(paths, xs, *OWN_AXES[row.name])
    if "keepdims" in settings:  # a reduction depends on every element that it reduces
        return [whole(spread(paths, xs[0], settings["axes"], settings["keepdims"]))]
    shapes = _thin(row, [getattr(x, "shape", ()) for x in xs])
    ones = [library_of(held).full(shape, 1.0, held) for shape in (held.shape, *shapes)]
    if row.variadic:
        return list(map(whole, columns[0](paths, *ones, **settings)))
    return [whole(column(paths, *ones, **settings)) for column in columns]


def _of_matrices(paths: Array, xs: Sequence[Array], own: int, *theirs: int) -> Sequence[Array]:
    """In linear algebra every element of a result depends on every element of its matrices.

    `own` is how many axes the result of one matrix has, `theirs` how many each input has.
    """
    lead = paths.shape[: paths.ndim - own]
    some = add_up(paths, axes=tuple(range(len(lead), paths.ndim)), keepdims=False)
    found = []
    for x, n in zip(xs, theirs * len(xs), strict=False):
        ones = reshape(some, shape=(*lead, *(1,) * n))
        found.append(whole(broadcast_to(ones, shape=(*lead, *x.shape[len(x.shape) - n :]))))
    return found


def _thin(row: Any, shapes: Sequence[Shape]) -> Sequence[Shape]:
    """The shapes of the inputs; in a product, summed axes have length 1, since all are alike."""
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


def whole(paths: Array) -> Array:
    """The paths; the number nan if they are a NumPy array and every element has one."""
    return math.nan if isinstance(paths, np.ndarray) and np.isnan(paths).all() else paths
