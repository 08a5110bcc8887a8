"""An operation on arrays, checked alone: what it hands back against differences of the operation.

An elementwise operation does at each element what it does to a number, and is judged so: a
screening of all elements at once passes what plainly agrees, and `LocalDerivative` judges the rest.
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
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..arrays.partial import bare
from ..arrays.quiet import quiet
from ..core.graph import Node, data_of, hand_back
from ..seeing.abbreviating import plain
from .closer import agrees_closer
from .differences import ALMOST, DOUBLE, LEAST, Estimate, derivative, passes, stencil
from .report import FORGETS_G, SEEDED, Finding, called, describe_node, measured

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


def shares(node: Any, positions: list[int], local: Any) -> list[Any]:
    """The shares of some inputs; `local` is the class that judges a number."""
    operation = RecordedOperation(node)
    if node._rule.of_arrays:
        return [ArrayShare(operation, position) for position in positions]
    return [ElementwiseShare(operation, position, local) for position in positions]


class ElementwiseShare:
    """The share of one input of an operation on each element: each is judged as a number is.

    All are screened at once, as if nothing was broadcast; that is then judged by itself.
    """

    @quietly
    def __init__(self, operation: RecordedOperation, position: int, local: Any) -> None:
        self.operation, self.node, self.local = operation, operation.node, local
        self.position, self.at_kink = position, False
        self.values = [
            np.broadcast_to(x, operation.out.shape) if hasattr(x, "shape") else x
            for x in operation.values
        ]
        self.x = np.asarray(self.values[position], dtype=float)
        self.whole = self.handed(operation.u)
        self.amount: Any = self.whole / operation.u

    def handed(self, u: Any) -> Any:
        """The share of this input for a gradient, before what was broadcast is summed."""
        share = self.operation.hand_back(u, self.values)[self.position]
        return np.zeros(self.x.shape) if share is None else plain(share).astype(float)

    @quietly
    def fault(self) -> Finding | None:
        """The fault in it; None if it has none."""
        wrong = list(self.contradictions())
        if wrong:
            i, derivative, found = max(wrong, key=lambda x: _gap(x[1].amount, x[2].value))
            ones = float(self.handed(np.ones(self.x.shape)).flat[i])
            due = self.operation.values[self.position].shape
            place = np.unravel_index(i, self.x.shape)[self.x.ndim - len(due) :]
            index = tuple([int(k) if n > 1 else 0 for k, n in zip(place, due, strict=True)])
            return derivative.describe(found, float(self.whole.flat[i]), ones, index)
        return ArrayShare(self.operation, self.position).misfit(self.whole)

    @quietly
    def is_sound(self) -> bool:
        """Whether differences contradict it at no element."""
        return not any(True for _ in self.contradictions())

    @quietly
    def wrong_amounts(self) -> list[tuple[str, Any]]:
        """Faults to plant: what is changed, and the slopes then."""
        return wrong_amounts(self.amount)

    def contradictions(self) -> Iterator[tuple[int, Any, Estimate]]:
        """The elements that differences contradict, of those that a screening leaves in doubt."""
        for i in self.doubtful():
            values = [x.flat[i].item() if hasattr(x, "shape") else x for x in self.values]
            out, slope = self.operation.out.flat[i].item(), self.amount.flat[i].item()
            derivative = self.local(self.node, self.position, values, out, slope)
            found = derivative.contradiction()
            self.at_kink |= derivative.at_kink
            if found is not None:
                yield i, derivative, found

    def doubtful(self) -> list[int]:
        """The elements whose slope no few values confirm, as `stencil` does; of many, the worst."""
        x, out, claimed = self.x, self.operation.out, self.amount
        sizes, gap = np.abs(x), np.where(self.operation.counted, math.inf, 0.0)
        for h in (sizes * 2.0**-9, sizes * 2.0**-14, np.maximum(sizes, 1.0) * 2.0**-6):
            a, b, c, d = (self.at(x + h), self.at(x - h), self.at(x + h + h), self.at(x - h - h))
            near = (a - b) / (h + h)
            slope = near + (near - (c - d) / (4.0 * h)) / 3.0
            largest = np.maximum(np.maximum(np.abs(c), np.abs(d)), np.abs(out))
            bar = np.abs(slope - near) * 2.0**-6 + 4.0 * DOUBLE * largest / h
            apart = np.abs(claimed - slope)
            fine = (apart <= bar) & (bar <= ALMOST * np.abs(claimed))
            flat = (a == out) & (b == out) & (c == out) & (d == out)
            fine |= flat & (claimed == 0.0) & (h >= sizes * 2.0**-9) & (h != 0.0)
            gap = np.where(fine | (gap == 0.0), 0.0, np.fmin(gap, np.maximum(apart, LEAST)))
        worst = np.argsort(-gap, axis=None, kind="stable")[:MANY]
        return [int(i) for i in worst if gap.flat[i]]

    def at(self, x: Any) -> Any:
        """The result of the operation for another x."""
        values = [*self.values[: self.position], x, *self.values[self.position + 1 :]]
        return np.asarray(self.operation.compute(*values))


def _gap(claimed: float, measured: float) -> float:
    gap = abs(claimed - measured)
    return math.inf if math.isnan(gap) else gap


def wrong_amounts(right: Any) -> list[tuple[str, Any]]:
    """Faults to plant in a share that is an array: what is changed, and the share then."""
    if not np.any(right[np.isfinite(right)]):
        return []  # nothing there to change
    changed = [(change, factor * right) for change, factor in SEEDED]
    turned = np.roll(right.ravel(), 1).reshape(right.shape)
    if not np.allclose(turned, right, rtol=1e-4, atol=0.0):
        changed.append(("its elements in each other's places", turned))
    return changed


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
            finite = np.isfinite(self.share.amount)  # beside larger ones
            hidden += float(np.max(np.abs(self.share.amount), initial=0.0, where=finite))
        size = float(np.sum(np.abs(self._parts())))
        return operation.roundoff * (OWN * size + 8.0 * hidden)

    @cached_property
    def fed(self) -> Any:
        """Which elements of the result depend on what moves, though rounding may hide it."""
        return self.share.depending(self.d != 0.0)

    @cached_property
    def measured(self) -> Estimate:
        """The slope by differences."""
        roundoff = self.share.operation.roundoff
        return derivative(self, self.start, roundoff=roundoff, thorough=True)

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
        return _gap(self.claimed, self.screened[-1][0])


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
        wrong = next((x for x in self.lines() if not self.agrees(x)), None) if self.fits else None
        return self._describe(wrong) if wrong is not None else self.misfit()

    @property
    def fits(self) -> bool:
        """Whether it has the shape of its input."""
        return bool(self.amount.shape == self.x.shape)

    def misfit(self, whole: Any = None) -> Finding | None:
        """The fault in its shape or precision; or in its sum, if it is `whole` before that."""
        if not self.fits:
            shapes = f"of the shape {self.amount.shape}, and the input's is {self.x.shape}"
            return self._finding(f"it is {shapes}: is a broadcast not undone?")
        if whole is not None and not self._is_sum_of(whole):
            return self._finding("it is not the sum of what the copies of the input are handed")
        return self._in_its_own_precision()

    def _is_sum_of(self, whole: Any) -> bool:
        axes = tuple(range(whole.ndim - self.x.ndim))
        parts = whole[..., None].sum(axis=axes), np.abs(whole)[..., None].sum(axis=axes)
        stretched = tuple(i for i, n in enumerate(self.x.shape) if n == 1)
        due, size = (x.sum(axis=stretched, keepdims=True)[..., 0] for x in parts)
        return bool(np.all((np.abs(self.amount - due) <= 1e-9 * size) | ~np.isfinite(due)))

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
            line, line.start, claimed, line.own, found, noise=None, sizes=self.sizes,
            wider=0.0 if line.index is not None else WIDER, roundoff=self.operation.roundoff,
        ):  # fmt: skip
            return True
        if line.index is not None or (line.sure and found.kind not in ("kink", "jump")):
            return False
        # The slopes to the two sides of several kinks do not add: what counts is whether an element
        # alone disagrees.
        self.at_kink |= found.kind in ("kink", "jump")
        return all(map(self.agrees, self.parts(line.d)))

    @quietly
    def wrong_amounts(self) -> list[tuple[str, Any]]:
        """Faults to plant: what is changed, and the share then."""
        return wrong_amounts(self.amount)

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
        yield ArrayLine(self, self._tied(np.where(self.smooth, sizes, 0.0) * signs))
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

    def _finding(self, text: str, line: ArrayLine | None = None) -> Finding:
        x = self.node._inputs[self.position]
        label = x.label or called.get().get(x)
        name = f" ({label})" if label else ""
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
