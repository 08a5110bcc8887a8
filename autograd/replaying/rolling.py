"""A tape as loops: equal operations, on inputs that lie at equal distances, are one loop.

The numbers lie in one memory: first the arguments, then the leaves, then the results of the loops,
each loop's side by side; the constants lie at its end, and have negative slots, as in a list. A
loop runs over dimensions: the samples of a batch, the units of a layer. A view says where it finds
a number: at an offset, plus a stride for each step along a dimension. Numbers that follow no such
rule are listed, slot by slot.

    h[i, j] = relu(s[i, j])             100 samples, 16 units: dims (100, 16), strides (16, 1)
    s[i, j] += sum_k w[j, k] * x[i, k]  dims (100, 16, 2), and strides (0, 3, 1) for w

A sum runs over the dimensions along which its result does not move.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise
from math import prod
from typing import Final, NamedTuple

import numpy as np

from .kernels import Array, levels
from .rewriting import marked, within
from .tape import INNER, TOTAL, Tape

FEW = 4  # equal operations that are not worth a loop apart from others of their level
MOST = 64  # rows of inputs that are looked at one by one


class View(NamedTuple):
    """Where the numbers of a loop lie; with `slots`, there one finds where they lie."""

    offset: int
    strides: tuple[int, ...]
    slots: Array | None = None

    def moved(self, by: int) -> View:
        """The view of the numbers so many slots further on."""
        if self.slots is None:
            return View(self.offset + by, self.strides)
        return View(self.offset, self.strides, self.slots + by)

    def backwards(self, dims: tuple[int, ...], which: Sequence[bool]) -> View:
        """The view that begins at the end of some dimensions."""
        offset, strides = self.offset, list(self.strides)
        for d, s in enumerate(self.strides):
            if which[d] and s:
                offset, strides[d] = offset + (dims[d] - 1) * s, -s
        return View(offset, tuple(strides), self.slots)

    def collides(self, dims: tuple[int, ...]) -> bool:
        """Whether two places may be one slot, though the view moves between them."""
        reach = 0
        moves = sorted((abs(s), n) for n, s in zip(dims, self.strides, strict=True) if s and n > 1)
        for stride, n in moves:
            if stride <= reach:
                return True
            reach += (n - 1) * stride
        return self.slots is not None

    def along(self, dims: tuple[int, ...]) -> Array:
        """The slots, in an array with a dimension of 1 where they do not move."""
        found: Array = np.array(self.offset)
        for n, stride in zip(dims, self.strides, strict=True):
            found = found[..., None] + (np.arange(n) * stride if stride else np.zeros(1, int))
        return found if self.slots is None else self.slots[found]


class Loop(NamedTuple):
    """An operation in every lane of some dimensions; the first view is of its results.

    A sum (`total` of one operand, `inner` of the product of two) sets its results, or adds to them.
    """

    code: int
    dims: tuple[int, ...]
    views: tuple[View, ...]
    adds: bool = False
    faithful: bool = True
    shut: bool = False

    @property
    def results(self) -> slice:
        """The slots of the results of a loop of a tape."""
        first, strides, _ = self.views[0]
        return slice(first, first + prod([n for n, s in zip(self.dims, strides, strict=True) if s]))


class Pool:
    """Numbers at the end of memory, each once where one alone is asked for."""

    def __init__(self) -> None:
        self.parts: list[Array] = []
        self.size: int = 0
        self._alone: dict[bytes, int] = {}

    def block(self, numbers: Array) -> int:
        """The slot of the first of some numbers that lie side by side."""
        self.parts.append(numbers.ravel())
        self.size += numbers.size
        return -self.size

    def slot(self, x: float) -> int:
        """The slot of a number."""
        number = np.array([x], float)
        key = number.tobytes()
        if key not in self._alone:
            self._alone[key] = self.block(number)
        return self._alone[key]

    def view(self, numbers: Array, dims: tuple[int, ...]) -> View:
        """A view of numbers with these dimensions, along which it moves only where they differ."""
        numbers = numbers.reshape(dims)
        for d, n in enumerate(dims):
            bits = numbers.view(np.int64)
            first = bits.take([0], axis=d)
            if n > 1 and (bits == first).all():
                numbers = numbers.take([0], axis=d)
        if numbers.size == 1:
            return View(self.slot(numbers.item()), (0,) * len(dims))
        strides = natural(numbers.shape)
        moves = [s if n > 1 else 0 for n, s in zip(numbers.shape, strides, strict=True)]
        return View(self.block(numbers), tuple(moves))

    @property
    def numbers(self) -> Array:
        """All of them, in the order of memory."""
        return np.concatenate([*reversed(self.parts), np.zeros(0)])


def natural(dims: Sequence[int]) -> tuple[int, ...]:
    """The strides of an array of these dimensions whose elements lie side by side."""
    found = [1]
    for n in reversed(dims[1:]):
        found.append(found[-1] * n)
    return tuple(reversed(found[: len(dims)]))


class Rolled:
    """The loops of a tape, and the slot of every id."""

    def __init__(self, tape: Tape, in_order: bool = False) -> None:
        self.tape: Tape = tape
        self.loops: list[Loop] = []
        self.constants: Pool = Pool()
        self.size: int = tape.sources + len(tape.code)  # the slots before the constants
        self.slot: Array = np.arange(max(self.size, 1))
        self.dims: dict[int, tuple[int, ...]] = {}  # of the results from a slot on
        self._constant_slots: Array | None = None
        groups = _by_birth(tape, _groups(tape)) if tape.faithful.all() else _groups(tape)
        groups = list(np.arange(len(tape.code))[:, None]) if in_order else groups
        self.rank: Final = np.empty(len(tape.code), int)  # of each operation: its group
        free = tape.sources
        for i, ops in enumerate(groups):
            self.slot[tape.sources + ops] = free + np.arange(len(ops))
            self.rank[ops] = i
            self._add(ops, free)
            free += len(ops)

    def slots(self, ids: Array) -> Array:
        """The slots of some ids."""
        ids = np.asarray(ids, int)
        if self._constant_slots is None and (ids < 0).any():
            first = self.constants.block(self.tape.constants)
            self._constant_slots = first + np.arange(len(self.tape.constants))
        found = self.slot[np.maximum(ids, 0)]
        if self._constant_slots is not None:
            found = np.where(ids < 0, self._constant_slots[np.minimum(ids, -1) * -1 - 1], found)
        return found

    def places(self, ids: Array) -> Array:
        """The slots of some sources and operations; -1 for an id of -1."""
        return np.where(ids < 0, -1, self.slot[ids])

    def by_slot(self, by_id: Array) -> Array:
        """What is known of every source and operation, by slot."""
        found = np.empty_like(by_id)
        found[self.slot] = by_id
        return found

    def _add(self, ops: Array, first: int) -> None:
        """Add the loops of some equal operations, whose results lie behind `first`."""
        tape, op = self.tape, ops[0]
        code, arity = int(tape.code[op]), int(tape.start[op + 1] - tape.start[op])
        facts = {"faithful": bool(tape.faithful[op]), "shut": bool(tape.shut[op])}
        ids = tape.ins[tape.start[ops] + np.arange(arity)[:, None]]
        operands = Operands(self, ids)
        self.dims[first] = dims = operands.dims
        result = View(first, natural(dims))
        if code not in (TOTAL, INNER):
            views = (result, *map(operands.view, range(arity)))
            self.loops.append(Loop(code, dims, views, **facts))
            return
        for k, segment in enumerate(operands.segments(1 + (code == INNER))):
            n = len(segment[0])
            factors = [rows for rows in segment if not operands.are_ones(rows)] or segment[:1]
            views = tuple([operands.along(rows) for rows in factors])
            moved = result._replace(strides=(*result.strides, 0))
            sum_of = (TOTAL, INNER)[len(views) - 1]
            self.loops.append(Loop(sum_of, (*dims, n), (moved, *views), k > 0, **facts))


class Uneven(Exception):  # noqa: N818
    """Of the numbers in a view, some vary from lane to lane and others do not."""


class Together(Rolled):
    """Loops in which some sources have a number for each of `lanes`, and so what hangs on them.

    Behind the slots of numbers that all lanes share lie those of the others, lane by lane; a
    gradient by what all share is a sum over the lanes. Uneven where a view lists its slots, or
    where some of its numbers vary and others do not.
    """

    def __init__(self, rolled: Rolled, lanes: int, sources: Array) -> None:
        self.tape: Tape = rolled.tape
        self.constants: Pool = rolled.constants
        self.slot: Array = rolled.slot
        self.lanes: int = lanes
        self.first: Final = rolled.size
        self.size: int = self.first * (1 + lanes)
        self.varies: Final = marked(self.first, sources)
        for loop in rolled.loops:
            operands = [self._varies(view, loop.dims) for view in loop.views[1:]]
            self.varies[loop.results] |= any(operands)
        self.loops: list[Loop] = [self._in_lanes(loop) for loop in rolled.loops]

    def _varies(self, view: View, dims: tuple[int, ...]) -> bool:
        if view.slots is None and view.offset < 0:
            return False
        found = self.varies[view.along(dims)]
        if view.slots is not None or found.any() != found.all():
            raise Uneven
        return bool(found.any())

    def _in_lanes(self, loop: Loop) -> Loop:
        if not self.varies[loop.results].any():
            return loop
        views = []
        for view in loop.views:
            offset, strides, varies = view.offset, view.strides, self._varies(view, loop.dims)
            if varies:
                offset = self.first + offset * self.lanes
                strides = tuple([s * self.lanes for s in strides])
            views.append(View(offset, (*strides, int(varies))))
        return loop._replace(dims=(*loop.dims, self.lanes), views=tuple(views))

    def places(self, ids: Array) -> Array:
        """The slots of ids: those of one that varies side by side."""
        slots = super().places(ids)
        varies = (ids >= 0) & self.varies[slots]
        first = np.where(varies, self.first + slots * self.lanes, slots)
        times = np.where(varies, self.lanes, 1)
        return first.repeat(times) + within(times)

    slots = places

    def by_slot(self, by_id: Array) -> Array:
        found = super().by_slot(by_id)
        return np.concatenate([found & ~self.varies, (found & self.varies).repeat(self.lanes)])


def rolled(tape: Tape) -> Rolled:
    """The loops of a tape; where every number is exact, gradients are added in the walk's order."""
    found = Rolled(tape)
    return found if not tape.faithful.all() or _is_in_order(found) else Rolled(tape, in_order=True)


def _is_in_order(found: Rolled) -> bool:
    """Whether a walk back over the loops adds up shares in the order of the walk over the graph."""
    tape = found.tape
    if any(view.collides(loop.dims) for loop in found.loops for view in loop.views[1:]):
        return False
    owner, position = tape.owner, within(tape.sizes)
    by_walk = np.lexsort((position, -owner, tape.ins))
    by_loop = np.lexsort((-owner, position, -found.rank[owner], tape.ins))
    return bool(np.array_equal(by_walk[tape.ins[by_walk] >= 0], by_loop[tape.ins[by_loop] >= 0]))


# ---- which operations are equal ------------------------------------------------------------------


def _groups(tape: Tape) -> list[Array]:
    """The operations in groups of equal ones, of which none needs another of its group."""
    n, sizes = len(tape.code), tape.sizes
    if not n:
        return []
    level = levels(np.zeros(tape.sources, np.int32), tape.start, tape.ins, 1)[tape.sources :]
    kind = tape.code.astype(np.int64) * 4 + tape.faithful * 2 + tape.shut
    kind += level.astype(np.int64) * (4 * (int(tape.code.max()) + 1))
    name = np.concatenate([np.ones(tape.inputs, int), np.full(tape.leaves, 2), kind + 3])
    taken = np.where(tape.ins < 0, 0, name[np.maximum(tape.ins, 0)]).astype(np.uint64)
    place = within(sizes)
    again = np.flatnonzero(tape.ins[1:] == tape.ins[:-1]) + 1
    taken[again[place[again] > 0]] += np.uint64(1 << 60)  # x * x is not x * y
    taken = (taken + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    taken ^= taken >> np.uint64(29)
    taken *= place.astype(np.uint64) * np.uint64(2) + np.uint64(1)
    inputs = np.add.reduceat(taken, tape.start[:-1])
    kind = kind * (int(sizes.max()) + 1) + sizes
    order, ends = _sorted(kind, inputs)
    counts = ends[1:] - ends[:-1]
    few = (counts < FEW).repeat(counts)
    if few.any():  # too few of each to be worth a loop: together they may be
        inputs[order[few]] = 0
        order, ends = _sorted(kind, inputs)
    groups = [order[first:last] for first, last in pairwise(ends.tolist())]
    return sorted(groups, key=lambda ops: (level[ops[0]], ops[0]))


def _sorted(kind: Array, inputs: Array) -> tuple[Array, Array]:
    """The places in the order of two keys, and the ends of runs of equal ones."""
    order = np.lexsort((inputs, kind))
    kind, inputs = kind[order], inputs[order]
    differs = np.flatnonzero((kind[1:] != kind[:-1]) | (inputs[1:] != inputs[:-1])) + 1
    return order, np.concatenate([[0], differs, [len(order)]])


def _by_birth(tape: Tape, groups: list[Array]) -> list[Array]:
    """The groups as early as what they need allows, those recorded first before others."""
    rank = np.zeros(len(tape.code), int)
    for i, ops in enumerate(groups):
        rank[ops] = i
    inner = tape.ins >= tape.sources
    needs = np.stack([rank[tape.ins[inner] - tape.sources], rank[tape.owner[inner]]], axis=1)
    takers: list[list[int]] = [[] for _ in groups]
    waits = [0] * len(groups)
    for needed, taker in np.unique(needs, axis=0).tolist():
        takers[needed].append(taker)
        waits[taker] += 1
    ready = [(int(ops[0]), i) for i, ops in enumerate(groups) if not waits[i]]
    heapify(ready)
    found = []
    while ready:
        _, i = heappop(ready)
        found.append(groups[i])
        for taker in takers[i]:
            waits[taker] -= 1
            if not waits[taker]:
                heappush(ready, (int(groups[taker][0]), taker))
    return found


# ---- where their inputs lie ----------------------------------------------------------------------


class Operands:
    """The inputs of equal operations: a row of ids for each place, a column for each operation."""

    def __init__(self, rolled: Rolled, ids: Array) -> None:
        self.rolled: Rolled = rolled
        self.ids: Array = ids
        self.is_constant: Final = (ids < 0).all(axis=1)
        self.slots = (
            rolled.slots(ids)
            if (ids[~self.is_constant] < 0).any()
            else rolled.slot[np.maximum(ids, 0)]
        )
        moving = self.slots[~self.is_constant]
        self.dims, strides, fits = _fitted(moving, ids.shape[1])
        self.strides = np.zeros((len(ids), len(self.dims)), int)
        self.fits: Final = np.ones(len(ids), bool)
        self.strides[~self.is_constant], self.fits[~self.is_constant] = strides, fits
        self.fits[((self.slots < 0).any(axis=1)) & ~self.is_constant] = False
        if len(self.dims) == 1:
            self._see_dimensions()

    def _see_dimensions(self) -> None:
        """Run over the dimensions of an operand that is all of the results of a loop."""
        firsts = self.slots[(self.strides[:, 0] == 1) & self.fits, 0].tolist()
        for dims in filter(None, map(self.rolled.dims.get, firsts)):
            if len(dims) > 1 and prod(dims) == self.ids.shape[1]:
                self.dims, self.strides = dims, self.strides * natural(dims)
                return

    def view(self, row: int) -> View:
        """The view of one place."""
        if self.is_constant[row]:
            return self.rolled.constants.view(self._numbers([row]), self.dims)
        if self.fits[row]:
            return View(int(self.slots[row, 0]), tuple(self.strides[row].tolist()))
        return View(0, natural(self.dims), self.slots[row])

    def segments(self, factors: int) -> list[list[Array]]:
        """The terms of a sum in runs that a view can follow: for each factor, the places."""
        places = np.arange(len(self.ids)).reshape(-1, factors)
        n = len(places)
        kind = np.where(self.is_constant, 1, np.where(self.fits, 0, 2)).reshape(n, factors)
        self.strides[~self.fits] = 0
        facts = np.concatenate([kind, self.strides.reshape(n, -1)], axis=1)
        new = (facts[1:] != facts[:-1]).any(axis=1)
        offsets = np.where(kind == 0, self.slots[:, 0].reshape(n, factors), 0)
        steps = offsets[1:] - offsets[:-1]
        firsts, step = [0], []
        for k, (jumps, moved) in enumerate(zip(new.tolist(), steps.tolist(), strict=True), 1):
            if not jumps and firsts[-1] == k - 1:
                step = moved  # the first step in a run may be any
            elif jumps or moved != step:
                firsts.append(k)
        if len(firsts) > FEW + n // FEW:
            self.fits[:] = self.is_constant[:] = False
            self.slots = self.rolled.slots(self.ids)
            firsts = [0]
        return [list(places[i:j].T) for i, j in pairwise([*firsts, n])]

    def are_ones(self, rows: Array) -> bool:
        """Whether all numbers in some places are the constant 1."""
        return bool(self.is_constant[rows[0]] and (self._numbers(rows) == 1.0).all())

    def along(self, rows: Array) -> View:
        """The view of places that a sum runs over."""
        n, row = len(rows), int(rows[0])
        if self.is_constant[row]:
            return self.rolled.constants.view(self._numbers(rows).T, (*self.dims, n))
        if self.fits[row]:
            step = int(self.slots[rows[1], 0] - self.slots[row, 0]) if n > 1 else 0
            return View(int(self.slots[row, 0]), (*self.strides[row].tolist(), step))
        strides = (*natural(self.dims), self.ids.shape[1])
        return View(0, strides, self.slots[rows].ravel())

    def _numbers(self, rows: Sequence[int] | Array) -> Array:
        return self.rolled.tape.constants[-1 - self.ids[rows]]


def _fitted(slots: Array, n: int) -> tuple[tuple[int, ...], Array, Array]:
    """Dimensions for n lanes, the strides of each row along them, and whether it follows them."""
    if n == 1 or not len(slots):
        alone = (n,) * (n > 1)
        return alone, np.zeros((len(slots), len(alone)), int), np.ones(len(slots), bool)
    best: tuple[tuple[int, ...], Array, Array] | None = None
    rows = [slots, *(slots[i : i + 1] for i in range(min(len(slots), MOST)))]
    for some in rows:
        dims = _dims(some)
        if dims is None or (best is not None and dims == best[0]):
            continue
        strides, fits = _along(slots, dims)
        if best is None or fits.sum() > best[2].sum():
            best = dims, strides, fits
        if fits.all():
            break
    return best or ((n,), *_along(slots, (n,)))


def _dims(rows: Array) -> tuple[int, ...] | None:
    """The dimensions along which all rows move at constant strides; None if there are none."""
    found: list[int] = []
    while (n := rows.shape[1]) > 1:
        steps = rows[:, 1:] - rows[:, :-1]
        jumps = np.flatnonzero((steps != steps[:, :1]).any(axis=0)) + 1
        size = int(jumps[0]) if len(jumps) else n
        if n % size or (jumps % size).any():
            return None
        found.append(size)
        rows = rows[:, ::size]
    return tuple(reversed(found))


def _along(slots: Array, dims: tuple[int, ...]) -> tuple[Array, Array]:
    """The strides of rows along dimensions, and whether each row follows them."""
    found = slots.reshape(len(slots), *dims)
    expected, strides = slots[:, :1], np.zeros((len(slots), len(dims)), int)
    for d, unit in enumerate(natural(dims)):
        strides[:, d] = slots[:, unit] - slots[:, 0]
        steps = strides[:, d, None, None] * np.arange(dims[d])
        expected = (expected[:, :, None] + steps).reshape(len(slots), -1)
    return strides, (expected == found.reshape(len(slots), -1)).all(axis=1)
