"""NumPy's functions on Tensors: which rule of this package computes each.

A table maps the function object, not its name, to its rule: np.trace is not np.linalg.trace. Each
argument is used or refused by name. A function without a rule raises TypeError and names similar
ones that have a rule: a gradient is never dropped silently. NumPy itself computes only functions
whose result has zero slope (counts, comparisons, orders, shapes).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any, NoReturn

import numpy as np

from ..core import functions
from ..core.kinds import describe
from .compositions import FLAT as FLAT_NAMES
from .compositions import NUMPY, rule_of
from .keywords import one_axis
from .libraries import Array, DType
from .numpy_arguments import as_array as _array
from .numpy_arguments import holds_nodes as _holds_nodes
from .numpy_arguments import plain as _plain
from .numpy_functions import FUNCTION_TABLE
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
REDUCED: Any = {np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min",
           np.logaddexp: "logsumexp"}  # fmt: skip
FLAT_UFUNCS = _found(FLAT_NAMES)
# The arguments of every ufunc, with their defaults if those are not None.
USUAL: Any = {"where": True, "casting": "same_kind", "order": "K", "subok": True}
TAKES: Any = {"reduce": ("axis", "keepdims"), "accumulate": ("axis",)}


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
    if method == "reduce" and ufunc in REDUCED:
        return lambda x, axis=0, keepdims=False: getattr(x, REDUCED[ufunc])(axis, keepdims)
    return None


# ---- functions -----------------------------------------------------------------------------------


KNOWN = _found(FUNCTION_TABLE)
# Settings that are differentiated, where a rule takes them.
MAY_HOLD_NODES = {
    "weights", "min", "max", "prepend", "append", "to_end", "to_begin", "x", "y", "dx", "varargs",
    "left", "right", "values", "arrays", "choices", "choicelist", "condlist", "default", "base",
}  # fmt: skip
FLAT = _found([
    "angle", "argmax", "argmin", "argpartition", "argsort", "argwhere", "flatnonzero", "lexsort",
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


@cache
def _signature(function: Any) -> tuple[Any, ...]:
    """A NumPy function's signature, the names of its arrays, whether they come as one list, the
    names of the settings that its rule takes, and all defaults.
    """
    told = inspect.signature(UNTOLD.get(function.__name__, function))
    ours = inspect.signature(KNOWN[function]).parameters.values()
    names = list(told.parameters)
    listed = any(p.kind is p.VAR_POSITIONAL for p in ours)
    arrays = [p for p in ours if p.kind is p.POSITIONAL_ONLY or p.name == "self"]
    takes = {p.name for p in ours if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    if any(p.kind is p.VAR_KEYWORD for p in ours):
        takes = set(names) - {"out", "dtype", "order"}
    defaults = {
        p.name: None if p.default is p.empty else p.default for p in told.parameters.values()
    }
    return told, names[: 1 if listed else len(arrays)], listed, takes, USUAL | defaults


def title_of(function: Any) -> str:
    """The name of a function as a user writes it: np.linalg.norm."""
    return f"{function.__module__ or 'numpy'}.{function.__name__}".replace("numpy", "np", 1)


def call_function(function: Any, args: Any, named: Any) -> Array:
    """Compute `np.sum(t, axis=0)`, say."""
    if function in FLAT:
        return _flat(title_of(function), function, args, named)
    if function not in KNOWN:
        _refuse(title_of(function), FUNCTION_TABLE)
    told, names, listed, takes, defaults = _signature(function)
    given = dict(told.bind(*args, **named).arguments)
    given |= given.pop("kwargs", {})
    arrays = [given.pop(name, None) for name in names]
    arrays = [None if x is np._NoValue else _array(x) for x in (arrays[0] if listed else arrays)]
    return _called(title_of(function), KNOWN[function], arrays, given, takes, defaults)


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
        if name in takes and (name in MAY_HOLD_NODES or not _holds_nodes(x)):
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
