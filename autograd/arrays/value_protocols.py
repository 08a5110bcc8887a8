"""NumPy's functions of Values, and functions at every element of arrays of Values."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import functions
from ..core.kinds import FUNCTIONS, is_number
from ..core.rules import RULES, TABLE

# What NumPy computes on objects by Python's own operators; all else is done here, for NumPy's
# maximum of objects, say, passes over a nan.
OPERATORS: dict[str, Callable[..., Any]] = {
    "less": operator.lt, "less_equal": operator.le, "equal": operator.eq,
    "greater": operator.gt, "greater_equal": operator.ge, "not_equal": operator.ne,
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul,
    "divide": operator.truediv, "true_divide": operator.truediv, "power": operator.pow,
    "floor_divide": operator.floordiv, "remainder": operator.mod,
}  # fmt: skip

# What NumPy has beside the functions that a row says it has.
NUMPY_ALONE: dict[str, Callable[..., Any]] = {
    "divide": functions.div, "power": functions.pow,
    "divmod": lambda x, y: (functions.floordiv(x, y), functions.mod(x, y)),
    "absolute": functions.abs, "fabs": functions.abs, "rint": functions.round,
    "square": lambda x: x * x, "reciprocal": lambda x: 1.0 / x, "exp2": lambda x: 2.0**x,
    "ceil": lambda x: -functions.floor(-x), "conjugate": operator.pos,
    "deg2rad": lambda x: x * (np.pi / 180), "radians": lambda x: x * (np.pi / 180),
    "rad2deg": lambda x: x * (180 / np.pi), "degrees": lambda x: x * (180 / np.pi),
}  # fmt: skip


FACTS = [FUNCTIONS[name] for name in TABLE]
UFUNCS = {**{fact.numpy: fact.call for fact in FACTS if fact.numpy}, **NUMPY_ALONE}


def on_values(ufunc: Any, method: str, inputs: tuple[Any, ...], options: Any) -> Any:
    """Compute `np.tanh(v)` or `np.float64(2) * v`; TypeError for a ufunc that has no rule."""
    if method != "__call__" or options:
        raise TypeError(
            f"np.{ufunc.__name__} as .{method}, with out= or where=, takes no Value; for "
            "`array += v` write `array = array + v`"
        )
    name = ufunc.__name__
    function = OPERATORS.get(name) or UFUNCS.get(name)
    if function is None and name in RULES:  # SciPy's erf, a function of the user's own
        function = FUNCTIONS[name].call
    if function is None:
        raise TypeError(
            f"np.{name} has no rule for a Value; take .data for a constant, or "
            f"register() a rule of your own"
        )
    if any(isinstance(x, np.ndarray) for x in inputs):
        return at_each(function, inputs)
    # NumPy's scalars would ask their ufunc again, and that would ask us.
    return function(*(float(x) if is_number(x) else x for x in inputs))


def at_each(function: Any, xs: tuple[Any, ...]) -> Any:
    """A function at every element of arrays of objects; Values go with each."""
    boxes = [np.empty(x.shape if isinstance(x, np.ndarray) else (), dtype=object) for x in xs]
    for box, x in zip(boxes, xs, strict=True):
        box[...] = x
    with np.errstate(all="ignore"):
        return function(*boxes)
