"""NumPy's functions that only move elements: computed on places, which then index the elements.

NumPy's own function is applied to integers, the places of the elements, and what comes out says
which element goes where. So each argument of such a function means what it means to NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from ..core import functions
from ..trees import leaves, rebuild
from . import operations
from .building import cat
from .building import pad as padded
from .keywords import one_axis
from .libraries import Array
from .numpy_arguments import alike, as_array, by_name, constantly, plain

Function = Callable[..., Any]
np: Any = numpy  # its types know no Tensors


def shaped(shape: Function) -> Function:
    """A function that only changes the shape: the shape that it gives to an empty array."""
    return lambda x, /, **named: x.reshape(shape(np.empty(x.shape), **named).shape)


def turned(turn: Function) -> Function:
    """A function that only reorders the axes: apply it to an array whose axis i has length i."""
    return lambda x, /, **named: x.transpose(turn(np.empty(range(x.ndim)), **named).shape)


def at_least(function: Function) -> Function:
    """`atleast_1d` and its kin: of several arrays, a tuple."""

    def result(*xs: Array) -> Array:
        made = [np.reshape(x, np.shape(function(np.empty(np.shape(x))))) for x in xs]
        return made[0] if len(made) == 1 else type(function(0, 0))(made)

    return result


def moved(place: Function, *xs: Array) -> Any:
    """The elements of some arrays, where `place` puts their places; 0 where it puts a 0.

    `place` takes an array of places for each array, counted from 1 along all of them.
    """
    xs = alike(xs)
    ends = np.cumsum([1, *map(np.size, xs)])
    to = place(*(
        np.arange(start, start + np.size(x)).reshape(np.shape(x))
        for start, x in zip(ends[:-1], xs, strict=True)
    ))  # fmt: skip
    several = isinstance(to, (list, tuple))
    parts = [np.asarray(part) for part in (to if several else [to])]
    row = cat([np.reshape(x, -1) for x in xs]) if len(xs) > 1 else np.reshape(xs[0], -1)
    first = int(all(part.all() for part in parts))
    if not first:
        row = padded(row, (1, 0))
    found = [row[part - first] for part in parts]
    return type(to)(found) if several else found[0]


def by_places(place: Function) -> Function:
    """The rule of a function of one array that only moves elements."""
    return lambda x, /, **named: moved(lambda places: place(places, **named), x)


def together(place: Function) -> Function:
    """The rule of a function of several arrays that only moves elements."""
    return lambda *xs, **named: moved(lambda *places: place(*places, **named), *xs)


def in_order(order: Function) -> Function:
    """The rule of a function that reorders an axis, by the order that NumPy's argsort gives."""

    def ordered(x: Array, /, axis: Any = -1, **named: Any) -> Array:
        places = order(plain(x), axis=axis, **named)
        found = moved(lambda whole: np.take_along_axis(whole, places, axis), x)
        return _shared(found, -1 if axis is None else axis)

    return ordered


def _shared(x: Array, axis: int) -> Array:
    """x, of which equal elements along an axis share evenly what any of them is handed."""
    y = np.moveaxis(plain(x), axis, -1)
    places = np.argsort(y, -1, kind="stable")
    rising = np.take_along_axis(y, places, -1)
    again = (rising[..., 1:] == rising[..., :-1]) & np.isfinite(rising[..., 1:])
    if not again.any():
        return x
    first = np.concatenate([np.ones((*y.shape[:-1], 1), bool), ~again], -1)
    groups = np.take_along_axis(
        np.cumsum(first).reshape(y.shape) - 1, np.argsort(places, -1, kind="stable"), -1
    ).reshape(-1)
    sizes = np.bincount(groups)
    flat = np.moveaxis(x, axis, -1).reshape(-1)
    sums = operations.scatter(flat, index=(groups,), shape=sizes.shape)
    mean = (sums / sizes.astype(x.dtype))[groups]
    whole = functions.where(sizes[groups] > 1, plain(flat) + (mean - plain(mean)), flat)
    return np.moveaxis(whole.reshape(y.shape), -1, axis)


def split(function: Function) -> Function:
    """The rule of `split` and `array_split`: slices."""

    def pieces(x: Array, /, indices_or_sections: Any, axis: int = 0) -> list[Any]:
        before = (slice(None),) * one_axis("split", axis, x.ndim)
        parts = function(np.arange(x.shape[axis]), indices_or_sections)
        return [x[(*before, slice(p[0], p[-1] + 1) if p.size else slice(0))] for p in parts]

    return pieces


def take(x: Array, /, indices: Any, axis: int | None = None, mode: str = "raise") -> Array:
    if axis is None or mode != "raise" or np.asarray(indices).dtype.kind != "i":
        return by_places(np.take)(x, indices=indices, axis=axis, mode=mode)
    return x[(*(slice(None),) * one_axis("take", axis, x.ndim), indices)]


def triangle(keep: Function) -> Function:
    def kept(x: Array, /, k: int = 0) -> Array:
        x = x.broadcast_to(x.size, x.size) if x.ndim == 1 else x  # as NumPy reads a row
        return functions.where(keep(np.ones(x.shape, bool), k), x, 0.0)

    return kept


def pad(x: Array, /, pad_width: Any, mode: Any = "constant", constant_values: Any = 0) -> Array:
    if mode == "constant":
        around = np.pad(np.zeros(x.shape, x.dtype), pad_width, constant_values=constant_values)
        inner = by_places(np.pad)(x, pad_width=pad_width)
        return inner + around if around.any() else inner
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        return by_places(np.pad)(x, pad_width=pad_width, mode=mode)
    raise TypeError(f"np.pad of a Tensor has no rule for mode={mode!r}")


def insert(x: Array, /, obj: Any, values: Array, axis: int | None = None) -> Array:
    values = as_array(values)
    values = values.astype(x.dtype) if hasattr(values, "dtype") else np.asarray(values, x.dtype)
    return moved(lambda whole, new: np.insert(whole, obj, new, axis), x, values)


def block(*, arrays: Any) -> Array:
    """A nested list of arrays, joined from the innermost list on."""
    return moved(lambda *places: np.block(rebuild(arrays, iter(places))), *leaves(arrays))


def compress(condition: Any, x: Array, /, axis: int | None = None) -> Array:
    return by_places(lambda places: np.compress(plain(condition), places, axis))(x)


def extract(condition: Any, x: Array, /) -> Array:
    return by_places(lambda places: np.extract(plain(condition), places))(x)


def choose(a: Any, /, choices: Any, mode: str = "raise") -> Array:
    return moved(lambda *places: np.choose(plain(a), places, mode=mode), *choices)


def select(*, condlist: Any, choicelist: Any, default: Array = 0) -> Array:
    np.select(plain(condlist), plain(choicelist), plain(default))  # NumPy refuses what does not fit
    *choices, out = alike([*choicelist, default])
    for condition, x in zip(reversed(condlist), reversed(choices), strict=True):
        out = functions.where(plain(condition), x, out)
    return out


def piecewise(x: Array, /, condlist: Any, funclist: Any, args: Any = ()) -> Array:
    """Each function is called on the elements where its condition holds, the last one elsewhere."""
    numbered = list(range(1, len(funclist) + 1))
    which = np.piecewise(np.zeros(x.shape, int), plain(condlist), numbered)
    out: Array = np.zeros(x.shape, x.dtype)
    for number, function in zip(numbered, funclist, strict=True):
        here = which == number
        if not callable(function):
            out = functions.where(here, function, out)
        elif here.any():
            part = np.broadcast_to(function(x[here], *args), (here.sum(),))
            places = np.where(here, np.cumsum(here).reshape(x.shape) - 1, 0)
            out = functions.where(here, part[places], out)
    return constantly(out, x) if isinstance(out, np.ndarray) else out


def unique(
    x: Array, /, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None,
) -> Any:  # fmt: skip
    """The values have a gradient, which goes to the first of equal elements."""
    if axis is not None:
        raise TypeError("np.unique of a Tensor does not take axis=: index it with return_index")
    _, *others = np.unique(plain(x), True, return_inverse, return_counts)
    values = x.reshape(-1)[others[0]]
    wanted = others if return_index else others[1:]
    return (values, *wanted) if wanted else values


def apply_along_axis(function: Function, axis: int, x: Array, /, args: Any = ()) -> Array:
    """The function called on each row along the axis."""
    axis = one_axis("apply_along_axis", axis, x.ndim)
    last = np.moveaxis(x, axis, -1)
    rows = last.reshape(-1, x.shape[axis])
    made = np.stack([as_array(function(row, *args)) for row in rows])
    whole = np.reshape(made, (*last.shape[:-1], *made.shape[1:]))
    new = range(x.ndim - 1, whole.ndim)
    return np.moveaxis(whole, tuple(new), tuple(axis + i for i in range(len(new))))


def apply_over_axes(function: Function, x: Array, axes: Any, /) -> Array:
    """The function called with each axis in turn; an axis that it removes is put back."""
    for axis in np.ravel(axes):
        out = function(x, int(axis))
        x = out if np.ndim(out) == np.ndim(x) else np.expand_dims(out, int(axis))
    return x


PLACES: dict[str, Function] = {
    **by_name(
        pad, take, insert, block, compress, extract, choose, select, piecewise, unique,
        apply_along_axis, apply_over_axes,
    ),
    "sort": in_order(lambda x, axis, kind=None, stable=None: np.argsort(x, axis, kind="stable")),
    "partition": in_order(np.argpartition),
    "meshgrid": together(np.meshgrid), "broadcast_arrays": together(np.broadcast_arrays),
    **{name: by_places(getattr(np, name)) for name in (
        "delete", "diag", "diagflat", "diagonal", "dsplit", "flip", "fliplr", "flipud", "hsplit",
        "repeat", "resize", "roll", "rot90", "take_along_axis", "tile", "unstack", "vsplit",
    ) if hasattr(np, name)},
    "fft.fftshift": by_places(np.fft.fftshift), "fft.ifftshift": by_places(np.fft.ifftshift),
    **{name: shaped(getattr(np, name)) for name in ("expand_dims", "ravel", "reshape", "squeeze")},
    **{name: turned(getattr(np, name)) for name in (
        "moveaxis", "rollaxis", "swapaxes", "transpose")},
    **{name: triangle(getattr(np, name)) for name in ("tril", "triu")},
    **{name: split(getattr(np, name)) for name in ("split", "array_split")},
    **{name: at_least(getattr(np, name)) for name in ("atleast_1d", "atleast_2d", "atleast_3d")},
}  # fmt: skip
