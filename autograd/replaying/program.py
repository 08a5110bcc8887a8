"""A program: loops over one memory, and its gradient as more loops.

The gradient that arrives at a slot has a place of its own, as far behind the slot as there are
slots. Every loop between the result and a wanted number, the last one first, hands its shares back:
the steps that `columns` writes for its row, and then, for each operand, a sum over the dimensions
along which the operand does not move. Nothing arriving is -0.0, which changes no number that it is
added to. Where it depends on a condition whether anything arrives, a second place counts what did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..core.rules import Rule
from .columns import (
    ARRIVES,
    NOTHING,
    ONE,
    OUT,
    ZERO,
    Foreign,
    G,
    Product,
    Pullback,
    Ref,
    pullback_of,
    pullback_of_sum,
)
from .kernels import Array, levels, reach
from .rewriting import marked
from .rolling import Loop, Rolled, View, natural
from .tape import CODES, INNER, TOTAL, USER

IDENTITY, WHERE = CODES["identity"], CODES["where"]


class Program(NamedTuple):
    """Loops in the order in which they run; the first `forward` make the results."""

    inputs: int
    leaves: int
    constants: Array  # at the end of memory
    loops: list[Loop]
    forward: int
    size: int  # slots before those of gradients, each of which is so far behind its number
    slots: int
    results: Array  # slots, as the next two
    guards: Array
    gradients: Array
    rows: tuple[Foreign, ...]

    @property
    def nbytes(self) -> int:
        """The memory it takes, without the numbers of its lanes."""
        parts = [*self, *(view.slots for loop in self.loops for view in loop.views)]
        return sum(part.nbytes for part in parts if isinstance(part, np.ndarray))


def arrange(rolled: Rolled, results: Array, guards: Array, wanted: Array | None = None) -> Program:
    """The program for some ids of a tape, and, with `wanted`, for the first result's gradient."""
    tape, back = rolled.tape, Back(rolled, list(rolled.tape.rows), rolled.size)
    if wanted is not None:
        back.differentiate(int(results[0]), wanted)
    found = [rolled.slots(results), rolled.slots(guards), back.gradients]
    constants = rolled.constants.numbers
    slots = back.size + len(constants)
    result, guard, gradient = (x % slots for x in found)
    rows = tuple(x if isinstance(x, Foreign) else Foreign(x, "value") for x in back.rows)
    return Program(
        tape.inputs, tape.leaves, constants, [*rolled.loops, *back.loops], len(rolled.loops),
        rolled.size, slots, result, guard, gradient, rows,
    )  # fmt: skip


# ---- its gradient --------------------------------------------------------------------------------


@dataclass
class Ways:
    """For each id: whether it lies between the root and a wanted number; whether a gradient surely
    arrives there."""

    on: Array
    sure: Array

    @classmethod
    def of(cls, rolled: Rolled, root: int, wanted: Array) -> Ways:
        tape = rolled.tape
        size, owner = tape.sources + len(tape.code), tape.owner
        passes, chosen = ~tape.shut[owner], np.zeros(len(tape.ins), bool)
        arity = tape.sizes
        kind = tape.code.astype(np.int64) * (int(arity.max(initial=0)) + 1) + arity
        for ops in _alike(np.where((tape.code == TOTAL) | (tape.code == INNER), -1, kind)):
            row = tape.row(int(tape.code[ops[0]]))
            for k, share in enumerate(pullback_of(row, int(arity[ops[0]]), True).shares):
                passes[tape.start[ops] + k] &= share is not None
                chosen[tape.start[ops] + k] = share is not None and share.given is not None
        seeds, mark = np.zeros(tape.sources, np.int32), marked(size, np.array([root]))
        seeds[wanted[wanted >= 0]] = 1
        way = np.where(passes, tape.ins, -1)
        on = (levels(seeds, tape.start, way) > 0) & reach(mark, tape.start, way)
        return cls(on, reach(mark, tape.start, np.where(chosen, -1, way)))


def _alike(kind: Array) -> list[Array]:
    """The places of each kind; those of kind -1 are left out."""
    order = np.argsort(kind, kind="stable")
    order = order[np.searchsorted(kind[order], 0) :]
    ends = np.flatnonzero(np.diff(kind[order], prepend=-1, append=-1)).tolist()
    return [order[first:last] for first, last in pairwise(ends)]


def _runs(which: Array) -> Iterator[tuple[int, int]]:
    """The first place of every run of truths, and the place behind it."""
    ends = np.flatnonzero(np.diff(which, prepend=False, append=False))
    return zip(ends[::2].tolist(), ends[1::2].tolist(), strict=True)


@dataclass
class Back:
    """The walk back over the loops of a tape."""

    rolled: Rolled
    rows: list[Rule | Foreign]
    size: int  # the slots so far
    loops: list[Loop] = field(default_factory=list)
    gradients: Array = field(default_factory=lambda: np.zeros(0, int))

    def differentiate(self, root: int, wanted: Array) -> None:
        """Compute the gradient of the id `root` by the ids `wanted`.

        These are ids of arguments and leaves, and -1 for what the tape does not depend on; where no
        share arrives, the gradient is 0.
        """
        places = self.rolled.places(wanted)
        self.gradients = np.full(len(places), self.rolled.constants.slot(0.0))
        if root >= 0:
            ways = Ways.of(self.rolled, root, wanted)
            if ways.on[root]:
                self.go(ways, self.rolled.places(np.array([root])), places)

    def go(self, ways: Ways, roots: Array, wanted: Array) -> None:
        """Write the loops back from the root, and find the gradients of the wanted slots."""
        n, first, end = self.rolled.size, int(roots[0]), int(roots[-1]) + 1
        self.on, self.sure = map(self.rolled.by_slot, (ways.on, ways.sure))
        for loop in self.rolled.loops:  # what is not sure in one lane is not in the others
            self.sure[loop.results] = self.sure[loop.results].all()
        self.unsure: Array = self.on & ~self.sure
        self.shift, regions = n, 2 + bool(self.unsure.any())
        self.spare: int = regions * n
        self.free: int = self.spare + 1
        self.reached, self.begun = np.zeros((2, n), bool)  # by a share; by one that needs no zero
        self.reached[roots] = self.begun[roots] = True
        asked = self.on.copy()
        start, self.size = self.free, max(self.size, self.free)
        for loop in reversed(self.rolled.loops):
            if not loop.shut and self.on[loop.results].any():
                asked[loop.results] = True
                self.free = start  # what the loop before has kept aside is not needed any more
                self._hand_back(loop)
        self._collect(wanted)
        back, self.loops = self.loops, []
        for k in range(1, regions):
            self._fill(k * n + first, end - first, ONE)
        for start, last in _runs(asked & ~self.begun):
            self._fill(n + start, last - start, NOTHING)
        if regions > 2:
            self._fill(2 * n, first, ZERO)
            self._fill(2 * n + end, n - end, ZERO)
        self.loops += back

    def _collect(self, wanted: Array) -> None:
        on = (wanted >= 0) & self.on[np.maximum(wanted, 0)]
        self.gradients[on] = wanted[on] + self.shift
        unsure = wanted[on & ~self.sure[wanted]]
        if len(unsure):  # a wanted number at which no gradient arrives has the gradient 0, not -0
            dims = (len(unsure),)
            known = View(0, (1,), unsure)
            operands = known.moved(2 * self.shift), known.moved(self.shift), self._number(0.0, dims)
            view = self._step(WHERE, dims, operands)
            self.gradients[on & ~self.sure[wanted]] = view.along(dims)

    # ---- one loop ----

    def _hand_back(self, loop: Loop) -> None:
        self.loop: Loop = loop
        self.is_sure: bool = bool(self.sure[loop.results].all())
        self.steps: list[View] = []
        pullback = self._pullback()
        for step in pullback.steps:
            refs = tuple([self._view(ref) for ref in step.refs])
            self.steps.append(self._step(self._code(step.code), loop.dims, refs))
        for view, share in zip(loop.views[1:], pullback.shares, strict=True):
            if share is not None and (view.slots is not None or view.offset >= 0):
                slots = view.along(loop.dims)
                slots = slots[slots >= 0] if view.slots is not None else slots
                if self.on[slots].any():
                    self._share(view, share, slots)

    def _pullback(self) -> Pullback:
        code, operands = self.loop.code, len(self.loop.views) - 1
        if code in (TOTAL, INNER):
            return pullback_of_sum(operands, self.is_sure)
        return pullback_of(self.rolled.tape.row(code), operands, self.is_sure)

    def _share(self, view: View, share: Product, slots: Array) -> None:
        operands = [self._view(share.left)]
        if share.right != ONE:
            operands.append(self._view(share.right))
        begins = not self.reached[slots].any() and not view.collides(self.loop.dims)
        self.reached[slots] = True  # where nothing has arrived yet, a sum may begin
        self.begun[slots] |= begins
        self._add(view, self.shift, operands, not begins)
        if self.unsure[slots].any():
            self._add(view, 2 * self.shift, [self._view(share.given or ONE)])

    def _add(self, view: View, by: int, operands: list[View], adds: bool = True) -> None:
        """Add to the slots `by` behind those of a view, all shares of one together, the last first.

        What arrives at a constant goes where it is not looked at.
        """
        dims, to = self.loop.dims, view.moved(by)
        if view.slots is not None:
            to = to._replace(slots=np.where(view.slots < 0, self.spare, view.slots + by))
        backwards = [view.slots is not None or not stride for stride in to.strides]
        views = tuple([each.backwards(dims, backwards) for each in (to, *operands)])
        self.loops.append(Loop((TOTAL, INNER)[len(operands) - 1], dims, views, adds))

    def _fill(self, first: int, n: int, number: Ref) -> None:
        if n:
            views = View(first, (1,)), self._number(float(number[1]), (n,))
            self.loops.append(Loop(IDENTITY, (n,), views))

    # ---- numbers ----

    def _view(self, ref: Ref) -> View:
        """The view of a number that a step or a share takes."""
        kind, x = ref
        if kind == "number":
            return self._number(float(x), self.loop.dims)
        if kind == "x":
            return self.loop.views[1 + x]
        if kind == "step":
            return self.steps[x]
        times = {OUT: 0, G: 1, ARRIVES: 2}[ref]
        return self.loop.views[0].moved(times * self.shift)

    def _number(self, x: float, dims: tuple[int, ...]) -> View:
        return View(self.rolled.constants.slot(x), (0,) * len(dims))

    def _step(self, code: int, dims: tuple[int, ...], operands: tuple[View, ...]) -> View:
        """The results of an operation, which are kept aside."""
        view = View(self.free, natural(dims))
        self.free += int(np.prod(dims))
        self.size = max(self.size, self.free)
        self.loops.append(Loop(code, dims, (view, *operands)))
        return view

    def _code(self, code: int | Foreign) -> int:
        if not isinstance(code, Foreign):
            return code
        if code not in self.rows:
            self.rows.append(code)
        return USER + self.rows.index(code)
