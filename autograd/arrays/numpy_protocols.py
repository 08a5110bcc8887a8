"""NumPy's functions on Tensors: the rule of each, in functions of this package.

A table maps the function object, not its name, to its rule: np.trace is not np.linalg.trace. Each
argument is used or refused by name. A function without a rule raises TypeError and names similar
ones that have a rule: a gradient is never dropped silently. NumPy itself computes only functions
whose result has zero slope (counts, comparisons, orders, shapes).
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache, partial
from string import ascii_lowercase
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ..core import functions
from ..core.graph import Node
from ..core.kinds import describe
from .building import cat, einsum, norm, pad, stack
from .compositions import FLAT as FLAT_NAMES
from .compositions import NUMPY, rule_of
from .keywords import Axis, one_axis
from .libraries import Array, DType
from .node import ArrayNode
from .operations import matmul

Function = Callable[..., Any]


def _found(names: Any) -> dict[Any, Any]:
    """A dict from NumPy's functions of these names, if this version has them, to their items."""
    found = {}
    for name in names:
        place: Any = np
        for part in name.split("."):
            place = getattr(place, part, None)
        if place is not None:
            found[place] = names[name] if isinstance(names, dict) else name
    return found


# ---- ufuncs --------------------------------------------------------------------------------------


def _product(name: str, left: int, right: int) -> Function:
    """NumPy's product of stacks of vectors and matrices, of so many axes each."""

    def product(x: Array, y: Array) -> Array:
        shapes = np.shape(x), np.shape(y)
        fit = len(shapes[0]) >= left and len(shapes[1]) >= right
        if not fit or shapes[0][-1] != shapes[1][-right]:
            raise ValueError(f"np.{name}: the shapes {shapes[0]} and {shapes[1]} do not fit")
        if left == right:
            return (x * y).sum(-1)
        if right == 1:
            return matmul(x, np.expand_dims(y, -1))[..., 0]
        return matmul(np.expand_dims(x, -2), y)[..., 0, :]

    return product


UFUNCS: dict[Any, Function] = _found({
    **NUMPY, "matmul": matmul, "vecdot": _product("vecdot", 1, 1),
    "matvec": _product("matvec", 2, 1), "vecmat": _product("vecmat", 1, 2),
    "float_power": lambda x, y: functions.pow(_in("np.float_power", x, float), y),
})  # fmt: skip
UFUNC_NAMES = [ufunc.__name__ for ufunc in UFUNCS]
REDUCED = {np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min",
           np.logaddexp: "logsumexp"}  # fmt: skip
FLAT_UFUNCS = _found(FLAT_NAMES)
# The arguments of every ufunc, with their defaults if those are not None.
USUAL = {"where": True, "casting": "same_kind", "order": "K", "subok": True}
TAKES = {"reduce": ("axis", "keepdims"), "accumulate": ("axis",)}


def call_ufunc(ufunc: Any, method: str, inputs: Any, options: Any) -> Array:
    """Compute `np.sin(t)`, `array * t` or `np.add.reduce(t)`."""
    title = f"np.{ufunc.__name__}" if method == "__call__" else f"np.{ufunc.__name__}.{method}"
    if ufunc in FLAT_UFUNCS and method != "at":
        return _flat(title, getattr(ufunc, method), inputs, options)
    rule = _rule_of(ufunc, method)
    if rule is None:
        _refuse(title, UFUNC_NAMES)
    arrays = [_array(x) for x in inputs]
    return _called(title, rule, arrays, options, TAKES.get(method, ()), USUAL)


def _rule_of(ufunc: Any, method: str) -> Function | None:
    """The rule of a method of a ufunc, or None."""
    rule = UFUNCS.get(ufunc) or rule_of(ufunc)
    if method == "__call__" or rule is None:
        return rule
    if method == "outer" and ufunc.nin == 2 and not ufunc.signature:
        return lambda x, y: rule(np.reshape(x, np.shape(x) + (1,) * np.ndim(y)), y)
    if method == "accumulate" and ufunc is np.add:
        return lambda x, axis=0: x.cumsum(one_axis("np.add.accumulate", axis, x.ndim))
    return partial(_reduce, REDUCED[ufunc]) if method == "reduce" and ufunc in REDUCED else None


def _reduce(name: str, x: Array, axis: Axis = 0, keepdims: bool = False) -> Array:
    return getattr(x, name)(axis if x.ndim or axis not in (0, -1) else (), keepdims)


# ---- functions -----------------------------------------------------------------------------------


def _shaped(shape: Function) -> Function:
    """A function that only changes the shape: the shape that it gives to an empty array."""
    return lambda x, /, **named: x.reshape(shape(np.empty(x.shape), **named).shape)


def _turned(turn: Function) -> Function:
    """A function that only reorders the axes: apply it to an array whose axis i has length i."""
    return lambda x, /, **named: x.transpose(turn(np.empty(range(x.ndim)), **named).shape)


def _dot(x: Array, y: Array, /) -> Array:
    if not np.ndim(x) or not np.ndim(y):
        return x * y
    return matmul(x, y) if np.ndim(y) <= 2 else _tensordot(x, y, ([-1], [-2]))


def _tensordot(x: Array, y: Array, /, axes: Any = 2) -> Array:
    if not np.iterable(axes):
        axes = range(-axes, 0), range(axes)
    left, right = ([i] if not np.iterable(i) else list(i) for i in axes)
    shapes = np.shape(x), np.shape(y)
    if [shapes[0][i] for i in left] != [shapes[1][i] for i in right]:
        raise ValueError(f"tensordot: the shapes {shapes} differ along the axes {left} and {right}")
    letters = iter(ascii_lowercase)
    a, b = ([next(letters) for _ in shape] for shape in shapes)
    for i, j in zip(left, right, strict=True):
        b[j] = a[i]
    out = [letter for letter in a + b if (a + b).count(letter) == 1]
    return einsum(f"{''.join(a)},{''.join(b)}->{''.join(out)}", x, y)


def _reduction(name: str) -> Function:
    return lambda x, /, axis=None, keepdims=False: getattr(x, name)(axis, keepdims)


def _by_places(place: Function) -> Function:
    """A function that only moves elements: apply it to their places, then index with the result.

    Place 0 is a zero before all elements, for results that come from no element.
    """

    def moved(x: Array, /, **named: Any) -> Array:
        to = place(np.arange(1, x.size + 1).reshape(x.shape), **named)
        several = isinstance(to, (list, tuple))
        if all(np.all(part) for part in (to if several else [to])):
            row, first = x.reshape(-1), 1
        else:
            row, first = pad(x.reshape(-1), (1, 0)), 0
        return [row[part - first] for part in to] if several else row[to - first]

    return moved


def _split(split: Function) -> Function:
    def pieces(x: Array, /, indices_or_sections: Any, axis: int = 0) -> list[Any]:
        before = (slice(None),) * one_axis("split", axis, x.ndim)
        parts = split(np.arange(x.shape[axis]), indices_or_sections)
        return [x[(*before, slice(p[0], p[-1] + 1) if p.size else slice(0))] for p in parts]

    return pieces


def _take(x: Array, /, indices: Any, axis: int | None = None, mode: str = "raise") -> Array:
    if axis is None or mode != "raise" or np.asarray(indices).dtype.kind != "i":
        return _by_places(np.take)(x, indices=indices, axis=axis, mode=mode)
    return x[(*(slice(None),) * one_axis("take", axis, x.ndim), indices)]


def _mask(keep: Function) -> Function:
    return lambda x, /, k=0: functions.where(keep(np.ones(x.shape, bool), k), x, 0.0)


def _sort(x: Array, /, axis: Any = -1, kind: Any = None, stable: Any = None) -> Array:
    order = np.argsort(x.data, axis=axis, kind="stable")
    return _by_places(lambda places: np.take_along_axis(places, order, axis))(x)


def _diff(x: Array, /, n: int = 1, axis: int = -1) -> Array:
    before = (slice(None),) * one_axis("diff", axis, x.ndim)
    if n < 0:
        raise ValueError(f"diff: n is a number of times, at least 0, not {n}")
    for _ in range(n):
        x = x[(*before, slice(1, None))] - x[(*before, slice(None, -1))]
    return x


def _average(x: Array, /, axis: Any = None, weights: Array = None, keepdims: bool = False) -> Array:
    if weights is None:
        return x.mean(axis, keepdims)
    weights = _array(weights)
    np.average(np.zeros(np.shape(x)), axis, _plain(weights))  # NumPy refuses what does not fit
    if np.shape(weights) != np.shape(x):  # a row along one axis
        column = np.reshape(weights, (-1, *[1] * (np.ndim(x) - 1)))
        weights = np.moveaxis(column, 0, one_axis("average", axis, np.ndim(x)))
    total = np.sum(weights, axis=axis, keepdims=keepdims)
    return np.sum(x * weights, axis=axis, keepdims=keepdims) / total


def _pad(x: Array, /, pad_width: Any, mode: Any = "constant", constant_values: Any = 0) -> Array:
    if mode == "constant" and not np.ndim(constant_values):
        return pad(x, pad_width, constant_values)
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        return _by_places(np.pad)(x, pad_width=pad_width, mode=mode)
    raise TypeError(f"np.pad of a Tensor has no rule for mode={mode!r}, or for several values")


def _round(x: Array, /, decimals: int = 0) -> Array:
    """NumPy scales, rounds and scales back: 2.675 is 2.68, where Python's `round` says 2.67."""
    if not decimals:
        return functions.round(x)
    power, up, down = 10.0 ** abs(decimals), operator.mul, operator.truediv
    there, back = (up, down) if decimals > 0 else (down, up)
    return back(functions.round(there(x, power)), power)


def _clip(x: Array, low: Array, high: Array, /, min: Array = None, max: Array = None) -> Array:
    low, high = (b if a is None else a for a, b in ((low, _array(min)), (high, _array(max))))
    if low is high is None:
        return +x
    return functions.clip(x, -np.inf if low is None else low, np.inf if high is None else high)


def _where(condition: Array, x: Array, y: Array, /) -> Array:
    return np.where(_plain(condition)) if x is y is None else functions.where(condition, x, y)


def _full_like(x: Array, fill: Array, /, dtype: DType = None, shape: Any = None) -> Array:
    if not _holds_nodes(fill):
        return np.full_like(_plain(x), fill, dtype, shape=shape)
    return fill.astype(dtype or x.dtype).broadcast_to(x.shape if shape is None else shape)


def _at_least(function: Function) -> Function:
    def shaped(*xs: Array) -> Array:
        made = [np.reshape(x, np.shape(function(np.empty(np.shape(x))))) for x in xs]
        return made[0] if len(made) == 1 else type(function(0, 0))(made)

    return shaped


# The rule of each function. Parameters before the slash are arrays, one with a star is a list of
# arrays; settings have NumPy's names and defaults. `dtype` casts the arrays, unless the rule takes
# it. Other parameters are refused.
FUNCTION_TABLE: dict[str, Function] = {
    **{name: _reduction(name) for name in ("sum", "mean", "prod", "max", "min")},
    "ptp": lambda x, /, axis=None, keepdims=False: x.max(axis, keepdims) - x.min(axis, keepdims),
    "var": lambda x, /, axis=None, ddof=0, keepdims=False: x.var(axis, keepdims, ddof),
    "std": lambda x, /, axis=None, ddof=0, keepdims=False: x.std(axis, keepdims, ddof),
    "cumsum": lambda x, /, axis=None: x.cumsum(axis),
    "average": _average,
    "linalg.norm": lambda x, /, ord=None, axis=None, keepdims=False: norm(x, ord, axis, keepdims),
    "linalg.vector_norm": lambda x, /, axis=None, keepdims=False, ord=2: (
        norm(x, None if ord == 2 else ord, axis, keepdims)
    ),
    "linalg.matrix_norm": lambda x, /, keepdims=False, ord="fro": norm(x, ord, (-2, -1), keepdims),
    "copy": lambda x, /: +x,
    "real": lambda x, /: +x,
    "astype": lambda x, /, dtype: x.astype(dtype),
    "full_like": _full_like,
    "matrix_transpose": lambda x, /: x.swapaxes(-1, -2),
    "broadcast_to": lambda x, /, shape: x.broadcast_to(shape),
    "concatenate": lambda *xs, axis=0: cat(xs, axis),
    "append": lambda x, y, /, axis=None: cat([x, y], axis),
    "stack": lambda *xs, axis=0: stack(xs, axis),
    "vstack": lambda *xs: cat([np.atleast_2d(x) for x in xs]),
    "hstack": lambda *xs: cat(list(map(np.atleast_1d, xs)), axis=int(np.ndim(xs[0]) > 1)),
    "dstack": lambda *xs: cat([np.atleast_3d(x) for x in xs], axis=2),
    "column_stack": lambda *xs: cat(
        [np.reshape(x, (-1, 1)) if np.ndim(x) < 2 else x for x in xs], axis=1
    ),
    "pad": _pad,
    "einsum": lambda *operands, optimize=False: einsum(*operands),
    "dot": _dot,
    "vdot": lambda x, y, /: matmul(np.reshape(x, -1), np.reshape(y, -1)),
    "inner": lambda x, y, /: _tensordot(x, y, ([-1], [-1])) if np.ndim(x) and np.ndim(y) else x * y,
    "outer": lambda x, y, /: np.reshape(x, (-1, 1)) * np.reshape(y, -1),
    "linalg.outer": lambda x, y, /: einsum("i,j->ij", x, y),
    "linalg.matmul": lambda x, y, /: matmul(x, y),
    "tensordot": _tensordot,
    "trace": lambda x, /, offset=0, axis1=0, axis2=1: np.diagonal(x, offset, axis1, axis2).sum(-1),
    "linalg.trace": lambda x, /, offset=0: np.diagonal(x, offset, -2, -1).sum(-1),
    "linalg.diagonal": lambda x, /, offset=0: np.diagonal(x, offset, -2, -1),
    "sort": _sort,
    "diff": _diff,
    "where": _where,
    "clip": _clip,
    "round": _round,
    "take": _take,
    **{name: _by_places(getattr(np, name)) for name in (
        "delete", "diag", "diagflat", "diagonal", "dsplit", "flip", "fliplr", "flipud", "hsplit",
        "repeat", "resize", "roll", "rot90", "take_along_axis", "tile", "vsplit")},
    **{name: _shaped(getattr(np, name)) for name in ("expand_dims", "ravel", "reshape", "squeeze")},
    **{name: _turned(getattr(np, name)) for name in (
        "moveaxis", "rollaxis", "swapaxes", "transpose")},
    **{name: _mask(getattr(np, name)) for name in ("tril", "triu")},
    **{name: _split(getattr(np, name)) for name in ("split", "array_split")},
    **{name: _at_least(getattr(np, name)) for name in ("atleast_1d", "atleast_2d", "atleast_3d")},
}  # fmt: skip
FUNCTION_TABLE |= {alias: FUNCTION_TABLE[name] for alias, name in {
    "amax": "max", "amin": "min", "around": "round", "linalg.tensordot": "tensordot",
    "linalg.matrix_transpose": "matrix_transpose"}.items()}  # fmt: skip
KNOWN = _found(FUNCTION_TABLE)
FLAT = _found([
    "argmax", "argmin", "argpartition", "argsort", "argwhere", "flatnonzero", "lexsort",
    "nanargmax", "nanargmin", "nonzero", "count_nonzero", "searchsorted", "digitize", "any", "all",
    "allclose", "isclose", "array_equal", "array_equiv", "isin", "isneginf", "isposinf", "shape",
    "ndim", "size", "zeros_like", "ones_like", "empty_like", "array_repr", "array_str",
    "array2string", "iscomplex", "iscomplexobj", "isreal", "isrealobj", "imag", "result_type",
    "common_type", "can_cast", "min_scalar_type", "may_share_memory", "shares_memory",
    "einsum_path", "tril_indices_from", "triu_indices_from", "diag_indices_from",
])  # fmt: skip


def _of_array(a: Array, b: Array, out: Array = None) -> Array:
    """The signature of a product."""


# Signatures that `inspect` cannot read in some versions of NumPy.
UNTOLD: dict[str, Function] = {
    "concatenate": lambda arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind": None,
    "where": lambda condition, x=None, y=None, /: None,
    "einsum": lambda *operands, out=None, optimize=False, dtype=None, order="K", casting="safe": (
        None
    ),
    **dict.fromkeys(("dot", "inner", "vdot"), _of_array),
}


class Signature(NamedTuple):
    """The parameters of a NumPy function, and which of them its rule takes."""

    title: str
    told: inspect.Signature
    arrays: list[str]
    is_listed: bool
    takes: Container[str]
    defaults: dict[str, Any]


@cache
def _signature(function: Any) -> Signature:
    told = inspect.signature(UNTOLD.get(function.__name__, function))
    ours = inspect.signature(KNOWN[function]).parameters.values()
    names = list(told.parameters)
    listed = any(p.kind is p.VAR_POSITIONAL for p in ours)
    count = 1 if listed else sum(p.kind is p.POSITIONAL_ONLY for p in ours)
    takes = {p.name for p in ours if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    if any(p.kind is p.VAR_KEYWORD for p in ours):
        takes = set(names) - {"out", "dtype", "order"}
    defaults = {
        p.name: None if p.default is p.empty else p.default for p in told.parameters.values()
    }
    return Signature(_title(function), told, names[:count], listed, takes, USUAL | defaults)


def _title(function: Any) -> str:
    """The name of a function as a user writes it: np.linalg.norm."""
    return f"{function.__module__ or 'numpy'}.{function.__name__}".replace("numpy", "np", 1)


def call_function(function: Any, args: Any, named: Any) -> Array:
    """Compute `np.sum(t, axis=0)`, say."""
    if function in FLAT:
        return _flat(_title(function), function, args, named)
    if function not in KNOWN:
        _refuse(_title(function), FUNCTION_TABLE)
    title, told, names, listed, takes, defaults = _signature(function)
    given = dict(told.bind(*args, **named).arguments)
    given |= given.pop("kwargs", {})
    arrays = [given.pop(name, None) for name in names]
    arrays = [None if x is np._NoValue else _array(x) for x in (arrays[0] if listed else arrays)]
    return _called(title, KNOWN[function], arrays, given, takes, defaults)


# ---- arguments -----------------------------------------------------------------------------------


def _called(
    title: str, rule: Function, arrays: Sequence[Array], given: Mapping[str, Any],
    takes: Container[str], defaults: Mapping[str, Any],
) -> Array:  # fmt: skip
    """Apply a rule to arrays; each other argument is used or refused by name."""
    settings = {}
    for name, x in given.items():
        if x is np._NoValue or (name not in takes and _is(x, defaults.get(name))):
            continue
        if name == "out":
            _refuse_out(title)
        if name in takes and (not _holds_nodes(x) or name in ("weights", "min", "max")):
            settings[name] = x
        elif name == "dtype":
            arrays = [_in(title, array, x) for array in arrays]
        else:
            raise TypeError(
                f"{title} of a Tensor does not take {name}={describe(x)}: leave it out and build "
                "it from functions with a gradient, or take t.data if it is meant to be a constant"
            )
    return rule(*arrays, **settings)


def _flat(title: str, function: Function, args: Any, named: Any) -> Array:
    """NumPy's own result, which has no gradient."""
    if _holds_nodes(named.get("out")):
        _refuse_out(title)
    return function(*map(_plain, args), **{name: _plain(x) for name, x in named.items()})


def _is(x: object, default: object) -> bool:
    """True if an argument is the default, and can be left out."""
    return x is default or (isinstance(x, (bool, int, float, str)) and bool(x == default))


def _in(title: str, x: Array, dtype: DType) -> Array:
    """An array in another precision; a number unchanged, since arrays decide its precision."""
    if not hasattr(x, "astype"):
        return x
    if np.dtype(dtype) not in (np.float64, np.float32):
        raise TypeError(
            f"{title} of a Tensor with dtype={dtype}: a Tensor holds float64 or float32"
        )
    return x if x.dtype == dtype else x.astype(dtype)


def _array(x: Array) -> Array:
    """An array argument: a list as an array, or as a Tensor if it holds nodes."""
    if isinstance(x, (list, tuple)):
        return stack(list(map(_array, x))) if _holds_nodes(x) else np.asarray(x)
    return x


def _holds_nodes(x: Array) -> bool:
    return isinstance(x, Node) or (isinstance(x, (list, tuple)) and any(map(_holds_nodes, x)))


def _plain(x: Array) -> Array:
    """The argument with arrays in place of Tensors."""
    if isinstance(x, ArrayNode):
        return x.data
    if isinstance(x, (list, tuple)) and _holds_nodes(x):
        return list(map(_plain, x))
    return x


def _refuse_out(title: str) -> NoReturn:
    raise TypeError(
        f"{title} into an array that exists (out=, or `array += t`) would cut the graph: use what "
        "it returns, or write `array = array + t`"
    )


def _refuse(title: str, known: Iterable[str] = ()) -> NoReturn:
    close = get_close_matches(title.removeprefix("np."), known, n=3, cutoff=0.5)
    nearest = f" (the nearest with one: {', '.join(f'np.{n}' for n in close)})" if close else ""
    raise TypeError(
        f"{title} has no rule for a Tensor{nearest}: build it from functions that have one, "
        "register() one of your own, or take t.data if it is meant to be a constant"
    )
