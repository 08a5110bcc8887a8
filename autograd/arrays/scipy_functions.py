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
from math import inf, pi
from typing import Any, NoReturn

from ..core.functions import cos, digamma, exp, floor, gammaln, log, log1p, sign, where
from ..core.rules import register

Column = Callable[..., Any]
ROOT = pi**0.5


def _bessel(name: str, left: float, right: float, decay: float = 0.0) -> Column:
    """The slope of a Bessel function from those of the orders below and above."""

    def column(g: Any, out: Any, order: Any, x: Any) -> Any:
        below, above = of_scipy(name, order - 1, x), of_scipy(name, order + 1, x)
        return g * (left * below + right * above - decay * sign(x) * out)

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


def of_scipy(name: str, *xs: Any) -> Any:
    """A ufunc of `scipy.special`, which its caller has imported."""
    return getattr(sys.modules["scipy.special"], name)(*xs)


def _flat(g: Any, out: Any, *xs: Any) -> Any:
    return 0.0 * g


def log_gamma_density(x: Any, a: Any) -> Any:
    """The logarithm of the slope of gammainc(a, x) in x."""
    return of_scipy("xlogy", a - 1.0, x) - x - gammaln(a)


def log_beta_density(x: Any, a: Any, b: Any) -> Any:
    """The logarithm of the slope of betainc(a, b, x) in x."""
    near_ends = of_scipy("xlogy", a - 1.0, x) + of_scipy("xlog1py", b - 1.0, -x)
    return near_ends - of_scipy("betaln", a, b)


def log_t_density(x: Any, df: Any) -> Any:
    """The logarithm of the slope of stdtr(df, x) in x."""
    is_normal = df == inf
    df = where(is_normal, 1.0, df)
    scale = of_scipy("betaln", 0.5 * df, 0.5) + 0.5 * log(df)
    found = -0.5 * (df + 1.0) * log1p(x * x / df) - scale
    return where(is_normal, -0.5 * (x * x + log(2.0 * pi)), found)


def _of_density(name: str, log_density: Column, shapes: int, sign: float) -> tuple[Column, ...]:
    """The columns of a distribution function of some shapes and x, in this order."""

    def column(g: Any, out: Any, *xs: Any) -> Any:
        return sign * g * exp(log_density(xs[-1], *xs[:-1]))

    return *[_unknown(f"{name} in its shapes")] * shapes, column


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
    "gammasgn": (_flat,),
    **{name: _of_density(name, density, shapes, sign) for name, density, shapes, sign in (
        ("gammainc", log_gamma_density, 1, 1.0), ("gammaincc", log_gamma_density, 1, -1.0),
        ("betainc", log_beta_density, 2, 1.0), ("betaincc", log_beta_density, 2, -1.0),
        ("stdtr", log_t_density, 1, 1.0))},
    **{name: (_flat, lambda g, out, k, mu, sign=sign: (
        sign * g * exp(log_gamma_density(mu, floor(k) + 1.0)))) for name, sign in (
        ("pdtr", -1.0), ("pdtrc", 1.0))},
    "beta": (lambda g, out, a, b: g * out * (digamma(a) - digamma(a + b)),
             lambda g, out, a, b: g * out * (digamma(b) - digamma(a + b))),
    "betaln": (lambda g, out, a, b: g * (digamma(a) - digamma(a + b)),
               lambda g, out, a, b: g * (digamma(b) - digamma(a + b))),
    "erfcinv": (lambda g, out, x: -0.5 * ROOT * g * exp(out * out),),
    "erfi": (lambda g, out, x: 2.0 / ROOT * g * exp(x * x),),
    "dawsn": (lambda g, out, x: g * (1.0 - 2.0 * x * out),),
    "ndtri": (lambda g, out, x: (2.0 * pi) ** 0.5 * g * exp(0.5 * out * out),),
    "erfcx": (lambda g, out, x: 2.0 * g * (x * out - 1.0 / ROOT),),
    "log_ndtr": (lambda g, out, x: g * (2.0 / pi) ** 0.5 / of_scipy("erfcx", -x / 2.0**0.5),),
    "expi": (lambda g, out, x: g * exp(x) / x,),
    "exp1": (lambda g, out, x: -g * exp(-x) / x,),
}  # fmt: skip


@cache
def row_of(name: str) -> Callable[..., Any] | None:
    """The function of a row for a ufunc of SciPy's, which is added to the table; or None."""
    if name not in COLUMNS:
        return None
    return register(name, getattr(sys.modules["scipy.special"], name), *COLUMNS[name])
