"""A tape arranged for running: level by level, and in a level equal operations side by side.

Every number has a slot: first the arguments, then the leaves, the constants, and the operations in
the order in which they run. Operations of one level do not need one another, so those of one kind
form a run: a tight loop whose results lie side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .columns import Foreign
from .gradient import differentiate
from .kernels import Array, levels, native
from .rewriting import marked, reached, starts, within
from .tape import Tape


class Program(NamedTuple):
    """Runs of operations: a row (code, number of inputs, number of operations) for each.

    The inputs of a run follow those of the run before: the first input of each operation, then the
    second of each, and so on. The first `forward` runs make the results, the rest the gradients.
    """

    inputs: int
    leaves: int
    constants: Array
    runs: Array
    ins: Array
    forward: int
    results: Array  # slots
    guards: Array  # slots
    gradients: Array  # slots
    rows: tuple[Foreign, ...]

    @property
    def base(self) -> int:
        """The first operation's slot."""
        return self.inputs + self.leaves + len(self.constants)

    @property
    def slots(self) -> int:
        return self.base + int(self.runs[:, 2].sum())

    @property
    def nbytes(self) -> int:
        """The memory it takes, without the numbers of its lanes."""
        return sum(part.nbytes for part in self if isinstance(part, np.ndarray))


def arrange(tape: Tape, results: Array, guards: Array, wanted: Array | None = None) -> Program:
    """The program for some ids of a tape, and, with `wanted`, for the first result's gradient."""
    forward, gradients = len(tape.code), np.zeros(0, np.int32)
    if wanted is not None:
        tape, gradients = differentiate(tape, int(results[0]), wanted)
    ids = np.concatenate([results, guards, gradients]).astype(np.int32)
    where = _in_c if native is not None else _by_numpy
    runs, ins, slots, used, n = where(tape, forward, ids)
    found = np.split(slots, np.cumsum([len(results), len(guards)]))
    return Program(
        inputs=tape.inputs, leaves=tape.leaves, constants=tape.constants[used], runs=runs, ins=ins,
        forward=n, results=found[0], guards=found[1], gradients=found[2],
        rows=tuple(x if isinstance(x, Foreign) else Foreign(x, "value") for x in tape.rows),
    )  # fmt: skip


def _in_c(tape: Tape, forward: int, ids: Array) -> tuple[Array, Array, Array, Array, int]:
    runs, ins, slots, used, n = native.arrange(
        tape.code, tape.start, tape.ins, ids, tape.sources, len(tape.constants), forward
    )
    runs, ins, slots = (np.frombuffer(part, np.int32) for part in (runs, ins, slots))
    return runs.reshape(-1, 3), ins, slots, np.frombuffer(used, bool), n


def _by_numpy(tape: Tape, forward: int, ids: Array) -> tuple[Array, Array, Array, Array, int]:
    order, key = _order(tape, forward, ids)
    slot, used = _slots(tape, order, ids)
    first = np.flatnonzero(np.diff(key, prepend=-1))
    counts, sizes = np.diff(first, append=len(order)), np.diff(tape.start)[order]
    runs = np.stack([tape.code[order[first]], sizes[first], counts], axis=1).astype(np.int32)
    n = int(np.searchsorted(first, np.count_nonzero(order < forward)))
    return runs, slot(_side_by_side(tape, order, runs)), slot(ids), used, n


def _order(tape: Tape, forward: int, ids: Array) -> tuple[Array, Array]:
    """The operations that `ids` need, in the order in which they run, and a key: one per run."""
    live = np.flatnonzero(reached(tape, ids)[tape.sources :])
    arity = np.diff(tape.start)
    codes, arities = (int(x.max(initial=0)) + 1 for x in (tape.code, arity))
    key = ((_levels(tape, forward) * codes + tape.code) * arities + arity)[live]
    order = np.argsort(key, kind="stable")
    return live[order], key[order]


def _levels(tape: Tape, forward: int) -> Array:
    """The level of each operation: above its inputs; behind `forward`, above all before it."""
    start, end = tape.start, tape.start[forward]
    sources, before = (np.zeros(n, np.int32) for n in (tape.sources, tape.sources + forward))
    first = levels(sources, start[: forward + 1], tape.ins[:end], 1)[len(sources) :]
    second = levels(before, start[forward:] - end, tape.ins[end:], 1)[len(before) :]
    return np.concatenate([first, second + first.max(initial=0)]).astype(np.int64)


def _slots(tape: Tape, order: Array, ids: Array) -> tuple[Callable[[Array], Array], Array]:
    """A function from ids to slots, and whether each constant is used."""
    taken = tape.ins[np.repeat(marked(len(tape.code), order), np.diff(tape.start))]
    used = marked(len(tape.constants), -1 - np.concatenate([taken[taken < 0], ids[ids < 0]]))
    base = tape.sources + np.count_nonzero(used)
    place = np.empty(tape.sources + len(tape.code), np.int32)
    place[: tape.sources] = np.arange(tape.sources)
    place[tape.sources + order] = base + np.arange(len(order))
    of_constant = tape.sources + np.cumsum(used) - 1

    def slot(ids: Array) -> Array:
        found = ids.astype(np.int32)
        found[ids >= 0] = place[ids[ids >= 0]]
        found[ids < 0] = of_constant[-1 - ids[ids < 0]]
        return found

    return slot, used


def _side_by_side(tape: Tape, order: Array, runs: Array) -> Array:
    """The inputs of the operations in order; in each run first all first inputs, and so on."""
    _, arity, counts = runs.T
    arity_of = np.repeat(arity, counts)  # of each operation
    operation = np.repeat(np.arange(len(order)), arity_of)  # of each edge
    operand = within(arity_of)
    run = np.repeat(np.arange(len(runs)), counts)[operation]
    place_in_run = within(counts)[operation]
    place = starts(arity * counts)[run] + operand * counts[run] + place_in_run
    ins = np.empty(len(place), np.int32)
    ins[place] = tape.ins[tape.start[order][operation] + operand]
    return ins
