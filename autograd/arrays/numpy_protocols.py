"""NumPy's own functions on Tensors: which of ours each of them means.

A function that is not here has no rule, and says so, with the nearest that have one: a gradient is
never dropped silently. Only those whose answers are flat (counts, comparisons, orders, shapes)
are left to NumPy.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, NoReturn

import numpy as np

from .. import functions
from ..kinds import FUNCTIONS
from ..rules import TABLE
from . import building as build
from .functions import NAMES
from .node import ArrayNode
from .operations import matmul
from .quiet import quiet
from .settings import axes_of

Function = Callable[..., Any]

# ---- ufuncs --------------------------------------------------------------------------------------

UFUNCS: dict[str, Function] = {
    **{NAMES[name]: FUNCTIONS[name].call for name in TABLE if name in NAMES},
    "divide": functions.div, "power": functions.pow, "float_power": functions.pow,
    "divmod": lambda x, y: (functions.floordiv(x, y), functions.mod(x, y)), "matmul": matmul,
    "absolute": functions.abs, "fabs": functions.abs, "rint": functions.round,
    "conjugate": operator.pos, "square": lambda x: x * x,
    "reciprocal": lambda x: 1.0 / x, "exp2": lambda x: 2.0**x,
    "ceil": lambda x: -functions.floor(-x), "erf": functions.erf,
    "deg2rad": lambda x: x * (np.pi / 180), "radians": lambda x: x * (np.pi / 180),
    "rad2deg": lambda x: x * (180 / np.pi), "degrees": lambda x: x * (180 / np.pi),
}  # fmt: skip
REDUCED: dict[tuple[str, str], Function] = {
    ("add", "reduce"): lambda x, axis=0, keepdims=False: x.sum(axis, keepdims),
    ("multiply", "reduce"): lambda x, axis=0, keepdims=False: x.prod(axis, keepdims),
    ("maximum", "reduce"): lambda x, axis=0, keepdims=False: x.max(axis, keepdims),
    ("minimum", "reduce"): lambda x, axis=0, keepdims=False: x.min(axis, keepdims),
    ("logaddexp", "reduce"): lambda x, axis=0, keepdims=False: x.logsumexp(axis, keepdims),
    ("add", "accumulate"): lambda x, axis=0: x.cumsum(axis),
    ("multiply", "outer"): lambda x, y: _outer(x, y),
}
FLAT_UFUNCS = (
    "less", "less_equal", "equal", "greater", "greater_equal", "not_equal",
    "isnan", "isinf", "isfinite", "signbit", "logical_not", "logical_and", "logical_or",
)  # fmt: skip


def call_ufunc(ufunc: Any, method: str, inputs: Any, options: Any) -> Any:
    """What `np.sin(t)` and `array * t` mean."""
    name = ufunc.__name__
    if options.get("out") is not None:
        raise TypeError(
            f"np.{name} into an array that exists (out=, or `array += t`) would cut the graph: "
            "write `array = array + t`"
        )
    function = REDUCED.get((name, method)) if method != "__call__" else UFUNCS.get(name)
    if function is None and method == "__call__" and name in FLAT_UFUNCS:
        return ufunc(*map(_plain, inputs), **options)
    if function is None:
        _refuse(name if method == "__call__" else f"{name}.{method}", UFUNCS)
    return _called(f"np.{name}", function, inputs, options)


# ---- functions -----------------------------------------------------------------------------------


def _outer(x: Any, y: Any) -> Any:
    return x.reshape(-1)[:, None] * y.reshape(-1)


def _moveaxis(x: Any, source: Any, destination: Any) -> Any:
    moved = axes_of("moveaxis", source, x.ndim)
    order = [i for i in range(x.ndim) if i not in moved]
    for place, i in sorted(zip(axes_of("moveaxis", destination, x.ndim), moved, strict=True)):
        order.insert(place, i)
    return x.transpose(order)


def _dot(x: Any, y: Any) -> Any:
    if not np.ndim(x) or not np.ndim(y):
        return x * y
    return matmul(x, y) if np.ndim(y) <= 2 else _tensordot(x, y, ([-1], [-2]))


def _tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
    if isinstance(axes, int):
        axes = range(-axes, 0), range(axes)
    left, right = ([i] if isinstance(i, int) else list(i) for i in axes)
    a, b = list(range(x.ndim)), list(range(x.ndim, x.ndim + y.ndim))
    for i, j in zip(left, right, strict=True):
        b[j] = a[i]
    shared = {a[i] for i in left}
    letters = "abcdefghijklmnopqrstuvwxyz"
    terms = ["".join(letters[i] for i in labels) for labels in (a, b)]
    out = "".join(letters[i] for i in (*a, *b) if i not in shared)
    return build.einsum(f"{','.join(terms)}->{out}", x, y)


def _taken(x: Any, indices: Any, axis: int | None = None) -> Any:
    x, axis = (x.reshape(-1), 0) if axis is None else (x, axis % x.ndim)
    return x[(slice(None),) * axis + (indices,)]


def _by_places(place: Function) -> Function:
    """A function that only moves elements: it is done to their places, which are then an index."""

    def moved(x: Any, *args: Any, **named: Any) -> Any:
        return x.reshape(-1)[place(np.arange(x.size).reshape(x.shape), *args, **named)]

    return moved


def _sort(x: Any, axis: int = -1) -> Any:
    order = np.argsort(x.data, axis=axis, kind="stable")
    return _by_places(lambda places: np.take_along_axis(places, order, axis))(x)


def _split(x: Any, parts: Any, axis: int = 0) -> list[Any]:
    pieces = np.split(np.arange(x.shape[axis]), parts)
    return [_taken(x, slice(p[0], p[-1] + 1) if p.size else slice(0, 0), axis) for p in pieces]


def _diff(x: Any, n: int = 1, axis: int = -1) -> Any:
    before = (slice(None),) * (axis % x.ndim)
    for _ in range(n):
        x = x[(*before, slice(1, None))] - x[(*before, slice(None, -1))]
    return x


def _average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    if weights is None:
        return x.mean(axis)
    if axis is not None and np.ndim(weights) == 1:
        weights = np.reshape(weights, [-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])
    full = weights * np.ones(x.shape)
    return (x * full).sum(axis) / np.sum(full, axis=axis)


def _mask(keep: Function) -> Function:
    return lambda x, k=0: functions.where(keep(np.ones(x.shape, bool), k), x, 0.0)


FUNCTION_TABLE: dict[str, Function] = {
    "sum": lambda x, axis=None, keepdims=False: x.sum(axis, keepdims),
    "mean": lambda x, axis=None, keepdims=False: x.mean(axis, keepdims),
    "prod": lambda x, axis=None, keepdims=False: x.prod(axis, keepdims),
    "max": lambda x, axis=None, keepdims=False: x.max(axis, keepdims),
    "min": lambda x, axis=None, keepdims=False: x.min(axis, keepdims),
    "ptp": lambda x, axis=None, keepdims=False: x.max(axis, keepdims) - x.min(axis, keepdims),
    "var": lambda x, axis=None, ddof=0, keepdims=False: x.var(axis, keepdims, ddof),
    "std": lambda x, axis=None, ddof=0, keepdims=False: x.std(axis, keepdims, ddof),
    "cumsum": lambda x, axis=None: x.cumsum(axis),
    "average": _average,
    "norm": build.norm,
    "reshape": lambda x, shape: x.reshape(shape),
    "ravel": lambda x: x.reshape(-1),
    "transpose": lambda x, axes=None: x.transpose(axes),
    "matrix_transpose": lambda x: x.swapaxes(-1, -2),
    "swapaxes": lambda x, axis1, axis2: x.swapaxes(axis1, axis2),
    "moveaxis": _moveaxis,
    "squeeze": lambda x, axis=None: x.squeeze(axis),
    "expand_dims": lambda x, axis: x.unsqueeze(axis),
    "broadcast_to": lambda x, shape: x.broadcast_to(shape),
    "concatenate": build.cat,
    "stack": build.stack,
    "vstack": lambda xs: build.cat([x.reshape(1, -1) if np.ndim(x) < 2 else x for x in xs]),
    "hstack": lambda xs: build.cat(list(xs), axis=0 if np.ndim(xs[0]) == 1 else 1),
    "split": _split,
    "pad": lambda x, pad_width, mode="constant", constant_values=0.0: (
        build.pad(x, pad_width, constant_values) if mode == "constant" else _refuse(f"pad:{mode}")
    ),
    "einsum": build.einsum,
    "dot": _dot,
    "vdot": lambda x, y: (x.reshape(-1) * y.reshape(-1)).sum(),
    "inner": lambda x, y: _tensordot(x, y, ([-1], [-1])),
    "outer": _outer,
    "tensordot": _tensordot,
    "trace": lambda x: build.einsum("ii...->...", x),
    "diagonal": _by_places(np.diagonal),
    "flip": _by_places(np.flip),
    "roll": _by_places(np.roll),
    "tile": _by_places(np.tile),
    "repeat": _by_places(np.repeat),
    "rot90": _by_places(np.rot90),
    "take": _taken,
    "sort": _sort,
    "diff": _diff,
    "tril": _mask(np.tril),
    "triu": _mask(np.triu),
    "where": functions.where,
    "clip": functions.clip,
    "round": lambda x, decimals=0: functions.round(x, decimals),
}
FUNCTION_TABLE |= {"amax": FUNCTION_TABLE["max"], "amin": FUNCTION_TABLE["min"],
                   "around": FUNCTION_TABLE["round"], "permute_dims": FUNCTION_TABLE["transpose"],
                   "concat": build.cat}  # fmt: skip
FLAT = {
    "argmax", "argmin", "argsort", "nonzero", "count_nonzero", "searchsorted", "any", "all",
    "allclose", "isclose", "array_equal", "array_equiv", "shape", "ndim", "size", "zeros_like",
    "ones_like", "full_like", "empty_like", "array_repr", "array_str", "array2string",
    "iscomplexobj", "isrealobj", "result_type", "may_share_memory", "shares_memory",
}  # fmt: skip


def call_function(function: Any, args: Any, named: Any) -> Any:
    """What `np.sum(t, axis=0)` means."""
    name = function.__name__
    if named.get("out") is not None:
        raise TypeError(f"np.{name} with out= would cut the graph: use what it returns instead")
    if name in FLAT:
        return function(*map(_plain, args), **{key: _plain(x) for key, x in named.items()})
    if name not in FUNCTION_TABLE or "fft" in function.__module__:
        _refuse(name, FUNCTION_TABLE)
    return _called(f"np.{name}", FUNCTION_TABLE[name], args, named)


@quiet
def _called(title: str, function: Function, args: Any, named: Any) -> Any:
    options = {key: x for key, x in named.items() if x is not None and x is not np._NoValue}
    try:
        return function(*args, **options)
    except TypeError as error:
        if "unexpected keyword" not in str(error) and "positional argument" not in str(error):
            raise
        raise TypeError(
            f"{title} of a Tensor does not know all of these options: {error}"
        ) from None


def _refuse(name: str, known: Any = ()) -> NoReturn:
    close = get_close_matches(name, known, n=3, cutoff=0.5) or sorted(known)[:0]
    nearest = f" (the nearest with one: {', '.join(f'np.{n}' for n in close)})" if close else ""
    raise TypeError(
        f"np.{name} has no rule for a Tensor{nearest}: build it from functions that have one, "
        "register() one of your own, or take t.data if it is meant to be a constant"
    )


def _plain(x: Any) -> Any:
    """The same without graphs."""
    if isinstance(x, ArrayNode):
        return x._data
    if isinstance(x, (list, tuple)):
        return type(x)(map(_plain, x))
    return x
