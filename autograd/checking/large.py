"""Many elements or many outputs: random directions, colours of columns, and elements at fault.

A direction moves every element at once, by about its own size. It costs some twelve calls, however
many elements there are; it sees the sum of all errors, each times the element's weight. Columns of
a sparse Jacobian without a row in common have one *colour*: a direction that moves these alone has
one entry in each row (Curtis, Powell and Reid 1974).
"""

from __future__ import annotations

import heapq
import math
from functools import cache, partial

import numpy as np

from .check import (
    FEW,
    INDEPENDENT,
    SAFETY,
    STATIONARY,
    VISIBLE,
    Direction,
    elsewhere,
    first_values,
    judged,
    not_deterministic,
)
from .differences import Search
from .probing import DOUBLE
from .report import Row
from .slopes import TOP, Slopes, noises, screened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .report import Report
    from .subjects import Subject

DIRECTIONS = 3
MOST, LOOKS = 5, 40  # elements that are named; rows that are looked at closely
ELEMENTS = "budget=math.inf checks each element by itself"
CROSSES = f"the direction crosses kinks, or rounding hides the slope: {ELEMENTS}"


# ---- lines that move many elements ---------------------------------------------------------------


class Rays:
    """The values of a function along lines through the point that move all elements, or some."""

    given: Any
    claimed: Any
    finite: Any

    def __init__(self, subject: Subject, seed: int, sparse: Any = None) -> None:
        self.subject, self.rng = subject, np.random.default_rng(seed)
        self.x: Any = np.array(subject.arguments.numbers)
        self.first: Any = np.array(first_values(subject))
        if sparse is None:
            self.given = np.array(subject.claimed())
            self.finite = np.isfinite(self.given).all(0)
            self.claimed = np.where(np.isfinite(self.given), self.given, 0.0)
        else:
            self.given = self.claimed = sparse
        self.roundoff, self.coarse = subject.arguments.roundoff, subject.coarseness
        low, high = np.array(subject.limits).T if subject.limits else (-np.inf, np.inf)
        self.below, self.above = self.x - low, high - self.x
        self.noise: Any = None

    def directions(self) -> Iterator[tuple[Any, int]]:
        """Random weights for the elements, and to how many sides of the point they lead.

        An element at a bound moves inwards, in directions of such elements alone.
        """
        inner = self.finite & (self.below > 0.0) & (self.above > 0.0)
        edge = self.finite & ~inner & ((self.below > 0.0) | (self.above > 0.0))
        self.moved: Any = inner | edge
        for moved, sides in ((inner, 2), (edge, 1)):
            for _ in range(DIRECTIONS if moved.any() else 0):
                yield self.weights(moved, sides), sides

    def weights(self, moved: Any, sides: int, part: float = 2.0**-10) -> Any:
        """A random weight for each element: of few digits, as large as the element, or nearly.

        Of elements far below the others, a part of the median, so that none is lost beside them.
        """
        least = float(np.median(abs(self.x))) * part
        room = np.minimum(self.below, self.above) if sides == 2 else self.below + self.above
        sizes = np.maximum(abs(np.where(self.x == 0.0, 1.0, self.x)), least)
        sizes = np.minimum(sizes, np.where(moved, room, 1.0) / (4.0 * TOP))
        sizes = 2.0 ** (np.frexp(sizes)[1] - 5)
        signs = self.rng.choice((-1.0, 1.0), self.x.size)
        if sides == 1:
            signs = np.where(self.below > 0.0, -1.0, 1.0)
        return np.where(moved, signs * self.rng.integers(16, 32, self.x.size) * sizes, 0.0)

    def values(self, weights: Any, h: float) -> Any:
        point = self.x + h * weights
        if self.roundoff != DOUBLE:  # in the precision of x (Veltkamp 1968)
            c = point * (self.roundoff / DOUBLE + 1.0)
            point = np.where(np.isfinite(c), c - (c - point), point)
        return np.array(elsewhere(self.subject, point.tolist()))

    def search(self, k: int, along: Callable[[float], Any]) -> Search:
        """The search for the slope of output k along a line, from its values; they start at 1."""
        return Search(lambda t: float(along(t - 1.0)[k]), 1.0, self.roundoff)

    def slopes(self, weights: Any, sides: int = 2) -> Slopes:
        values = cache(partial(self.values, weights))
        if self.noise is None:
            self.noise = noises(values, self.roundoff)
        return Slopes(values, self.first, self.noise, self.roundoff, sides)

    def own(self, weights: Any) -> Any:
        """How far rounding can have moved what is claimed of each output along a line."""
        return 8.0 * self.coarse * self.sizes(weights) * max(1.0, math.log2(self.x.size))

    def sizes(self, weights: Any) -> Any:
        return np.linalg.norm(self.claimed * weights, axis=1)

    def plain(self, k: int, weights: Any, h: float, sides: int) -> float:
        """The slope of output k by one step, of the second order to one side too."""
        a, b = (float(self.values(weights, s)[k]) for s in ((h, -h) if sides == 2 else (h, h + h)))
        return (
            (a - b) / (2.0 * h) if sides == 2 else (4.0 * a - b - 3.0 * self.first[k]) / (2.0 * h)
        )

    def at_fault(self, k: int, weights: Any, found: Slopes, gap: float) -> tuple[list[int], bool]:
        """The elements that a gap comes from, the largest first; whether there may be more."""
        sparse = not isinstance(self.claimed, np.ndarray)
        gradient = self.claimed[[k]].toarray()[0] if sparse else self.claimed[k]
        here = 2.0 * float(self.noise[k]) + 2.0 * self.roundoff * abs(float(self.first[k]))
        slopes = {h: float(d[k]) for h, d in found.plain.items()}
        if found.sides == 1:
            slopes = {h: 2.0 * d - slopes[2.0 * h] for h, d in slopes.items() if 2.0 * h in slopes}
        offs = {h: abs(slope - float(found.value[k])) for h, slope in slopes.items()}
        # the step at which one plain difference is off least, beside the gap
        h = min(offs, key=lambda h: max(2.0 * offs[h], here / h, abs(gap) / 2.0**12))
        off = offs[h]
        moved = np.flatnonzero(weights)
        parts: list[tuple[float, int, int, float]] = [(-abs(gap), 0, moved.size, gap)]
        elements: list[int] = []
        while parts and len(elements) < MOST:
            _, low, high, gap = heapq.heappop(parts)
            while high - low > 1:  # down into the larger half, the other one later
                middle = (low + high) // 2
                half = np.zeros_like(weights)
                half[moved[low:middle]] = weights[moved[low:middle]]
                slope = self.plain(k, half, h, found.sides)
                left = float(gradient @ half) - slope
                noise = here / h + 8.0 * self.coarse * float(np.linalg.norm(gradient * half))
                halves = [(low, middle, left), (middle, high, gap - left)]
                halves.sort(key=lambda part: abs(part[2]))
                start, end, rest = halves[0]
                if abs(rest) > 4.0 * (noise + off):
                    heapq.heappush(parts, (-abs(rest), start, end, rest))
                low, high, gap = halves[1]
            elements.append(int(moved[low]))
        return elements, bool(parts)


def rows_by_directions(subject: Subject, found: Report, seed: int) -> list[Row]:
    """A row for each random direction, and one for each element at fault."""
    rays = Rays(subject, seed)
    rows: list[Row] = []
    named: dict[tuple[int, int], Row] = {}
    least = np.full(rays.claimed.shape, np.inf)
    odd = np.argwhere(~np.isfinite(rays.given))[:MOST].tolist()
    with subject.mode():
        for k, i in odd:
            named[k, i] = _element(rays, k, i, 1.0)
        for d, (weights, sides) in enumerate(rays.directions(), 1):
            slopes = rays.slopes(weights, sides)
            here, slack = _direction_rows(rays, d, weights, slopes)
            for k in [k for k, row in enumerate(here) if row.verdict == "wrong"][:MOST]:
                row = here[k]
                elements, more = rays.at_fault(k, weights, slopes, row.analytic - row.numeric)
                for i in elements:
                    named.setdefault((k, i), _element(rays, k, i, float(weights[i])))
                _settle(rays, k, weights, row, [named[k, i] for i in elements], more)
            rows += here
            with np.errstate(divide="ignore"):
                least = np.minimum(least, slack[:, None] / abs(weights))
            if any(row.verdict == "wrong" for row in here):
                break
        again = subject.values(rays.x.tolist()), np.array(subject.claimed())
    if not all(map(_same, again, (rays.first, rays.given))):
        not_deterministic(subject, [*rows, *named.values()], found)
    found.notes.append(_said(rays, len(rows) // len(rays.first), least))
    return [*(row for row in named.values() if row.verdict != "ok"), *rows]


def colours(matrix: Any) -> list[list[int]]:
    """The columns of a sparse matrix in groups without a row in common, the fullest first."""
    columns = matrix.tocsc()
    of_row: list[set[int]] = [set() for _ in range(matrix.shape[0])]
    groups: list[list[int]] = []
    for j in np.argsort(-np.diff(columns.indptr), kind="stable").tolist():
        rows = columns.indices[columns.indptr[j] : columns.indptr[j + 1]].tolist()
        taken = set().union(*(of_row[i] for i in rows))
        colour = next(c for c in range(len(groups) + 1) if c not in taken)
        if colour == len(groups):
            groups.append([])
        groups[colour].append(j)
        for i in rows:
            of_row[i].add(colour)
    return groups


def rows_by_colours(
    subject: Subject, sparse: Any, groups: list[list[int]], found: Report, seed: int
) -> list[Row]:
    """A row for each entry that a sparse Jacobian has, and for those that it must have besides."""
    rays, names, looks = Rays(subject, seed, sparse), subject.arguments.names, 0
    scales = rays.weights(np.ones(len(names), bool), 2, 1.0)
    rows: list[Row] = []
    first = rays.first.tolist()
    for group in groups:
        entries = sparse[:, group].tocoo()
        column = np.full(len(first), -1)
        column[entries.row] = np.array(group)[entries.col]
        weights = np.zeros_like(scales)
        weights[group] = scales[group]
        due = sparse @ weights
        line = Direction(f"{len(group)} columns", 1.0, {j: float(scales[j]) for j in group})
        clear, slopes = screened(subject, line, first, due, abs(due))
        along = cache(partial(rays.values, weights))  # one call serves all outputs
        rays.noise = slopes.noise
        for k, row in enumerate(clear):
            i = int(column[k])  # of the one element whose entry is not 0; -1 if there is none
            row = row or _thorough(rays, k, line, along, float(due[k]))
            if row.verdict not in ("ok", "kink") and looks < LOOKS:
                looks += 1
                rows += _looked_at(rays, k, i, weights, slopes, row)
            elif i >= 0:
                rows.append(_entry(row, names[i], float(scales[i])))
            elif row.verdict != "ok":
                rows.append(row)
    again = subject.sparse_claim()
    steady = again is not None and not abs(again - sparse).sum()
    if not steady or not _same(subject.values(rays.x.tolist()), first):
        not_deterministic(subject, rows, found)
    found.notes.append(
        f"{len(names):,} columns of the sparse Jacobian were checked in {len(groups)} groups, "
        "whose columns have no row in common; an entry that it lacks is seen too"
    )
    return rows


def _looked_at(
    rays: Rays, k: int, i: int, weights: Any, slopes: Slopes, row: Row
) -> list[Row]:  # fmt: skip
    """The rows of the elements that a line in doubt moves; its own too where they are well."""
    with rays.subject.mode():
        at = [i] if i >= 0 else []
        if row.verdict == "wrong":
            at += rays.at_fault(k, weights, slopes, row.analytic - row.numeric)[0]
        parts = [_element(rays, k, j, float(weights[j])) for j in dict.fromkeys(at)]
    bad = [part for part in parts if part.verdict != "ok"]
    if bad or (parts and row.verdict != "wrong"):
        return bad or parts
    row.verdict, row.note = "noisy", f"no single element is at fault: {ELEMENTS}"
    return [*parts, row]


def _thorough(
    rays: Rays, k: int, line: Direction, along: Callable[[float], Any], due: float
) -> Row:
    """The row of one output along a line that moves columns of one colour."""
    search = rays.search(k, along)
    own = 8.0 * rays.coarse * abs(due)
    with rays.subject.mode():
        estimate = search.quick
        verdict = judged(due, estimate, own, rays.coarse)
        if verdict in ("wrong", "noisy"):
            estimate = search.thorough
            verdict = judged(due, estimate, own, rays.coarse)
    return Row((_output(rays, k), line.name), due, estimate, verdict, own + estimate.rounding)


def _entry(row: Row, name: str, weight: float) -> Row:
    """The row of a line as that of the one entry of it that is not 0."""
    row.input, row.analytic, row.numeric = name, row.analytic / weight, row.numeric / weight
    row.error_bar, row.rounding = row.error_bar / abs(weight), row.rounding / abs(weight)
    row.left, row.right = sorted((row.left / weight, row.right / weight), reverse=weight < 0.0)
    return row


def _same(a: Any, b: Any) -> bool:
    return np.array_equal(a, b, equal_nan=True)


def _direction_rows(rays: Rays, d: int, weights: Any, slopes: Slopes) -> tuple[list[Row], Any]:
    """The rows of one direction, and by how much what is claimed and measured may be apart."""
    subject = rays.subject
    claimed, own, sizes = rays.claimed @ weights, rays.own(weights), rays.sizes(weights)
    slack = SAFETY * slopes.bar + own
    if rays.coarse > DOUBLE:
        for k in np.flatnonzero(~(abs(claimed - slopes.value) <= slack)).tolist():
            own[k] += subject.claim_rounding(k, Along(weights))
        slack = SAFETY * slopes.bar + own
    narrow = (slack <= VISIBLE * np.maximum(abs(claimed), sizes)) | (slack == 0.0)
    narrow |= slopes.flat & (claimed == 0.0)
    if not narrow.all():
        still = slack <= max(STATIONARY, FEW * rays.roundoff) * slopes.scale
        narrow |= still & ~(slopes.bent if slopes.sides == 2 else slopes.flat)
    rows = []
    for k in range(len(claimed)):
        estimate = slopes.estimate(k)
        verdict = "ok" if narrow[k] else "noisy"
        if not abs(claimed[k] - slopes.value[k]) <= slack[k] and estimate.kind != "none":
            verdict = "wrong"
        names, rounding = (_output(rays, k), f"direction {d}"), float(own[k]) + estimate.rounding
        rows.append(row := Row(names, float(claimed[k]), estimate, verdict, rounding))
        if verdict == "noisy":
            row.note = CROSSES
        elif verdict == "ok" and estimate.flat:
            row.note = INDEPENDENT
    return rows, slack


class Along:
    """The line of a check, as weights for all elements."""

    def __init__(self, weights: Any) -> None:
        self.weights = weights

    def along(self, gradient: Any) -> float:
        return float(np.asarray(gradient) @ self.weights)


def _element(rays: Rays, k: int, i: int, weight: float) -> Row:
    """The row of one element, checked by itself."""
    numbers, subject = rays.x.tolist(), rays.subject
    line = Direction(subject.arguments.names[i], numbers[i], {i: 1.0})

    def f(t: float) -> float:
        point = numbers.copy()
        point[i] = t
        return elsewhere(subject, point)[k]

    claimed = float(rays.given[k, i])
    own = 8.0 * rays.coarse * abs(claimed)
    alone = np.zeros_like(rays.x)
    alone[i] = size = 2.0 ** np.frexp(weight)[1]
    with np.errstate(all="ignore"):
        slopes = rays.slopes(alone)
        far = quick = slopes.estimate(k, abs(size))
        clear = SAFETY * quick.error_bar + own <= VISIBLE * max(abs(claimed), abs(quick.value))
        if not clear or slopes.bent[k]:
            quick = Search(f, line.start, rays.roundoff).quick
    verdict = judged(claimed, quick, own, rays.coarse)
    if verdict == "wrong" and rays.coarse > DOUBLE:
        own += subject.claim_rounding(k, line)
        verdict = judged(claimed, quick, own, rays.coarse)
    row = Row((_output(rays, k), line.name), claimed, quick, verdict, own + quick.rounding)
    apart = abs(far.value - quick.value)
    if far is not quick and apart > SAFETY * (quick.error_bar + far.rounding + row.rounding):
        row.note = CROSSES  # its slope is another one a step of the directions away
    return row


def _settle(rays: Rays, k: int, weights: Any, row: Row, elements: list[Row], more: bool) -> None:
    """Judge a direction that failed by its elements; where none is at fault, thoroughly."""
    wrong = [element for element in elements if element.verdict == "wrong"]
    if wrong:
        row.note = "the elements above are at fault" + (", and others may be" if more else "")
        return
    estimate = rays.search(k, partial(rays.values, weights)).thorough
    verdict = judged(row.analytic, estimate, row.rounding, rays.roundoff)
    smooth = estimate.kind in ("smooth", "edge")
    smooth = smooth and not any(element.note == CROSSES for element in elements)
    row.verdict = "wrong" if verdict == "wrong" and smooth else "noisy"
    here = "" if row.verdict == "wrong" else "it may have crossed kinks; "
    row.note = f"no single element is at fault: {here}{ELEMENTS}"


def _output(rays: Rays, k: int) -> str:
    return rays.subject.outputs[k] if len(rays.first) > 1 else ""


def _said(rays: Rays, count: int, least: Any) -> str:
    """Say how the elements were checked, and which errors could not have been seen."""
    text = (
        f"{rays.x.size:,} elements were checked along {count} random direction"
        f"{'s' if count != 1 else ''}, not one by one; "
    )
    seen = np.isfinite(least)
    if seen.any():
        worst, norm = float(np.max(least[seen])), float(np.linalg.norm(rays.claimed))
        part = f" ({worst / norm:.1e} of the gradient's norm)" if norm else ""
        text += (
            f"the smallest error in one element that would have been seen for certain is "
            f"{worst:.1e}{part}, and errors that cancel are not seen"
        )
        if small := int(np.sum(seen & (VISIBLE * abs(rays.claimed) < least))):
            text += (
                f"; a relative error of {VISIBLE:g} would be too small to see in {small:,} of them"
            )
    else:
        text += "none of them was measured: the function has no value beside the point"
    if stays := int(np.sum(~rays.moved & rays.finite)):
        text += f"; {stays:,} that their bounds leave no room were not moved and are not checked"
    if odd := int(np.sum(~rays.finite)):
        text += f"; the gradient is not finite in {odd:,}"
    return f"{text}: {ELEMENTS}"
