"""A program of a replay as lines to print: a formula, and where its numbers go.

A line holds for every place of some dimensions, as a loop of the program does. The result of one
that is read once, place by place, becomes part of the formula that reads it; neighbours over the
same dimensions are printed in one loop; and each stretch of memory that is walked through as one
becomes an array with a name.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..core.kinds import FUNCTIONS
from ..core.rules import TABLE
from ..replaying.kernels import Array
from ..replaying.listing import Names, row_of
from ..replaying.program import Program
from ..replaying.recordings import Recording
from ..replaying.rolling import Loop, View, natural
from ..replaying.structure import Shape
from ..replaying.tape import INNER, TOTAL, USER
from .code import Term
from .javascript import row
from .symbols import Symbol

MOST = 8  # operations in a formula that others were put into
FEW = 8  # places, up to which a line is written out where its numbers lie here and there
PARTS = ("", "d_", "arrives_")  # of memory: numbers, their gradients, and whether any arrives


class Line(NamedTuple):
    """`to` is set to the formula, or it is added to `to`; a formula without `to` must be true."""

    dims: tuple[int, ...]
    summed: tuple[bool, ...]  # of the dimensions: those that a sum runs over
    to: View | None
    formula: Any  # of views and numbers
    adds: bool = False

    @property
    def moving(self) -> tuple[int, ...]:
        return tuple(n for n, summed in zip(self.dims, self.summed, strict=True) if not summed)

    @property
    def is_plain(self) -> bool:
        """Return whether each result has a place of its own, at equal distances."""
        return self.to is not None and self.to.slots is None and not any(self.summed)

    @property
    def views(self) -> list[View]:
        """The views that it reads, and the one that it writes."""
        return [*views_in(self.formula), *([] if self.to is None else [self.to])]


class Region(NamedTuple):
    """A stretch of memory with a name: of an argument, a leaf, a loop's results, a table."""

    name: str
    numbers: Array | None = None  # of a table


def views_in(formula: Any) -> Iterator[View]:
    """The views in a formula, each as often as it is written."""
    if isinstance(formula, View):
        yield formula
    elif isinstance(formula, Symbol):
        for arg in formula.args:
            yield from views_in(arg)


def replaced(formula: Any, by: Callable[[View], Any]) -> Any:
    """A formula with something else in the place of each view."""
    if isinstance(formula, View):
        return by(formula)
    if isinstance(formula, Symbol) and formula.op:
        return made(formula.op, *[replaced(arg, by) for arg in formula.args])
    return formula


def operations(formula: Any) -> Iterator[str]:
    """The operations of a formula."""
    if isinstance(formula, Symbol) and formula.op:
        yield formula.op
        for arg in formula.args:
            yield from operations(arg)


def size(formula: Any) -> int:
    """The number of operations in a formula."""
    return len([*operations(formula)])


def made(op: str, *args: Any) -> Any:
    """An operation on formulas; what changes no number is left out."""
    numbers = [x if isinstance(x, float) else None for x in args]
    if op in TABLE and None not in numbers and not FUNCTIONS[op].variadic:
        return float(FUNCTIONS[op].floats(*args))
    if op == "add" and repr(numbers[0]) == "-0.0":
        return args[1]
    last = args[-1]
    match op, numbers:
        case ("identity", _) | ("mul" | "pow" | "div", [_, 1.0]):
            return args[0]
        case "mul", [1.0, _]:
            return args[1]
        case "mul", [_, -1.0] | [-1.0, _]:
            return made("neg", args[numbers[0] == -1.0])
        case "power_derivative", [_, float(y), float(n), 0.0]:
            factor = float(prod(y - i for i in range(int(n))))
            return made("mul", factor, made("pow", args[0], y - n)) if factor else 0.0
        case "pow", [None, 2.0] if isinstance(args[0], View):
            return Term("mul", args[0], args[0])
        case "neg", _ if isinstance(last, Symbol) and last.op == "neg":
            return last.args[0]
        case "add", _ if isinstance(last, Symbol) and last.op == "neg":
            return Term("sub", args[0], last.args[0])
        case "!=", [_, 0.0] if isinstance(args[0], Symbol) and args[0].op in SIGNS:
            return Term(SIGNS[args[0].op], *args[0].args)
    return Term(op, *args)


SIGNS = {"less": "<", "less_equal": "<="}


def reach(view: View, dims: tuple[int, ...]) -> tuple[int, int]:
    """The first and the last slot of a view."""
    if view.slots is not None:
        slots = view.along(dims)
        return int(slots.min()), int(slots.max())
    ends = [(n - 1) * s for n, s in zip(dims, view.strides, strict=True)]
    return view.offset + sum(x for x in ends if x < 0), view.offset + sum(x for x in ends if x > 0)


class Draft:
    """The lines of a program, and the regions of the memory that they use.

    Behind the slots of the program lie the results, the gradients, tables of constants, and a place
    of its own for each step of the way back.
    """

    def __init__(
        self, shape: Shape, recording: Recording, program: Program, called: Sequence[str],
        gradient: bool,
    ) -> None:  # fmt: skip
        self.program, self.lines = program, list[Line]()
        self.names: Any = Names(shape, recording, program, called)
        self.value: int = program.slots
        self.gradient: int = self.value + len(program.results)
        self.end = self.tables = self.gradient + len(program.gradients) * gradient
        self.regions: Any = {self.value: Region("value"), self.gradient: Region("gradient")}
        self._tables: dict[Any, int] = {}
        self._steps: dict[int, tuple[int, int]] = {}  # of the way back: the last slot, the new one
        for loop in program.loops[: program.forward]:
            self.names.result(loop)
            self._add(loop)
        for first, (name, _) in zip(self.names.firsts, self.names.regions, strict=True):
            for k, said in enumerate(PARTS):
                if first + k * program.size < program.slots - len(program.constants):
                    self.regions[first + k * program.size] = Region(said + name)
        self._guard(recording)
        self._hand_out(program.results, self.value)
        if gradient:
            for loop in program.loops[program.forward :]:
                self._add(loop)
            self._hand_out(program.gradients, self.gradient)
        self.lines = self._added_up()
        self._join()

    def named(self, operation: str) -> str:
        """The name of the first result of an operation."""
        loops = self.program.loops[: self.program.forward]
        view = next(loop.views[0] for loop in loops if row_of(self.program, loop) == operation)
        return self.names.of(View(view.offset, ()), (), ())

    def _add(self, loop: Loop) -> None:
        """Add the line of a loop."""
        program, is_sum = self.program, loop.code in (TOTAL, INNER)
        wide = [d for d, n in enumerate(loop.dims) if n > 1]
        dims = tuple([loop.dims[d] for d in wide])
        to, *given = (v._replace(strides=tuple([v.strides[d] for d in wide])) for v in loop.views)
        operands = [self._operand(view, dims) for view in given]
        name = row_of(program, loop)
        is_step = not is_sum and name != "identity" and to.offset >= 2 * program.size
        if is_step and to.slots is None:  # its place is that of others too: give it one of its own
            last = to.offset + prod(dims) - 1
            for first, (end, _) in list(self._steps.items()):
                if first <= last and to.offset <= end:
                    del self._steps[first]
            self._steps[to.offset] = last, self._region(Region(name), prod(dims))
            to = self._moved(to, to.offset)
        summed = tuple([is_sum and to.slots is None and not s for s in to.strides])
        op = {"total": "identity", "inner": "mul"}.get(name, name)
        formula = made(op, *operands) if loop.code < USER else self._own(loop, operands)
        line = Line(dims, summed, to, formula, loop.adds)
        mixed = any(
            v.slots is not None and self._is_constant(reach(v, dims)[1]) for v in line.views
        )
        odd = mixed or (prod(dims) <= FEW and any(self._wanders(v, dims) for v in line.views))
        self.lines += self._written_out(line) if odd else [line]

    def _own(self, loop: Loop, operands: Sequence[Any]) -> Any:
        """A user's operation as its definition has it; as itself, where that looks at numbers."""
        rule = self.program.rows[loop.code - USER]
        known = {id(x): x for x in (Term.named(f"x{i}") for i in range(len(operands)))}
        given = dict(zip(known, operands, strict=True))

        def filled(x: Any) -> Any:
            if id(x) in given or not isinstance(x, Symbol):
                return given[id(x)] if id(x) in given else float(x)
            return made(x.op, *map(filled, x.args))

        definition = rule.row.fact.definition
        if rule.asks != "value" or definition is None or row(rule.row, len(operands)) is None:
            return Term(rule.name, *operands)
        return filled(definition(*known.values()))

    def _wanders(self, view: View, dims: tuple[int, ...]) -> bool:
        """Return whether a view lists its slots, or crosses regions that are not leaves."""
        low, high = reach(view, dims)
        if view.slots is not None or low >= self.program.slots:
            return view.slots is not None
        return self._home(low) != self._home(high)

    def _home(self, slot: int) -> tuple[int, int]:
        """The region of a slot; all leaves are one."""
        part, slot = divmod(slot, self.program.size)
        is_leaf = self.program.inputs <= slot < self.program.inputs + self.program.leaves
        return part, -1 if is_leaf else bisect_right(self.names.firsts, slot)

    def _is_constant(self, slot: int) -> bool:
        return self.program.slots - len(self.program.constants) <= slot < self.program.slots

    def _region(self, region: Region, n: int) -> int:
        """The first slot of a new region."""
        self.regions[self.end] = region
        self.end += n
        return self.end - n

    def _moved(self, view: View, low: int) -> View:
        """A view of a step's results where they have been put."""
        for first, (last, new) in self._steps.items():
            if first <= low <= last:
                return view.moved(new - first)
        return view

    def _operand(self, view: View, dims: tuple[int, ...]) -> View | float:
        """A view in our memory: of a table, if it is one of constants; or the one number."""
        if view.slots is not None:
            behind = np.where(view.slots < 0, view.slots + self.program.slots, view.slots)
            view = view._replace(slots=behind)
        elif view.offset < 0:  # constants have negative slots, as in a list
            view = view._replace(offset=view.offset + self.program.slots)
        low, _ = reach(view, dims)
        if not self._is_constant(low):
            return self._moved(view, low)
        numbers = self.program.constants[view.along(dims) - self.program.slots]
        return float(numbers.item()) if numbers.size == 1 else self._table(numbers)

    def _table(self, numbers: Array) -> View:
        """A view of a table of these numbers, which moves where the table has more than one."""
        key = numbers.tobytes()
        if key not in self._tables:
            self._tables[key] = self._region(Region("table", numbers.ravel()), numbers.size)
        strides = zip(numbers.shape, natural(numbers.shape), strict=True)
        return View(self._tables[key], tuple([s if n > 1 else 0 for n, s in strides]))

    def _written_out(self, line: Line) -> Iterator[Line]:
        """A line for each place."""
        assert line.to is not None
        slots = {id(v): np.broadcast_to(v.along(line.dims), line.dims) for v in line.views}
        begun = set[int]()
        for place in np.ndindex(line.dims):
            to = int(slots[id(line.to)][place])

            def at(view: View, place: tuple[int, ...] = place) -> View | float:
                slot, table = int(slots[id(view)][place]), self.regions.get(view.offset)
                if table is not None and table.numbers is not None and view.slots is None:
                    return float(table.numbers[slot - view.offset])
                return self._operand(View(slot, ()), ())

            adds = line.adds or to in begun
            begun.add(to)
            k, rest = divmod(to, self.program.size)
            if k < len(PARTS):
                i = bisect_right(self.names.firsts, rest) - 1
                name = f"{PARTS[k]}{self.names.regions[i][0]}_{rest - self.names.firsts[i]}"
                self.regions.setdefault(to, Region(name))
            yield Line((), (), View(to, ()), replaced(line.formula, at), adds)

    def _guard(self, recording: Recording) -> None:
        """Add what must hold for the program to do what the function does."""
        _, exact, seen = recording.guards
        for slot, whole, x in zip(self.program.guards, exact, seen.tolist(), strict=True):
            at = View(int(slot), ())
            said = [made("!=" if x else "==", at, 0.0)]
            if whole:
                said = [Term("!=", at, at) if x != x else Term("==", at, x)]
            if whole and x == 0:  # and of its sign
                said.append(Term("<" if np.signbit(x) else ">", Term("div", 1.0, at), 0.0))
            self.lines += [Line((), (), None, formula) for formula in said]

    def _hand_out(self, slots: Array, first: int) -> None:
        """Add the lines that copy slots to the result, in runs of equal steps."""
        places = [self._moved(View(int(x), ()), int(x)).offset for x in slots]
        homes = [None if self._is_constant(x) else self._home(x) for x in places]
        i = 0
        while i < len(places):
            n, step = 1, places[i + 1] - places[i] if i + 1 < len(places) else 0
            while places[i + n : i + n + 1] == [places[i] + n * step] and homes[i + n] == homes[i]:
                n += 1
            dims = (n,) if n > 2 and homes[i] else ()
            to, given = View(first + i, (1,) * len(dims)), View(places[i], (step,) * len(dims))
            self.lines.append(Line(dims, (False,) * len(dims), to, self._operand(given, dims)))
            i += prod(dims)

    # ---- one formula in the place of another ----

    def _join(self) -> None:
        """Keep the lines that are needed, and put results that are read once into their readers."""
        uses, alone = self._reading()
        lines = self.lines
        for i, line in enumerate(lines):
            room = MOST - size(line.formula)
            places = iter([alone[i, k] for k, _ in enumerate(views_in(line.formula))])

            def put(view: View, i: int = i, places: Iterator[int] = places) -> Any:
                nonlocal room
                w = next(places)
                found = self._in_place(w, i, view, len(uses[w])) if w >= 0 else None
                if found is None or size(found) > room:
                    return view
                room -= size(found)
                return found

            lines[i] = line._replace(formula=replaced(line.formula, put))
        self._reading()

    def _reading(self) -> tuple[list[list[int]], dict[tuple[int, int], int]]:
        """By line the lines that need it; by line and view the one line that it reads, or -1.

        Lines that no line needs are dropped.
        """
        writer, lines = np.full(self.end, -1), self.lines
        uses: list[list[int]] = [[] for _ in lines]
        alone: dict[tuple[int, int], int] = {}
        for i, line in enumerate(lines):
            for k, view in enumerate([*views_in(line.formula), *[line.to] * line.adds]):
                assert view is not None
                found = np.unique(writer[view.along(line.dims)]).tolist()
                for w in found:
                    if w >= 0:
                        uses[w].append(i)
                alone[i, k] = found[0] if len(found) == 1 else -1
            if line.to is not None:
                writer[line.to.along(line.dims)] = i
        asked = list(map(self._is_asked, lines))
        for i in range(len(lines) - 1, -1, -1):
            asked[i] = asked[i] or any(asked[use] for use in uses[i])
        if all(asked):
            return uses, alone
        self.lines = [line for line, is_asked in zip(lines, asked, strict=True) if is_asked]
        return self._reading()

    def _is_asked(self, line: Line) -> bool:
        """Return whether a line is a guard, or writes a result."""
        return line.to is None or (
            line.to.slots is None and self.value <= line.to.offset < self.tables
        )

    def _in_place(self, w: int, i: int, view: View, uses: int) -> Any:
        """The formula for line i in place of the results of line w; None if it must read them.

        A program reads no number before it is final, so what w reads is still there.
        """
        line, to, formula = self.lines[w], self.lines[w].to, self.lines[w].formula
        if to is None or line.adds or not line.is_plain or self._is_asked(line):
            return None
        if isinstance(formula, float):
            return formula
        if isinstance(formula, View) and formula.slots is None:
            if not any(formula.strides):
                return View(formula.offset, (0,) * len(view.strides))
            if formula.strides == to.strides:
                return view.moved(formula.offset - to.offset)
        alike = uses == 1 and self.lines[i].dims == line.dims and view.slots is None
        if not alike or [*map(abs, view.strides)] != [*map(abs, to.strides)]:
            return None
        back = [s != t for s, t in zip(view.strides, to.strides, strict=True)]
        return replaced(formula, lambda v: v.backwards(line.dims, back))

    def _added_up(self) -> list[Line]:
        """The lines with x = a, and x += b later, as x = a + b there."""
        found: list[Line | None] = []
        wrote, read = np.full((2, self.end), -1)  # the last line that does so to each slot
        for line in self.lines:
            i, to = len(found), line.to
            slots = None if to is None else to.along(line.dims)
            k = -1 if slots is None else int(wrote[slots].min())
            before = found[k] if k >= 0 and line.adds and line.is_plain else None
            if before and before.is_plain and not before.adds and before[:3] == line[:3]:
                since = max(wrote[slots].max(), read[slots].max())
                if since <= k and size(before.formula) <= MOST:
                    formula = made("add", before.formula, line.formula)
                    found[k], line = None, before._replace(formula=formula)
            found.append(line)
            for view in views_in(line.formula):
                read[view.along(line.dims)] = i
            if slots is not None:
                wrote[slots] = i
        return [line for line in found if line]


# ---- loops ---------------------------------------------------------------------------------------


def blocks(lines: Sequence[Line]) -> list[list[Line]]:
    """Neighbours that may run in one loop over their dimensions."""
    found: list[list[Line]] = []
    for line in lines:
        before = found[-1] if found else []
        alike = bool(before) and before[0].moving == line.moving
        if alike and (not line.moving or not any(_meet(other, line) for other in before)):
            before.append(line)
        else:
            found.append([line])
    return found


def _meet(first: Line, second: Line) -> bool:
    """Return whether two lines, in one loop, would find each other's numbers elsewhere."""
    pairs = [(first, first.to, second, view) for view in second.views]
    pairs += [(second, second.to, first, view) for view in views_in(first.formula)]
    for writer, to, other, view in pairs:
        assert to is not None
        (a, b), (c, d) = reach(to, writer.dims), reach(view, other.dims)
        if a <= d and c <= b and (at(writer, to) is None or at(writer, to) != at(other, view)):
            return True
    return False


def at(line: Line, view: View) -> tuple[int, ...] | None:
    """The place of the one number of a view in a round of a loop; None if there are several."""
    inner = [s for s, summed in zip(view.strides, line.summed, strict=True) if summed]
    if view.slots is not None or any(inner) or view.collides(line.dims):
        return None
    outer = [s for s, summed in zip(view.strides, line.summed, strict=True) if not summed]
    return view.offset, *outer


class Variable(NamedTuple):
    """A stretch of memory that a program has one name for."""

    first: int
    size: int
    regions: tuple[Region, ...]


def variables(draft: Draft) -> list[Variable]:
    """The variables that the lines use, in the order of memory."""
    firsts = sorted(draft.regions)
    starts = [True] * len(firsts)  # whether a region begins a variable
    used: dict[int, int] = {}  # by the place of a region: the last slot that is used
    for line in draft.lines:
        for view in line.views:
            low, high = reach(view, line.dims)
            a, b = (bisect_right(firsts, x) - 1 for x in (low, high))
            starts[a + 1 : b + 1] = [False] * (b - a)
            used[a], used[b] = max(used.get(a, 0), low), max(used.get(b, 0), high)
    found = []
    edges = [i for i, starting in enumerate(starts) if starting]
    for i, j in pairwise([*edges, len(firsts)]):
        if last := max((used[k] for k in range(i, j) if k in used), default=-1) + 1:
            regions = tuple([draft.regions[first] for first in firsts[i:j]])
            found.append(Variable(firsts[i], last - firsts[i], regions))
    return found
