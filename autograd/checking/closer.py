"""A second look at a rule that differences disagree with: were their steps too long?

Differences begin with steps as long as 1 or as x. Where other inputs are much smaller, such steps
pass over all that the function does near x: hypot(x, 1e-12) is |x| to them, and x % 1e-9 is noise.
At an x so large that the next float is past all that, no step is short enough.
"""

from __future__ import annotations

import math
from functools import cache, partial
from itertools import pairwise
from operator import sub
from statistics import median

from .differences import ALMOST, Estimate, derivative
from .probing import DOUBLE, LEAST, power_of_two

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .culprit import Line

    Function = Callable[[float], float]
    Kinks = Callable[[float], Sequence[float]]

MANY = 64.0  # roundings by which values may differ, and times by which error bars may
SHORT = 64.0  # floats from x: they are close by in any case
TINY = 2.0**-4  # beside a first step of 1, and so steps should be shorter
MOST_UNITS = 8  # that are tried
# Floats from one value to the next; a wave that is too short looks smooth at some of them.
STRIDES = (1, 3, 7, 19, 41, 97, 211, 499)


def agrees_closer(line: Line, slack: float, first: Estimate) -> bool:
    """True if the claimed slope of a line is right by shorter steps than those of `first`.

    It is, too, where no step is short enough to tell.
    """
    x, claimed, kinks = line.start, line.claimed, line.kinks
    value = cache(partial(_value, line))

    def look(longest: float, low: float = -math.inf, high: float = math.inf) -> Estimate:
        """The slope by steps that are no longer, and by values from low to high alone."""
        return derivative(
            lambda t: value(t) if low <= t <= high else math.nan, x,
            roundoff=line.roundoff, noise=line.noise, thorough=True, longest=longest,
        )  # fmt: skip

    if _is_hopeless(value, x, claimed, known=line.noise is not None):
        return True
    if kinks is not None:
        low, high = _room(kinks, x)
        if high - low < SHORT * math.ulp(x) or _roughness(kinks, x, STRIDES):
            return True  # kinks at every float, or nearly so
        unit = power_of_two(max(abs(x), x - low, high - x))
        if look(unit, low, high).allows(claimed, slack):
            return True
    units = _units(x, line.sizes)
    doubtful = bool(units) and _is_passed_over(value, x, first, units)
    close = SHORT * math.ulp(x)
    looks = [look(unit) for unit in units] + [look(1.0, x - close, x + close)] * bool(x)
    looks += [look(1.0, x - 1.0, x + 1.0)] * (abs(x) > 1.0)  # tanh is flat but for the last of 16
    return any(
        found.kind != "none"
        and found.allows(claimed, slack, line.bars)
        and ((doubtful and found is looks[0]) or _counts(found, first, claimed))
        for found in looks
    )


def _value(f: Function, t: float) -> float:
    """f(t); nan where it raises."""
    try:
        return f(t)
    except (ArithmeticError, ValueError):
        return math.nan


def _is_hopeless(value: Function, x: float, claimed: float, known: bool) -> bool:
    """True if f is another function from one float to the next, as sin(1e200) is."""
    ulp, here = math.ulp(x), abs(value(x))
    if any(math.isinf(value(t)) for t in (x - ulp, x + ulp)):
        return MANY * here < abs(claimed) * ulp
    for strides in (STRIDES[:3], STRIDES):
        rough = _roughness(lambda t: [value(t)], x, strides)
        told = known and strides is not STRIDES
        if rough and (told or rough < MANY * abs(claimed) * ulp):
            return True
    return False


def _is_passed_over(value: Function, x: float, first: Estimate, units: Iterable[float]) -> bool:
    """True if f leaps, within a unit, as a function with the first slope cannot."""
    here = value(x)
    steps = [h for u in units for h in (u, -u, 2 * u, -2 * u)] + [-x] * (abs(x) < TINY)
    leaps = ((h, abs(value(x + h) - here)) for h in steps)
    slope = max(abs(first.value), first.scale) + first.error_bar
    least = MANY * MANY * DOUBLE * abs(here)
    return any(leap > least + MANY * slope * abs(h) for h, leap in leaps)


def _counts(found: Estimate, first: Estimate, claimed: float) -> bool:
    """True if a look is sharp, on the side that it agrees with, or contradicts the first."""
    sharp = max(MANY * first.error_bar, ALMOST * abs(claimed))
    sides = [side for side in (found.left, found.right) if side]
    return (
        found.error_bar <= sharp
        or not found.allows(first.value, first.error_bar)
        or any(abs(claimed - slope) <= 2.0 * bar <= 2.0 * sharp for slope, bar in sides)
    )


def _roughness(values: Kinks, x: float, strides: Iterable[int]) -> float:
    """How far values at floats close by are from any line through them; 0 if rounding may be.

    It is the second difference in the middle of all, where that is as large as the first.
    """
    rough = []
    for stride in strides:
        table = [values(x + i * stride * math.ulp(x)) for i in range(-8, 9)]
        for row in zip(*table, strict=True):
            steps = [b - a for a, b in pairwise(row)]
            bend, step = (median(map(abs, them)) for them in (map(sub, steps, steps[1:]), steps))
            if bend > max(0.5 * step, MANY * DOUBLE * max(map(abs, row)) + LEAST):
                rough.append(bend)
    return min(rough, default=0.0)


def _room(kinks: Kinks, x: float) -> list[float]:
    """The ends of an interval around x with no kink in it, but for x itself."""
    ends = []

    def signs(t: float) -> list[int]:
        return [(kink > 0.0) - (kink < 0.0) for kink in kinks(t)]

    for side in (-1.0, 1.0):
        h, end = side * math.ulp(x), x
        known = signs(x + h)
        most = 2.0 * max(1.0, abs(x)) if all(known) else 0.0
        while abs(h) <= most and signs(x + h) == known:
            h, end = 2.0 * h, x + h
        ends.append(end)
    return ends


def _units(x: float, sizes: Iterable[float]) -> list[float]:
    """Powers of two between x and 1, as large as some of the sizes; and as x, and much smaller."""
    least = max(8.0 * abs(x), 2.0**-1000)
    units = sorted({power_of_two(abs(size)) for size in sizes if least < abs(size) < TINY})
    own = [power_of_two(abs(x))] if 2.0**-1000 < abs(x) < TINY else []
    return own + units[:: -(-len(units) // MOST_UNITS)] if units else own
