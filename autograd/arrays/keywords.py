"""Checks and normal forms of keyword arguments: axes, shapes and indices."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.kinds import describe
from .libraries import Axes, Shape, library_of, refuse_own_arithmetic

Axis = int | Sequence[int] | None  # one, several or all
EVERY_AXIS = tuple([tuple(range(n)) for n in range(65)])  # NumPy has at most 64


def one_axis(name: str, axis: Any, ndim: int) -> int:
    """An axis counted from the front; IndexError if it is out of range."""
    try:
        if isinstance(axis, bool):
            raise TypeError
        i = operator.index(axis)
    except TypeError:
        raise TypeError(f"{name}: an axis is an int, not {describe(axis)}") from None
    if not -ndim <= i < ndim:
        raise IndexError(f"{name}: axis {i} is out of range for an array of {ndim} dimensions")
    return i % ndim


def axes_of(name: str, axis: Axis, ndim: int) -> Axes:
    """Axes counted from the front: all for None, one for an int, several for a tuple."""
    if axis is None:
        return EVERY_AXIS[ndim]
    if not isinstance(axis, (tuple, list)):
        is_whole = not ndim and axis in (0, -1)  # NumPy's axis of an array without axes
        return () if is_whole else (one_axis(name, axis, ndim),)
    axes = tuple([one_axis(name, i, ndim) for i in axis])
    if len(set(axes)) != len(axes):
        raise ValueError(f"{name}: the axes {tuple(axis)} name one axis twice")
    return axes


def truth(name: str, keepdims: Any) -> bool:
    """keepdims as a bool; TypeError for a dtype, say, which NumPy's methods take second."""
    if not isinstance(keepdims, (bool, int, np.bool_)):
        raise TypeError(f"{name}: keepdims is True or False, not {describe(keepdims)}")
    return bool(keepdims)


def permutation(axes: Any, ndim: int) -> Axes:
    """An order of all axes; the reverse if none is given."""
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], (tuple, list))):
        axes = axes[0]
    order = axes_of("transpose", tuple(axes), ndim) if axes else tuple(range(ndim))[::-1]
    if len(order) != ndim:
        raise ValueError(f"transpose: an array of {ndim} dimensions has an order of {ndim} axes")
    return order


def shape_of(shape: Any, size: int | None = None) -> Shape:
    """A shape from ints or one tuple of them; -1 is computed from the number of elements."""
    if len(shape) == 1 and not hasattr(shape[0], "__index__"):
        shape = shape[0]
    try:
        sizes = tuple([n.__index__() for n in shape])  # operator.index would make it exactly an int
    except (TypeError, AttributeError):
        raise TypeError(f"a shape is made of ints, not {describe(shape)}") from None
    if size is None:
        return sizes
    known = math.prod([n for n in sizes if n != -1])
    if sizes.count(-1) > 1 or any(n < -1 for n in sizes):
        raise ValueError(f"a size of a shape is a count, or -1 in one place, not {sizes}")
    filled = tuple([size // known if n == -1 else n for n in sizes]) if known else sizes
    if math.prod(filled) != size:
        raise ValueError(f"{size} elements do not fill the shape {sizes}")
    return filled


def index_of(index: Any) -> Any:
    """A copy of an index, which a later write to its lists and arrays does not change."""
    return tuple([_part(i) for i in index]) if isinstance(index, tuple) else _part(index)


def _part(i: Any) -> Any:
    kind = i.__class__
    if kind is int or i is None or i is Ellipsis:
        return i
    if kind is slice:
        ends = i.start, i.stop, i.step
        return slice(*[end if end is None else operator.index(end) for end in ends])
    if kind is np.ndarray and i.dtype.char in "l?" and i.ndim:
        return i.copy()
    if hasattr(kind, "__autograd_function__"):
        raise TypeError(f"an index is made of integers or booleans, not of {describe(i)}")
    refuse_own_arithmetic(i)
    if library_of(i).stands_in and i.dtype.char in "l?" and i.ndim:
        return i
    i = library_of(i).on_host(i)
    part = np.array(i, dtype=None if np.size(i) else int)
    if part.dtype.kind not in "iub":
        raise TypeError(f"an index is made of integers or booleans, not of {describe(i)}")
    return part if part.ndim or part.dtype.kind == "b" else int(part)
