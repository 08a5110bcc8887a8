"""Running a program: in C where that was built, and otherwise a run at a time with NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np

from ..core.rules import RULES
from .columns import Foreign
from .kernels import Array, native
from .program import Program
from .tape import INNER, NAMES, TOTAL, USER

BLOCK = 8 if native is None else native.LANES
ROOM = 2**21  # numbers that are held at once when NumPy runs many lanes


class Piece(NamedTuple):
    """Runs from `first` to `last`, with the slot and the edge that they start at."""

    first: int
    last: int
    slot: int
    edge: int
    compute: Callable[[Array], None] | None  # None: C computes it


class Machine:
    """A program, and memory to run it on; several threads may use it at once."""

    def __init__(self, program: Program, in_c: bool = True) -> None:
        self.program = program
        self.native = native if in_c else None
        pieces = list(self._pieces())
        self.forward = self._joined(pieces[: program.forward])
        self.backward = self._joined(pieces[program.forward :])
        self._free: dict[int, list[Array]] = {}

    def _pieces(self) -> Iterator[Piece]:
        program, slot, edge = self.program, self.program.base, 0
        for i, (code, arity, count) in enumerate(program.runs.tolist()):
            compute = None
            if self.native is None or code >= USER:
                ins = program.ins[edge : edge + arity * count].reshape(arity, count)
                compute = self._compute(code, ins, slot, slot + count)
            yield Piece(i, i + 1, slot, edge, compute)
            slot, edge = slot + count, edge + arity * count

    def _operand(self, slots: Array) -> Array | float:
        """The slots of an operand; a number, if all operations take the same constant."""
        program, slot = self.program, slots[0]
        if slot < program.inputs + program.leaves or slot >= program.base or np.any(slots != slot):
            return slots
        return float(program.constants[slot - program.inputs - program.leaves])

    @staticmethod
    def _joined(pieces: list[Piece]) -> list[Piece]:
        """Pieces, with neighbours joined that C computes in one call."""
        found: list[Piece] = []
        for piece in pieces:
            if found and found[-1].compute is piece.compute is None:
                found[-1] = found[-1]._replace(last=piece.last)
            else:
                found.append(piece)
        return found

    def _compute(self, code: int, ins: Array, first: int, last: int) -> Callable[[Array], None]:
        """The function that computes a run in Python."""
        if code in (TOTAL, INNER):
            return partial(_sum, code == INNER, ins, first, last)
        operands = list(map(self._operand, ins))
        function: Callable[..., Array]
        if code >= USER:
            function = partial(_one_by_one, self.program.rows[code - USER])
        else:
            row = RULES[NAMES[code]]
            keywords = operands[len(operands) - row.fact.settings :]
            varied = any(x.__class__ is not float for x in keywords)
            function = partial(_one_by_one, row.fact.floats) if varied else row.compute
        return partial(_row, function, operands, first, last)

    @contextmanager
    def memory(self, lanes: int = 1) -> Iterator[Array]:
        """A number, or a row of them, for every slot; the constants are filled in."""
        free, program = self._free.setdefault(lanes, []), self.program
        try:
            memory = free.pop()
        except IndexError:
            memory = np.zeros((program.slots, lanes) if lanes > 1 else program.slots)
            constants = memory[program.inputs + program.leaves : program.base].T
            constants[...] = program.constants
        yield memory
        free.append(memory)

    def run(self, pieces: list[Piece], memory: Array) -> None:
        """Run pieces, in order, on memory in which arguments and leaves are filled in."""
        program, lanes = self.program, memory.shape[1] if memory.ndim > 1 else 1
        with np.errstate(all="ignore"):
            for first, last, slot, edge, compute in pieces:
                if compute is not None:
                    compute(memory)
                else:
                    native.run(memory, program.runs, program.ins, slot, edge, first, last, lanes)

    def batch(
        self, given: LaneNumbers, gradient: bool, each: Array, added: Array
    ) -> tuple[Array, Array]:
        """The numbers in the slots `each`, a column for each lane, and those in `added`, summed.

        With `gradient` the whole program is run, otherwise the forward part.
        """
        program, lanes = self.program, given.columns.shape[1]
        found, sums = np.empty((len(each), lanes)), np.zeros((len(added), BLOCK))
        pieces = [*self.forward, *(self.backward if gradient else ())]
        in_c = self.native is not None and all(piece.compute is None for piece in pieces)
        width = (
            BLOCK if self.native is not None else max(2, min(lanes, ROOM // (program.slots + 1)))
        )
        with self.memory(width) as memory:
            memory[given.shared] = given.numbers[:, None]
            if in_c:
                native.batch(
                    memory, program.runs, program.ins, given.varying, given.columns, each, found,
                    added, sums, program.base, len(program.runs) if gradient else program.forward,
                    lanes,
                )  # fmt: skip
                return found, sums.sum(axis=1)
            for first in range(0, lanes, width):
                some = slice(first, min(first + width, lanes))
                n = some.stop - first
                memory[given.varying, :n] = given.columns[:, some]
                memory[given.varying, n:] = given.columns[:, -1:]
                self.run(pieces, memory)
                found[:, some] = memory[each, :n]
                sums[:, 0] += memory[added, :n].sum(axis=1)
        return found, sums.sum(axis=1)


class LaneNumbers(NamedTuple):
    """The arguments and leaves of many lanes: the slots that all share, and those that vary."""

    shared: Array
    numbers: Array
    varying: Array
    columns: Array  # a row for each slot, a column for each lane


def _row(
    row: Callable[..., Array], operands: list[Array | float], first: int, last: int, memory: Array
) -> None:
    memory[first:last] = row(*(x if x.__class__ is float else memory[x] for x in operands))


def _sum(products: bool, ins: Array, first: int, last: int, memory: Array) -> None:
    """Sum from left to right, which `np.add.reduce` does not."""
    terms = memory[ins[::2]] * memory[ins[1::2]] if products else memory[ins]
    memory[first:last] = np.add.accumulate(terms, axis=0, out=terms)[-1]


def _one_by_one(function: Callable[..., float] | Foreign, *columns: Array | float) -> Array:
    arrays = np.broadcast_arrays(*columns)
    numbers = (x.ravel().tolist() for x in arrays)
    return np.reshape([function(*xs) for xs in zip(*numbers, strict=True)], arrays[0].shape)
