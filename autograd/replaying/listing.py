"""A program as text: a line for each loop, `h[i, j] = relu(s[i, j])  for i < 100, j < 16`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from .kernels import Array
from .program import Program
from .recordings import Recording
from .rolling import Loop, View, natural
from .structure import ARRAY, DICT, Shape, count, parts_of, words
from .tape import INNER, NAMES, TOTAL, USER

MOST = 4  # numbers that are shown of many
MOVING, SUMMED = "ijlmnopqrstuv", "kghef"  # letters of dimensions


def listed(name: str, shape: Shape, recording: Recording, program: Program, wanted: str) -> str:
    """A recording's program: its sources, loops, guards and results."""
    names = Names(shape, recording, program)
    n = program.forward
    forward = list(_loops(names, program.loops[:n]))
    lines = [
        f"{name}:",
        *names.sources,
        *forward,
        *_cut([f"guard: {said}" for said in _guards(names, recording, program)]),
        f"  return {words(recording.shape)} of {names.of_slots(program.results)}",
    ]
    if wanted:
        lines += [
            f"gradient by {wanted}:",
            *_loops(names, program.loops[n:]),
            f"  return {names.of_slots(program.gradients)}",
        ]
    return "\n".join(lines)


def _cut(said: Sequence[str]) -> Iterator[str]:
    """A line for each, or for the first of many and one for the others."""
    shown = said if len(said) <= MOST + 1 else said[:MOST]
    yield from (f"  {x}" for x in shown)
    if len(shown) < len(said):
        yield f"  ... {len(said) - MOST:,} more"


class Names:
    """The names of the numbers in memory: each slot's region, and its place there."""

    def __init__(
        self, shape: Shape, recording: Recording, program: Program, called: Sequence[str] = ()
    ) -> None:
        self.program, self.sources = program, list[str]()
        self.firsts, self.regions = list[int](), list[tuple[str, tuple[int, ...]]]()
        self.times: dict[str, int] = {}
        first = 0
        for i, part in enumerate(parts_of(shape)):
            name = called[i] if called else f"x{i}"
            self.sources.append(f"  {name} = argument {i}, {words(part)}")
            first = self._argument(name, part, first)
        labels = [leaf.label or f"leaf{i}" for i, leaf in enumerate(recording.leaves)]
        for i, label in enumerate(labels):
            self._add(first + i, label, ())
        self.sources += _cut([f"{label} = leaf" for label in labels])

    def _argument(self, name: str, shape: Shape, first: int) -> int:
        """Name an argument, or each of its parts where they differ; the slot behind it."""
        dims = _dims(shape)
        if dims is not None:
            self._add(first, name, dims)
            return first + count(shape)
        assert shape is not None
        keys = shape[1] if isinstance(shape[1], tuple) else range(len(parts_of(shape)))
        for key, part in zip(keys, parts_of(shape), strict=True):
            first = self._argument(f"{name}[{key!r}]", part, first)
        return first

    def _add(self, first: int, name: str, dims: tuple[int, ...]) -> None:
        place = bisect_right(self.firsts, first)
        self.firsts.insert(place, first)
        self.regions.insert(place, (name, dims))

    def result(self, loop: Loop) -> None:
        """Name the results of a loop."""
        to = loop.views[0]
        if to.slots is not None or to.offset in self.firsts:
            return
        is_sum = loop.code in (TOTAL, INNER)
        dims = [n for n, s in zip(loop.dims, to.strides, strict=True) if s or not is_sum]
        row = "sum" if is_sum else row_of(self.program, loop)
        self.times[row] = self.times.get(row, 0) + 1
        name = f"{row}{'_' * row[-1].isdigit()}{self.times[row]}"
        self._add(to.offset, name, tuple(dims))

    def of_slots(self, slots: Sequence[int] | Array) -> str:
        """The names of slots, or of the first of many."""
        found = [self.of(View(int(x), ()), (), ()) for x in slots[: MOST + 1]]
        if len(slots) > MOST + 1:
            found[MOST:] = ["...", self.of(View(int(slots[-1]), ()), (), ())]
        return ", ".join(found) or "nothing"

    def of(self, view: View, dims: tuple[int, ...], letters: Sequence[str]) -> str:
        """A view as one writes it: `w[3 j + k]`, a number, or the names of a few."""
        if view.slots is not None:
            index = index_of(view.offset, view.strides, letters)
            return f"({self.of_slots(view.slots.ravel())})[{index}]"
        constants, slots = self.program.constants, self.program.slots
        offset, prefix = view.offset, ""
        if offset < 0 or offset >= slots - len(constants):
            offset = offset % slots - (slots - len(constants))
            if not any(view.strides):
                return repr(float(constants[offset]))
            return f"c[{index_of(offset, view.strides, letters)}]"
        if self.program.size <= offset < 2 * self.program.size:
            offset, prefix = offset - self.program.size, "d"
        place = bisect_right(self.firsts, offset) - 1
        first, (name, shape) = self.firsts[place], self.regions[place]
        found = _indices(offset - first, view.strides, dims, shape)
        if found is None:
            return f"{prefix}{name}.flat[{index_of(offset - first, view.strides, letters)}]"
        said = ", ".join(index_of(start, strides, letters) for start, strides in found)
        return f"{prefix}{name}[{said}]" if said else prefix + name


def _indices(
    offset: int, strides: Sequence[int], dims: Sequence[int], shape: tuple[int, ...]
) -> list[tuple[int, list[int]]] | None:
    """For each dimension of an array, where a view starts and its strides; None if it wraps."""
    found = []
    for size, unit in zip(shape, natural(shape), strict=True):
        own = [s // unit if s >= 0 else -(-s // unit) for s in strides]
        strides = [s - q * unit for s, q in zip(strides, own, strict=True)]
        start, offset = divmod(offset, unit)
        ends = [(n - 1) * s for n, s in zip(dims, own, strict=True)]
        if (
            start + sum(x for x in ends if x > 0) >= size
            or start + sum(x for x in ends if x < 0) < 0
        ):
            return None
        found.append((start, own))
    return found


def _dims(shape: Shape) -> tuple[int, ...] | None:
    """The dimensions of an argument, as of an array; None if its parts differ."""
    if shape is None:
        return ()
    kind, detail, parts = shape
    if kind == ARRAY:
        return tuple(detail)
    if isinstance(parts, int):
        return None if kind == DICT else (parts,)
    first, *others = map(_dims, parts)
    if kind == DICT or first is None or any(dims != first for dims in others):
        return None
    return len(parts), *first


def index_of(offset: int, strides: Sequence[int], letters: Sequence[str]) -> str:
    """`3 j + k + 2`."""
    terms = [
        f"{'-' if s < 0 else '+'} {f'{abs(s)} ' * (abs(s) != 1)}{letter}"
        for s, letter in zip(strides, letters, strict=True) if s
    ]  # fmt: skip
    if offset or not terms:
        terms.append(f"{'-' if offset < 0 else '+'} {abs(offset)}")
    return " ".join(terms).removeprefix("+ ").replace("- ", "-", terms[0].startswith("-"))


def _guards(names: Names, recording: Recording, program: Program) -> Iterator[str]:
    _, exact, seen = recording.guards
    for slot, whole, x in zip(program.guards, exact, seen, strict=True):
        what = repr(float(x)) if whole else "not 0" if x else "0"
        yield f"{names.of(View(int(slot), ()), (), ())} is {what}"


def _loops(names: Names, loops: Sequence[Loop]) -> Iterator[str]:
    for loop in loops:
        names.result(loop)
        is_sum, to = loop.code in (TOTAL, INNER), loop.views[0]
        moving, summed = iter(MOVING), iter(SUMMED)
        runs_over, ranges, letters = "", list[str](), list[str]()
        for n, stride in zip(loop.dims, to.strides, strict=True):
            letter = "0" if n == 1 else next(summed if is_sum and not stride else moving)
            letters.append(letter)
            if n > 1 and is_sum and not stride:
                runs_over += f"sum({letter} < {n}) "
            elif n > 1:
                ranges.append(f"{letter} < {n}")
        result, *operands = (names.of(view, loop.dims, letters) for view in loop.views)
        row = "" if is_sum else f"{row_of(names.program, loop)}("
        said = (" * " if is_sum else ", ").join(operands) + ")" * (not is_sum)
        where = f"  for {', '.join(ranges)}" if ranges else ""
        yield f"  {result} {'+' * loop.adds}= {runs_over}{row}{said}{where}"


def row_of(program: Program, loop: Loop) -> str:
    return program.rows[loop.code - USER].name if loop.code >= USER else NAMES[loop.code]
