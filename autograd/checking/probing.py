"""A black box near a point: its values, their differences, and how far rounding moves them.

The size of the rounding is measured: high differences of the function over a few close points
contain nothing else (ECnoise: More and Wild 2011, "Estimating computational noise").

The words: a *difference* is the slope of a secant; a *step* is how far its ends are from x; a
*grain* is the least step that x feels, one unit in its last place; the *noise* of f is how far its
values are off by rounding inside it.
"""

from __future__ import annotations

import itertools
import math
from math import inf, nan
from typing import Final

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Slope = tuple[float, float]  # a slope and its error bar

DOUBLE = 2.0**-53  # the relative error of rounding to a double
LEAST = 2.0**-1060  # and more than its absolute error where a double has few digits left
OF_ONE = 2.0**-1071  # the same, of the result of one operation
# of small numbers: double, single, half, bfloat16
LAST_BITS = {DOUBLE: 2.0**-1074, 2.0**-24: 2.0**-149, 2.0**-11: 2.0**-24, 2.0**-8: 2.0**-133}

SLIPS = (1, 3, 7, 19, 41, 97, 211, 499)  # floats between the points of a table
DEEPEST = 52  # halvings of the scale of x after which x + h has no digits left
SPACINGS = ((40, 34, 28, 22, 16, 8), (46,), (52,))  # of tables, in halvings of the scale
FEW = 8.0  # roundings that a value is usually off by, at most
MANY = 64.0  # how many times the rounding a difference must be to mean something


class Probe:
    """A function near a point, and all of its values that were computed."""

    def __init__(
        self, f: Callable[[float], float], x: float, roundoff: float, known: float | None = None,
        longest: float = 1.0,
    ) -> None:  # fmt: skip
        self.f: Callable[[float], float] = f
        self.x: float = x
        self.roundoff: float = roundoff
        self.known: float | None = known
        self.longest: float = longest
        self.values: dict[float, float] = {}
        self.at_x: Final = self.value(0.0)
        self.last_bit: Final = LAST_BITS.get(roundoff, 0.0)
        self.grain: Final = max(math.ulp(x) * (roundoff / DOUBLE), self.last_bit)
        self.size: Final = power_of_two(abs(x)) if x else longest
        self.scale: float = self.size  # how far from x there are values on both sides, at most
        self.noise: float = 0.0

    def point(self, h: float) -> float:
        """x + h, in the precision of x."""
        t = self.x + h
        if self.roundoff == DOUBLE or not math.isfinite(t):
            return t
        c = t * (self.roundoff / DOUBLE + 1.0)  # Veltkamp 1968
        return c - (c - t)

    def value(self, h: float) -> float:
        """f(x + h); nan where it has no finite value."""
        if h not in self.values:
            try:
                t = self.point(h)
                y = self.f(t) if math.isfinite(t) else nan
            except Exception:  # outside its domain a function may raise anything
                y = nan
            self.values[h] = float(y) if not isinstance(y, complex) and y - y == 0 else nan
        return self.values[h]

    def rounding(self, *values: float) -> float:
        """A bound on the rounding of these values of the function."""
        return self.noise + self.roundoff * max(map(abs, values)) + self.last_bit

    # ---- differences ----

    def central(self, h: float) -> Slope:
        """A central difference, and its rounding."""
        a = self.value(-h)
        b = self.value(h) if a == a else nan
        width = self.point(h) - self.point(-h)
        return (b - a) / width, 2.0 * self.rounding(a, b) / width

    def sided(self, h: float, away: bool = False) -> Slope:
        """A difference to the side of h's sign, and its rounding; `away` leaves x itself out."""
        a, b = (self.value(h), self.value(h + h)) if away else (self.at_x, self.value(h))
        width = self.point(h) - self.x
        if not width:  # h is lost beside x
            return nan, inf
        return (b - a) / width, 2.0 * self.rounding(a, b) / abs(width)

    def gap(self, h: float) -> Slope:
        """How far the slopes to the two sides are apart, and how much of it may be rounding."""
        right, noise = self.sided(h)
        return abs(right - self.sided(-h)[0]), 4.0 * noise

    def bends(self, h: float) -> bool:
        """True if second differences have one sign, as those of noise have not, beyond rounding."""
        bends, least = self.second_differences(h)
        return all(bend > least for bend in bends) or all(bend < -least for bend in bends)

    def scatters(self, h: float) -> bool:
        """True if second differences change their sign more than once, as those of noise do."""
        bends, _ = self.second_differences(h)
        signs = [bend > 0.0 for bend in bends if bend]
        return sum(a != b for a, b in itertools.pairwise(signs)) > 1

    def slips(self, h: float) -> bool:
        """True if, at some multiple of h, second differences change their sign beyond rounding.

        So do those of a wave whose phase is rounded: from one float to the next it looks smooth,
        until its phase slips by a unit in its last place.
        """
        for k in SLIPS:
            bends, least = self.second_differences(k * h)
            signs = [bend > 0.0 for bend in bends if abs(bend) > least]
            if sum(a != b for a, b in itertools.pairwise(signs)) > 1:
                return True
        return False

    def second_differences(self, h: float) -> tuple[list[float], float]:
        """Those of nine values to one side, and how large rounding may make them."""
        table = [self.value(h * i) for i in range(9)]
        bends = [a - 2.0 * b + c for a, b, c in zip(table, table[1:], table[2:], strict=False)]
        return bends, FEW * self.roundoff * max(map(abs, table)) + FEW * self.last_bit

    # ---- steps ----

    def largest_step(self, *signs: float) -> float:
        """The largest power of two with finite values on these sides; 0 if none is.

        0, too, where there are none beside x: (-2) ** y at y = 3 is a point alone.
        """
        close = [self.least_step(), *(self.size * 2.0**-k for k in (46, 40, 34, 28, 22, 16, 10))]
        if any(all(math.isnan(self.value(sign * h)) for h in close) for sign in signs):
            return 0.0
        for h in self.ladder(max(self.longest, self.size)):
            if all(math.isfinite(self.value(sign * h)) for sign in signs):
                self.scale = min(self.scale, h)
                return h
        return 0.0

    def ladder(self, h: float, halvings: int = 1) -> Iterator[float]:
        """Steps from h down to what x can still feel."""
        least = self.least_step()
        while h >= least:
            yield h
            # down to a tiny |x| is too long a way to take at every power of two
            short = h <= self.longest * 2.0**-30
            h = self.size if short and self.size * 4.0 < h else h * 2.0**-halvings

    def least_step(self) -> float:
        return max(self.grain, self.size * 2.0**-DEEPEST)

    # ---- noise ----

    def measured_noise(self) -> float:
        """The rounding of f near x, by the table of differences of More and Wild (2011).

        The points are an odd number of grains apart, for among round numbers additions are exact.
        A second table, further off, is for rounding that happens to be small at x.
        """
        if self.known is not None:
            return self.known
        return max(self.least_noise(0.0, 4.0 / 3.0), self.least_noise(self.scale / 64.0, 5.0 / 3.0))

    def least_noise(self, offset: float, factor: float) -> float:
        """The noise on the right; where that is large, the least of several tables on both sides.

        Values with a kink or a pole among them look noisy too. Noise is taken to grow with f.
        """
        here, least, lucky = abs(self.at_x), inf, False
        for spacings, sign in itertools.product(SPACINGS, (1.0, -1.0)):
            if least > FEW * self.roundoff * here:
                noise = self.noise_at(sign, offset, factor, spacings)
                there = abs(self.value(sign * offset))
                noise *= here / there if there > here else 1.0
                lucky |= noise < least / MANY < inf
                least = noise if noise < least / MANY else least
        sides = (self.least_step(), -self.least_step())
        if lucky and all(map(self.slips, sides)):
            tables = ([[self.value(k * h * i) for i in range(9)] for k in SLIPS] for h in sides)
            noises = (max(3.0 * noise_of(t) for t in some if t[-1] == t[-1]) for some in tables)
            least = max(least, min(noises))
        return least if least < inf else 0.0

    def noise_at(
        self, sign: float, offset: float, factor: float, spacings: tuple[int, ...]
    ) -> float:
        """The noise in a table of eight values to one side, as close together as they differ."""
        flat = False
        for halvings in spacings:
            h = factor * self.scale * 2.0**-halvings
            if h < 2.0**52 * self.grain:
                h = self.grain * (max(4, int(h / self.grain)) | 1)
            table = [self.value(sign * (offset + h * i)) for i in range(1, 9)]
            if any(y != y for y in table):
                break
            repeated = sum(a == b for a, b in itertools.pairwise(table))
            if repeated <= 3:  # else the points are too close to tell
                noise = 3.0 * noise_of(table)
                # where f is constant close by, it may have a kink or stairs further off
                large = noise > MANY * self.roundoff * max(map(abs, table))
                return 0.0 if flat and large else noise
            flat = flat or (repeated == 7 and halvings <= 40)
        return 0.0 if flat else inf


def noise_of(table: list[float]) -> float:
    """The standard deviation of the noise in equally spaced values of a smooth function."""
    found = []
    for k in range(1, 7):
        table = [b - a for a, b in itertools.pairwise(table)]
        if k >= 4:
            size = math.hypot(*table) / math.sqrt(len(table))
            found.append(size * math.factorial(k) / math.sqrt(math.factorial(2 * k)))
    return math.hypot(*found) / math.sqrt(len(found))


def power_of_two(x: float) -> float:
    """The largest power of two that is not above x."""
    return 2.0 ** (math.frexp(x)[1] - 1)
