"""A recorded computation as flat arrays.

Every number has an id: first the arguments' numbers, then the leaves that the function closes
over, then the operations in the order they were recorded, so that an operation's inputs have
smaller ids than itself. Constants have negative ids, -1 for the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from ..core import modes
from ..core.graph import Node, Slotted, birth, gradient_or_none, refuse_stale
from ..core.kinds import describe
from ..core.rules import RULES, TABLE, Rule
from ..core.value import Value
from .kernels import Array, native
from .recorder import Past

# An operation's code is the place of its row in the table; these two are sums from left to right,
# x0 + x1 + ... and x0 * y0 + x1 * y1 + ..., and are made by rewriting. A user's own rows follow.
NAMES = [*TABLE, "total", "inner"]
CODES = {name: code for code, name in enumerate(NAMES)}
TOTAL, INNER, USER = CODES["total"], CODES["inner"], 1000
# The class whose instances C reads, and whether it is the twin's.
KEPT = (Slotted, False) if issubclass(Value, Slotted) else (Value, True)
_CODE_OF = {RULES[name]: CODES[name] for name in TABLE}


class Tape(NamedTuple):
    """Operations on ids: the i-th takes ins[start[i]:start[i + 1]] and makes id `sources` + i."""

    inputs: int
    leaves: int
    constants: Array
    code: Array
    start: Array
    ins: Array
    faithful: Array  # whether an operation rounds as the engine does: a guard hangs on it
    shut: Array  # whether no gradient goes through the operation
    rows: tuple[Any, ...] = ()  # by code - USER: a user's own, and columns that Python computes

    @property
    def sources(self) -> int:
        return self.inputs + self.leaves

    @property
    def owner(self) -> Array:
        """For each of `ins`, the operation that takes it."""
        return np.repeat(np.arange(len(self.code), dtype=np.int32), np.diff(self.start))

    def row(self, code: int) -> Rule:
        """The row of the table, or of the user, for a code."""
        found: Rule = self.rows[code - USER] if code >= USER else RULES[NAMES[code]]
        return found


class Constants:
    """Numbers that do not change, and their ids; a new number is added once."""

    def __init__(self, known: Array = ()) -> None:
        self._known = np.array(known, float)
        self._new: dict[Any, int] = {}
        self._added: list[float] = []

    def id(self, x: float) -> int:
        key = _exactly(x)
        if key not in self._new:
            bits = self._known.view(np.int64) == np.array([x], float).view(np.int64)
            found = np.flatnonzero(bits)
            self._new[key] = -1 - int(found[0]) if len(found) else self._add(x)
        return self._new[key]

    def _add(self, x: float) -> int:
        self._added.append(float(x))
        return -len(self._known) - len(self._added)

    @property
    def numbers(self) -> Array:
        """All of them, the one with the id -1 first."""
        return np.append(self._known, self._added)


def _exactly(x: float) -> float | str:
    """Equal for equal numbers only: 0.0 and -0.0 differ, and all nans are equal."""
    return x if x < 0 or x > 0 else repr(float(x))


class RecordedGraph(NamedTuple):
    """A recorded graph: everything under `roots`, which are nodes and numbers.

    Nodes born before `start` come from outside: leaves among them stay leaves, and the others are
    constants, as are leaves born later.
    """

    roots: Sequence[Node | float]
    inputs: Sequence[Value]
    start: int
    pasts: Mapping[Node, Past]


class Flat(NamedTuple):
    """A recorded graph as a tape, with the nodes and numbers that it was made from."""

    tape: Tape
    leaves: list[Value]
    data: Array  # the numbers of the operations when they were recorded
    ids: list[int]  # of the roots
    nodes: list[Value]  # of the operations; empty if C made the tape
    fresh: list[Value]  # leaves that were made while recording: constants
    reading: object = None  # held by C, to compare another graph with


def flatten(graph: RecordedGraph, in_c: bool = True) -> Flat:
    """The graph as a tape. RuntimeError for a stale graph, TypeError for one with Tensors."""
    if native is not None and in_c:
        try:
            return _in_c(graph)
        except (RuntimeError, TypeError):
            pass  # raised again below, with a better message
    operations, leaves, fresh = _explore(*graph)
    roots, inputs, _, pasts = graph
    ids: dict[Any, int] = {x: i for i, x in enumerate(chain(inputs, leaves, operations))}
    constants, numbers, codes = Constants(), dict[float, int](), dict[Any, int](_CODE_OF)
    code, ends, ins, shut = [], [0], [], []
    for node in operations:
        row, taken = (node._rule, node._inputs) if node._inputs else pasts[node]
        shut.append(not node._inputs)
        if row not in codes:
            codes[row] = USER + len(codes) - len(_CODE_OF)
        code.append(codes[row])
        for x in taken:
            known = ids.get(x) if x.__class__ is not float else numbers.get(x)
            ins.append(_constant(x, node, constants, numbers) if known is None else known)
        ends.append(len(ins))
    found = [ids[x] if x in ids else _constant(x, None, constants, numbers) for x in roots]
    tape = Tape(
        len(inputs), len(leaves), constants.numbers, np.array(code, np.int16),
        np.array(ends, np.int32), np.array(ins, np.int32), np.ones(len(code), bool),
        np.array(shut, bool), tuple(codes)[len(_CODE_OF) :],
    )  # fmt: skip
    data = np.array([node._data for node in operations])
    return Flat(tape, leaves, data, found, operations, fresh)


def _constant(x: Any, taker: Node | None, constants: Constants, known: dict[float, int]) -> int:
    """The id of a number, or of a node that does not change; RuntimeError if it is stale."""
    if isinstance(x, Node):
        if taker is not None and x._born > taker._born:
            refuse_stale(taker)
        return constants.id(x._data)
    found = constants.id(x)
    if x:  # 0.0 and -0.0 would be one key
        known[x] = found
    return found


def is_alike(flat: Flat, graph: RecordedGraph) -> bool:
    """Whether C finds the same operations in a graph; False if it cannot tell."""
    if flat.reading is None:
        return False
    try:
        alike, fresh, user = native.is_alike(flat.reading, *_for_c(graph))
    except (RuntimeError, TypeError):
        return False
    return (
        alike and tuple(user) == flat.tape.rows and not {*map(id, fresh)} & {*map(id, flat.fresh)}
    )


def are_same(first: Flat, second: Flat) -> bool:
    """Whether two graphs have the same operations on the same leaves and constants."""
    a, b = first.tape, second.tape
    return (
        first.ids == second.ids
        and list(map(id, first.leaves)) == list(map(id, second.leaves))
        and not {*map(id, first.fresh)} & {*map(id, second.fresh)}
        and a.rows == b.rows
        and a.constants.tobytes() == b.constants.tobytes()
        and all(
            np.array_equal(getattr(a, name), getattr(b, name))
            for name in ("code", "start", "ins", "shut")
        )
    )


def _for_c(graph: RecordedGraph) -> tuple[object, ...]:
    """A graph as C takes it."""
    roots, inputs, start, pasts = graph
    return *KEPT, tuple(roots), tuple(inputs), start, birth(), pasts, _CODE_OF


def _in_c(graph: RecordedGraph) -> Flat:
    """`flatten` in C, where `nodes` stay empty."""
    reading, leaves, fresh, user, *parts = native.flatten(*_for_c(graph))
    kinds = (np.int16, np.int32, np.int32, bool, float, float, np.int32)
    code, ends, ins, shut, data, constants, ids = map(np.frombuffer, parts, kinds)
    faithful = np.ones(len(code), bool)
    tape = Tape(
        len(graph.inputs), len(leaves), constants, code, ends, ins, faithful, shut, tuple(user)
    )
    return Flat(tape, leaves, data, ids.tolist(), [], fresh, reading)


def _explore(
    roots: Sequence[Any], inputs: Sequence[Value], start: int, pasts: Mapping[Node, Past]
) -> tuple[list[Value], list[Value], list[Value]]:
    """The operations under `roots`, oldest first, the leaves from outside, and those made since."""
    seen: set[Any] = set(inputs)
    operations: list[Value] = []
    leaves: tuple[list[Value], list[Value]] = [], []
    waiting: list[Any] = [x for x in dict.fromkeys(roots) if isinstance(x, Node) and x not in seen]
    seen.update(waiting)
    for node in waiting:
        if node.__class__ is not Value and not isinstance(node, Value):
            raise TypeError(
                f"a replay runs on Values, and {type(node).__name__}s are fast as they are: the "
                f"function made Values of {describe(node)}"
            )
        taken = node._inputs or (pasts[node][1] if node in pasts else ())
        if not taken:
            leaves[node._born >= start].append(node)
        elif node._born >= start:
            operations.append(node)
            for x in taken:
                if x.__class__ is not float and x not in seen:
                    seen.add(x)
                    waiting.append(x)
    for found in (operations, *leaves):
        found.sort(key=attrgetter("_born"))
    return operations, *leaves


# ---- leaves --------------------------------------------------------------------------------------


def numbers_in(leaves: Sequence[Value]) -> Array:
    """The numbers of leaves."""
    if modes.active or native is None:  # a recorder may note that they are read
        return np.array([leaf.data for leaf in leaves], float)
    numbers = np.empty(len(leaves))
    native.read_leaves(*KEPT, leaves, numbers)
    return numbers


def add_to_gradients(leaves: Sequence[Value], gradients: Array) -> None:
    """Add to `.grad` of leaves, as a backward pass does."""
    with modes.lock:  # += must not interleave with another thread's
        if native is not None:
            native.add_gradients(*KEPT, leaves, gradients)
            return
        for leaf, g in zip(leaves, gradients.tolist(), strict=True):
            held = gradient_or_none(leaf)
            leaf.grad = g if held is None else held + g
