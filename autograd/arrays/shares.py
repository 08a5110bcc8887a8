"""The shares of a gradient that an operation passes back, fitted to its inputs, with their paths.

The columns compute the paths too (see `partial`): each is applied to the paths in place of the
gradient, with ones in place of the inputs and the output.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.functions import where
from ..core.graph import Node, data_of
from ..core.rules import TABLE as NUMBERS
from ..core.rules import Rule
from . import operations
from .libraries import Array, DType, Shape, library_of
from .matrix_rules import OWN_AXES
from .operations import PLAIN, broadcast_to, reshape
from .partial import Partial, bare, paths_of
from .rules import ROWS, Column, spread

ndarray = np.ndarray
PRODUCTS = ("matmul", "einsum")
LEAVES_OUT = ("where", "getitem", "windows")  # rows that may pass nothing back to some elements


def ask_any(
    row: Rule, columns: Sequence[Column], settings: dict[str, Any], inputs: tuple[Any, ...],
    g: Any, out: Any, values: Sequence[Any] | None,
) -> list[Any]:  # fmt: skip
    """`ask` for all operations and gradients: of nodes, of any library, and with paths."""
    if values is None:
        values = list(map(data_of, inputs))
    given, paths, branches = bare(g), paths_of(g), row.name == "where"
    every: Sequence[Any] = [None] * len(inputs)
    if branches or paths is not None:
        every = paths_back(row, inputs, given, paths, out)
    if row.name in PRODUCTS:  # a product would sum 0 * inf where there is no path
        values = [present(x, p) for x, p in zip(values, every, strict=True)]
    of_all = columns[0](given, out, *values, **settings) if row.variadic else ()
    shares: list[Any] = []
    for i, x in enumerate(inputs):
        share = None
        if isinstance(x, Node):
            share = of_all[i] if row.variadic else columns[i](given, out, *values, **settings)
        if share is not None:
            share = along(x, share if branches else present(share, every[i]), g, every[i])
        shares.append(share)
    return shares


def present(x: Array, paths: Array) -> Array:
    """x where there is a path, and 0 elsewhere, even if x is infinite or nan there."""
    if paths is None or float in (x.__class__, paths.__class__):
        return x
    if paths.shape != x.shape:
        paths = unbroadcast(paths, tuple(x.shape))
    return where(paths == paths, 0.0, x)


def along(x: Array, share: Array, g: Array, paths: Array) -> Array:
    """A share fitted to its input x, with its paths."""
    if not x.broadcasts:
        return None if paths is not None and paths == paths else share
    share = handed(x, share, g)
    # Some libraries refuse to add unknown types: their arrays are always in a Partial.
    if not x._inputs or (paths is None and share.__class__ in PLAIN):
        return share
    if paths is not None and paths.__class__ is not float:
        paths = whole(x.fit(paths))
    return Partial(share, paths)


# ---- fitted --------------------------------------------------------------------------------------


def handed(x: Array, share: Array, g: Array) -> Array:
    """A share of g fitted to its input x; if x is a leaf, the share has memory of its own."""
    data = x._data
    plain = share.__class__ is ndarray
    if not plain or share.dtype is not data.dtype or share.shape != data.shape:
        if share is None:
            return None
        share = x.fit(share)
    if not x._inputs and (share is g or not plain or share.base is not None):
        return x.own(share)
    return share


def unbroadcast(g: Array, shape: Shape) -> Array:
    """g summed over the axes along which an array of this shape was broadcast."""
    lead = g.ndim - len(shape)
    by_hand = g.__class__ is ndarray or library_of(g).by_product
    if lead == 1 and g.ndim == 2 and by_hand and len(g) <= 4096:
        g = row_of_ones(len(g), g.dtype) @ g  # a bias: BLAS adds faster than NumPy
    elif lead > 0:
        g = operations.sum(g, axes=tuple(range(lead)), keepdims=False)
    if g.shape != shape and lead >= 0:
        stretched = tuple([i for i, n in enumerate(shape) if n == 1 != g.shape[i]])
        g = operations.sum(g, axes=stretched, keepdims=True)
    return g if g.shape == shape else operations.broadcast_to(g, shape=shape)


@lru_cache(maxsize=16)
def row_of_ones(n: int, dtype: DType) -> Array:
    """n ones, read-only."""
    row = np.ones(n, dtype)
    row.flags.writeable = False
    return row


# ---- paths ---------------------------------------------------------------------------------------


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
    some = operations.sum(paths, axes=tuple(range(len(lead), paths.ndim)), keepdims=False)
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
