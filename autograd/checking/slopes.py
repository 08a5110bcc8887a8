"""The slopes of all outputs of a function along one line at once, in arrays."""

from __future__ import annotations

import math

import numpy as np

from .check import INDEPENDENT, SAFETY, Direction, elsewhere
from .differences import ALMOST, Estimate, Tableau
from .probing import DOUBLE, MANY, power_of_two
from .report import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .subjects import Subject

TOP, ROWS = 2.0**-4, 20  # the longest step, and how often it is halved at most
CLEAR = 16.0  # times the slack, beyond which a sharp estimate needs no second look
BENDS = 2.0**-8, 2.0**-12  # steps at which the two sides are compared


class Slopes:
    """The slopes of all outputs along a line: `value`, give or take `bar`; each is an array.

    `values(h)` is the outputs a step away, `first` those at the point. Differences are to one side
    only where `sides` is 1.
    """

    def __init__(
        self, values: Callable[[float], Any], first: Any, noise: Any, roundoff: float,
        sides: int = 2,
    ) -> None:  # fmt: skip
        self.values, self.first, self.sides = values, first, sides
        self.noise, self.roundoff = noise, roundoff
        self.value, self.bar, self.rounding = (
            np.full(len(first), x) for x in (np.nan, np.inf, 0.0)
        )
        self.scale, self.flat = np.zeros(len(first)), np.ones(len(first), bool)
        self.plain: dict[float, Any] = {}
        with np.errstate(all="ignore"):
            self.halve()

    def halve(self) -> None:
        """Halve the step until nothing gets better any more."""
        tableau = Tableau(self.sides, self.roundoff, np.maximum.reduce)
        h, worse = TOP, 0
        for _ in range(ROWS):
            high = self.values(h)
            low = self.values(-h) if self.sides == 2 else self.first
            width = self.sides * h
            self.plain[h], best = (high - low) / width, np.zeros(len(high), bool)
            self.flat &= (high == self.first) & (low == self.first)
            scale = np.fmax(abs(high - self.first), abs(low - self.first)) / h
            for found in tableau.add_row(self.plain[h], self.rounds(high, low) / width):
                better = found[1] < self.bar
                kept = (self.value, self.bar, self.rounding, self.scale)
                self.value, self.bar, self.rounding, self.scale = (
                    np.where(better, a, b) for a, b in zip((*found, scale), kept, strict=True)
                )
                best |= better
            worse = worse + 1 if np.isfinite(self.bar).any() and not best.any() else 0
            if worse == 2:
                break
            h /= 2.0

    def rounds(self, high: Any, low: Any) -> Any:
        return 2.0 * (self.noise + self.roundoff * np.maximum(abs(high), abs(low)))

    def bend(self, h: float) -> tuple[Any, Any]:
        """By how much the slopes to the two sides differ, and the rounding of that."""
        gap = self.values(h) - 2.0 * self.first + self.values(-h)
        return gap / h, 4.0 * (self.noise + self.roundoff * abs(self.first)) / h

    @property
    def bent(self) -> Any:
        """True for each output whose two slopes do not meet as those of a smooth function do."""
        (far, _), (near, noise) = map(self.bend, BENDS)
        return ~(abs(near) <= noise + abs(far) / 4.0)

    def estimate(self, k: int, size: float = 1.0) -> Estimate:
        """The slope of output k, by a step `size` times as long."""
        value, bar, rounding, scale = (
            float(x[k]) / size for x in (self.value, self.bar, self.rounding, self.scale)
        )
        found = Estimate("smooth" if bar < math.inf else "none", value, bar)
        found.rounding, found.scale, found.flat = rounding, scale, bool(self.flat[k])
        return found


def noises(values: Callable[[float], Any], roundoff: float) -> Any:
    """How far rounding and kinks move each output: what high differences close by contain."""
    h = 5.0 / 3.0 * 2.0**-20 * math.sqrt(roundoff / DOUBLE)
    with np.errstate(all="ignore"):
        table = np.array([values(h * i) for i in range(1, 9)])
        differences = [np.diff(table, k, 0) for k in range(4, 7)]
        parts = [
            np.sqrt(np.mean(d * d, 0)) * math.factorial(k) / math.sqrt(math.factorial(2 * k))
            for k, d in enumerate(differences, 4)
        ]
        return 3.0 * np.sqrt(np.mean(np.square(parts), 0))


def screened(
    subject: Subject, line: Direction, first: list[float], due: Any, sizes: Any
) -> tuple[list[Row | None], Slopes]:
    """A row for each output whose slope along the line is beyond doubt; None for any other.

    `due` is what is claimed along the line, a sum of terms of these `sizes`.
    """
    numbers, here = subject.arguments.numbers, np.array(first)
    size = power_of_two(abs(line.start)) if line.start else 1.0
    known: dict[float, Any] = {}

    def values(h: float) -> Any:
        if h not in known:
            known[h] = np.array(elsewhere(subject, line.at(line.start + h * size, numbers)))
        return known[h]

    with subject.mode(), np.errstate(all="ignore"):
        roundoff, coarse = subject.arguments.roundoff, subject.coarseness
        noise = noises(values, roundoff)
        found = Slopes(values, here, noise, roundoff)
        own = 8.0 * coarse * sizes
        value, slack = found.value / size, SAFETY * found.bar / size + own
        largest, off = np.maximum(abs(due), abs(value)), abs(due - value)
        exact = (noise <= MANY * roundoff * (abs(here) + abs(found.value))) & ~found.bent
        still = np.all([y == here for h, y in known.items() if abs(h) < BENDS[1] / 8.0], 0)
        sharp = exact & ~still & (largest > 0.0) & (SAFETY * found.bar / size <= ALMOST * largest)
        ok = (sharp & (off <= slack)) | (found.flat & (noise == 0.0) & (due == 0.0))
        wrong = sharp & (off > CLEAR * slack) & (coarse == DOUBLE)
    rows: list[Row | None] = [None] * len(first)
    for k in np.flatnonzero(ok | wrong).tolist():
        estimate = found.estimate(k, size)
        name = subject.outputs[k] if len(first) > 1 else ""
        rounding = float(own[k]) + estimate.rounding
        rows[k] = row = Row(
            (name, line.name), float(due[k]), estimate, "ok" if ok[k] else "wrong", rounding
        )
        row._values = {0.0: first[k]} | {h * size: float(y[k]) for h, y in known.items()}
        if ok[k] and estimate.flat:
            row.note = INDEPENDENT
    return rows, found
