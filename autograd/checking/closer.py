"""A second look at a rule that differences disagree with: were their steps too long?

Differences begin with steps as long as 1 or as x. Where other inputs are much smaller, such steps
pass over all that the function does near x: hypot(x, 1e-12) is |x| to them, and x % 1e-9 is noise.
At an x so large that the next float is past all that, no step is short enough.
"""

from __future__ import annotations

import math
from itertools import pairwise
from operator import sub
from statistics import median

from .differences import DOUBLE, LEAST, Estimate, derivative

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Kinks = Callable[[float], Sequence[float]]

MANY = 64.0  # roundings by which values may differ, and times by which error bars may
ALMOST = 2.0**-22  # the part of a slope to which an agreement is no coincidence
SHORT = 64.0  # floats from x: they are close by in any case
MOST_UNITS = 8  # that are tried
# Floats from one value to the next; a wave that is too short looks smooth at some of them.
STRIDES = (1, 3, 7, 19, 41, 97, 211, 499)


def agrees_closer(
    f: Callable[[float], float], x: float, claimed: float, slack: float, first: Estimate, *,
    noise: float | None, sizes: Iterable[float], kinks: Kinks | None = None, wider: float = 0.0,
    roundoff: float = DOUBLE,
) -> bool:  # fmt: skip
    """Whether the claimed slope of `f` at `x` is right by shorter steps than those of `first`.

    It is, too, where no step is short enough to tell. `sizes` are numbers that may say how short a
    step has to be; `kinks` gives numbers, each of which changes its sign where `f` has a kink.
    """
    closer = _Closer(f, x, noise, roundoff)
    if closer.is_hopeless(claimed):
        return True
    if kinks is not None:
        low, high = _room(kinks, x)
        if high - low < SHORT * math.ulp(x) or _roughness(kinks, x, STRIDES):
            return True  # kinks at every float, or nearly so
        unit = _power_of_two(max(abs(x), x - low, high - x))
        return closer.look(unit, low, high).allows(unit * claimed, unit * slack)
    units = _units(x, sizes)
    doubtful = closer.is_passed_over(first, units)
    looks = [(1.0, closer.look(1.0, x - SHORT * math.ulp(x), x + SHORT * math.ulp(x)))] if x else []
    looks += [(unit, closer.look(unit)) for unit in units]
    return any(
        found.kind != "none"
        and found.allows(unit * claimed, unit * slack + (wider * found.error_bar if wider else 0.0))
        and (doubtful or _counts(found, unit, first, unit * claimed))
        for unit, found in looks
    )


class _Closer:
    """A function near x, and slopes of it by steps of other lengths."""

    def __init__(
        self, f: Callable[[float], float], x: float, noise: float | None, roundoff: float
    ) -> None:
        self.f = f
        self.x = x
        self.noise = noise
        self.roundoff = roundoff

    def value(self, t: float) -> float:
        """f(t); nan where it has none."""
        try:
            return self.f(t)
        except (ArithmeticError, ValueError):
            return math.nan

    def look(self, unit: float, low: float = -math.inf, high: float = math.inf) -> Estimate:
        """The slope of f(unit * t), which is made of values from low to high alone."""

        def within(t: float) -> float:
            return self.f(unit * t) if low <= unit * t <= high else math.nan

        return derivative(
            within, self.x / unit, roundoff=self.roundoff, noise=self.noise, thorough=True
        )

    def is_hopeless(self, claimed: float) -> bool:
        """Whether f is another function from one float to the next, as sin(1e200) is."""
        ulp, here = math.ulp(self.x), abs(self.value(self.x))
        if any(math.isinf(self.value(t)) for t in (self.x - ulp, self.x + ulp)):
            return MANY * here < abs(claimed) * ulp
        for strides in (STRIDES[:3], STRIDES):
            rough = _roughness(lambda t: [self.value(t)], self.x, strides)
            known = strides is not STRIDES and self.noise is not None
            if rough and (known or rough < MANY * abs(claimed) * ulp):
                return True
        return False

    def is_passed_over(self, first: Estimate, units: Iterable[float]) -> bool:
        """Whether f leaps, within a unit, as a function with the first slope cannot."""
        here = self.value(self.x)
        steps = [-self.x, *(h for u in units for h in (u, -u, 2 * u, -2 * u))]
        leaps = ((h, abs(self.value(self.x + h) - here)) for h in steps)
        slope = max(abs(first.value), first.scale) + first.error_bar
        least = MANY * MANY * DOUBLE * abs(here)
        return any(least + MANY * slope * abs(h) < leap < math.inf for h, leap in leaps)


def _counts(found: Estimate, unit: float, first: Estimate, claimed: float) -> bool:
    """Whether a look is sharp, on the side that it agrees with, or contradicts the first."""
    sharp = max(MANY * unit * first.error_bar, ALMOST * abs(claimed))
    sides = [side for side in (found.left, found.right) if side]
    return (
        found.error_bar <= sharp
        or not found.allows(unit * first.value, unit * first.error_bar)
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
    for side in (-1.0, 1.0):
        h, end = side * math.ulp(x), x
        signs = list(map(_sign, kinks(x + h)))
        most = 2.0 * max(1.0, abs(x)) if all(signs) else 0.0
        while abs(h) <= most and list(map(_sign, kinks(x + h))) == signs:
            h, end = 2.0 * h, x + h
        ends.append(end)
    return ends


def _sign(x: float) -> int:
    return (x > 0.0) - (x < 0.0)


def _units(x: float, sizes: Iterable[float]) -> list[float]:
    """Powers of two between x and 1, as large as some of the sizes; and as x, and much smaller."""
    least = max(8.0 * abs(x), 2.0**-1000)
    units = sorted({_power_of_two(abs(size)) for size in sizes if least < abs(size) < 2.0**-4})
    own = [_power_of_two(abs(x))] if 2.0**-1000 < abs(x) < 2.0**-4 else []
    return own + units[:: -(-len(units) // MOST_UNITS)] if units else own


def _power_of_two(x: float) -> float:
    return 2.0 ** (math.frexp(x)[1] - 1)
