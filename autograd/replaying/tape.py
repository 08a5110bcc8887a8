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
from . import kernels
from .kernels import Array
from .recorder import Past

# An operation's code is the place of its row in the table; these two are sums from left to right,
# x0 + x1 + ... and x0 * y0 + x1 * y1 + ..., and are made by rewriting. A user's own rows follow.
NAMES = [*TABLE, "total", "inner"]
CODES = {name: code for code, name in enumerate(NAMES)}
TOTAL, INNER, USER = CODES["total"], CODES["inner"], 1000
# C reads nodes of the compiled kind only.
native: Any = None if issubclass(Value, Slotted) else kernels.native
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
    def sizes(self) -> Array:
        """The number of inputs of each operation."""
        return self.start[1:] - self.start[:-1]

    @property
    def owner(self) -> Array:
        """For each of `ins`, the operation that takes it."""
        return np.arange(len(self.code), dtype=np.int32).repeat(self.sizes)

    def row(self, code: int) -> Rule:
        """The row of the table, or of the user, for a code."""
        found: Rule = self.rows[code - USER] if code >= USER else RULES[NAMES[code]]
        return found


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


def flatten(graph: RecordedGraph, in_c: bool = True) -> Flat:
    """The graph as a tape. RuntimeError for a stale graph, TypeError for one with Tensors."""
    if native is not None and in_c:
        try:
            return _in_c(graph)
        except TypeError:
            pass  # raised again below, with a better message
    operations, leaves, fresh = _explore(*graph)
    roots, inputs, _, pasts = graph
    ids = {id(x): i for i, x in enumerate(chain(inputs, leaves, operations))}
    codes, numbers = dict(_CODE_OF), list[float]()
    code, ends, ins, shut = [], [0], [], []

    def add(x: Any, taker: Node | None = None) -> None:
        if isinstance(x, Node) and taker is not None and x._born > taker._born:
            refuse_stale(taker)
        ins.append(ids.get(id(x), -1))
        if ins[-1] < 0:
            numbers.append(x._data if isinstance(x, Node) else float(x))

    for node in operations:
        row, taken = (node._rule, node._inputs) if node._inputs else pasts[node]
        shut.append(not node._inputs)
        code.append(codes.setdefault(row, USER + len(codes) - len(_CODE_OF)))
        for x in taken:
            add(x, node)
        ends.append(len(ins))
    for x in roots:
        add(x)
    parts = map(np.array, (code, ends, ins, shut, [x._data for x in operations], numbers), KINDS)
    return _flat(graph, codes, operations, leaves, fresh, *parts)


KINDS = (np.int16, np.int32, np.int32, bool, float, float)


def _in_c(graph: RecordedGraph) -> Flat:
    """`flatten` in C, where `nodes` stay empty."""
    codes = dict(_CODE_OF)
    roots = tuple([x if isinstance(x, Node) else float(x) for x in graph.roots])
    leaves, fresh, *parts = native.flatten(
        Value, roots, tuple(graph.inputs), graph.start, birth(), graph.pasts, codes
    )
    return _flat(graph, codes, [], leaves, fresh, *map(np.frombuffer, parts, KINDS))


def _flat(
    graph: RecordedGraph, codes: Mapping[Any, int], nodes: list[Value], leaves: list[Value],
    fresh: list[Value], code: Array, ends: Array, ins: Array, shut: Array, data: Array,
    numbers: Array,
) -> Flat:  # fmt: skip
    """The tape of these operations; equal constants become one, and all nans do."""
    numbers[numbers != numbers] = np.nan
    known: dict[int, int] = {}
    same = [known.setdefault(bits, ~len(known)) for bits in numbers.view(np.int64).tolist()]
    ins[ins < 0] = same
    constants, n = np.array(list(known), np.int64).view(float), int(ends[-1])
    tape = Tape(
        len(graph.inputs), len(leaves), constants, code, ends, ins[:n], np.ones(len(code), bool),
        shut, tuple(codes)[len(_CODE_OF) :],
    )  # fmt: skip
    return Flat(tape, leaves, data, ins[n:].tolist(), nodes, fresh)


def are_same(first: Flat, second: Flat) -> bool:
    """Whether two graphs have the same operations on the same leaves and constants."""
    a, b = first.tape, second.tape
    return (
        first.ids == second.ids
        and list(map(id, first.leaves)) == list(map(id, second.leaves))
        and not {*map(id, first.fresh)} & {*map(id, second.fresh)}
        and a.rows == b.rows
        and all(x.tobytes() == y.tobytes() for x, y in zip(a[2:-1], b[2:-1], strict=True))
    )


def _explore(
    roots: Sequence[Any], inputs: Sequence[Value], start: int, pasts: Mapping[Node, Past]
) -> tuple[list[Value], list[Value], list[Value]]:
    """The operations under `roots`, oldest first, the leaves from outside, and those made since."""
    seen = set(map(id, inputs))
    operations: list[Value] = []
    leaves: tuple[list[Value], list[Value]] = [], []
    waiting: list[Any] = [x for x in roots if isinstance(x, Node)]
    for node in waiting:
        if id(node) in seen:
            continue
        seen.add(id(node))
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
            waiting += [x for x in taken if x.__class__ is not float]
    for found in (operations, *leaves):
        found.sort(key=attrgetter("_born"))
    return operations, *leaves


# ---- leaves --------------------------------------------------------------------------------------


def numbers_in(leaves: Sequence[Value]) -> Array:
    """The numbers of leaves."""
    if modes.active or native is None:  # a recorder may note that they are read
        return np.array([leaf.data for leaf in leaves], float)
    numbers = np.empty(len(leaves))
    native.read_leaves(Value, leaves, numbers)
    return numbers


def add_to_gradients(leaves: Sequence[Value], gradients: Array) -> None:
    """Add to `.grad` of leaves, as a backward pass does."""
    with modes.lock:  # += must not interleave with another thread's
        if native is not None:
            native.add_gradients(Value, leaves, gradients)
            return
        for leaf, g in zip(leaves, gradients.tolist(), strict=True):
            held = gradient_or_none(leaf)
            leaf.grad = g if held is None else held + g
