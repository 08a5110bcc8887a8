"""Running a program: in C where that was built, and otherwise a loop at a time with NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from math import prod
from typing import Final, NamedTuple

import numpy as np

from ..core.rules import RULES
from .columns import Foreign
from .kernels import Array, native
from .program import Program
from .rolling import Loop, View
from .tape import CODES, INNER, NAMES, TOTAL, USER

WIDTHS = 4  # numbers of lanes that are prepared for at once
LANES, ROOM = 16, 2**17  # at least so many lanes at once, and numbers in memory for them
Run = Callable[[Array], None]
IDENTITY, MUL = CODES["identity"], CODES["mul"]


class Part(NamedTuple):
    """What runs one after the other, and how many slots it needs behind those of the program."""

    runs: list[Run]
    room: int


class Width(NamedTuple):
    """What is prepared for a number of lanes: the two parts, and memory that nobody uses."""

    parts: tuple[Part, Part]
    free: list[Array]


class Machine:
    """A program, and memory to run it on; several threads may use it at once."""

    def __init__(self, program: Program, in_c: bool = True) -> None:
        self.program: Program = program
        self.gradients: Array = program.gradients
        if (np.diff(self.gradients) == 1).all() and len(self.gradients):  # nothing to gather
            self.gradients = slice(int(self.gradients[0]), int(self.gradients[-1]) + 1)
        self.native: Final = native if in_c else None
        self._widths: dict[int, Width] = {}

    def memory(self, lanes: int = 1) -> Array:
        """A number, or a row of them, for every slot; the constants are filled in."""
        program, width = self.program, self._width(lanes)
        try:
            return width.free.pop()
        except IndexError:
            slots = program.slots + max(part.room for part in width.parts)
            memory = np.zeros((slots, lanes) if lanes > 1 else slots)
            first = program.slots - len(program.constants)
            memory[first : program.slots].T[...] = program.constants
            return memory

    def give_back(self, memory: Array) -> None:
        """Keep a memory for the next who asks for one."""
        self._width(_lanes(memory)).free.append(memory)

    def run(self, memory: Array, gradient: bool) -> None:
        """Run the forward or the gradient part on memory in which what it takes is filled in."""
        part = self._width(_lanes(memory)).parts[gradient]
        if self.native is not None and len(part.runs) == 1:
            part.runs[0](memory)
            return
        with np.errstate(all="ignore"):
            for run in part.runs:
                run(memory)

    def _width(self, lanes: int) -> Width:
        """What is kept for a number of lanes: for one lane, and for the last few other numbers."""
        width = self._widths.get(lanes)
        if width is None:
            n, loops = self.program.forward, self.program.loops
            width = Width((self._part(loops[:n], lanes), self._part(loops[n:], lanes)), [])
            self._widths[lanes] = width
            for old in [lanes for lanes in list(self._widths) if lanes > 1][:-WIDTHS]:
                self._widths.pop(old, None)
        return width

    def _part(self, loops: Sequence[Loop], lanes: int) -> Part:
        runs, room, in_c = list[Run](), 0, self.native is not None
        for compiled, some in groupby(loops, lambda loop: in_c and loop.code < USER):
            if compiled:
                writer = _Writer(self.program.slots, lanes)
                for loop in some:
                    writer.add(loop)
                room = max(room, writer.room)
                runs.append(writer.run())
            else:
                runs += map(self._by_numpy, some)
        return Part(runs, room)

    def batch(
        self, given: LaneNumbers, gradient: bool, each: Array, added: Array
    ) -> tuple[Array, Array]:
        """The numbers in the slots `each`, a column for each lane, and those in `added`, summed.

        With `gradient` the whole program is run, otherwise the forward part.
        """
        lanes = given.columns.shape[1]
        found, sums = np.empty((len(each), lanes)), np.zeros(len(added))
        blocks = -(-lanes // max(LANES, ROOM // self.program.slots))
        width = 8 * -(-lanes // (8 * blocks))
        memory = self.memory(width)
        memory[given.shared] = given.numbers[:, None]
        for first in range(0, lanes, width):
            some = slice(first, min(first + width, lanes))
            n = some.stop - first
            memory[given.varying, :n] = given.columns[:, some]
            memory[given.varying, n:] = given.columns[:, -1:]
            self.run(memory, False)
            if gradient:
                self.run(memory, True)
            found[:, some] = memory[each, :n]
            with np.errstate(all="ignore"):
                sums += memory[added, :n].sum(axis=1)
        self.give_back(memory)
        return found, sums

    # ---- with NumPy ----

    def _by_numpy(self, loop: Loop) -> Run:
        """A function that runs a loop on memory."""
        if loop.code in (TOTAL, INNER):
            return (
                _scattering(loop)
                if loop.adds and loop.views[0].collides(loop.dims)
                else _summing(loop)
            )
        function: Callable[..., Array]
        operands = [self._operand(view, loop.dims) for view in loop.views[1:]]
        if loop.code >= USER:
            function = partial(_one_by_one, self.program.rows[loop.code - USER])
        else:
            row = RULES[NAMES[loop.code]]
            keywords = operands[len(operands) - row.fact.settings :]
            varied = any(x.__class__ is not float for x in keywords)
            as_floats = varied or (loop.faithful and (row.variadic or not row.fact.rounding <= 1))
            function = partial(_one_by_one, row.fact.floats) if as_floats else row.compute
        first = loop.views[0].offset
        to = slice(first, first + prod(loop.dims))
        return partial(_row, function, operands, loop.dims or (1,), to)

    def _operand(self, view: View, dims: tuple[int, ...]) -> Array | float:
        """An index of the numbers of a view; the number, if it is the same constant everywhere."""
        if view.slots is None and view.offset < 0 and not any(view.strides):
            return float(self.program.constants[view.offset])
        return np.atleast_1d(view.along(dims))


def _lanes(memory: Array) -> int:
    return memory.shape[1] if memory.ndim > 1 else 1


class LaneNumbers(NamedTuple):
    """The arguments and leaves of many lanes: the slots that all share, and those that vary."""

    shared: Array
    numbers: Array
    varying: Array
    columns: Array  # a row for each slot, a column for each lane


def _row(
    function: Callable[..., Array], operands: list[Array | float], dims: tuple[int, ...],
    to: slice, memory: Array,
) -> None:  # fmt: skip
    found = function(*(x if x.__class__ is float else memory[x] for x in operands))
    memory[to].reshape((*dims, *memory.shape[1:]))[...] = found


def _scattering(loop: Loop) -> Run:
    """A sum that adds the lanes one after the other to where they go."""
    to, *factors = (view.along(loop.dims) for view in loop.views)
    to = np.broadcast_to(to, loop.dims).ravel()

    def run(memory: Array) -> None:
        terms = memory[factors[0]]
        for factor in factors[1:]:
            terms = terms * memory[factor]
        lanes = memory.shape[1:]
        np.add.at(memory, to, np.broadcast_to(terms, (*loop.dims, *lanes)).reshape((-1, *lanes)))

    return run


def _summing(loop: Loop) -> Run:
    """A sum from the first term to the last, which `np.add.reduce` does not do."""
    to, *factors = (view.along(loop.dims) for view in loop.views)
    summed = [d for d, stride in enumerate(loop.views[0].strides) if not stride]
    order = [*summed, *(d for d in range(len(loop.dims)) if d not in summed)]
    n = len(summed)
    to = to.transpose(order).reshape(to.transpose(order).shape[n:])

    def run(memory: Array) -> None:
        terms = memory[factors[0]]
        for factor in factors[1:]:
            terms = terms * memory[factor]
        lanes = memory.shape[1:]
        terms = np.broadcast_to(terms, (*loop.dims, *lanes))
        terms = terms.transpose(*order, *range(len(order), terms.ndim))
        terms = terms.reshape((-1, *terms.shape[n:]))
        if loop.adds:
            terms = np.concatenate([memory[to][None], terms])
        memory[to] = np.add.accumulate(terms, axis=0)[-1]

    return run


def _one_by_one(function: Callable[..., float] | Foreign, *columns: Array | float) -> Array:
    arrays = np.broadcast_arrays(*columns)
    numbers = (x.ravel().tolist() for x in arrays)
    return np.reshape([function(*xs) for xs in zip(*numbers, strict=True)], arrays[0].shape)


# ---- in C ----------------------------------------------------------------------------------------

STRIDED, LISTED, LISTED_LANES = range(3)
Dimensions = list[tuple[int, tuple[int, ...]]]  # sizes, and for each the stride of each view


class _Writer:
    """Writes loops down for C: see `replay.c`."""

    def __init__(self, slots: int, lanes: int) -> None:
        self.slots, self.lanes = slots, lanes
        self.room = 0  # slots behind all others
        self.words: list[int] = []
        self.lists: list[Array] = [np.zeros(0, np.int32)]
        self.listed, self.most = 0, 1

    def add(self, loop: Loop) -> None:
        """Write a loop down."""
        moving, summed = _dimensions(loop, self.lanes)
        views = [self._view(view) for view in loop.views]
        code = loop.code
        if code in (TOTAL, INNER) and not summed and not loop.adds:
            code = MUL if code == INNER else IDENTITY
        if self.lanes == 1 and code in (TOTAL, INNER, IDENTITY, MUL):
            for i in range(1, len(views)):
                self._pack(i, views, moving, summed)
        self._write(code, loop.adds, views, moving, summed)

    def _view(self, view: View) -> tuple[int, int]:
        """The kind and the offset of a view."""
        if view.slots is None:
            return STRIDED, view.offset % self.slots * self.lanes
        slots = (view.slots.ravel() % self.slots * self.lanes).astype(np.int32)
        self.lists.append(slots)
        self.listed += len(slots)
        kind = LISTED_LANES if self.lanes > 1 else LISTED
        return kind, view.offset + self.listed - len(slots)

    def _pack(
        self, i: int, views: list[tuple[int, int]], moving: Dimensions, summed: Dimensions
    ) -> None:
        """Copy numbers that are used many times to where they lie side by side."""
        if views[i][0] != STRIDED or moving[-1][1][i] in (0, 1):
            return
        places = [(moving, d) for d in range(len(moving) - 1)]
        places += [(summed, d) for d in range(len(summed))] + [(moving, len(moving) - 1)]
        used = [(where, d) for where, d in places if where[d][1][i]]
        size = unit = prod([where[d][0] for where, d in used])
        if 2 * size > prod([where[d][0] for where, d in places]):
            return
        first = self.slots + self.room
        copied: Dimensions = []
        self.room += size
        for where, d in used:
            n, strides = where[d]
            unit //= n
            copied.append((n, (unit, strides[i])))
            where[d] = n, (*strides[:i], unit, *strides[i + 1 :])
        self._write(IDENTITY, False, [(STRIDED, first), views[i]], copied, [])
        views[i] = STRIDED, first

    def _write(
        self, code: int, adds: bool, views: list[tuple[int, int]], moving: Dimensions,
        summed: Dimensions,
    ) -> None:  # fmt: skip
        dimensions = [*moving, *summed]
        self.words += [code, adds, len(moving), len(summed), len(views)]
        self.words += [n for n, _ in dimensions]
        for i, view in enumerate(views):
            self.words += [*view, *(strides[i] for _, strides in dimensions)]
        self.most = max(self.most, len(views))

    def run(self) -> Run:
        """A function that runs the loops on memory."""
        words, lists = np.array(self.words, np.int32), np.concatenate(self.lists)
        return partial(native.run, words, lists, self.most)


def _dimensions(loop: Loop, lanes: int) -> tuple[Dimensions, Dimensions]:
    """The dimensions along which the results move, and those that a sum runs over."""
    to, is_sum = loop.views[0], loop.code in (TOTAL, INNER)
    scale = [1 if view.slots is not None else lanes for view in loop.views]
    moving: Dimensions = []
    summed: Dimensions = []
    for d, n in enumerate(loop.dims):
        strides = tuple([s * v.strides[d] for s, v in zip(scale, loop.views, strict=True)])
        if n > 1:
            (summed if is_sum and not to.strides[d] else moving).append((n, strides))
    if lanes == 1 and len(moving) > 1 and moving[-1][0] < 8 and to.slots is None:
        moving.append(moving.pop(max(range(len(moving)), key=lambda d: moving[d][0])))
    moving, summed = _joined(moving), _joined(summed)
    if lanes > 1:
        moving.append((lanes, tuple([int(view.slots is None) for view in loop.views])))
        if all(view.slots is None for view in loop.views):
            moving = _joined(moving)
    return moving or [(1, (0,) * len(loop.views))], summed


def _joined(dimensions: Dimensions) -> Dimensions:
    """Dimensions, with neighbours that all views walk through as through one."""
    found: Dimensions = []
    for n, strides in dimensions:
        if found and found[-1][1] == tuple([n * s for s in strides]):
            found[-1] = n * found[-1][0], strides
        else:
            found.append((n, strides))
    return found
