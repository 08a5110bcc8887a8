"""A program: loops over one memory, and the slots of the numbers that go in and come out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .columns import Foreign
from .gradient import Back, differentiate
from .kernels import Array
from .rolling import Loop, Rolled


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
        back = differentiate(rolled, int(results[0]), wanted)
    found = [rolled.slots(results), rolled.slots(guards), back.gradients]
    constants = rolled.constants.numbers
    slots = back.size + len(constants)
    result, guard, gradient = (x % slots for x in found)
    rows = tuple(x if isinstance(x, Foreign) else Foreign(x, "value") for x in back.rows)
    return Program(
        tape.inputs, tape.leaves, constants, [*rolled.loops, *back.loops], len(rolled.loops),
        rolled.size, slots, result, guard, gradient, rows,
    )  # fmt: skip
