"""A tape arranged for running: equal operations side by side, level by level.

Every number has a slot: the arguments', the leaves', the constants', and then the operations' in
the order in which they run. Operations of one level do not need one another, so those of one kind
are a run: a tight loop whose results lie side by side.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .columns import Foreign
from .gradient import differentiate
from .kernels import levels, native, reach
from .rewriting import starts, within
from .tape import Tape

Array = Any  # of NumPy


class Program(NamedTuple):
    """Runs of operations: a row (code, number of inputs, how many operations) for each.

    The inputs of a run are behind those of the run before: the first input of each operation, the
    second of each, and so on. `forward` runs make the results, and the rest the gradients.
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
        """What it takes in memory, less the numbers of its lanes."""
        return sum(part.nbytes for part in self if isinstance(part, np.ndarray))


def arrange(tape: Tape, results: Array, guards: Array, wanted: Array | None = None) -> Program:
    """The program that computes some ids of a tape; with `wanted`, the first result's gradients."""
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
    """The operations that `ids` need, in the order in which they run; a key for each, one a run."""
    marked = np.zeros(tape.sources + len(tape.code), bool)
    marked[ids[ids >= 0]] = True
    live = np.flatnonzero(reach(marked, tape.start, tape.ins)[tape.sources :])
    level = np.empty(len(tape.code), np.int64)
    middle, start = tape.start[forward], tape.start
    none = np.zeros(tape.sources + forward, np.int32)
    level[:forward] = levels(none[: tape.sources], start[: forward + 1], tape.ins[:middle], 1)[
        tape.sources :
    ]
    level[forward:] = levels(none, start[forward:] - middle, tape.ins[middle:], 1)[len(none) :]
    level[forward:] += level[:forward].max(initial=0)
    widest = int(np.diff(tape.start).max(initial=0)) + 1
    codes = int(tape.code.max(initial=0)) + 1
    key = ((level * codes + tape.code) * widest + np.diff(tape.start))[live]
    order = np.argsort(key, kind="stable")
    return live[order], key[order]


def _slots(tape: Tape, order: Array, ids: Array) -> Any:
    """A function from ids to slots, and which constants are in use."""
    taken = tape.ins[np.repeat(_marked(len(tape.code), order), np.diff(tape.start))]
    used = _marked(len(tape.constants), -1 - np.concatenate([taken[taken < 0], ids[ids < 0]]))
    place = np.empty(tape.sources + len(tape.code), np.int32)
    place[: tape.sources] = np.arange(tape.sources)
    base = tape.sources + np.count_nonzero(used)
    place[tape.sources + order] = base + np.arange(len(order))
    of_constant = tape.sources + np.cumsum(used) - 1

    def slot(ids: Array) -> Array:
        found = ids.astype(np.int32)
        found[ids >= 0] = place[ids[ids >= 0]]
        found[ids < 0] = of_constant[-1 - ids[ids < 0]]
        return found

    return slot, used


def _marked(size: int, places: Array) -> Array:
    found = np.zeros(size, bool)
    found[places] = True
    return found


def _side_by_side(tape: Tape, order: Array, runs: Array) -> Array:
    """The inputs of the operations in order, in each run the first ones first."""
    _, arity, counts = runs.T
    sizes = np.repeat(arity, counts)
    start = np.repeat(starts(arity * counts)[:-1], counts)  # of the operation's run
    k, j = within(sizes), np.repeat(within(counts), sizes)
    ins = np.empty(int(sizes.sum()), np.int32)
    place = np.repeat(start, sizes) + k * np.repeat(np.repeat(counts, counts), sizes) + j
    ins[place] = tape.ins[np.repeat(tape.start[order], sizes) + k]
    return ins
