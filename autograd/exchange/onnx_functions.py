"""Functions of numbers as nodes of ONNX: its own, and what it lacks, written in those."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.functions import FORMULAS, is_ours
from ..core import functions as f
from ..core.kinds import Function
from .onnx_graph import (
    BOOL,
    DOUBLE,
    FLOATS,
    SINGLE,
    Traced,
    each,
    equal,
    joint,
    like,
    made,
    refuse,
    spread,
)  # fmt: skip

inf = math.inf
LARGEST = {DOUBLE: float(np.finfo(float).max), SINGLE: float(np.finfo(np.float32).max)}
# fmt: off
ALIKE = """identity add sub mul div neg pow exp log sqrt sin cos tan asin acos atan sinh cosh tanh asinh
acosh atanh erf sigmoid softplus relu abs sign floor sum"""  # ONNX has these, with a capital
NATIVE = {name: name.capitalize() for name in ALIKE.split()} | {"minimum": "Min", "maximum": "Max"}
IN_SINGLE = {"Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Erf", "Softplus"}  # in ONNX Runtime
WRITTEN: dict[str, Callable[..., Any]] = {  # what it has not, in what it has
    "positive": lambda x: x > 0.0,
    "negative": lambda x: x < 0.0,
    "equal": equal,
    "step": lambda x: f.sign(f.relu(x)),
    "expm1": lambda x: f.where(abs(x) < 1.0, _near_1(f.exp(x), x, lambda u: (u - 1.0) * (x / f.log(u))), f.exp(x) - 1.0),
    "log1p": lambda x: f.where(x < inf, _near_1(1.0 + x, x, lambda u: f.log(u) * (x / (u - 1.0))), x),
    "log2": lambda x: f.PER_LN2 * f.log(x),
    "log10": lambda x: f.PER_LN10 * f.log(x),
    "tan": lambda x: f.sin(x) / f.cos(x),
    "sinh": lambda x: f.sign(x) * 0.5 * (f.expm1(abs(x)) + 1.0 - f.exp(-abs(x))),
    "cosh": lambda x: 0.5 * (f.exp(x) + f.exp(-x)),
    "asinh": lambda x: f.where(abs(x) < inf, f.sign(x) * f.log1p(abs(x) + abs(x) * f.ratio(abs(x), 1.0 + f.hypot(1.0, x))), x),
    "acosh": lambda x: f.log1p(x - 1.0 + f.sqrt(x - 1.0) * f.sqrt(x + 1.0)),
    "atanh": lambda x: 0.5 * f.log1p(2.0 * (x / (1.0 - x))),
    "atan": lambda x: _atan(f.clip(x, -1e300, 1e300)),
    "asin": lambda x: f.atan(x / f.sqrt((1.0 - x) * (1.0 + x))),
    "acos": lambda x: 2.0 * f.atan(f.sqrt((1.0 - x) / (1.0 + x))),
    "atan2": lambda y, x: _atan2(*[f.clip(z, -LARGEST[z.dtype], LARGEST[z.dtype]) for z in joint((y, x))[1]]),
    "hypot": lambda x, y: f.where((abs(x) == inf) | (abs(y) == inf), inf, _hypot(f.maximum(abs(x), abs(y)), f.minimum(abs(x), abs(y)))),
    "mod": lambda x, y: _with_sign_of(y, each("Mod", x, y, fmod=1)),
    "floordiv": lambda x, y: f.where(y == 0.0, x / y, f.where(abs(y) == inf, f.where(x * y < 0.0, -1.0, 0.0) + 0.0 * x, f.floor((x - f.mod(x, y)) / y + 0.5))),
    "inverse_where_positive": lambda x: f.where(x < 0.0, math.nan, 1.0 / abs(x)),  # ONNX Runtime drops + 0.0
    "normal_cdf": lambda x: 0.5 * (1.0 + f.erf(x * math.sqrt(0.5))),
    "mean": lambda *xs: f.sum_of(*xs) / len(xs),
    "dot": lambda *xys: f.sum_of(*map(operator.mul, xys[: len(xys) // 2], xys[len(xys) // 2 :])),
}
# fmt: on


def _near_1(u: Any, x: Any, corrected: Callable[[Any], Any]) -> Any:
    """x where u rounds to 1, else a formula that undoes the rounding of u (Kahan)."""
    return f.where(u == 1.0, x, corrected(u))


def _atan(x: Any) -> Any:
    """The arctangent in single precision, and a step of Newton's method in double."""
    near = like("Atan", x.astype(SINGLE)).astype(DOUBLE)
    s, c = f.sin(near), f.cos(near)
    return near + (x * c - s) / (c + x * s)


def _atan2(y: Any, x: Any) -> Any:
    turned = ((x < 0.0) | (1.0 / x < 0.0)) & ((x != 0.0) | (y == 0.0))  # to the left, or -0.0
    near = f.where(x == 0.0, f.sign(y) * (math.pi / 2), f.atan(y / x))
    below = (y < 0.0) | (1.0 / y < 0.0)
    return near + f.where(turned, f.where(below, -math.pi, math.pi), 0.0)


def _hypot(large: Any, small: Any) -> Any:
    share = f.ratio(small, large)
    return large * f.sqrt(1.0 + share * share)


def _with_sign_of(y: Any, rest: Any) -> Any:
    """A remainder with the sign of the divisor, as in Python."""
    return f.where((rest != 0.0) & ((rest < 0.0) != (y < 0.0)), rest + y, rest)


def function(fact: Function, *xs: Any) -> Any:
    """A function of numbers on such arrays."""
    name, op = fact.name, NATIVE.get(fact.name)
    if name == "where":
        return _where(*xs)
    dtype, given = joint(xs)
    if dtype not in FLOATS:
        dtype, given = joint(xs, DOUBLE)
    if op and not (op in IN_SINGLE and dtype == DOUBLE):
        return made(op, spread(*[x.shape for x in given]), dtype, *given)
    xs = tuple([x if isinstance(x, Traced) else y for x, y in zip(given, xs, strict=True)])
    if name == "round" and xs[1] == 0:
        return like("Round", xs[0])
    if name in WRITTEN and not (name == "normal_cdf" and dtype == DOUBLE):
        return WRITTEN[name](*xs).astype(dtype)
    if name in FORMULAS:
        double = [x.astype(DOUBLE) if isinstance(x, Traced) else x for x in xs]
        return FORMULAS[name](*double).astype(dtype)
    if fact.definition is None:
        refuse(name, ": it has no counterpart there")
    try:
        return fact.definition(*xs).astype(dtype)
    except (TypeError, ValueError, AttributeError) as error:
        if not is_ours(fact):
            refuse(name, f" ({error}): write it with autograd.where and functions of autograd")
        raise


def _where(condition: Any, x: Any, y: Any) -> Traced:
    dtype, values = joint((x, y))
    if dtype not in FLOATS:
        dtype, values = joint((x, y), DOUBLE)
    if getattr(condition, "dtype", BOOL) != BOOL:
        condition = condition != 0.0
    given = condition if isinstance(condition, Traced) else np.array(condition, BOOL), *values
    return made("Where", spread(*[x.shape for x in given]), dtype, *given)
