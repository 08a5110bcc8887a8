"""The derivative of a black box: numbers in, a number out, with an error bar that is meant.

Central differences at steps that are powers of two are extrapolated to step 0 (Richardson 1911;
Romberg 1955), from the largest step downwards. Every entry of the tableau carries the sum of two
bounds: how far it lies from its neighbours (truncation; Ridders 1982), and what the function's own
rounding, divided by the steps, can have done to it. The entry with the least sum wins, provided
that it agrees with plain differences at steps so small that no oscillation hides between them.

Where the slopes to the left and to the right disagree at the smallest steps, each side is
extrapolated by itself.

The words: a *difference* is the slope of a secant; a *step* is how far its ends are from x; a *bar*
is how far a slope may be off. A row of the *tableau* is made from the row above by Neville's rule:
of T(h) and T(h/2), whose errors begin with h^p, T(h/2) + (T(h/2) - T(h)) / (2^p - 1) has that power
no more (Numerical Recipes, 5.7, "Numerical Derivatives", is the same with Ridders' error estimate).
"""

from __future__ import annotations

import itertools
import math
from functools import cached_property
from math import inf, nan
from operator import attrgetter, itemgetter
from typing import Final, NamedTuple

from .probing import DOUBLE, MANY, Probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .probing import Slope

    Difference = Callable[[float], Slope]

COUNTED = 2.0**51  # from here on whole numbers say nothing: half of all floats are, then all
UNDERFLOW = 1e-300  # a slope of which no difference can tell it from 0
BAR = attrgetter("bar")

ORDERS = 7  # columns of the tableau; the eighth would gain nothing that rounding does not take
HOP = 6  # halvings between one small step and the next
ALMOST = 2.0**-22  # the part of a slope to which two agree by more than coincidence


class Estimate:
    """A derivative found by differences.

    `kind` is "smooth", "kink" (the slopes `left` and `right` differ), "jump", "edge" (the function
    has values on one side only), "steep" (a vertical tangent) or "none" (no finite value at the
    point). `left` and `right` are None where they were not asked for or where the function has no
    values. `rounding` is the part of `error_bar` that the function's own rounding accounts for,
    and `weight` that part for a rounding of 1. `scale` is the size of the slopes nearby, and
    `steepest` that of the steepest secant from the point. `flat` says that not one value differed
    from that at the point, `still` that none close by did, `few` that its difference is made of a
    few roundings.
    """

    left: Slope | None = None
    right: Slope | None = None
    rounding: float = 0.0
    weight: float = 0.0
    scale: float = 0.0
    stairs: float = 0.0
    steepest: float = 0.0
    flat = still = few = False

    def __init__(self, kind: str, value: float, error_bar: float) -> None:
        self.kind: str = kind
        self.value: float = value
        self.error_bar: float = error_bar

    def allows(self, claimed: float, slack: float, bars: float = 2.0) -> bool:
        """True if a slope is this one, or lies between those to both sides; give or take `slack`.

        At a pole there is nothing to compare with; a vertical tangent says how steep at least.
        """
        if self.kind == "none" or claimed == self.value:
            return True
        if math.isinf(self.value):
            return claimed * self.value > 0.0 and 4.0 * abs(claimed) >= self.steepest
        if self.kind in ("kink", "jump") and self.left and self.right:
            slopes = sorted((self.left[0], self.right[0]))
            bar = bars * max(self.left[1], self.right[1]) + slack
            return slopes[0] - bar <= claimed <= slopes[1] + bar
        return abs(claimed - self.value) <= bars * self.error_bar + slack + UNDERFLOW

    def __repr__(self) -> str:
        return f"<{self.kind} derivative {self.value!r} +- {self.error_bar:.1e}>"


def derivative(
    f: Callable[[float], float],
    x: float,
    *,
    roundoff: float = DOUBLE,
    noise: float | None = None,
    thorough: bool = False,
    longest: float = 1.0,
) -> Estimate:
    """The derivative of `f` at `x`, with an error bar.

    `f` may raise ArithmeticError or ValueError where it has no value. `roundoff` is the relative
    error of a rounding in f's arithmetic, 2^-53 for doubles; `noise` is how far f's values are off
    besides, where that is known, as it must be to tell stairs from rounding. `thorough` compares
    the two sides at every step, and not at the smallest alone. The longest step is `longest`, a
    power of two, or as long as x. Some 60 calls of `f` are usual.

    >>> import math
    >>> slope = derivative(math.exp, 1.0)
    >>> abs(slope.value - math.e) < slope.error_bar < 1e-13
    True
    >>> derivative(abs, 0.0).kind
    'kink'
    """
    search = Search(f, x, roundoff, noise, longest)
    return search.thorough if thorough else search.quick


def stencil(f: Callable[[Any], Any], x: Any, h: Any, at_x: Any) -> tuple[Any, Any]:
    """The slope of `f` by five points a fixed step apart, and an error bar: cheap, for screening.

    `at_x` is f(x). The bar is generous where the step suits the function and wide where not. It is
    0 where all values are the same. Arrays are screened at all elements at once.
    """
    a, b, c, d = f(x + h), f(x - h), f(x + h + h), f(x - h - h)
    flat = (a == b) & (b == c) & (c == d) & (d == at_x)
    near = (a - b) / (h + h)
    slope = near + (near - (c - d) / (4.0 * h)) / 3.0
    rounding = 2.0 * DOUBLE * (abs(c) + abs(d) + abs(at_x)) / h
    return slope, (1 - flat) * (abs(slope - near) * 2.0**-6 + rounding)


def passes(claimed: Any, slope: Any, bar: Any) -> Any:
    """True if a screening confirms a slope: its bar can tell it from one that is 1e-6 off."""
    close = (abs(claimed - slope) <= bar) & (bar <= ALMOST * abs(claimed))
    return close | ((claimed == slope) & (bar == 0.0))


class Tableau:
    """Differences at halved steps, extrapolated to step 0: a row for each step.

    Column k is rid of the first k powers of h in the error of a difference: h, h^2, h^3 ... for
    one-sided differences (`power` 1), h^2, h^4, h^6 ... for central ones (`power` 2).
    """

    def __init__(self, power: int, roundoff: float, largest: Callable[..., Any] = max) -> None:
        self.factors: Final = [2.0 ** (power * k) for k in range(1, ORDERS)]
        self.roundoff = roundoff
        self.largest = largest  # of several numbers; or of arrays, at each element
        self.row: list[Any] = []

    def add_row(self, slope: Any, rounding: Any) -> list[tuple[Any, Any, Any]]:
        """Add the difference at the next step; return the value, bar and rounding of each entry.

        The bar of an entry is how far it lies from those it is made of, and what rounding does.
        """
        above, self.row = self.row, [(slope, rounding)]
        entries = []
        value, noise = slope, rounding
        for k, (q, (other, its)) in enumerate(zip(self.factors, above, strict=False), 1):
            last, value = value, value + (value - other) / (q - 1.0)
            noise = (q * noise + its) / (q - 1.0)
            self.row.append((value, noise))
            beside = above[k][0] if k < len(above) else other
            apart = self.largest((abs(value - last), abs(value - other), abs(value - beside)))
            entries.append((value, apart + noise + 4.0 * self.roundoff * abs(value), noise))
        return entries


class Halving(NamedTuple):
    """The findings of the differences down to one step."""

    h: float
    slope: float  # the difference at this step
    noise: float  # its rounding
    value: float  # the best that extrapolation makes of it
    bar: float
    rounding: float  # the part of the bar


class Search(Probe):
    """One search for a derivative: what the differences of the function show."""

    @cached_property
    def top(self) -> float:
        """The longest step with values on both sides; 0 if there is none."""
        return self.largest_step(1.0, -1.0)

    @cached_property
    def central_steps(self) -> list[Halving]:
        """The central differences; none where f has values on one side only."""
        if not self.top:
            return []
        self.noise = self.measured_noise()
        return self.steps(self.central, 2, self.top)

    @cached_property
    def quick(self) -> Estimate:
        """The derivative by central differences; where they are doubtful, the thorough one."""
        if self.at_x != self.at_x or not self.central_steps:
            return self.thorough
        best = self.best_of(self.central_steps, 2)
        return self.thorough if self.doubtful(best, self.central_steps) else self.finish(best)

    @cached_property
    def thorough(self) -> Estimate:
        """The derivative by central differences and by those to each side, at every step."""
        if self.at_x != self.at_x:
            return Estimate("none", nan, inf)
        if not self.central_steps:
            return self.finish(self.edge())
        best = self.stairs(self.top)
        return self.finish(best or self.resolved(self.both_sides(self.top), 1.0, -1.0))

    def doubtful(self, best: Estimate, steps: list[Halving]) -> bool:
        """True if small steps contradict large ones, the sides differ, or the bar is wide."""
        least = min(step.bar for step in steps)
        if best.error_bar > min(8.0 * least, 1e-9 * best.scale) or self.apart(steps[0].h):
            return True
        sure = (step for step in steps if step.bar < abs(step.value) / MANY)
        return any(abs(step.value - best.value) > step.bar + best.error_bar for step in sure)

    def finish(self, best: Estimate) -> Estimate:
        changes = {h: abs(y - self.at_x) for h, y in self.values.items() if h and y == y}
        best.flat = not any(changes.values())
        best.still = not any(y for h, y in changes.items() if abs(h) <= self.scale / 8.0)
        best.steepest = max((y / abs(h) for h, y in changes.items()), default=0.0)
        if here := self.rounding(self.at_x):
            best.weight = best.rounding / here
        return best

    def steps(
        self, difference: Difference, power: int, top: float, every: bool = False
    ) -> list[Halving]:
        """Differences at halved steps, extrapolated until rounding takes over; then a few more.

        With `every`, extrapolation goes on down to the least step.
        """
        tableau = Tableau(power, self.roundoff)
        found: list[Halving] = []
        best, worse = None, 0
        for h in self.ladder(top):
            slope, noise = difference(h)
            entries = [(slope, inf, noise), *tableau.add_row(slope, noise)]
            step = Halving(h, slope, noise, *min(entries, key=itemgetter(1)))
            if slope != slope:
                continue
            found.append(step)
            best = min(best or step, step, key=BAR)
            worse = worse + 1 if step.bar > 2.0 * best.bar else 0
            if not every and worse >= 4 and 4.0 * best.rounding > best.bar:
                found += [
                    Halving(h, *difference(h), nan, inf, inf)
                    for h in self.ladder(top, HOP)
                    if h < step.h
                ]
                break
        return found

    def best_of(self, steps: list[Halving], power: int) -> Estimate:
        """The value with the least bar that no smaller step contradicts.

        What extrapolation makes of smaller steps widens the bar: so a lucky coincidence at large
        steps is told.
        """
        for best in sorted(steps, key=BAR):
            later = [step for step in steps if step.h < best.h]
            if not self.contradicted(best, later, power):
                break
        bar = best.bar if power == 2 else 4.0 * best.bar - 3.0 * best.rounding  # powers like 3/2
        bar = max([bar, *(abs(s.value - best.value) - s.bar for s in later if s.bar < inf)])
        found = Estimate("smooth", best.value, bar)
        found.rounding = best.rounding
        found.few = abs(best.slope) < MANY * best.noise
        found.scale = max(abs(self.sided(best.h)[0]), abs(self.sided(-best.h)[0]))
        return found

    def contradicted(self, best: Halving, later: list[Halving], power: int) -> bool:
        """True if the difference at a smaller step is further off than it can be.

        Its error falls as a power of h; to that add the roundings of f and of x.
        """
        error = max(
            [abs(best.slope - best.value)]
            + [2.0**power * abs(step.slope - best.value) for step in later[:1]]
        )
        return any(
            abs(step.slope - best.value)
            > best.bar
            + 2.0 * error * (step.h / best.h) ** power
            + 2.0 * (step.noise + self.grain * abs(best.value) / step.h)
            for step in later
        )

    # ---- sides ----

    def apart(self, top: float) -> bool:
        """True if the slopes to the two sides stay apart where for a smooth function they meet."""
        gaps = [self.gap(h) for h in self.ladder(top, HOP)]
        return any(b > noise and b > a / 8.0 for (a, _), (b, noise) in itertools.pairwise(gaps))

    def both_sides(self, top: float) -> Estimate:
        """The estimate from the slopes to the left and to the right."""
        best = self.best_of(self.steps(self.central, 2, top, every=True), 2)
        right, left = self.side(1.0), self.side(-1.0)
        sides = (left.value, left.error_bar), (right.value, right.error_bar)
        gap = abs(left.value - right.value) if left.value != right.value else 0.0
        bars = left.error_bar + right.error_bar
        if "jump" in (left.kind, right.kind):
            best = Estimate("jump", nan, inf)
        elif gap > 4.0 * (bars + best.error_bar):
            best = Estimate("kink", nan, inf)
        else:
            # Where f is nearly flat to one side, a few roundings look as smooth as any slope.
            sound = [e for e in (left, right) if not e.few or e.value == best.value]
            best, *others = sorted((best, *sound), key=lambda e: (e.error_bar, -e.scale))
            if best.kind == "smooth":
                off = [abs(other.value - best.value) - other.error_bar for other in others]
                best.error_bar = max([best.error_bar, *off])
        best.left, best.right = sides
        return best

    def edge(self) -> Estimate:
        """The slope to the one side on which there are values."""
        for sign in (1.0, -1.0):
            if self.largest_step(sign):
                self.noise = self.measured_noise()
                side = self.side(sign)
                found = side.value, side.error_bar
                side.left, side.right = (found, None) if sign < 0 else (None, found)
                side.kind = "edge"
                return side
        return Estimate("none", nan, inf)

    def side(self, sign: float) -> Estimate:
        """The slope to one side; at a jump, that of the branch beside x."""
        top = self.largest_step(sign)
        near = self.least_step()
        changes = [self.value(sign * near * k) - self.at_x for k in (1.0, 2.0, 2.0**12, 2.0**24)]
        a, after, b, c = map(abs, changes)
        heard = a / MANY
        jumps = heard > self.rounding(self.at_x) and a > max(b / 2.0, 8.0 * abs(a - after))
        # A vertical tangent: the value grows as a power of the distance, between 0.1 and 0.8.
        if (
            heard > self.roundoff * abs(self.at_x)
            and 2.3 < b / a < 776.0
            and 0.5 < (c / b) * (a / b) < 2.0
        ):
            steep = math.copysign(inf, sign * (self.value(sign * near) - self.at_x))
            return Estimate("steep", steep, 0.0)
        steps = self.steps(lambda h: self.sided(sign * h, away=jumps), 1, top, every=True)
        found = self.best_of(steps, 1)
        found.kind = "jump" if jumps else "smooth"
        return found if jumps else self.resolved(found, sign)

    def resolved(self, best: Estimate, *sides: float) -> Estimate:
        """The estimate; where f bends between neighbouring floats, that of the two shortest steps.

        So it does one float from a pole or from the end of its domain, where all other steps are
        too long: the two least are extrapolated then, on the side where f bends less.
        """
        found: list[Slope] = []
        for h in (side * self.grain for side in sides):
            (near, noise), (far, _) = self.sided(h), self.sided(h + h)
            bend = abs(near - far)
            smooth = self.bends(h) or (bend > noise and not self.scatters(h))
            if bend < inf and smooth and not self.slips(h):
                found.append((near + (near - far), 3.0 * bend))
        if not found or not math.isfinite(best.value):
            return best
        value, bar = min(found, key=itemgetter(1))
        if bar >= best.error_bar >= abs(value - best.value):
            return best
        best.value, best.error_bar = value, bar
        return best

    # ---- stairs ----

    def stairs(self, top: float) -> Estimate | None:
        """The slope of a staircase, from so far off that its stairs are small; None if f is none.

        Where all values are whole numbers, the function counts: its stairs are what it means.
        """
        found = {y for y in self.values.values() if y == y}
        whole = all(y == y // 1.0 for y in found)
        if self.known is None and whole and len(found) > 1 and abs(self.at_x) < COUNTED:
            sides = (self.least_step(), -self.least_step())
            level = [all(self.value(h * k) == self.at_x for k in (1, 4, 16)) for h in sides]
            if any(level):
                step = Estimate("smooth" if all(level) else "jump", 0.0, 0.0)
                step.left = step.right = (0.0, 0.0)
                return step
        if self.known is not None or whole:
            return None
        height = max(self.stair(top, 1.0), self.stair(top, -1.0))
        if not 4.0 * self.rounding(self.at_x) < height < inf:
            return None
        kept, self.noise = self.noise, height
        best = self.best_of(self.steps(self.central, 2, top, every=True), 2)
        if abs(best.value) <= 2.0 * best.error_bar:
            self.noise: float = kept
            return None
        if height > MANY * self.roundoff * max(abs(y) for y in self.values.values() if y == y):
            best.stairs = height
        return best

    def stair(self, top: float, sign: float) -> float:
        """The height of the nearest stair to one side: 0 if there is none, inf if f has a slope."""
        steps = list(reversed(list(self.ladder(top))))
        tread = self.value(sign * steps[0])
        ends = itertools.pairwise(steps)
        low, high = next((e for e in ends if self.value(sign * e[1]) != tread), (0.0, 0.0))
        if high <= 2.0**8 * steps[0]:
            return inf if high else 0.0
        while high > 2.0 * low:  # beside a tiny |x| the ladder leaves out steps
            middle = math.sqrt(low * high)
            if self.value(sign * middle) == tread:
                low = middle
            else:
                high = middle
        rise = abs(self.value(sign * high) - tread)
        for _ in range(12):
            middle = 0.5 * (low + high)
            if self.value(sign * middle) == tread:
                low = middle
            else:
                high = middle
        after = self.value(sign * high)
        beyond = self.value(sign * (3.0 * high - 2.0 * low))
        height = abs(after - tread)
        return height if after == beyond and height > rise / 8.0 else inf
