"""Gradients of many elements: along random directions, and by halving to the elements at fault.

A direction moves every element at once, by about its own size. It costs some twelve calls, however
many elements there are; it sees the sum of all errors, each times the element's weight.
"""

from __future__ import annotations

import heapq
import math

import numpy as np

from .check import SAFETY, VISIBLE, Direction, elsewhere, first_values, judged
from .differences import Estimate, Search, Tableau
from .probing import DOUBLE, noise_of
from .report import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from .report import Report
    from .subjects import Subject

DIRECTIONS = 3
MOST = 5  # elements that are named
TOP, ROWS = 2.0**-4, 20  # the longest step, and how often it is halved at most
ELEMENTS = "budget=math.inf checks each element by itself"


class Rays:
    """The values of a function along lines through the point that move all elements, or some."""

    def __init__(self, subject: Subject, seed: int) -> None:
        self.subject: Subject = subject
        self.rng: Final = np.random.default_rng(seed)
        self.x: Final = np.array(subject.arguments.numbers)
        self.limits: Final = np.array(subject.limits).T if subject.limits else None
        self.first: Final = first_values(subject)
        self.claimed: Final = np.array(subject.claimed())
        self.roundoff: Final = subject.arguments.roundoff
        self.noise: list[float] = []

    def weights(self) -> Any:
        """A random weight for each element: of few digits, as large as the element, or nearly.

        Of elements far below the others, 1/1024 of the median, so that none is lost beside them.
        """
        least = float(np.median(abs(self.x))) * 2.0**-10
        sizes = np.maximum(abs(np.where(self.x == 0.0, 1.0, self.x)), least)
        sizes = 2.0 ** (np.frexp(sizes)[1] - 5)
        signs = self.rng.choice((-1.0, 1.0), self.x.size)
        if self.limits is not None:  # no room on both sides for the longest step: it stays
            room = np.minimum(self.x - self.limits[0], self.limits[1] - self.x)
            sizes = np.where(room < 32.0 * TOP * sizes, 0.0, sizes)
        return signs * self.rng.integers(16, 32, self.x.size) * sizes

    def values(self, weights: Any, h: float) -> list[float]:
        point = self.x + h * weights
        if self.roundoff != DOUBLE:  # in the precision of x (Veltkamp 1968)
            c = point * (self.roundoff / DOUBLE + 1.0)
            point = np.where(np.isfinite(c), c - (c - point), point)
        return elsewhere(self.subject, point.tolist())

    def central(self, weights: Any, h: float) -> Any:
        """The difference of each output, and its rounding."""
        high, low = (np.array(self.values(weights, s)) for s in (h, -h))
        here = np.array(self.noise) + self.roundoff * np.maximum(abs(high), abs(low))
        return (high - low) / (2.0 * h), here / h

    def bend(self, k: int, weights: Any, h: float) -> tuple[float, float]:
        """By how much the slopes to the two sides differ, and the rounding of that."""
        high, low = (self.values(weights, s)[k] for s in (h, -h))
        noise = self.noise[k] + self.roundoff * abs(self.first[k])
        return (high - 2.0 * self.first[k] + low) / h, 4.0 * noise / h

    def measure_noise(self, weights: Any) -> None:
        """How far rounding and kinks move each output: what high differences close by contain."""
        h = 5.0 / 3.0 * 2.0**-20 * math.sqrt(self.roundoff / DOUBLE)
        table = np.array([self.values(weights, h * i) for i in range(1, 9)])
        self.noise = [3.0 * noise_of(column) for column in table.T.tolist()]

    def slopes(self, weights: Any) -> list[tuple[Estimate, dict[float, float]]]:
        """Of each output the slope along a direction, and how far plain differences were off."""
        count = len(self.first)
        tableaus = [Tableau(2, self.roundoff) for _ in range(count)]
        best: list[Any] = [(math.nan, math.inf, math.inf)] * count
        plain: list[dict[float, float]] = [{} for _ in range(count)]
        h, worse = TOP, 0
        for _ in range(ROWS):
            found, noise = self.central(weights, h)
            better = False
            for k in range(count):
                if found[k] != found[k]:
                    continue
                plain[k][h] = float(found[k])
                here = tableaus[k].add_row(float(found[k]), float(noise[k]))
                if here[1] < best[k][1]:
                    best[k], better = here, True
            worse = 0 if better else worse + 1
            if worse == 2:
                break
            h /= 2.0
        answer = []
        for (value, bar, rounding), differences in zip(best, plain, strict=True):
            estimate = Estimate("smooth" if bar < math.inf else "none", value, bar)
            estimate.rounding = rounding
            answer.append((estimate, {h: abs(d - value) for h, d in differences.items()}))
        return answer

    def step(self, k: int, gap: float, off: dict[float, float]) -> float:
        """The step at which one plain difference of output k is off least, beside a gap."""
        here = self.noise[k] + self.roundoff * abs(self.first[k])
        return min(off, key=lambda h: max(2.0 * off[h], here / h, gap / 2.0**12))

    def at_fault(
        self, k: int, weights: Any, gap: float, offs: dict[float, float]
    ) -> tuple[list[int], bool]:
        """The elements that a gap comes from, the largest first; whether there may be more."""
        gradient, h = self.claimed[k], self.step(k, abs(gap), offs)
        off = offs[h]
        parts: list[tuple[float, int, int, float]] = [(-abs(gap), 0, self.x.size, gap)]
        found: list[int] = []
        while parts and len(found) < MOST:
            _, low, high, gap = heapq.heappop(parts)
            while high - low > 1:  # down into the larger half, the other one later
                middle = (low + high) // 2
                half = np.zeros_like(weights)
                half[low:middle] = weights[low:middle]
                slope, noise = self.central(half, h)
                left = float(gradient[low:middle] @ half[low:middle] - slope[k])
                halves = [(low, middle, left), (middle, high, gap - left)]
                halves.sort(key=lambda part: abs(part[2]))
                start, end, rest = halves[0]
                if abs(rest) > 4.0 * (float(noise[k]) + off):
                    heapq.heappush(parts, (-abs(rest), start, end, rest))
                low, high, gap = halves[1]
            found.append(low)
        return found, bool(parts)


def rows_by_directions(subject: Subject, found: Report, seed: int) -> list[Row]:
    """A row for each random direction, and one for each element at fault."""
    rays = Rays(subject, seed)
    rows: list[Row] = []
    named: dict[tuple[int, int], Row] = {}
    least: dict[int, list[Any]] = {}
    with subject.mode():
        for d in range(DIRECTIONS):
            weights = rays.weights()
            if not rays.noise:
                rays.measure_noise(weights)
            for k, (estimate, off) in enumerate(rays.slopes(weights)):
                row, slack = _row(rays, k, d, weights, estimate)
                if row.verdict == "wrong":
                    elements, more = rays.at_fault(k, weights, row.analytic - row.numeric, off)
                    for i in elements:
                        named.setdefault((k, i), _element(rays, k, i, weights))
                    _settle(rays, k, weights, row, [named[k, i] for i in elements], more)
                rows.append(row)
                with np.errstate(divide="ignore"):
                    least.setdefault(k, []).append(slack / abs(weights))
            if any(row.verdict == "wrong" for row in rows):
                break
        again = subject.values(rays.x.tolist())
    if not np.array_equal(again, rays.first, equal_nan=True):
        found.notes.append(f"{subject.name} is not deterministic: two calls at the point differ")
        for row in rows:
            row.verdict = "noisy"
    found.notes.append(_said(rays, len(rows) // len(rays.first), least))
    return [*(row for row in named.values() if row.verdict != "ok"), *rows]


def _row(rays: Rays, k: int, d: int, weights: Any, estimate: Estimate) -> tuple[Row, float]:
    """The row of one direction, and by how much the two may be apart."""
    gradient = rays.claimed[k]
    claimed = float(gradient @ weights)
    own = 8.0 * rays.roundoff * float(np.linalg.norm(gradient * weights)) * math.log2(rays.x.size)
    slack = SAFETY * estimate.error_bar + own
    typical = max(abs(claimed), float(np.linalg.norm(gradient * weights)))
    verdict = "ok" if slack <= VISIBLE * typical or slack == 0.0 else "noisy"
    if not abs(claimed - estimate.value) <= slack and estimate.kind != "none":
        verdict = "wrong"
    names = _output(rays, k), f"direction {d + 1}"
    row = Row(names, claimed, estimate, verdict, own + estimate.rounding)
    if verdict == "noisy":
        row.note = f"the direction crosses kinks, or rounding hides the slope: {ELEMENTS}"
    return row, slack


def _element(rays: Rays, k: int, i: int, weights: Any) -> Row:
    """The row of one element, checked by itself."""
    numbers, subject = rays.x.tolist(), rays.subject
    line = Direction(subject.arguments.names[i], numbers[i], {i: 1.0})

    def f(t: float) -> float:
        point = numbers.copy()
        point[i] = t
        return elsewhere(subject, point)[k]

    claimed = float(rays.claimed[k][i])
    own = 8.0 * rays.roundoff * abs(claimed)
    alone = np.zeros_like(weights)
    alone[i] = 2.0 ** np.frexp(weights[i])[1]
    quick = rays.slopes(alone)[k][0]
    quick.value, quick.error_bar, quick.rounding = (
        part / abs(alone[i]) for part in (quick.value, quick.error_bar, quick.rounding)
    )
    far, near = (rays.bend(k, alone, h) for h in (2.0**-8, 2.0**-12))
    clear = SAFETY * quick.error_bar + own <= VISIBLE * max(abs(claimed), abs(quick.value))
    if not clear or abs(near[0]) > near[1] + abs(far[0]) / 4.0:
        quick = Search(f, line.start, rays.roundoff, None, 1.0).quick
    verdict = judged(claimed, quick, own, rays.roundoff)
    return Row((_output(rays, k), line.name), claimed, quick, verdict, own + quick.rounding)


def _settle(rays: Rays, k: int, weights: Any, row: Row, elements: list[Row], more: bool) -> None:
    """Judge a direction that failed by its elements; where none is at fault, thoroughly."""
    wrong = [element for element in elements if element.verdict == "wrong"]
    if wrong:
        row.note = "the elements above are at fault" + (", and others may be" if more else "")
        return
    estimate = Search(
        lambda t: rays.values(weights, t - 1.0)[k], 1.0, rays.roundoff, None, 1.0
    ).thorough
    verdict = judged(row.analytic, estimate, row.rounding, rays.roundoff)
    row.verdict = "wrong" if verdict == "wrong" and estimate.kind == "smooth" else "noisy"
    here = "" if row.verdict == "wrong" else "it may have crossed kinks; "
    row.note = f"no single element is at fault: {here}{ELEMENTS}"


def _output(rays: Rays, k: int) -> str:
    return rays.subject.outputs[k] if len(rays.first) > 1 else ""


def _said(rays: Rays, count: int, least: dict[int, list[Any]]) -> str:
    """What was done, and what it could not have seen."""
    unseen = {k: np.min(parts, axis=0) for k, parts in least.items()}
    worst = max(float(np.max(x, initial=0.0, where=np.isfinite(x))) for x in unseen.values())
    norm = float(np.linalg.norm(rays.claimed))
    part = f" ({worst / norm:.1e} of the gradient's norm)" if norm else ""
    small = int(sum(np.sum(VISIBLE * abs(rays.claimed[k]) < x) for k, x in unseen.items()))
    text = (
        f"{rays.x.size:,} elements were checked along {count} random direction"
        f"{'s' if count > 1 else ''}, not one by one; the smallest error in one element that would "
        f"have been seen for certain is {worst:.1e}{part}, and errors that cancel are not seen"
    )
    if small:
        text += f"; a relative error of {VISIBLE:g} would be too small to see in {small:,} of them"
    if stays := int(np.sum(~np.isfinite(unseen[0]))):
        text += f"; {stays:,} that lie at a bound were not moved and are not checked"
    return f"{text}: {ELEMENTS}"
