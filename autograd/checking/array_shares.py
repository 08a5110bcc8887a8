"""The shares of an operation on arrays, judged by differences of the operation.

An elementwise operation does at each element what it does to a number, and is judged so: a
screening of all elements at once passes what plainly agrees, and `NumberShare` judges the rest.
What was broadcast is judged before and after it is summed.

For any other, and a gradient u, the slope of sum(u * f(x + t d)) at t = 0 is sum(share * d),
whatever the direction d: two random directions judge all elements at once, and of a small array
each element is then judged by itself. Elements at a kink have no slope along an arbitrary
direction. They are kept out of it, or, where several tie for the largest, moved together; some of
them are then judged alone. Everything is computed again in double precision.

The words: a *share* is what one input is handed for u; a *line* moves its elements along d, by t,
or one of them alone, and then t is that element; what a line *claims* is its slope by the share;
its *own* error is what rounding may have done to that; a result is *counted* if it is finite and
moves with the line; elements that results depend on, however little, *feed* them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from operator import attrgetter
from typing import Any, Final

import numpy as np

from ..arrays.operations import numbered
from ..arrays.partial import bare
from ..arrays.quiet import quiet
from ..core.graph import Node, data_of, hand_back
from ..seeing.abbreviating import plain
from .culprit import Line, NumberShare
from .differences import Estimate, passes, stencil
from .probing import DOUBLE, LEAST
from .report import FORGETS_G, SEEDED, Finding, called, describe_node, measured
from .soundness import node_inputs

FEW = 24  # elements that are all judged one by one
MANY = 64  # elements among which the worst is looked for one by one
ALONE = 8  # elements at a kink that are judged
NEAR = 2.0**-30  # how near, relative to the numbers, is as good as at a kink
TINY = 1e-290  # and in any case
SUBNORMAL = 2.0**-1022  # a number below has few digits, and a sum of short steps is a staircase
STEEP = 2.0**20  # how steep, relative to the numbers too, it is beside a pole or an edge
FAR = 2.0**30  # a step after which rounding hides little of what a result depends on
FURTHER = 2.0**300  # and after which it hides nothing, if it leads anywhere
WIDER = 8.0  # error bars, where many elements move at once
LAST = 4.0  # roundings that are the last digits' alone, as where others are scaled by x
OWN = 4096.0  # roundings that a share may be off by, as what is left of log(1 + 1e-13) is


quietly = partial(quiet, theirs=True)


class RecordedOperation:
    """A recorded operation on arrays of doubles, and the gradient u that it is handed."""

    @quietly
    def __init__(self, node: Any, u: float | None = None) -> None:
        self.node = node
        self.values: Final = [_double(x) for x in node._inputs]
        self.out: Final = np.asarray(self.compute(*self.values))
        rounds = self.out.dtype == np.float32  # as a conversion does
        self.roundoff: Final = 2.0**-24 if rounds else DOUBLE
        self.counted: Final = np.isfinite(self.out)
        self.rng: Final = np.random.default_rng(0)
        given = self.draw(self.out.shape) if u is None else u
        self.u: Final = np.where(self.counted, given, 0.0)
        self.shown: Final = np.abs(self.u * np.where(self.counted, self.out, 0.0))

    def compute(self, *values: Any) -> Any:
        """The result of the operation for other values; nan where it raises."""
        try:
            return self.node._rule.compute(*values)
        except (ArithmeticError, ValueError):
            return np.full(plain(self.node).shape, math.nan)

    def draw(self, shape: tuple[int, ...]) -> Any:
        """Numbers of both signs between 1 and 2, of few digits."""
        size = 1.0 + self.rng.integers(1, 64, shape) / 64.0
        return size * self.rng.choice((-1.0, 1.0), shape)

    def hand_back(self, u: Any, values: Sequence[Any] = ()) -> list[Any]:
        """The share of each input for a gradient; nan where the rule raises."""
        node, values = self.node, values or self.values
        leaves = tuple(
            x.kind(value) if isinstance(x, Node) else value
            for x, value in zip(node._inputs, values, strict=True)
        )
        g = np.array(u, dtype=self.out.dtype) if node.broadcasts else float(u)
        out = self.out if node.broadcasts else float(self.out)
        try:
            return [bare(s) for s in node.ask(node._rule, leaves, g, out, tuple(values))]
        except Exception:
            return [np.full(np.shape(x), math.nan) for x in values]

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


def shares(node: Any) -> list[Any]:
    """The share of each input that is a node."""
    operation = RecordedOperation(node)
    kind = ArrayShare if node._rule.of_arrays else ElementwiseShare
    return [kind(operation, position) for position, _ in node_inputs(node)]


class _Share:
    """The share of one input, as an array."""

    at_kink = False
    claimed: Any  # what is judged, and changed where faults are planted
    contradictions: Callable[[], Iterator[Any]]
    wrong_slope: Callable[[], Finding | None]

    @quietly
    def __init__(self, operation: RecordedOperation, position: int) -> None:
        self.operation, self.node, self.position = operation, operation.node, position
        self.values = operation.values
        self.x = np.asarray(self.values[position], dtype=float)
        self.share = self.claimed = self.of(operation.shares)

    def of(self, shares: Sequence[Any]) -> Any:
        """This input's of the shares of all inputs."""
        share = shares[self.position]
        return np.zeros(self.x.shape) if share is None else plain(share).astype(float)

    def at(self, x: Any) -> Any:
        """The result of the operation for another x."""
        values = list(self.values)
        values[self.position] = x if isinstance(values[self.position], np.ndarray) else float(x)
        return np.asarray(self.operation.compute(*values))

    @quietly
    def fault(self) -> Finding | None:
        """The fault in it; None if it has none."""
        return self.wrong_shape() or self.wrong_slope() or self.wrong_precision()

    @quietly
    def is_sound(self) -> bool:
        """True if differences contradict it nowhere."""
        return not any(True for _ in self.contradictions())

    @quietly
    def wrong_claims(self) -> list[tuple[str, Any]]:
        """Faults to plant: what is changed, and what is claimed then."""
        right = self.claimed
        if not np.any(right[np.isfinite(right)]):
            return []  # nothing there to change
        changed = [(change, factor * right) for change, factor in SEEDED]
        turned = np.roll(right.ravel(), 1).reshape(right.shape)
        if not np.allclose(turned, right, rtol=1e-4, atol=0.0):
            changed.append(("its elements in each other's places", turned))
        return changed

    def wrong_shape(self) -> Finding | None:
        """The fault of a share that has another shape than its input."""
        share, due = self.share.shape, self.operation.values[self.position]
        if share == np.shape(due):
            return None
        shapes = f"of the shape {share}, and the input's is {np.shape(due)}"
        return self.finding(f"it is {shapes}: is a broadcast not undone?")

    def wrong_precision(self) -> Finding | None:
        """The fault in the precision of the share, where it was recorded in single."""
        node, u = self.node, self.operation.u
        due, made = (getattr(y._data, "dtype", None) for y in (node._inputs[self.position], node))
        if not any("float32" in str(dtype) for dtype in (due, made)):
            return None
        g = node.start(u if node.broadcasts else float(u))
        share = bare(hand_back(node, g)[self.position])
        if due is None or share is None or share.dtype == due:
            return None
        return self.finding(f"it is of {share.dtype}, and the input of {due}")

    def finding(self, text: str, line: ArrayLine | None = None) -> Finding:
        """A fault, with the line along which it shows."""
        inputs = self.node._inputs
        x = inputs[self.position]
        label = x.label or called.get().get(x)
        which = f"argument {self.position + 1} of {len(inputs)}{f' ({label})' if label else ''}"
        text = f"{describe_node(self.node)}: what is handed to {which} is wrong: {text}"
        if line is None:
            return Finding("rule", self.node, text, self.position)
        found = line.measured()
        slopes = line.claimed, found.value, found.error_bar
        return Finding("rule", self.node, text, self.position, *slopes, line.index)


class ElementwiseShare(_Share):
    """The share of one input of an operation on each element: each is judged as a number is.

    All are screened at once, as if nothing was broadcast; the sum of what was is then judged.
    """

    @quietly
    def __init__(self, operation: RecordedOperation, position: int) -> None:
        super().__init__(operation, position)
        self.values: list[Any] = [
            np.broadcast_to(x, operation.out.shape) if hasattr(x, "shape") else x
            for x in operation.values
        ]
        self.x: Any = np.asarray(self.values[position], dtype=float)
        self.whole: Final = self.of(operation.hand_back(operation.u, self.values))
        self.claimed: Any = self.whole / operation.u

    def wrong_slope(self) -> Finding | None:
        """The element where differences contradict it most, or a fault in its sum."""
        wrong = list(self.contradictions())
        due = np.shape(self.operation.values[self.position])
        places = np.broadcast_to(numbered(due), self.x.shape).ravel()
        if wrong:
            i, one, found = max(wrong, key=lambda x: _gap(x[1].claimed, x[2].value))
            ones = self.of(self.operation.hand_back(np.ones(self.x.shape), self.values))
            index = tuple(map(int, np.unravel_index(places[i], due)))
            return one.describe(found, float(self.whole.flat[i]), float(ones.flat[i]), index)
        parts = self.whole.ravel(), np.abs(self.whole.ravel())
        total, size = (np.bincount(places, part, math.prod(due)) for part in parts)
        apart = np.abs(self.share.ravel() - total)
        if np.all((apart <= 1e-9 * size) | ~np.isfinite(total)):
            return None
        return self.finding("it is not the sum of what the copies of the input are handed")

    def contradictions(self) -> Iterator[tuple[int, NumberShare, Estimate]]:
        """The elements that differences contradict, of those that a screening leaves in doubt."""
        for i in self.doubtful():
            values = [x.flat[i].item() if hasattr(x, "shape") else x for x in self.values]
            out, slope = self.operation.out.flat[i].item(), self.claimed.flat[i].item()
            one = NumberShare(self.node, self.position, values, out, slope)
            found = one.contradiction()
            self.at_kink |= one.at_kink
            if found is not None:
                yield i, one, found

    def doubtful(self) -> list[int]:
        """The elements whose slope no few values confirm; of many, the worst."""
        x, sizes, claimed = self.x, np.abs(self.x), self.claimed
        gap = np.where(self.operation.counted, math.inf, 0.0)
        for h in (sizes * 2.0**-9, sizes * 2.0**-14, np.maximum(sizes, 1.0) * 2.0**-6):
            slope, bar = stencil(self.at, x, h, self.operation.out)
            fine = passes(claimed, slope, bar)
            fine &= (claimed != 0.0) | (h >= sizes * 2.0**-9)  # flat, and not by a short step only
            apart = np.maximum(np.abs(claimed - slope), LEAST)
            gap = np.where(fine | (gap == 0.0), 0.0, np.fmin(gap, apart))
        worst = np.argsort(-gap, axis=None, kind="stable")[:MANY]
        return [int(i) for i in worst if gap.flat[i]]


def _gap(claimed: float, measured: float) -> float:
    gap = abs(claimed - measured)
    return math.inf if math.isnan(gap) else gap


class ArrayLine(Line):
    """A way to move the numbers of one input, and what a share says of the slope along it.

    Along a direction, t is how far; of one element, t is that element itself, as it is when a
    number is judged.
    """

    def __init__(self, share: ArrayShare, d: Any, *, sure: bool = True) -> None:
        self.share: ArrayShare = share
        self.d: Any = d
        self.sure = sure  # whether nothing but a fault makes the two disagree
        self.roundoff: float = share.operation.roundoff
        places = np.argwhere(d)
        self.index: Final = tuple(map(int, places[0])) if len(places) == 1 else None
        start, self.longest, size = 0.0, d, 1.0
        self.parts: Any = np.where(d != 0.0, share.claimed * d, 0.0)
        if self.index is None:
            self.bars = WIDER
        else:
            start, self.parts = float(share.x[self.index]), share.claimed[self.index]
            self.longest, size = (d != 0.0) * max(abs(start), 1.0), abs(start)
        self.counted: Final = share.operation.counted & share.touched(self.longest)
        super().__init__(start, float(np.sum(self.parts)), self(start), size, share.sizes)

    def __call__(self, t: float) -> float:
        """sum(u * f) over what the line moves: the rest is but rounding."""
        x, d = self.share.x, self.d
        out = self.share.at(x + t * d if self.index is None else np.where(d != 0.0, t, x))
        return float(np.sum(np.where(self.counted, self.share.operation.u * out, 0.0)))

    @cached_property
    def own(self) -> float:  # type: ignore[override]
        """How far rounding can have moved the claimed slope, or hidden a change of the result."""
        share, shown = self.share, self.share.operation.shown
        hidden = 2.0**-100 * float(np.sum(shown))
        if not self.counted.any():
            hidden = float(np.max(shown, initial=0.0))
        elif self.index is None:
            hidden += float(np.sum(shown[share.fed]))
        else:
            fed = share.depending(self.d != 0.0)
            hidden += 8.0 * float(np.sum(shown[fed])) / np.max(self.longest)
            finite = np.isfinite(share.claimed)  # beside larger ones
            hidden += float(np.max(np.abs(share.claimed), initial=0.0, where=finite))
        return self.roundoff * (OWN * float(np.sum(np.abs(self.parts))) + 8.0 * hidden)

    def contradiction(self) -> Estimate | None:
        """The slope by differences if it is another than the claimed one, else None."""
        if not math.isfinite(self.claimed) and not self.counted.any():
            return None  # all that it feeds has no value
        return super().contradiction()

    @property
    def gap(self) -> float:
        """How far the share and the differences are apart, roughly."""
        return _gap(self.claimed, self.screened(self.steps[-1])[0])


class ArrayShare(_Share):
    """The share of one input of an operation on arrays, judged along lines."""

    def wrong_slope(self) -> Finding | None:
        """The first line that differences contradict, told by its worst element."""
        wrong = next(self.contradictions(), None)
        return None if wrong is None else self._describe(wrong)

    def contradictions(self) -> Iterator[ArrayLine]:
        """The lines that differences contradict."""
        return (line for line in self.lines() if not self.agrees(line))

    def agrees(self, line: ArrayLine) -> bool:
        """True if differences along a line give what the share gives."""
        found = line.contradiction()
        if found is not None:
            kink = found.kind in ("kink", "jump")
            if line.index is not None or (line.sure and not kink):
                return False
            # The slopes to the two sides of several kinks do not add: what counts is whether an
            # element alone disagrees.
            self.at_kink |= kink
            return all(map(self.agrees, self.parts(line.d)))
        self.at_kink |= line.at_kink
        return True

    def parts(self, d: Any) -> Iterator[ArrayLine]:
        """The elements of a direction one by one, or as many of them as there is time for."""
        places = np.flatnonzero(d)
        chosen = places if len(places) <= MANY else places[:: -(-len(places) // MANY)]
        return (self._only(i) for i in chosen)

    def _only(self, i: int) -> ArrayLine:
        one = np.zeros(self.x.size)
        one[i] = 1.0
        return ArrayLine(self, one.reshape(self.x.shape))

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
        large = np.abs(self.claimed * self.x)
        steep = (large > reach) & ((np.abs(self.claimed) > STEEP) | (large > STEEP * reach))
        exact = ~(np.abs(self.x) < SUBNORMAL) | (self.x == 0.0)  # digits are left for short steps
        return np.isfinite(self.x) & np.isfinite(self.claimed) & ~self.near_kinks & ~steep & exact

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
        yield ArrayLine(self, self._tied(np.where(self.smooth, sizes, 0.0) * signs))
        if moving.max() / 16.0 > moving.min():
            finite = np.abs(self.x[np.isfinite(self.x)])
            largest = finite.max()  # its square may be too large
            scale = largest * math.sqrt(np.mean((finite / largest) ** 2))
            yield ArrayLine(self, self._tied(scale * signs), sure=False)  # past poles and edges

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
        node = self.node
        if node.op in ("norm", "std"):
            axes = node._rule.settings["axes"]
            size = np.max(np.abs(self.x), axis=axes, keepdims=True, initial=0.0)
            out = np.reshape(self.operation.out, size.shape)
            return np.broadcast_to(out <= NEAR * size, self.x.shape)
        return np.zeros(self.x.shape, bool)

    def _tied(self, d: Any) -> Any:
        """The direction, with all that tie for the largest or the smallest moved equally far."""
        if self.node.op not in ("max", "min"):
            return d
        axes = self.node._rule.settings["axes"]
        extreme = getattr(np, self.node.op)(self.x, axis=axes, keepdims=True)
        ties = np.abs(self.x - extreme) <= NEAR * np.abs(extreme)
        self.at_kink |= bool(np.any(np.sum(ties, axis=axes) > 1))
        return np.where(ties, np.max(np.where(ties, d, -np.inf), axis=axes, keepdims=True), d)

    # ---- words ----

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
        text = claim + measured(told.measured()) + FORGETS_G * self._forgets_g()
        return self.finding(text, told)

    def _worst(self, line: ArrayLine) -> ArrayLine:
        """The element of a line where the two differ most; all of it if none alone does."""
        d = line.d
        while (count := np.count_nonzero(d)) > MANY:
            first = (np.cumsum(d != 0.0) <= count // 2).reshape(d.shape)
            halves = (ArrayLine(self, np.where(first == side, d, 0.0)) for side in (True, False))
            d = max(halves, key=attrgetter("gap")).d
        one = max(self.parts(d), key=attrgetter("gap"))
        return line if self.agrees(one) else one

    def _forgets_g(self) -> bool:
        """True if another gradient makes no difference to it."""
        other = self.of(self.operation.hand_back(3.0 * self.operation.u))
        return bool(np.array_equal(other, self.claimed) and np.any(other))
