"""Functions that libraries of arrays lack, or compute to fewer digits, on arrays of any library.

They use the functions of this package, which dispatch to the library. The caller converts arrays to
double precision, and the result back.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

from ..core import ieee
from ..core.functions import abs, exp, log, log1p, maximum, minimum, pow, where
from .libraries import Array

# ---- the error function and the normal distribution ----------------------------------------------

# erf(x) / x is a polynomial in x^2 for |x| <= 1, and e^(x^2) erfc(x) (1 + 2x) one in
# t = (x - 3) / (x + 3) for x >= 0 (after Shepherd and Laframboise 1981, who took 3.75), both to
# 1e-17. These are their Chebyshev series to as many terms, computed with 60 digits by mpmath.
# fmt: off
ERF = (
    1.1283791670955126, -0.37612638903183543, 0.11283791670945006, -0.02686617064323777,
    0.0052239776071164225, -0.0008548325975389692, 0.00012055294904839707, -1.492473690741966e-05,
    1.6447424703317362e-06, -1.6208483801871705e-07, 1.3720064546777686e-08, -7.795898827002142e-10,
)
SCALED_ERFC = (
    1.2530080582697296, -0.1356211061245812, -0.04756229435344912, 0.12964515870276316,
    -0.11927366341538978, 0.06830802734389313, -0.023770514917107986, 0.0025293918173706497,
    0.0018886903443894542, -0.0007798322831260387, -0.00010515971612176149, 0.00012509940933306624,
    4.949184182276066e-06, -2.010075903780886e-05, -7.307985940695724e-07, 3.4728430145951554e-06,
    3.5571413343395913e-07, -6.172971639709339e-07, -1.4042772727671948e-07, 1.0252159854733823e-07,
    4.1031674722876435e-08, -1.3744637271614611e-08, -8.205287217548862e-09, 1.1435382719942424e-09,
    8.373239801913565e-10, -2.5208846559132343e-11,
)
# fmt: on


def polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """The sum of c_k x^k (Horner)."""
    *rest, leading = coefficients
    total = 0.0 * x + leading
    for c in reversed(rest):
        total *= x
        total += c
    return total


def exp_minus_square(x: Array, scale: float) -> Array:
    """e^(-scale x^2): the square in two parts, since exp would amplify its rounding error."""
    head = ieee.head(x)
    return exp(-scale * (head * head)) * exp(-scale * ((x - head) * (x + head)))


def scaled_erfc(x: Array) -> Array:
    """e^(x^2) erfc(x) for x >= 0."""
    return polynomial(SCALED_ERFC, (x - 3.0) / (x + 3.0)) / (1.0 + 2.0 * x)


def erfc(x: Array) -> Array:
    """1 - erf(x), accurate also in the far tail; 0 where it underflows."""
    y = minimum(abs(x), 30.0)
    tail = exp_minus_square(y, 1.0) * scaled_erfc(y)
    return where(x < 0, 2.0 - tail, tail)


def erf(x: Array) -> Array:
    """The error function."""
    y = minimum(abs(x), 1.0)
    tail = 1.0 - erfc(abs(x))
    return where(abs(x) < 1.0, x * polynomial(ERF, y * y), where(x < 0, -tail, tail))


def normal_cdf(x: Array) -> Array:
    """The cumulative normal distribution."""
    y = minimum(abs(x), 40.0)
    tail = 0.5 * (exp_minus_square(y, 0.5) * scaled_erfc(y * math.sqrt(0.5)))
    return where(x > 0, 1.0 - tail, tail)


def normal_pdf(x: Array) -> Array:
    """The density of the normal distribution."""
    return exp_minus_square(minimum(abs(x), 40.0), 0.5) * ieee.PER_R2PI


# ---- powers --------------------------------------------------------------------------------------


def cbrt(x: Array) -> Array:
    """The cube root: a power, then one step of Newton's method."""
    root = where(x < 0, -1.0, 1.0) * pow(abs(x), 1.0 / 3.0)
    square = root * root
    step = (square * root - x) / (3.0 * square)
    return where(abs(step) < math.inf, root - step, root)


def power_derivative(x: Array, y: Array, n: Any, m: Any) -> Array:
    """`ieee.power_derivative` on arrays: the sum of c x^(y - n) (ln x)^p, 0 where every c is 0."""
    order, logs = int(n), int(m)
    terms = [
        (math.comb(logs, k) * math.factorial(k) * factor, logs - k)
        for k, factor in enumerate(_falling_factors(y, order)[: logs + 1])
    ]
    if logs == 0:
        ((c, _),) = terms
        if c.__class__ is float:
            return c * pow(x, y - n) if c else where(x == x, 0.0, 0.0)
        return where(c == 0.0, 0.0, c * pow(x, y - n))
    leading: Any = 0.0
    sign: Any = 1.0
    total: Any = 0.0
    log_x = log(where(x > 0, x, math.nan))
    for c, p in reversed(terms):
        leading, sign = where(c != 0, c, leading), where(c != 0, (-1.0) ** p, sign)
    for c, p in terms:
        total = total + where(c == 0, 0.0, c * pow(log_x, float(p)))
    at_zero = where(y >= n, 0.0, where(y < n, leading * math.inf * sign, math.nan))
    answer = where(x == 0, at_zero, pow(x, y - n) * total)
    return where(leading == 0, 0.0, answer)


def _falling_factors(y: Array, order: int) -> list[Array]:
    """For each k, the k-th derivative by y of y (y - 1) ... (y - order + 1), over k!."""
    factors: list[Any] = [1.0]
    for i in range(order):
        shifted = [0.0, *factors]
        factors = [(y - i) * f + s for f, s in zip([*factors, 0.0], shifted, strict=True)]
    return factors


# ---- several arrays, element by element ----------------------------------------------------------


def _tops(xs: tuple[Array, ...]) -> tuple[Array, Array, Array]:
    """As `ieee.tops`: the largest, the sum of e^(x - largest) of the others, and that of xs[0]."""
    top = reduce(maximum, xs)
    powers = [_exp_minus(x, top) for x in xs]
    rest: Any = 0.0
    taken = top != top
    for x, power in zip(xs, powers, strict=True):
        first = (x == top) & ~taken
        rest, taken = rest + where(first, 0.0, power), taken | first
    return top, rest, powers[0]


def _exp_minus(x: Array, top: Array) -> Array:
    """e^(x - top), corrected for the rounding of the difference, as `ieee.exp_minus`."""
    d = x - top
    back = d - x
    lost = (x - (d - back)) - (top + back)
    return where(x == top, 1.0, exp(d) * where(d - d == 0.0, 1.0 + lost, 1.0))


def softmax(*xs: Array) -> Array:
    """e^xs[0] over the sum of all e^x; 0 where all are -inf."""
    top, rest, first = _tops(xs)
    return where(top == -math.inf, 0.0, first / (1.0 + rest))


def log_softmax(*xs: Array) -> Array:
    """ln(softmax), finite where a share underflows."""
    top, rest, _ = _tops(xs)
    gap = where(xs[0] == top, where(top == -math.inf, top, 0.0), xs[0] - top)
    return gap - log1p(rest)


def logsumexp(*xs: Array) -> Array:
    """ln(sum e^x), without overflow."""
    top, rest, _ = _tops(xs)
    return top + log1p(rest)
