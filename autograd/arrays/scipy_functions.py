"""Special functions that SciPy computes: a row of each is added when one is first called on a node.

Derivatives are those of Abramowitz and Stegun (1964): 6.3.1 and 6.5.25 (gamma), 6.6.8 (beta),
9.1.27 and 9.6.26 (Bessel), 5.1.26 (exponential integrals), 7.1.19 (error functions). An order of a
Bessel function and the parameters of an incomplete gamma or beta have none in closed form: they
raise TypeError.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from math import pi
from typing import Any, NoReturn

from ..core.functions import cos, digamma, exp, floor, gammaln, log, log1p, sign, where
from ..core.rules import register

Column = Callable[..., Any]
ROOT = pi**0.5


def _bessel(name: str, left: float, right: float, decay: float = 0.0) -> Column:
    """The slope of a Bessel function from those of the orders below and above."""

    def column(g: Any, out: Any, order: Any, x: Any) -> Any:
        f: Any = getattr(sys.modules["scipy.special"], name)
        return g * (left * f(order - 1, x) + right * f(order + 1, x) - decay * sign(x) * out)

    return column


def _of_order(n: int, column: Column) -> Column:
    return lambda g, out, x: column(g, out, n, x)


def _unknown(what: str) -> Column:
    def column(g: Any, out: Any, *xs: Any) -> NoReturn:
        raise TypeError(f"scipy.special.{what} has no known slope: take .data, for a constant")

    return column


def _slope_of_rgamma(g: Any, out: Any, x: Any) -> Any:
    """-psi / gamma, and its limit at the poles of both."""
    at_pole = (x <= 0) * (x == floor(x))
    n = where(at_pole, -x, 0.0)
    limit = cos(pi * n) * exp(gammaln(n + 1.0))
    return g * where(at_pole, limit, -out * digamma(where(at_pole, 1.0, x)))


def _density(a: Any, x: Any) -> Any:
    return exp((a - 1.0) * log(x) - x - gammaln(a))


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    logs = gammaln(a + b) - gammaln(a) - gammaln(b)
    return exp((a - 1.0) * log(x) + (b - 1.0) * log1p(-x) + logs)


J, Y, I, K = (_bessel(f"{kind}v", left, right) for kind, left, right in (  # noqa: E741
    ("j", 0.5, -0.5), ("y", 0.5, -0.5), ("i", 0.5, 0.5), ("k", -0.5, -0.5)))  # fmt: skip
SCALED = _bessel("ive", 0.5, 0.5, 1.0)
COLUMNS: dict[str, tuple[Column, ...]] = {
    **{f"{kind}{n}": (_of_order(n, column),)
       for kind, column in (("j", J), ("y", Y), ("i", I), ("k", K)) for n in (0, 1)},
    **{name: (_unknown(f"{name} in its order"), column) for name, column in (
        ("jv", J), ("jn", J), ("yv", Y), ("yn", Y), ("iv", I), ("kv", K), ("kn", K),
        ("ive", SCALED))},
    "i0e": (_of_order(0, SCALED),), "i1e": (_of_order(1, SCALED),),
    "gamma": (lambda g, out, x: g * out * digamma(x),),
    "rgamma": (_slope_of_rgamma,),
    "gammasgn": (lambda g, out, x: 0.0 * g,),
    "gammainc": (_unknown("gammainc in a"), lambda g, out, a, x: g * _density(a, x)),
    "gammaincc": (_unknown("gammaincc in a"), lambda g, out, a, x: -g * _density(a, x)),
    "beta": (lambda g, out, a, b: g * out * (digamma(a) - digamma(a + b)),
             lambda g, out, a, b: g * out * (digamma(b) - digamma(a + b))),
    "betaln": (lambda g, out, a, b: g * (digamma(a) - digamma(a + b)),
               lambda g, out, a, b: g * (digamma(b) - digamma(a + b))),
    "betainc": (_unknown("betainc in a"), _unknown("betainc in b"),
                lambda g, out, a, b, x: g * _beta_density(a, b, x)),
    "erfcinv": (lambda g, out, x: -0.5 * ROOT * g * exp(out * out),),
    "erfi": (lambda g, out, x: 2.0 / ROOT * g * exp(x * x),),
    "dawsn": (lambda g, out, x: g * (1.0 - 2.0 * x * out),),
    "ndtri": (lambda g, out, x: (2.0 * pi) ** 0.5 * g * exp(0.5 * out * out),),
    "log_ndtr": (lambda g, out, x: g * exp(-0.5 * x * x - out) / (2.0 * pi) ** 0.5,),
    "expi": (lambda g, out, x: g * exp(x) / x,),
    "exp1": (lambda g, out, x: -g * exp(-x) / x,),
}  # fmt: skip


@cache
def row_of(name: str) -> Callable[..., Any] | None:
    """The function of a row for a ufunc of SciPy's, which is added to the table; or None."""
    if name not in COLUMNS:
        return None
    return register(name, getattr(sys.modules["scipy.special"], name), *COLUMNS[name])
