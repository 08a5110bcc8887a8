"""NumPy's functions of Values, and functions at every element of arrays of Values."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..core import functions
from ..core.graph import Node
from ..core.kinds import describe, is_number
from .compositions import FLAT, rule_of

# What operators compute, with IEEE's results for numbers that stand beside Values; all else is done
# by rules, for NumPy's maximum of objects, say, passes over a nan.
OPERATORS: dict[str, Callable[..., Any]] = {
    "less": operator.lt, "less_equal": operator.le, "equal": operator.eq,
    "greater": operator.gt, "greater_equal": operator.ge, "not_equal": operator.ne,
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul,
    "divide": functions.div, "power": functions.pow, "floor_divide": functions.floordiv,
    "remainder": functions.mod,
}  # fmt: skip


def on_values(ufunc: Any, method: str, inputs: tuple[Any, ...], options: Any) -> Any:
    """Compute `np.tanh(v)` or `np.float64(2) * v`; TypeError for a ufunc that has no rule."""
    if any(getattr(x, "stands_in", False) for x in inputs):
        return NotImplemented  # a recording of Tensors says what it does not take
    name, title = ufunc.__name__, f"np.{ufunc.__name__}"
    if method != "__call__" or options:
        named = f" with {', '.join(options)}=" if options else ""
        what = title + named if method == "__call__" else f"{title}.{method}{named}"
        raise TypeError(f"{what} takes no Value; for `array += v` write `array = array + v`")
    function = OPERATORS.get(name) if getattr(np, name, None) is ufunc else None
    function = function or rule_of(ufunc)
    if function is None and name in FLAT and getattr(np, name) is ufunc:
        function = partial(_of_numbers, ufunc)
    if function is None:
        raise TypeError(
            f"{title} has no rule for a Value; take .data for a constant, or "
            f"register() a rule of your own"
        )
    if any(isinstance(x, np.ndarray) for x in inputs):
        found = at_each(function, inputs, ufunc.nout)
        found = _mask(found) if name in FLAT else found
        from .value_arrays import stands_for_floats, values_in  # which imports this module

        return values_in(found) if stands_for_floats() else found
    odd = next((x for x in inputs if isinstance(x, np.generic) and not is_number(x)), None)
    if odd is not None:
        raise TypeError(f"{title} of a Value takes real numbers, not {describe(odd)}")
    # NumPy's scalars would ask their ufunc again, and that would ask us.
    return function(*(float(x) if is_number(x) else x for x in inputs))


def _of_numbers(ufunc: Any, *xs: Any) -> Any:
    return ufunc(*(x.data if isinstance(x, Node) else x for x in xs))


def _mask(found: Any) -> Any:
    """Truth values as NumPy has them, to index with; not those that a replay records."""
    truths = isinstance(found, np.ndarray) and all(
        isinstance(x, (bool, np.bool_)) for x in found.flat
    )
    return found.astype(bool) if truths else found


def at_each(function: Any, xs: tuple[Any, ...], results: int = 1) -> Any:
    """A function at every element of arrays of objects; Values go with each."""
    boxes = [np.empty(x.shape if isinstance(x, np.ndarray) else (), dtype=object) for x in xs]
    for box, x in zip(boxes, xs, strict=True):
        box[...] = x
    with np.errstate(all="ignore"):
        return np.frompyfunc(function, len(boxes), results)(*boxes)
