"""An operation on arrays, checked alone: what it hands back against differences of the operation.

For a gradient u, the slope of sum(u * f(x + t d)) at t = 0 is sum(share * d), whatever the
direction d: two random directions judge all elements at once, and of a small array each element is
then judged by itself. Everything is computed again in double precision.

Elements that stand at a kink have no slope along an arbitrary direction. They are kept out of it,
or, where several tie for the largest, moved together; some of them are then judged alone, as a
number at a kink is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..arrays.partial import bare
from ..arrays.quiet import quiet
from ..core.graph import Node, data_of, hand_back
from ..seeing.abbreviating import plain
from .closer import agrees_closer
from .differences import DOUBLE, OF_ONE, Estimate, derivative, passes, stencil
from .report import FORGETS_G, SEEDED, ULPS, Finding, describe_node, measured

FEW = 24  # elements that are all judged one by one
MANY = 64  # elements among which the worst is looked for one by one
ALONE = 8  # elements at a kink that are judged
NEAR = 2.0**-30  # how near, relative to the numbers, is as good as at a kink
TINY = 1e-290  # and in any case
SUBNORMAL = 2.0**-1022  # a number below has few digits, and a sum of short steps is a staircase
STEEP = 2.0**20  # how steep, relative to the numbers too, it is beside a pole or an edge
FAR = 2.0**30  # a step after which rounding hides little of what a result depends on
FURTHER = 2.0**300  # and after which it hides nothing, if it leads anywhere
WIDER = 6.0  # error bars more, where many elements move at once
LAST = 4.0  # roundings that are the last digits' alone, as where others are scaled by x
OWN = 4096.0  # roundings that a share may be off by, as what is left of log(1 + 1e-13) is


quietly = partial(quiet, theirs=True)


class RecordedOperation:
    """A recorded operation on arrays of doubles, and the gradient u that it is handed."""

    @quietly
    def __init__(self, node: Any, u: float | None = None) -> None:
        self.node = node
        self.elementwise = not node._rule.of_arrays
        self.values = [_double(x) for x in node._inputs]
        self.out = np.asarray(self.compute(*self.values))
        rounds = self.out.dtype == np.float32  # as a conversion does
        self.roundoff = 2.0**-24 if rounds else DOUBLE
        self.counted = np.isfinite(self.out)
        self.rng = np.random.default_rng(0)
        given = self.draw(self.out.shape) if u is None else u
        self.u = np.where(self.counted, given, 0.0)
        self.shown = np.abs(self.u * np.where(self.counted, self.out, 0.0))

    def compute(self, *values: Any) -> Any:
        """The result of the operation for other values; nan where it raises."""
        try:
            return self.node._rule.compute(*values)
        except (ArithmeticError, ValueError):
            return np.full(plain(self.node).shape, math.nan)

    def draw(self, shape: tuple[int, ...]) -> Any:
        """Numbers of both signs between 1 and 2, of few digits."""
        size = 1.0 + self.rng.integers(0, 64, shape) / 64.0
        return size * self.rng.choice((-1.0, 1.0), shape)

    def hand_back(self, u: Any) -> list[Any]:
        """The share of each input for a gradient; nan where the rule raises."""
        node = self.node
        leaves = tuple(
            x.kind(value) if isinstance(x, Node) else value
            for x, value in zip(node._inputs, self.values, strict=True)
        )
        g = np.array(u, dtype=self.out.dtype) if node.broadcasts else float(u)
        out = self.out if node.broadcasts else float(self.out)
        try:
            return [bare(s) for s in node.ask(node._rule, leaves, g, out, tuple(self.values))]
        except Exception:
            return [np.full(np.shape(x), math.nan) for x in self.values]

    @cached_property
    def shares(self) -> list[Any]:
        """The share of each input for u."""
        return self.hand_back(self.u)


def _double(x: Any) -> Any:
    """An input as an array of doubles; a mask as it is; a number as a float."""
    data = data_of(x)
    if not hasattr(data, "shape"):
        return data
    array = plain(data)
    return array.astype(float) if array.dtype.kind == "f" else array


class ArrayLine:
    """A way to move the numbers of one input, and what a share says of the slope along it.

    Along a direction, t is how far; of one element, t is that element itself, as it is when a
    number is judged.
    """

    def __init__(self, share: ArrayShare, d: Any, *, sure: bool = True) -> None:
        self.share = share
        self.d = d
        self.sure = sure  # whether nothing but a fault makes the two disagree
        places = np.argwhere(d)
        self.index = tuple(map(int, places[0])) if len(places) == 1 else None
        self.start = 0.0 if self.index is None else float(share.x[self.index])
        operation = share.operation
        self.counted = operation.counted & share.touched(self._longest())
        self.reach = float(np.sum(operation.shown[self.counted]))

    def _longest(self) -> Any:
        if self.index is None:
            return self.d
        one = np.zeros(self.d.shape)
        one[self.index] = max(abs(self.start), 1.0)
        return one

    def __call__(self, t: float) -> float:
        """sum(u * f) over what the line moves: the rest is but rounding."""
        x = self.share.x
        if self.index is None:
            x = x + t * self.d
        else:
            x = x.copy()
            x[self.index] = t
        out = self.share.at(x)
        return float(np.sum(np.where(self.counted, self.share.operation.u * out, 0.0)))

    @cached_property
    def claimed(self) -> float:
        """The slope by the share."""
        return float(np.sum(self._parts()))

    def _parts(self) -> Any:
        if self.index is not None:
            return self.share.amount[self.index]
        return np.where(self.d != 0.0, self.share.amount * self.d, 0.0)

    @cached_property
    def own(self) -> float:
        """How far rounding can have moved that, or hidden a change of the result."""
        operation = self.share.operation
        hidden = 2.0**-100 * float(np.sum(operation.shown))
        if not self.counted.any():
            hidden = float(np.max(operation.shown, initial=0.0))
        elif self.index is None:
            hidden += float(np.sum(operation.shown[self.share.fed]))
        else:
            hidden += 8.0 * float(np.sum(operation.shown[self.fed])) / np.max(self._longest())
            if not operation.elementwise or self.share.node._rule.variadic:  # beside larger ones
                finite = np.isfinite(self.share.amount)
                hidden += float(np.max(np.abs(self.share.amount), initial=0.0, where=finite))
        size = float(np.sum(np.abs(self._parts())))
        return operation.roundoff * (OWN * size + 8.0 * hidden)

    @cached_property
    def fed(self) -> Any:
        """Which elements of the result depend on what moves, though rounding may hide it."""
        return self.share.depending(self.d != 0.0)

    @cached_property
    def noise(self) -> float | None:
        """How far the values along the line may be off, where that is known."""
        operation = self.share.operation
        if not operation.elementwise or self.share.node._rule.variadic:
            return None  # a sum may cancel
        moved = 0.0  # the rounding of x + t d itself, as far as it reaches
        if self.index is None:
            moved = float(
                np.sum(np.abs(np.where(self.d != 0.0, self.share.amount * self.share.x, 0.0)))
            )
        return operation.roundoff * (ULPS * self.reach + 2.0 * moved) + OF_ONE

    @cached_property
    def measured(self) -> Estimate:
        """The slope by differences."""
        roundoff = self.share.operation.roundoff
        return derivative(self, self.start, roundoff=roundoff, noise=self.noise, thorough=True)

    @cached_property
    def screened(self) -> list[tuple[float, float]]:
        """The slope by a few values, and its error bar: for a short step, and for a longer one."""
        steps = (2.0**-9, 2.0**-6)
        if self.index is not None:
            steps = (abs(self.start) * 2.0**-9, max(abs(self.start), 1.0) * 2.0**-6)
        here = self(self.start)
        return [stencil(self, self.start, h, here) for h in steps if h]

    @property
    def gap(self) -> float:
        """How far the share and the differences are apart, roughly."""
        gap = abs(self.claimed - self.screened[-1][0])
        return math.inf if math.isnan(gap) else gap


class ArrayShare:
    """The share of one input of an operation on arrays, and the judgement of it."""

    @quietly
    def __init__(self, operation: RecordedOperation, position: int) -> None:
        self.operation = operation
        self.node = operation.node
        self.position = position
        self.x = np.asarray(operation.values[position], dtype=float)
        self.amount: Any = self._of(operation.shares)
        sizes = np.abs(self.x[np.isfinite(self.x)])
        largest = float(np.max(sizes, initial=0.0))  # whose square may be too large
        self.scale = largest * math.sqrt(np.mean((sizes / largest) ** 2)) if largest else 1.0
        self.at_kink = False

    def _of(self, shares: list[Any]) -> Any:
        share = shares[self.position]
        return np.zeros(self.x.shape) if share is None else plain(share).astype(float)

    # ---- the judgement ----

    @quietly
    def fault(self) -> Finding | None:
        """The fault in it; None if it has none."""
        if self.amount.shape != self.x.shape:
            shapes = f"of the shape {self.amount.shape}, and the input's is {self.x.shape}"
            return self._finding(f"it is {shapes}: is a broadcast not undone?")
        for line in self.lines():
            if not self.agrees(line):
                return self._describe(line)
        return self._in_its_own_precision()

    @quietly
    def is_sound(self) -> bool:
        """Whether differences contradict it nowhere."""
        return all(map(self.agrees, self.lines()))

    def agrees(self, line: ArrayLine) -> bool:
        """Whether differences along a line give what the share gives."""
        claimed = line.claimed
        more = line.own if line.index is None else 0.0
        if any(passes(claimed, slope, bar + more) for slope, bar in line.screened):
            return True
        if not math.isfinite(claimed) and not line.counted.any():
            return True  # all that it feeds has no value
        found = line.measured
        slack = line.own + (WIDER * found.error_bar if line.index is None else 0.0)
        if found.allows(claimed, slack):
            self.at_kink |= found.kind in ("kink", "jump")
            return True
        if agrees_closer(
            line, line.start, claimed, line.own, found, noise=line.noise, sizes=self.sizes,
            kinks=self.kinks_along(line), wider=0.0 if line.index is not None else WIDER,
            roundoff=self.operation.roundoff,
        ):  # fmt: skip
            return True
        if line.index is not None or (line.sure and found.kind not in ("kink", "jump")):
            return False
        # The slopes to the two sides of several kinks do not add: so it is where a user's operation
        # has kinks that nobody has told of. What counts is whether an element alone disagrees.
        self.at_kink |= found.kind in ("kink", "jump")
        return all(map(self.agrees, self.parts(line.d)))

    @quietly
    def wrong_amounts(self) -> list[tuple[str, Any]]:
        """Faults to plant: what is changed, and the share then."""
        right = self.amount
        if not np.any(right[np.isfinite(right)]):
            return []  # nothing there to change
        changed = [(change, factor * right) for change, factor in SEEDED]
        turned = np.roll(right.ravel(), 1).reshape(right.shape)
        if not np.allclose(turned, right, rtol=1e-4, atol=0.0):
            changed.append(("its elements in each other's places", turned))
        return changed

    def parts(self, d: Any) -> Iterator[ArrayLine]:
        """The elements of a direction one by one, or as many of them as there is time for."""
        places = np.flatnonzero(d)
        chosen = places if len(places) <= MANY else places[:: -(-len(places) // MANY)]
        return (self._only(i) for i in chosen)

    def _only(self, i: int) -> ArrayLine:
        one = np.zeros(self.x.size)
        one[i] = 1.0
        return ArrayLine(self, one.reshape(self.x.shape))

    def at(self, x: Any) -> Any:
        """The result of the operation for another x."""
        values = list(self.operation.values)
        values[self.position] = x if isinstance(values[self.position], np.ndarray) else float(x)
        return np.asarray(self.operation.compute(*values))

    def touched(self, d: Any) -> Any:
        """Which elements of the result change with a step, long or short, by more than rounding."""
        out, touched = self.operation.out, np.asarray(False)
        rounding = LAST * self.operation.roundoff * np.abs(out)
        for t in (1.0, -1.0, 2.0**-9):
            moved = self.at(self.x + t * d)
            same = (moved == out) | (np.abs(moved - out) <= rounding)
            touched = touched | ~(same | (np.isnan(moved) & np.isnan(out)))
        return touched

    @cached_property
    def sizes(self) -> list[float]:
        """How large the numbers of all inputs are, a power of two for many."""
        given = [np.asarray(x, dtype=float).ravel() for x in self.operation.values]
        return sorted(set(np.exp2(np.frexp(np.abs(np.concatenate(given)))[1] - 0.5).tolist()))

    def kinks_along(self, line: ArrayLine) -> Callable[[float], list[float]] | None:
        """For an element of an elementwise operation, how far it is past each kink of its own."""
        kink = self.node._rule.fact.kink if self.operation.elementwise else None
        if kink is None or line.index is None:
            return None
        values = [np.asarray(x, dtype=float) for x in self.operation.values]
        moved = np.broadcast_to(line.d, np.broadcast_shapes(*(x.shape for x in values))) != 0.0
        others = [np.broadcast_to(x, moved.shape)[moved].tolist() for x in values]

        def kinks(t: float) -> list[float]:
            given = others[: self.position], [[t] * len(others[0])], others[self.position + 1 :]
            return [kink(*xs) for xs in zip(*itertools.chain(*given), strict=True)]

        return kinks

    @cached_property
    def fed(self) -> Any:
        """Which elements of the result depend on this input at all."""
        return self.depending(np.ones(self.x.shape, bool))

    def depending(self, moving: Any) -> Any:
        """Which elements of the result depend on some of this input: steps are long for that."""
        sizes = np.maximum(np.abs(self.x), 1.0)
        near, far = (np.minimum(sizes, 2.0**1023 / step) * step for step in (FAR, FURTHER))
        return self.touched(near * moving) | self.touched(far * moving)

    # ---- directions ----

    @cached_property
    def smooth(self) -> Any:
        """The elements that may move in any direction: at no kink, and beside no pole or edge."""
        reach = STEEP * np.sum(self.operation.shown)
        large = np.abs(self.amount * self.x)
        steep = (large > reach) & ((np.abs(self.amount) > STEEP) | (large > STEEP * reach))
        exact = ~(np.abs(self.x) < SUBNORMAL) | (self.x == 0.0)  # digits are left for short steps
        return np.isfinite(self.x) & np.isfinite(self.amount) & ~self.near_kinks & ~steep & exact

    def lines(self) -> Iterator[ArrayLine]:
        """Directions, then each element if they are few, and some that may not move with others."""
        yield from self.directions()
        if 1 < self.x.size <= FEW:
            yield from self.parts(self.smooth)
        yield from self.alone()

    def directions(self) -> Iterator[ArrayLine]:
        """Two random directions: each element as far as it is large, and all equally far."""
        sizes = np.where(self.x == 0.0, 1.0, np.abs(self.x))
        moving = sizes[self.smooth]
        if not moving.any():
            return
        signs = np.where(self.smooth, self.operation.draw(self.x.shape) / 2.0, 0.0)
        bends = self.operation.elementwise and self.node._rule.fact.kink is not None
        yield ArrayLine(self, self._tied(np.where(self.smooth, sizes, 0.0) * signs), sure=not bends)
        if moving.max() / 16.0 > moving.min():
            yield ArrayLine(
                self, self._tied(self.scale * signs), sure=False
            )  # past poles and edges

    def alone(self) -> Iterator[ArrayLine]:
        """Some of the elements that may not move with the others."""
        self.at_kink |= bool(self.near_kinks.any())
        size = np.abs(self.x)
        near_zero = (size >= SUBNORMAL) & (size < TINY) & ~self.near_kinks
        apart = np.flatnonzero(np.isfinite(self.x) & ~self.smooth & ~near_zero)
        for i in apart if len(apart) <= ALONE else apart[:: -(-len(apart) // ALONE)]:
            line = self._only(i)
            if np.all(self.operation.counted[self.depending(line.d != 0.0)]):
                yield line

    # ---- kinks ----

    @cached_property
    def near_kinks(self) -> Any:
        """The elements that stand at a kink, or as good as there."""
        node, values = self.node, self.operation.values
        if self.operation.elementwise and node._rule.fact.kink is not None:
            return self._folded(_near_kink(node._rule.fact.kink, values))
        if not self.operation.elementwise and node.op in ("norm", "std"):
            axes = node._rule.settings["axes"]
            size = np.max(np.abs(self.x), axis=axes, keepdims=True, initial=0.0)
            out = np.reshape(self.operation.out, size.shape)
            return np.broadcast_to(out <= NEAR * size, self.x.shape)
        return np.zeros(self.x.shape, bool)

    def _folded(self, near: Any) -> Any:
        """For each element of the input, whether any of its copies is near a kink."""
        near = near.any(axis=tuple(range(near.ndim - self.x.ndim)))
        stretched = tuple(i for i, n in enumerate(self.x.shape) if n == 1)
        return np.broadcast_to(near.any(axis=stretched, keepdims=True), self.x.shape)

    def _tied(self, d: Any) -> Any:
        """The direction, with all that tie for the largest or the smallest moved equally far."""
        if self.operation.elementwise or self.node.op not in ("max", "min"):
            return d
        axes = self.node._rule.settings["axes"]
        extreme = getattr(np, self.node.op)(self.x, axis=axes, keepdims=True)
        ties = np.abs(self.x - extreme) <= NEAR * np.abs(extreme)
        self.at_kink |= bool(np.any(np.sum(ties, axis=axes) > 1))
        return np.where(ties, np.max(np.where(ties, d, -np.inf), axis=axes, keepdims=True), d)

    # ---- words ----

    def _finding(self, text: str, line: ArrayLine | None = None) -> Finding:
        x = self.node._inputs[self.position]
        name = f" ({x.label})" if x.label else ""
        which = f"argument {self.position + 1} of {len(self.node._inputs)}{name}"
        text = f"{describe_node(self.node)}: what is handed to {which} is wrong: {text}"
        if line is None:
            return Finding("rule", self.node, text, self.position)
        found = line.measured
        numbers = line.claimed, found.value, found.error_bar
        finding = Finding("rule", self.node, text, self.position, *numbers)
        finding.index = line.index
        return finding

    def _describe(self, line: ArrayLine) -> Finding:
        """The fault, with the element where it is worst and what is measured there."""
        worst = self._worst(line)
        plain = ArrayShare(RecordedOperation(self.node, 1.0), self.position)
        told, handed = ArrayLine(plain, worst.d), "a gradient of ones"
        if plain.agrees(told):
            told, handed = worst, "some gradient"
        where = "in some direction"
        if told.index is not None:
            where = f"at [{', '.join(map(str, told.index))}]" if told.index else "there"
        claim = f"handed {handed}, its rule says {told.claimed:.6g} {where}, "
        text = claim + measured(told.measured) + FORGETS_G * self._forgets_g()
        return self._finding(text, told)

    def _worst(self, line: ArrayLine) -> ArrayLine:
        """The element of a line where the two differ most; all of it if none alone does."""
        d = line.d
        while np.count_nonzero(d) > MANY:
            places = np.flatnonzero(d)
            lower, upper = np.zeros(d.size), np.zeros(d.size)
            for part, half in zip((lower, upper), np.array_split(places, 2), strict=True):
                part[half] = d.ravel()[half]
            halves = (ArrayLine(self, part.reshape(d.shape)) for part in (lower, upper))
            d = max(halves, key=lambda half: half.gap).d
        one = max(self.parts(d), key=lambda one: one.gap)
        return line if self.agrees(one) else one

    def _forgets_g(self) -> bool:
        """Whether another gradient makes no difference to it."""
        other = self._of(self.operation.hand_back(3.0 * self.operation.u))
        return bool(np.array_equal(other, self.amount) and np.any(other))

    def _in_its_own_precision(self) -> Finding | None:
        """The fault in the precision of the share, where it was recorded in single."""
        x, node = self.node._inputs[self.position], self.node
        due, made = (getattr(y._data, "dtype", None) for y in (x, node))
        if not any("float32" in str(dtype) for dtype in (due, made)):
            return None
        g = node.start(self.operation.u if node.broadcasts else float(self.operation.u))
        share = bare(hand_back(node, g)[self.position])
        if due is None or share is None or share.dtype == due:
            return None
        return self._finding(f"it is of {share.dtype}, and the input of {due}")


def _near_kink(kink: Callable[..., Any], values: list[Any]) -> Any:
    """A mask: the numbers that are so near a kink that a difference may cross it."""
    given = np.broadcast_arrays(*[np.asarray(x, dtype=float) for x in values])
    try:
        far = np.asarray(kink(*values), dtype=float)
    except (TypeError, ValueError):  # made for numbers
        far = np.asarray(np.frompyfunc(kink, len(given), 1)(*given), dtype=float)
    return np.abs(far) <= np.maximum(NEAR * np.max([np.abs(x) for x in given], axis=0), TINY)
