"""The derivative of a black box: numbers in, a number out, with an error bar that is meant.

Central differences at steps that are powers of two are extrapolated to step 0 (Richardson 1911;
Romberg 1955), from the largest step downwards. Every entry of the tableau carries the sum of two
bounds: how far it lies from its neighbours (truncation; Ridders 1982), and what the function's own
rounding, divided by the steps, can have done to it. The entry with the least sum wins, provided
that it agrees with plain differences at steps so small that no oscillation hides between them.

The size of the rounding is measured: high differences of the function over a few close points
contain nothing else (ECnoise: More and Wild 2011, "Estimating computational noise").

Where the slopes to the left and to the right disagree at the smallest steps, each side is
extrapolated by itself.
"""

from __future__ import annotations

import itertools
import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Slope = tuple[float, float]  # a slope and its error bar
    Difference = Callable[[float], Slope]
    Witness = tuple[float, float, float]

DOUBLE = 2.0**-53  # the relative error of rounding to a double
LEAST = 2.0**-1060  # and more than its absolute error where a double has few digits left
UNDERFLOW = 1e-300  # a slope of which no difference can tell it from 0
inf, nan = math.inf, math.nan

ORDERS = 7  # columns of the tableau; the eighth would gain nothing that rounding does not take
DEEPEST = 46  # halvings of the scale of x after which x + h has no digits left
WITNESS = 6  # halvings between one small step and the next
MANY = 64.0  # how many times the rounding a difference must be to mean something


class Estimate:
    """A derivative found by differences.

    `kind` is "smooth", "kink" (the slopes `left` and `right` differ), "jump", "edge" (the function
    has values on one side only), "steep" (a vertical tangent) or "none" (no finite value at the
    point). `left` and `right` are None where they were not asked for or where the function has no
    values. `rounding` is the part of `error_bar` that the function's own rounding accounts for,
    and `weight` that part for a rounding of 1. `scale` is the size of the slopes nearby, and
    `steepest` that of the steepest secant from the point. `flat` says that not one value differed
    from that at the point, `still` that none close by did.
    """

    __slots__ = (
        "error_bar", "flat", "kind", "left", "noise", "right", "rounding", "scale", "steepest",
        "still", "value", "weight",
    )  # fmt: skip

    def __init__(self, kind: str, value: float, error_bar: float, noise: float) -> None:
        self.kind = kind
        self.value = value
        self.error_bar = error_bar
        self.noise = noise
        self.left: Slope | None = None
        self.right: Slope | None = None
        self.rounding = 0.0
        self.weight = 0.0
        self.scale = 0.0
        self.steepest = 0.0
        self.flat = self.still = False

    def allows(self, claimed: float, slack: float) -> bool:
        """Whether a slope is this one, or lies between those to both sides; give or take `slack`.

        At a pole there is nothing to compare with; a vertical tangent says how steep at least.
        """
        if self.kind == "none" or claimed == self.value:
            return True
        if math.isinf(self.value):
            return claimed * self.value > 0.0 and 4.0 * abs(claimed) >= self.steepest
        if self.kind in ("kink", "jump") and self.left and self.right:
            slopes = sorted((self.left[0], self.right[0]))
            bar = 2.0 * max(self.left[1], self.right[1]) + slack
            return slopes[0] - bar <= claimed <= slopes[1] + bar
        return abs(claimed - self.value) <= 2.0 * self.error_bar + slack + UNDERFLOW

    def __repr__(self) -> str:
        return f"<{self.kind} derivative {self.value!r} +- {self.error_bar:.1e}>"


def derivative(
    f: Callable[[float], float],
    x: float,
    *,
    roundoff: float = DOUBLE,
    noise: float | None = None,
    thorough: bool = False,
) -> Estimate:
    """The derivative of `f` at `x`, with an error bar.

    `f` may raise ArithmeticError or ValueError where it has no value. `roundoff` is the relative
    error of a rounding in f's arithmetic, 2^-53 for doubles; `noise` is how far f's values are off
    besides, where that is known, as it must be to tell stairs from rounding. `thorough` compares
    the two sides at every step, and not at the smallest alone. Some 60 calls of `f` are usual.

    >>> import math
    >>> slope = derivative(math.exp, 1.0)
    >>> abs(slope.value - math.e) < slope.error_bar < 1e-13
    True
    >>> derivative(abs, 0.0).kind
    'kink'
    """
    return _Search(f, x, roundoff, noise).run(thorough)


def stencil(f: Callable[[float], float], x: float, h: float, at_x: float) -> Slope:
    """The slope of `f` by five points a fixed step apart, and an error bar: cheap, for screening.

    `at_x` is f(x). The bar is generous where the step suits the function and wide where not.
    """
    a, b, c, d = f(x + h), f(x - h), f(x + h + h), f(x - h - h)
    if a == b == c == d == at_x:
        return 0.0, 0.0
    near = (a - b) / (h + h)
    slope = near + (near - (c - d) / (4.0 * h)) / 3.0
    rounding = 4.0 * DOUBLE * max(abs(c), abs(d), abs(at_x)) / h
    return slope, abs(slope - near) * 2.0**-6 + rounding


class _Search:
    """One search for a derivative: the values that were computed, and what they showed."""

    def __init__(
        self, f: Callable[[float], float], x: float, roundoff: float, known: float | None
    ) -> None:
        self.f = f
        self.x = x
        self.roundoff = roundoff
        self.known = known
        self.values: dict[float, float] = {}
        self.at_x = self.value(0.0)
        self.grain = math.ulp(x) * (roundoff / DOUBLE)  # the least step that x feels
        self.scale = _power_of_two(abs(x)) if x else 1.0
        self.noise = 0.0

    def value(self, h: float) -> float:
        """f(x + h); nan where it has no finite value."""
        if h not in self.values:
            try:
                y = self.f(self.x + h) if math.isfinite(self.x + h) else nan
            except (ArithmeticError, ValueError):
                y = nan
            self.values[h] = float(y) if not isinstance(y, complex) and y - y == 0 else nan
        return self.values[h]

    def rounding(self, *values: float) -> float:
        """A bound on the rounding of these values of the function."""
        return self.noise + self.roundoff * max(map(abs, values))

    # ---- what is compared ----

    def central(self, h: float) -> Slope:
        """A central difference, and its rounding."""
        a = self.value(-h)
        b = self.value(h) if a == a else nan
        width = (self.x + h) - (self.x - h)
        return (b - a) / width, 2.0 * self.rounding(a, b) / width

    def sided(self, h: float, away: bool = False) -> Slope:
        """A difference to the side of h's sign, and its rounding; `away` leaves x itself out."""
        a, b = (self.value(h), self.value(h + h)) if away else (self.at_x, self.value(h))
        width = (self.x + h) - self.x
        if not width:  # h is lost beside x
            return nan, inf
        return (b - a) / width, 2.0 * self.rounding(a, b) / abs(width)

    # ---- the search ----

    def run(self, thorough: bool) -> Estimate:
        if self.at_x != self.at_x:
            return Estimate("none", nan, inf, 0.0)
        top = self.largest_step(both=True)
        if top == 0.0:
            return self.finish(self.edge())
        self.noise = self.measured_noise(1.0)
        best, small = self.two_sided(top)
        if self.apart(small) and (meet := self.meeting(small)):
            self.scale = meet  # a kink nearby, and x is beside it
            self.noise = self.measured_noise(1.0)
            best, small = self.two_sided(meet)
        elif thorough or self.apart(small) or best.error_bar > 1e-9 * best.scale:
            best = self.both_sides(top, best)
        return self.finish(best)

    def two_sided(self, top: float) -> tuple[Estimate, float]:
        """The estimate by central differences, and the small step it was held against."""
        witness = self.witness(self.central, min(top, self.scale))
        return self.extrapolated(self.central, top, 2, witness), witness[2]

    def finish(self, best: Estimate) -> Estimate:
        changes = {h: abs(y - self.at_x) for h, y in self.values.items() if h and y == y}
        best.flat = not any(changes.values())
        best.still = not any(y for h, y in changes.items() if abs(h) <= self.scale / 8.0)
        best.steepest = max((y / abs(h) for h, y in changes.items()), default=0.0)
        best.noise = self.noise
        return best

    # ---- steps ----

    def largest_step(self, both: bool, sign: float = 1.0) -> float:
        """The largest power of two with finite values there (on both sides); 0 if none is."""
        for h in self.ladder():
            if self.has(sign * h) and (not both or self.has(-sign * h)):
                self.scale = min(self.scale, h)
                return h
        return 0.0

    def has(self, h: float) -> bool:
        return self.value(h) == self.value(h)

    def ladder(self) -> Iterator[float]:
        """Steps from the larger of 1 and |x| down to what x can still feel."""
        h = max(1.0, self.scale)
        least = self.least_step()
        while h >= least:
            yield h
            # from 1 down to a tiny |x| is too long a way to take at every power of two
            h = self.scale if self.scale * 4.0 < h <= 2.0**-30 else h / 2.0

    def least_step(self) -> float:
        return max(4.0 * self.grain, self.scale * 2.0**-DEEPEST)

    def measured_noise(self, sign: float) -> float:
        """The rounding of f near x, by the table of differences of More and Wild (2011).

        The points lie to one side of x, so that a kink at x is not taken for noise, and not at
        powers of two, where additions are exact. A second table, further off, is for rounding
        that happens to be small at x.
        """
        if self.known is not None:
            return self.known
        here = self.noise_at(0.0, sign * 1.25)
        return max(here, self.noise_at(sign * self.scale / 64.0, sign * 1.75))

    def noise_at(self, offset: float, factor: float) -> float:
        """The noise in a table of eight values, as close together as they differ."""
        for halvings in (32, 26, 20, 14, 8):
            h = factor * max(self.scale * 2.0**-halvings, 4.0 * self.grain)
            table = [self.value(offset + h * i) for i in range(1, 9)]
            if any(y != y for y in table):
                break
            repeated = sum(a == b for a, b in itertools.pairwise(table))
            if repeated <= 3:  # else the points are too close to tell
                return 3.0 * noise_of(table)
        return 0.0

    def witness(self, difference: Difference, h: float) -> Witness:
        """A difference at a step so small that nothing hides inside it, its bar, and the step."""
        slope, rounding = difference(h)
        found, agreed = (slope, inf, h), 0
        while h * 2.0**-WITNESS >= self.least_step() and (
            agreed < 2 or self.tells_stairs(h, slope, rounding)
        ):
            h *= 2.0**-WITNESS
            last, (slope, rounding) = slope, difference(h)
            apart = abs(slope - last)
            found = slope, apart + 2.0 * rounding, h
            agreed = agreed + 1 if apart <= 2.0**-7 * abs(slope) + 4.0 * rounding else 0
        return found

    def tells_stairs(self, h: float, slope: float, rounding: float) -> bool:
        """Whether the rounding is known, and so small that stairs would show at a smaller step."""
        if self.known is None or h < 2.0**20 * self.least_step():  # smaller ones tell of kinks
            return False
        return slope == 0.0 or rounding <= 2.0**-10 * abs(slope)

    # ---- sides ----

    def gap(self, h: float) -> tuple[float, float]:
        """How far the slopes to the two sides are apart, and how much of it may be rounding."""
        right, noise = self.sided(h)
        return abs(right - self.sided(-h)[0]), 4.0 * noise

    def apart(self, h: float) -> bool:
        """Whether the slopes to the two sides stay apart where for a smooth function they meet."""
        gaps = [self.gap(k) for k in (h, h * 2.0**-6, h * 2.0**-12) if k >= self.least_step()]
        return any(b > noise and b > a / 8.0 for (a, _), (b, noise) in itertools.pairwise(gaps))

    def meeting(self, h: float) -> float:
        """The step below which the two sides do meet after all; 0 if they do not."""
        first = self.gap(h)[0]
        while (h := h / 2.0) >= self.least_step():
            gap = self.gap(h)[0]
            if 8.0 * self.roundoff * abs(self.at_x) / h > first:
                return 0.0
            if gap < first / 16.0:
                return h / 2.0
        return 0.0

    def both_sides(self, top: float, best: Estimate) -> Estimate:
        """What the slopes to the left and to the right say together."""
        right, left = self.side(1.0, top), self.side(-1.0, top)
        sides = (left.value, left.error_bar), (right.value, right.error_bar)
        gap = abs(left.value - right.value) if left.value != right.value else 0.0
        bars = left.error_bar + right.error_bar
        if "jump" in (left.kind, right.kind):
            best = Estimate("jump", nan, inf, 0.0)
        elif gap > 4.0 * (bars + best.error_bar):
            best = Estimate("kink", nan, inf, 0.0)
        elif gap + bars < best.error_bar:  # smooth to first order only, as x * abs(x) is at 0
            left.value, left.error_bar = 0.5 * (left.value + right.value), gap + bars
            best = left
        best.left, best.right = sides
        return best

    def edge(self) -> Estimate:
        """The slope to the one side on which there are values."""
        for sign in (1.0, -1.0):
            if top := self.largest_step(both=False, sign=sign):
                self.noise = self.measured_noise(sign)
                side = self.side(sign, top)
                side.error_bar *= 4.0  # at the end of a domain there may be powers like 3/2
                found = side.value, side.error_bar
                side.left, side.right = (found, None) if sign < 0 else (None, found)
                side.kind = "edge"
                return side
        return Estimate("none", nan, inf, 0.0)

    def side(self, sign: float, top: float) -> Estimate:
        """The slope to one side; at a jump, that of the branch beside x."""
        start = min(top, self.scale) * 2.0**-WITNESS
        near = self.least_step() * 4.0
        a, b, c = (abs(self.value(sign * near * k) - self.at_x) for k in (1.0, 2.0**12, 2.0**24))
        heard = a / MANY
        jumps = heard > self.rounding(self.at_x) and a > b / 2.0
        # A vertical tangent: the value grows as a power of the distance, between 0.1 and 0.8.
        if (
            heard > self.roundoff * abs(self.at_x)
            and 2.3 < b / a < 776.0
            and 0.5 < (c / b) * (a / b) < 2.0
        ):
            steep = math.copysign(inf, sign * (self.value(sign * near) - self.at_x))
            return Estimate("steep", steep, 0.0, 0.0)

        def difference(h: float) -> Slope:
            return self.sided(sign * h, away=jumps)

        witness = self.witness(difference, start)
        found = self.extrapolated(difference, top, 1, witness)
        found.kind = "jump" if jumps else "smooth"
        return found

    # ---- extrapolation ----

    def extrapolated(
        self, difference: Difference, top: float, power: int, witness: Witness
    ) -> Estimate:
        """The entry of the tableau with the least error bar that agrees with the witness."""
        best = Estimate("smooth", witness[0], witness[1], self.noise)
        above: list[tuple[float, float, float]] = []
        worse = 0
        later: list[Slope] = []
        for h in self.ladder():
            if not witness[2] <= h <= top:
                continue
            slope, rounding = difference(h)
            if slope != slope:
                above = []
                continue
            row = [(slope, rounding, 1.0 / abs(h))]
            candidate = slope, inf
            for k, (other, its_rounding, its_weight) in enumerate(above[: ORDERS - 1], 1):
                q = 2.0 ** (power * k)
                last, last_rounding, last_weight = row[-1]
                value = last + (last - other) / (q - 1.0)
                rounding = (q * last_rounding + its_rounding) / (q - 1.0)
                weight = (q * last_weight + its_weight) / (q - 1.0)
                row.append((value, rounding, weight))
                apart = max(abs(value - last), abs(value - other))
                if k < len(above):
                    apart = max(apart, abs(value - above[k][0]))
                bar = apart + rounding + 4.0 * self.roundoff * abs(value)
                if not abs(value - witness[0]) <= witness[1] + bar:
                    continue
                if bar < candidate[1]:
                    candidate = value, bar
                if bar < best.error_bar:
                    best.value, best.error_bar = value, bar
                    best.rounding, best.weight = rounding, weight
                    later = []
                    best.scale = max(abs(self.sided(h)[0]), abs(self.sided(-h)[0]))
            later.append(candidate)
            worse = worse + 1 if candidate[1] > 2.0 * best.error_bar else 0
            if worse >= 4 and best.rounding * 4.0 > best.error_bar:
                break
            above = row
        # A lucky coincidence at large steps is told by what smaller steps say.
        for value, bar in later:
            best.error_bar = max(best.error_bar, abs(value - best.value) - bar)
        return best


def noise_of(table: list[float]) -> float:
    """The standard deviation of the noise in equally spaced values of a smooth function."""
    found = []
    for k in range(1, 7):
        table = [b - a for a, b in itertools.pairwise(table)]
        if k >= 4:
            size = math.hypot(*table) / math.sqrt(len(table))
            found.append(size * math.factorial(k) / math.sqrt(math.factorial(2 * k)))
    return math.hypot(*found) / math.sqrt(len(found))


def _power_of_two(x: float) -> float:
    """The largest power of two that is not above x."""
    return 2.0 ** (math.frexp(x)[1] - 1)
