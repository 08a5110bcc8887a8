"""Arithmetic on floats as IEEE 754 has it, with all its digits.

Python raises where the C library returns inf or nan, and turns a root of a negative number complex.
Here nothing raises, nothing turns complex, and nothing turns a nan into a number.
"""

from __future__ import annotations

import math
import operator
from math import inf, nan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PER_R2PI = 1.0 / math.sqrt(2.0 * math.pi)


def div(x: float, y: float) -> float:
    try:
        return x / y
    except ZeroDivisionError:
        return nan if x == 0 or x != x else math.copysign(inf, x) * math.copysign(1.0, y)


def floordiv(x: float, y: float) -> float:
    try:
        return x // y
    except ZeroDivisionError:
        return div(x, y)


def mod(x: float, y: float) -> float:
    try:
        return x % y
    except ZeroDivisionError:
        return nan


def pow_(x: float, y: float) -> float:
    try:
        return math.pow(x, y)
    except OverflowError:
        pass
    except ValueError:  # a root of a negative number, or a pole
        if x != 0:
            return nan
    is_odd = abs(math.fmod(y, 2.0)) == 1.0  # exactly; y % 2 is rounded
    return math.copysign(inf, x) if is_odd else inf


def hypot(x: float, y: float) -> float:
    """The C library's, which Python uses for complex numbers; math.hypot has its own."""
    try:
        return abs(complex(x, y))
    except OverflowError:
        return inf


def ieee(
    function: Callable[[float], float], poles: dict[float, float] | None = None, odd: bool = False
) -> Callable[[float], float]:
    """Python's `function`, with the C library's result where Python raises."""
    at_pole = poles or {}

    def floats(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return at_pole.get(x, nan)
        except OverflowError:
            return math.copysign(inf, x) if odd else inf

    return floats


def cbrt(x: float) -> float:
    """The C library's cube root is off by up to 3 units in the last place: one step of Newton's."""
    root = math.cbrt(x)
    if not 1e-300 < abs(x) < inf:
        return root
    square = root * root
    return root - (square * root - x) / (3.0 * square)


def floor(x: float) -> float:
    return math.copysign(math.floor(x), x) if abs(x) < 2.0**52 else x


def round_(x: float, digits: float = 0.0) -> float:
    try:
        return round(x, int(digits))
    except OverflowError:
        return math.copysign(inf, x)


def past_multiple(x: float, y: float) -> float:
    """How far x lies past the nearest multiple of y: exactly 0 at a multiple."""
    return math.remainder(x, y) if abs(x) < inf and y != 0 else nan


def maximum(x: float, y: float) -> float:
    return x if x > y or x != x else y


def minimum(x: float, y: float) -> float:
    return x if x < y or x != x else y


def sign(x: float) -> float:
    return 1.0 if x > 0 else -1.0 if x < 0 else x * 0.0


def step(x: float) -> float:
    return 1.0 if x > 0 else 0.0 if x <= 0 else x


def power_terms(y: Any, n: float, m: float) -> list[tuple[Any, int]]:
    """The n-th derivative by x of the m-th by y of x^y: the (c, p) of x^(y - n) sum c (ln x)^p."""
    order, logs = int(n), int(m)
    # y (y - 1) ... (y - n + 1) as a Taylor polynomial in y: factors[k] is its k-th derivative / k!
    factors = [1.0]
    for i in range(order):
        shifted = [0.0, *factors]
        factors = [(y - i) * f + s for f, s in zip([*factors, 0.0], shifted, strict=True)]
    return [
        (math.comb(logs, k) * math.factorial(k) * factor, logs - k)
        for k, factor in enumerate(factors[: logs + 1])
        if factor != 0  # a slope that is exactly 0 stays 0, whatever it multiplies
    ]


def power_derivative(x: float, y: float, n: float, m: float) -> float:
    terms = power_terms(y, n, m)
    if not terms:
        return 0.0
    leading, logs = terms[0]
    if m == 0:
        return leading * pow_(x, y - n)
    if x == 0:
        return 0.0 if y >= n else leading * inf * (-1.0) ** logs if y < n else nan
    log_x = math.log(x) if x > 0 else nan
    return pow_(x, y - n) * sum_(*(c * pow_(log_x, float(p)) for c, p in terms))


def normal_cdf(x: float) -> float:
    if not -40.0 < x < -0.5:
        return 0.5 * math.erfc(-x * math.sqrt(0.5))
    # z is rounded, and erfc multiplies its relative error by 2 z^2: put back what z lost. With
    # z^2 and x^2 / 2 each split into an exact head and a small tail, their difference is exact.
    z = -x * math.sqrt(0.5)
    z_head, x_head = head(z), head(x)
    lost = (z_head * z_head - 0.5 * (x_head * x_head)) + (
        (z - z_head) * (z + z_head) - 0.5 * ((x - x_head) * (x + x_head))
    )
    return 0.5 * math.erfc(z) * (1.0 + lost)


def normal_pdf(x: float) -> float:
    if not abs(x) < 40.0:
        return exp(-0.5 * (x * x)) * PER_R2PI
    # x^2 / 2 is rounded, and exp multiplies its relative error by x^2 / 2: take it in two parts.
    x_head = head(x)
    tail = 0.5 * ((x - x_head) * (x + x_head))
    return math.exp(-0.5 * (x_head * x_head)) * math.exp(-tail) * PER_R2PI


def head(x: float) -> float:
    """The leading 26 bits of x (Dekker 1971), so that head * head is exact."""
    shifted = 134217729.0 * x
    return shifted - (shifted - x)


exp: Callable[[float], float] = ieee(math.exp)


def exp_minus(x: float, top: float) -> float:
    """e^(x - top) with the digits that the difference lost (TwoSum, Knuth 1969, 4.2.2)."""
    d = x - top
    if d - d != 0:  # d is infinite, or inf - inf
        return 1.0 if x == top else exp(d)
    back = d - x
    lost = (x - (d - back)) - (top + back)
    return math.exp(d) * (1.0 + lost)


def tops(xs: tuple[float, ...]) -> tuple[float, float]:
    """The largest of xs, and the sum of e^(x - largest) over all the others."""
    top = max(xs)
    if any(x != x for x in xs):
        return nan, nan
    first = xs.index(top)
    return top, math.fsum(exp_minus(x, top) for i, x in enumerate(xs) if i != first)


def sum_(*xs: float) -> float:
    try:
        return math.fsum(xs)
    except ValueError:  # inf - inf
        return nan
    except OverflowError:  # on the way past the largest float
        return sum_(*(x * 2.0**-64 for x in xs)) * 2.0**64


def mean(*xs: float) -> float:
    total = sum_(*xs) / len(xs)
    return total if total - total == 0 else sum_(*(x / len(xs) for x in xs))


def dot(*xys: float) -> float:
    half = len(xys) // 2
    return sum_(*map(operator.mul, xys[:half], xys[half:]))


def logsumexp(*xs: float) -> float:
    top, rest = tops(xs)
    return top + math.log1p(rest)


def softmax(x: float, *others: float) -> float:
    top, rest = tops((x, *others))
    return 0.0 if top == -inf else exp_minus(x, top) / (1.0 + rest)


def log_softmax(x: float, *others: float) -> float:
    top, rest = tops((x, *others))
    if top == -inf:
        return -inf
    return (0.0 if x == top else x - top) - math.log1p(rest)
