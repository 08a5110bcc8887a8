"""Complex and mpmath numbers: which library's function computes the function of a given name."""

from __future__ import annotations

import cmath
import math
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

from ..core import ieee
from ..core.kinds import FUNCTIONS, Function, describe


def compute(fact: Function, args: tuple[Any, ...], x: Any) -> Any:
    """The function on complex or mpmath numbers, of which x is one; TypeError if it has none."""
    find = partial(_of_mpmath, x.context) if hasattr(x, "context") else _of_complex
    try:
        return (fact.definition or find(fact.name))(*args)
    except (AttributeError, TypeError) as error:
        raise TypeError(f"{fact.name} is not known for {describe(x)}") from error


def _f(name: str) -> Callable[..., Any]:
    return FUNCTIONS[name].call


def _complex_pow(x: complex, y: complex) -> complex:
    return cmath.exp(y * cmath.log(x)) if x != 0 else 0j**y


def _power_derivative(power: Any, log: Any, x: Any, y: Any, n: float, m: float) -> Any:
    terms = ieee.power_terms(y, n, m)
    if not terms:
        return 0.0 * x
    return power(x, y - n) * sum(c * log(x) ** p if p else c for c, p in terms)


# Python's own operators compute these for numbers of any kind, and for arrays.
OPERATORS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in ("add", "sub", "mul", "neg", "floordiv", "mod")},
    "div": operator.truediv, "pow": operator.pow, "abs": operator.abs, "equal": operator.eq,
    "identity": operator.pos,
}  # fmt: skip
GENERIC: dict[str, Callable[..., Any]] = {
    **OPERATORS,
    "identity": lambda x: x,  # +x would round one of mpmath's
    "positive": lambda x: x.real > 0,
    "negative": lambda x: x.real < 0,
    "where": lambda c, x, y: x if c else y,
    "sign": lambda x: x * 0 + ieee.sign(float(x)),
    "step": lambda x: x * 0 + ieee.step(float(x)),
    "maximum": lambda x, y: x if x > y else y,
    "minimum": lambda x, y: x if x < y else y,
    "sum": lambda *xs: sum(xs),
    "mean": lambda *xs: sum(xs) / len(xs),
    "dot": lambda *xs: sum(map(operator.mul, xs[: len(xs) // 2], xs[len(xs) // 2 :])),
    "logsumexp": lambda *xs: _f("log")(sum(map(_f("exp"), xs))),
    "softmax": lambda *xs: _f("exp")(xs[0]) / sum(map(_f("exp"), xs)),
    "log_softmax": lambda *xs: xs[0] - _f("log")(sum(map(_f("exp"), xs))),
}

COMPLEX: dict[str, Callable[..., Any]] = {
    **GENERIC,
    "pow": _complex_pow,
    "power_derivative": partial(_power_derivative, _complex_pow, cmath.log),
    "expm1": lambda z: complex(
        math.expm1(z.real) * math.cos(z.imag) - 2 * math.sin(z.imag / 2) ** 2,
        math.exp(z.real) * math.sin(z.imag),
    ),
    "log1p": lambda z: complex(
        0.5 * math.log1p(z.real * (2 + z.real) + z.imag**2), math.atan2(z.imag, 1 + z.real)
    ),
    "log2": lambda z: cmath.log(z) / math.log(2),
    "cbrt": lambda z: cmath.exp(cmath.log(z) / 3) if z.real > 0 else -cmath.exp(cmath.log(-z) / 3),
    "normal_pdf": lambda z: cmath.exp(-0.5 * z * z) * ieee.PER_R2PI,
    "hypot": lambda z, w: cmath.sqrt(z * z + w * w),
    "atan2": lambda w, z: (
        cmath.atan(w / z) + (z.real < 0) * math.copysign(math.pi, w.real)
        if abs(z) >= abs(w)
        else math.copysign(math.pi / 2, w.real) - cmath.atan(z / w)
    ),
}


def _of_complex(name: str) -> Callable[..., Any]:
    """The function of complex numbers of that name."""
    return COMPLEX.get(name) or getattr(cmath, name)


def _of_mpmath(mp: Any, name: str) -> Callable[..., Any]:
    """mpmath's function of that name; `mp` is the context a number belongs to."""
    special = {
        "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
        "log2": lambda x: mp.log(x, 2),
        "normal_cdf": mp.ncdf,
        "normal_pdf": mp.npdf,
        "power_derivative": partial(_power_derivative, operator.pow, mp.ln),
        "gammaln": lambda x: mp.log(abs(mp.gamma(x))),
        "polygamma": lambda x, n: mp.psi(int(n), x),
        "floor": mp.floor,
        "floordiv": lambda x, y: mp.floor(x / y),
        "round": lambda x, digits: mp.nint(x * mp.mpf(10) ** digits) / mp.mpf(10) ** digits,
    }
    return special.get(name) or GENERIC.get(name) or getattr(mp, name)
