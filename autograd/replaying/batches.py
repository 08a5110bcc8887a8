"""Many argument sets at once: which arguments vary, and the numbers of each lane in a column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple

import numpy as np

from ..core.kinds import describe
from .kernels import Array
from .machine import LaneNumbers
from .structure import (
    ARRAY,
    LIST,
    TUPLE,
    Args,
    Shape,
    Tree,
    Wanted,
    built,
    fill,
    numbers_of,
    put_together,
    tuple_of,
    words,
)

InAxes = int | None | Sequence[int | None]


def axes_of(in_axes: InAxes, n: int) -> tuple[int | None, ...]:
    """For each of n arguments 0 if it varies from lane to lane, and None if all lanes share it."""
    axes: tuple[Any, ...] = tuple(in_axes) if isinstance(in_axes, (list, tuple)) else (in_axes,) * n
    if len(axes) != n:
        raise ValueError(f"in_axes has {len(axes)} entries for {n} arguments")
    for axis in axes:
        if axis is not None and (axis.__class__ is not int or axis != 0):
            raise ValueError(
                f"in_axes has 0 for an argument that is a list or array of lanes, and None for "
                f"one that all lanes share, not {describe(axis)}"
            )
    return axes


def lanes_in(counts: Sequence[tuple[int, int]]) -> int:
    """The number of lanes, from that of each argument that varies, or of each array in one."""
    found = {n for _, n in counts}
    if not found or 0 in found:
        raise ValueError("a batch has a lane for each element of an argument, and here is none")
    if len(found) > 1:
        said = ", ".join(f"argument {i} has {n}" for i, n in counts)
        raise ValueError(f"the arguments have different numbers of lanes: {said}")
    return found.pop()


def check_reduce(reduce: object) -> None:
    """ValueError unless gradients by what lanes share are to be summed, or kept apart."""
    if reduce not in ("sum", None):
        raise ValueError(f"reduce is 'sum' or None, not {describe(reduce)}")


class Argument(NamedTuple):
    """One argument in all lanes: its shape, and its numbers, with a column for each lane.

    One that all lanes share has one column.
    """

    given: Any  # a structure, or a list or array of them
    shape: Shape
    columns: Array
    varies: bool

    def of_lane(self, lane: int) -> Tree:
        """The argument of one lane, as it was given."""
        return self.given[lane] if self.varies else self.given

    def rebuilt(self, rows: Array) -> Tree:
        """Rows of numbers, one for each number of the argument, in the argument's structure."""
        is_array = isinstance(self.given, np.ndarray)
        if self.varies and is_array and (self.shape is None or self.shape[0] == ARRAY):
            return rows.T.reshape(len(self.given), *(self.shape[1] if self.shape else ()))
        if self.varies:
            return [put_together(self.shape, iter(column)) for column in rows.T.tolist()]
        if rows.ndim == 1:
            return built(self.shape, rows)
        return put_together(self.shape, iter(rows), rows.shape[1])


class Lanes:
    """The arguments of a batch; `hints` are shapes that they may have."""

    def __init__(self, args: Args, in_axes: InAxes, hints: Sequence[tuple[Shape, int]]) -> None:
        axes = axes_of(in_axes, len(args))
        self.arguments: Final = [
            _shared(x, i, hints[i : i + 1]) if axis is None else _varying(x, i)
            for i, (x, axis) in enumerate(zip(args, axes, strict=True))
        ]
        given = [(i, len(x.given)) for i, x in enumerate(self.arguments) if x.varies]
        self.count: Final = lanes_in(given)
        self.shape: Final = tuple_of([x.shape for x in self.arguments])
        shared, varying = self._joined(False), self._joined(True)
        self.varying: Array
        (self._shared, numbers), (self.varying, self._columns) = shared, varying
        self._numbers = numbers[:, 0]
        self._vary: Array = None

    def _joined(self, varies: bool) -> tuple[Array, Array]:
        """The slots of the arguments that vary, or of those that do not, and their columns."""
        last = accumulate(len(x.columns) for x in self.arguments)
        found = [
            (np.arange(end - len(x.columns), end, dtype=np.int32), x.columns)
            for x, end in zip(self.arguments, last, strict=True)
            if x.varies == varies
        ]
        if len(found) > 1:
            slots, columns = zip(*found, strict=True)
            return np.concatenate(slots), np.concatenate(columns)
        return found[0] if found else (np.zeros(0, np.int32), np.zeros((0, 1)))

    def vary(self, wanted: Wanted) -> Array:
        """For each number to differentiate by, whether it has a value of its own in every lane."""
        if self._vary is None:
            some = [self.arguments[i] for i in wanted.arguments]
            self._vary = np.repeat([x.varies for x in some], [len(x.columns) for x in some])
            if wanted.leaves is not None:
                self._vary = np.zeros(len(wanted.leaves), bool)
        return self._vary

    def gradients(self, wanted: Wanted, apart: bool, rows: Array, sums: Array) -> list[Tree]:
        """Gradients by each argument, or by leaves: `rows` by lane, and then `sums`.

        Those by what all lanes share are by lane too if they are kept apart.
        """
        if wanted.leaves is not None and apart:
            return [put_together(wanted.shape, iter(rows), self.count)]
        if wanted.leaves is not None:
            return [put_together(wanted.shape, iter(sums.tolist()))]
        found = []
        for argument in (self.arguments[i] for i in wanted.arguments):
            n = len(argument.columns)
            if argument.varies or apart:
                some, rows = rows[:n], rows[n:]
            else:
                some, sums = sums[:n], sums[n:]
            found.append(argument.rebuilt(some))
        return found

    def args(self, lane: int) -> Args:
        """The arguments of one lane."""
        return tuple(x.of_lane(lane) for x in self.arguments)

    def numbers(self, leaves: Array, some: Array) -> LaneNumbers:
        """The numbers of some lanes, and the slots they go into."""
        first = len(self._shared) + len(self.varying)
        after = np.arange(first, first + len(leaves), dtype=np.int32)
        columns = self._columns if len(some) == self.count else self._columns[:, some]
        return LaneNumbers(
            np.concatenate([self._shared, after]), np.concatenate([self._numbers, leaves]),
            self.varying, np.ascontiguousarray(columns),
        )  # fmt: skip


def _shared(x: Tree, i: int, hints: Sequence[tuple[Shape, int]]) -> Argument:
    for shape, size in hints:
        known = np.empty(size)
        if fill(shape, x, known):
            return Argument(x, shape, known[:, None], False)
    numbers: list[float] = []
    shape = numbers_of(x, f"argument {i}", numbers)
    return Argument(x, shape, np.array(numbers, float)[:, None], False)


def _varying(x: Any, i: int) -> Argument:
    if isinstance(x, np.ndarray) and x.ndim and x.dtype.kind in "biuf":
        shape = None if x.ndim == 1 else (ARRAY, x.shape[1:], math.prod(x.shape[1:]))
        size = 1 if shape is None else shape[2]
        return Argument(x, shape, np.array(x.reshape(len(x), size).T, float, order="C"), True)
    if not isinstance(x, (list, tuple)) and not (isinstance(x, np.ndarray) and x.ndim):
        raise TypeError(
            f"argument {i} varies, so it is a list or an array of lanes, not {describe(x)}: "
            "pass in_axes=None for one that all lanes share"
        )
    numbers: list[float] = []
    shapes = [numbers_of(lane, f"lane 0 of argument {i}", numbers) for lane in x[:1]]
    if len(x):
        known = np.empty((len(x), len(numbers)))
        kind = LIST if isinstance(x, list) else TUPLE
        if fill((kind, None, len(x) if shapes == [None] else tuple(shapes * len(x))), x, known):
            return Argument(x, shapes[0], known.T, True)
    for j, lane in enumerate(x[1:], 1):
        shape = numbers_of(lane, f"lane {j} of argument {i}", numbers)
        if shape != shapes[0]:
            raise ValueError(
                f"lane {j} of argument {i} is {words(shape)}, and lane 0 is {words(shapes[0])}"
            )
    columns = np.array(numbers, float).reshape(len(x), -1).T if len(x) else np.zeros((0, 0))
    return Argument(x, shapes[0] if shapes else None, columns, True)
