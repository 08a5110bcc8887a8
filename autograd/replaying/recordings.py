"""A recording: the operations of one call of a function, for arguments of one structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from ..arrays.value_arrays import Unfit
from ..core import modes
from ..core.graph import Node
from ..core.kinds import describe, is_number
from ..core.modes import lock, settings
from ..core.rules import altered, changes
from ..core.value import Value
from ..support.errors import line_of
from ..support.names import by_element
from .batches import Lanes
from .kernels import Array
from .machine import ROOM, LaneNumbers, Machine
from .program import arrange
from .recorder import Countable, Heard, Recorder, array_in, inputs_of, listen
from .rewriting import rewrite
from .rolling import Together, Uneven, rolled
from .structure import Shape, Wanted, has_arrays, put_together, taken_apart
from .tape import Flat, RecordedGraph, Tape, are_same, flatten

Held = Callable[[list[Value]], Array]  # the numbers of leaves
MOST = 8  # programs of one recording that are kept


class Guards(NamedTuple):
    """The looks of a program at its own numbers, and what it saw."""

    ids: Array
    exact: Array  # whether it saw the number itself, and not only whether it is 0
    seen: Array

    def hold(self, numbers: Array) -> Array:
        """Whether it would see the same in these numbers: one row, or a column for each lane."""
        seen, exact = (x.reshape(-1, *[1] * (numbers.ndim - 1)) for x in (self.seen, self.exact))
        same = (numbers == seen) & (np.signbit(numbers) == np.signbit(seen))
        same |= (numbers != numbers) & (seen != seen)
        return np.all(np.where(exact, same, (numbers != 0) == (seen != 0)), axis=0)


def are_equal(x: Array, y: Array) -> bool:
    """Whether two arrays have the same elements, to the bit except for nan."""
    return np.array_equal(x, y, equal_nan=True) and np.array_equal(np.signbit(x), np.signbit(y))


def _keep(known: dict[Any, Any], key: Any, machine: Machine | None) -> None:
    """Keep a machine, and those asked for last."""
    known[key] = machine
    for old in list(known)[:-MOST]:
        known.pop(old, None)


class Recording:
    """A rewritten tape, its guards, the leaves it reads, and the programs made of it so far."""

    def __init__(
        self, tape: Tape, leaves: list[Value], shape: Shape, ids: Array, guards: Guards,
        arrays: dict[Any, Array] | None = None,
    ) -> None:  # fmt: skip
        self.tape: Tape = tape
        self.leaves: list[Value] = leaves
        self.shape: Shape = shape  # of the result
        self.ids: Array = ids
        self.guards: Guards = guards
        self.operations: Final = len(tape.code)
        self.arrays: Final = arrays or {}  # of Tensors from outside, when they were read
        self._rolled = rolled(tape)
        self.table: Final = len(changes)  # the table it was made with
        self._machines: dict[Any, Machine] = {}
        self._of_lanes: dict[Any, Machine | None] = {}  # None where it was asked for once
        self._is_together = True  # whether lanes may run as one
        self._last: tuple[Wanted | None, Machine | None] = None, None

    def __reduce__(self) -> tuple[Any, ...]:
        return Recording, (
            self.tape, self.leaves, self.shape, self.ids, self.guards, self.arrays
        )  # fmt: skip

    def is_current(self) -> bool:
        """Whether the rows of the table, and the Tensors that the program read, are unchanged."""
        return self.table == len(changes) and all(
            are_equal(array_in(x), seen) for x, seen in self.arrays.items()
        )

    def machine(self, wanted: Wanted | None = None) -> Machine:
        """The machine for the result and, if any are wanted, for the gradients of its number.

        Those asked for last are kept.
        """
        asked, machine = self._last
        if machine is not None and asked is wanted:
            return machine
        key = None if wanted is None else wanted.key(self.leaf_ids())
        machine = self._machines.pop(key, None)
        if machine is None:
            ids = None if wanted is None else self._wanted(wanted)
            with lock:  # programs share their constants
                machine = Machine(arrange(self._rolled, self.ids, self.guards.ids, ids))
        self._last = wanted, machine
        _keep(self._machines, key, machine)
        return machine

    def _wanted(self, wanted: Wanted) -> Array:
        return np.array(wanted.ids(self.leaf_ids()), np.int32)

    def _together(self, lanes: Lanes, wanted: Wanted | None, each: Array) -> Machine | None:
        """The machine that runs all lanes as one, and sums gradients over them; None if none can.

        It is made when as many lanes come for the second time.
        """
        n, is_exact = lanes.count, self.tape.faithful.all() or len(self.guards.ids)
        fits = self._is_together and n > 1 and n * self._rolled.size <= ROOM and not is_exact
        if wanted is None or not fits or each is not lanes.vary(wanted):
            return None
        key = n, lanes.varying.tobytes(), wanted.key(self.leaf_ids())
        asked, machine = key in self._of_lanes, self._of_lanes.pop(key, None)
        if asked and machine is None:
            ids = self._wanted(wanted)
            try:
                with lock:
                    rolled = Together(self._rolled, n, lanes.varying)
                    ids = np.concatenate([ids[each], ids[~each]])
                    machine = Machine(arrange(rolled, self.ids, self.guards.ids, ids))
                self._is_together = len(machine.program.results) == n
            except Uneven:
                self._is_together = False
        _keep(self._of_lanes, key, machine)
        return machine if self._is_together else None

    def _replay_together(
        self, machine: Machine, given: LaneNumbers, own: int
    ) -> tuple[Array, Array, Array]:
        """The results of all lanes, `own` gradients of each lane, and those that are summed."""
        n, first, memory = given.columns.shape[1], self._rolled.size, machine.memory()
        memory[given.shared] = given.numbers
        memory[first : first * (1 + n)].reshape(first, n)[given.varying] = given.columns
        machine.run(memory, False)
        machine.run(memory, True)
        results, found = memory[machine.program.results], memory[machine.program.gradients]
        machine.give_back(memory)
        return results[None], found[: own * n].reshape(own, n), found[own * n :]

    @property
    def is_plain(self) -> bool:
        """Whether the result is a number that depends on no argument and no `if`, but on a look."""
        looks = self.guards.exact
        return self.shape is None and self.ids[0] < 0 and len(looks) > 0 and bool(looks.all())

    def leaf_ids(self) -> dict[Value, int]:
        """The ids of the leaves."""
        return {leaf: self.tape.inputs + i for i, leaf in enumerate(self.leaves)}

    def replay(
        self, numbers: Array, wanted: Wanted | None, held: Held
    ) -> tuple[Array, Array] | None:
        """The numbers of the result, and the wanted gradients; None if a guard fails."""
        machine = self.machine(wanted)
        program, memory = machine.program, machine.memory()
        try:
            memory[: program.inputs] = numbers
            memory[program.inputs : program.inputs + program.leaves] = held(self.leaves)
            machine.run(memory, False)
            if len(program.guards) and not self.guards.hold(memory[program.guards]):
                return None
            machine.run(memory, True)
            found = memory[program.results], memory[machine.gradients].copy()
        finally:
            machine.give_back(memory)
        if modes.active and settings()["anomaly"] and not all(np.isfinite(x).all() for x in found):
            raise FloatingPointError(
                "a number or a gradient of a replay is not finite: call the function itself, and "
                "detect_anomaly() names the operation"
            )
        return found

    def replay_lanes(
        self, lanes: Lanes, some: Array, wanted: Wanted | None, each: Array, held: Held
    ) -> tuple[Array, Array, Array, Array]:
        """The lanes whose guards hold, their results, and gradients by lane and summed.

        `each` says which of the wanted gradients are by lane.
        """
        if modes.active and settings()["anomaly"]:
            some = some[:1]  # each is recorded, where operations are checked
        leaves = held(self.leaves)
        together = self._together(lanes, wanted, each) if len(some) == lanes.count else None
        if together is not None:
            given = lanes.numbers(leaves, some)
            return some, *self._replay_together(together, given, int(np.count_nonzero(each)))
        machine = self.machine(wanted)
        program, none = machine.program, np.zeros(0, np.int32)
        if len(program.guards):
            seen, _ = machine.batch(lanes.numbers(leaves, some), False, program.guards, none)
            some = some[self.guards.hold(seen)]
        if not len(some) or not program.slots:  # the result may be an empty list
            return some, *np.zeros((2, 0, len(some))), np.zeros(0)
        own = np.concatenate([program.results, program.gradients[each]])
        found, added = machine.batch(
            lanes.numbers(leaves, some), wanted is not None, own, program.gradients[~each]
        )
        n = len(program.results)
        return some, found[:n], found[n:], added


# ---- making one ----------------------------------------------------------------------------------


class _Recorded(NamedTuple):
    """One recorded call."""

    shape: Shape  # of the result
    results: int  # the number of roots that are the result; the others are guarded
    exact: list[bool]
    seen: list[float]
    arrays: dict[Any, Array]
    graph: RecordedGraph | None


def record(
    f: Callable[..., Any],
    given: Shape,
    numbers: list[int | float],
    named: Mapping[str, Any],
    rewrites: frozenset[str],
) -> Recording:
    """f recorded with numbers in a shape. It is called twice, and must do the same both times."""

    def call(lines: bool = False) -> _Recorded:
        inputs = [(Value if x.__class__ is float else Countable)(x) for x in numbers]
        entered = put_together(given, iter(inputs), settings=True)
        before = by_element.set(has_arrays(given))
        try:
            heard = listen(f, entered, named, lines, inputs)
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            if has_arrays(given):
                raise Unfit(f"with an array what raises {type(error).__name__}") from error
            raise
        finally:
            by_element.reset(before)
        return _graph_of(f, heard, inputs)

    if altered:  # sums and products are written with the columns of the table as it came
        rewrites = frozenset()
    first = call()
    assert first.graph is not None
    outer = settings()["recorder"]
    if outer is not None:
        _look_through(first, outer)
    flat, n = flatten(first.graph), first.results
    first = first._replace(graph=None)  # frees its memory for the next one
    _compare(f, first, flat, call)
    tape, ids = rewrite(flat.tape, flat.data, np.array(flat.ids, np.int32), rewrites, n)
    moving = np.flatnonzero(ids[n:] >= 0)  # a constant needs no guard
    exact, seen = np.array(first.exact, bool)[moving], np.array(first.seen, float)[moving]
    guards = Guards(ids[n:][moving], exact, seen)
    return Recording(tape, flat.leaves, first.shape, ids[:n], guards, first.arrays)


def _graph_of(f: Callable[..., Any], heard: Heard, inputs: list[Value]) -> _Recorded:
    results: list[Any] = []
    try:
        shape = taken_apart(heard.result, _result, results)
    except ValueError as error:
        raise _refusal(f, error.args[0]) from None
    guards = {(id(guard.node), guard.exact): guard for guard in heard.guards}.values()
    roots = [*results, *(guard.node for guard in guards)]
    return _Recorded(
        shape, len(results), [guard.exact for guard in guards], [guard.seen for guard in guards],
        heard.arrays, RecordedGraph(roots, inputs, heard.start, heard.pasts),
    )  # fmt: skip


def _look_through(call: _Recorded, outer: Recorder) -> None:
    """Let the recorder around this one note the nodes from outside, which are constants here."""
    assert call.graph is not None
    roots, _, start, pasts = call.graph
    found: list[Any] = list(dict.fromkeys(x for x in roots if isinstance(x, Node)))
    seen = {*found}
    for node in found:
        if node._born < start:
            outer.read(node)
            continue
        new = [x for x in dict.fromkeys(inputs_of(node, pasts)) if x not in seen]
        seen.update(new)
        found += new
    for tensor in call.arrays:
        outer.read(tensor)


def _result(x: object) -> object:
    """A number in a result, unchanged; None for anything else."""
    return x if isinstance(x, Value) or is_number(x) else None


def _refusal(f: Callable[..., Any], culprit: object) -> TypeError:
    if culprit is None:
        return TypeError(f"{name_of(f)} returned None: did it forget to return its result?")
    return TypeError(
        f"a compiled function returns numbers, in lists, tuples, dicts and arrays, but "
        f"{name_of(f)} returned {describe(culprit)}"
    )


def name_of(f: Callable[..., Any]) -> str:
    return getattr(f, "__name__", type(f).__name__)


# ---- whether two calls did the same --------------------------------------------------------------


def _compare(
    f: Callable[..., Any], first: _Recorded, flat: Flat, call: Callable[..., _Recorded]
) -> None:
    """RuntimeError if f, called once more, does not do the same."""
    second = call()
    same_seen = np.array_equal(first.seen, second.seen, equal_nan=True)
    looks_alike = same_seen and first[:3] == second[:3]
    assert second.graph is not None
    again = flatten(second.graph)
    if looks_alike and are_same(flat, again):
        return
    if leaf := next((x for x in again.fresh if any(x is y for y in flat.fresh)), None):
        raise RuntimeError(
            f"{name_of(f)} assigns .data of the leaf {leaf!r} while it is recorded, which no "
            "replay would do: assign it outside, or compute with a new node"
        )
    ours, theirs = _words(first, flat), _words(second, again)
    if ours == theirs and first.shape == second.shape:
        return
    place = next((i for i, (x, y) in enumerate(zip(ours, theirs)) if x != y), None)  # noqa: B905
    if place is None:
        what = f"it computed {len(ours)} numbers first, and then {len(theirs)}"
        place = min(len(ours), len(theirs))
    else:
        what = f"operation {place + 1} was {ours[place]} first, and then {theirs[place]}"
    third = call(lines=True).graph
    assert third is not None
    nodes = flatten(third, in_c=False).nodes
    line = line_of(nodes[place]) if place < len(nodes) else ""
    raise RuntimeError(
        f"{name_of(f)} did not do the same when it was recorded twice: {what}"
        + (f"\n  at {line}\n" if line else "; ")
        + "A replay repeats what was recorded: draw random numbers outside, and pass them, and "
        "counters, as arguments"
    )


def _words(call: _Recorded, flat: Flat) -> list[str]:
    """Each operation in words, then each look at a number, then the result."""
    tape = flat.tape

    def word(x: int) -> str:
        if x < 0:
            return repr(float(tape.constants[-1 - x]))
        if tape.inputs <= x < tape.sources:
            leaf = flat.leaves[x - tape.inputs]
            return f"the leaf {leaf.label or hex(id(leaf))}"
        return f"%{x}"

    ends, ins = tape.start.tolist(), list(map(word, tape.ins.tolist()))
    said = [
        f"{tape.row(code).name} of {', '.join(ins[ends[i] : ends[i + 1]])}"
        + " without a gradient" * shut
        for i, (code, shut) in enumerate(zip(tape.code.tolist(), tape.shut.tolist(), strict=True))
    ]
    looks = zip(flat.ids[call.results :], call.seen, strict=True)
    returned = ", ".join(map(word, flat.ids[: call.results]))
    return [*said, *(f"a look at {word(x)}, which was {seen}" for x, seen in looks), returned]
