"""A program as text: a line for each operation, `%3 = mul %1 %2`; runs are cut short."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from .kernels import Array
from .program import Program
from .recordings import Recording
from .structure import Shape, count, parts_of, words
from .tape import NAMES, USER

MOST_LINES, MOST_INPUTS = 4, 8


def listed(name: str, shape: Shape, recording: Recording, program: Program, wanted: str) -> str:
    """A recording's program: its sources, operations, guards and results."""
    lines = [
        f"{name}:",
        *_sources(shape, recording, program),
        *_operations(program, 0, program.forward),
        *_guards(recording, program),
        f"  return {words(recording.shape)} of {_slots(program.results)}",
    ]
    if wanted:
        lines += [
            f"gradient by {wanted}:",
            *_operations(program, program.forward, len(program.runs)),
            f"  return {_slots(program.gradients)}",
        ]
    return "\n".join(lines)


def _sources(shape: Shape, recording: Recording, program: Program) -> Iterator[str]:
    first = 0
    for i, part in enumerate(parts_of(shape)):
        last = first + count(part)
        yield f"  {_slots(range(first, last))} = argument {i}, {words(part)}"
        first = last
    names = [leaf.label or "?" for leaf in recording.leaves]
    yield from _numbered(first, len(names), lambda i: f"leaf {names[i]}")
    numbers = program.constants.tolist()
    yield from _numbered(first + len(names), len(numbers), lambda i: f"{numbers[i]!r}")


def _numbered(first: int, n: int, said: Callable[[int], str]) -> Iterator[str]:
    """A line for each of n slots, or for the first of many."""
    return _cut(n, lambda i: f"%{first + i} = {said(i)}", f"more, to %{first + n - 1}")


def _cut(n: int, said: Callable[[int], str], more: str) -> Iterator[str]:
    """A line for each of n things, or for the first of many and one for the others."""
    shown = n if n <= MOST_LINES + 1 else MOST_LINES
    yield from (f"  {said(i)}" for i in range(shown))
    if shown < n:
        yield f"  ... {n - shown:,} {more}"


def _operations(program: Program, first: int, last: int) -> Iterator[str]:
    slot, edge = program.base, 0
    for i, (code, arity, n) in enumerate(program.runs[:last].tolist()):
        if i >= first:
            ins = program.ins[edge : edge + arity * n].reshape(arity, n)
            name = program.rows[code - USER].name if code >= USER else NAMES[code]
            yield from _numbered(slot, n, partial(_operation, name, ins))
        slot, edge = slot + n, edge + arity * n


def _operation(name: str, ins: Array, j: int) -> str:
    return f"{name} {_inputs(ins[:, j])}"


def _inputs(slots: Sequence[int]) -> str:
    shown = [f"%{x}" for x in slots[:MOST_INPUTS]]
    return " ".join(shown) + (f" ... ({len(slots)})" if len(slots) > MOST_INPUTS else "")


def _guards(recording: Recording, program: Program) -> Iterator[str]:
    _, exact, seen = recording.guards
    slots = program.guards.tolist()

    def said(i: int) -> str:
        what = f"{float(seen[i])!r}" if exact[i] else "not 0" if seen[i] else "0"
        return f"guard: %{slots[i]} is {what}"

    return _cut(len(slots), said, "more guards")


def _slots(slots: Sequence[int]) -> str:
    """`%3`, `%3 ... %9`, `%3 %8 %1`."""
    found = [int(x) for x in slots]
    if not found:
        return "nothing"
    if len(found) > 2 and found == list(range(found[0], found[-1] + 1)):
        return f"%{found[0]} ... %{found[-1]}"
    return _inputs(found)
