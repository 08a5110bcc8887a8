"""The lines of a draft as one function, in a language or in LaTeX."""

from __future__ import annotations

import builtins
import keyword
import os
import re
import textwrap
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from ..core import ieee
from ..core.kinds import FUNCTIONS
from ..core.value import Value
from ..replaying.listing import MOVING, SUMMED, index_of
from ..replaying.recordings import Recording
from ..replaying.rolling import View
from ..replaying.structure import Shape, count, parts_of, words
from ..support import special
from .code import BY_NAME, PYTHON, Term, written
from .lines import Draft, Line, Variable, at, blocks, reach, replaced, variables
from .symbols import Symbol, render

WIDTH = 100
BIG = 1024  # numbers of an array that is not kept on the stack
# fmt: off
WORDS = frozenset([
    *keyword.kwlist, *dir(builtins), *FUNCTIONS, *vars(ieee), *vars(special), "np", "value",
    "gradient", "product",
    *"""auto bool case char const default do double enum extern float goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union unsigned
    void volatile linux unix i386 assert signbit isnan isinf isfinite errno stdin stdout
    stderr asm typeof fabs fmod copysign arguments catch debugger delete eval export extends
    function implements instanceof interface let new null package private protected public
    super this throw typeof undefined var
    """.split(),  # noqa: SIM905  # of C and of JavaScript
])
# fmt: on


def identifier(name: str, taken: set[str]) -> str:
    """A name that every language takes, and that is not taken."""
    found = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "number"
    if found in WORDS or found[0].isdigit() or re.fullmatch("(vg|ieee)_.*|[A-Z][A-Z0-9_]+", found):
        found = f"{found}_" if found in WORDS else f"x_{found}"
    first, n = found.rstrip("_"), 2
    while found in taken:
        found, n = f"{first}_{n}", n + 1
    taken.add(found)
    return found


class Source(NamedTuple):
    """An argument of the printed function: its slots."""

    name: str
    first: int
    size: int
    alone: bool  # whether it is a number

    def holds(self, variable: Variable) -> bool:
        end = variable.first + variable.size
        return self.first <= variable.first and end <= self.first + self.size


class Writer:
    """Writes the lines of a draft in a language."""

    def __init__(
        self, draft: Draft, recording: Recording, shape: Shape, names: Sequence[str], title: str,
        told: str, language: str, called: set[str], leaves: Sequence[Value],
    ) -> None:  # fmt: skip
        self.draft, self.title, self.language = draft, title, language
        self.target, self.leaves = BY_NAME.get(language, PYTHON), leaves
        self.result = "product" if title.endswith("hvp") else "value"
        self.is_number: bool = recording.shape is None
        self.called, self.own = called, set(called)
        self.sources, self.notes, first = list[Source](), [f"{told}."], 0
        for name, part in zip(names, parts_of(shape), strict=True):
            self._argument(name, first, count(part), part is None, words(part))
            first += count(part)
        if self.leaves:
            labels = [leaf.label for leaf in self.leaves if leaf.label]
            labels[4:-1] = ["..."] * (len(labels) > 6) or labels[4:-1]
            told = f"{len(self.leaves)} leaves{': ' * bool(labels)}{', '.join(labels)}"
            self._argument("leaves", first, len(self.leaves), False, told)
        self.parameters: Any = list(self.sources)
        self.lines, self.tables = list[str](), dict[tuple[str, str], str]()
        self.places: list[int] = []  # of the leaves that are used, if these are not all in order
        if [*map(id, self.leaves)] != [*map(id, recording.leaves)]:
            known = {leaf: i for i, leaf in enumerate(self.leaves)}
            self.places = [known[leaf] for leaf in recording.leaves]
            self.sources[-1] = Source(identifier("used", self.own), first, len(self.places), False)
        self.blocks, self.variables = blocks(draft.lines), variables(draft)
        self.firsts: list[int] = [v.first for v in self.variables]
        self.names: list[str] = list(map(self._name, self.variables))
        self.letters: Any = [
            [x for x in [*some, *(f"{some[0]}{n}" for n in range(2, 40))] if x not in self.own]
            for some in (MOVING, SUMMED)
        ]
        self.local: Any = set(self._local()) if language != "latex" else set()
        self.declared: Any = {
            i for i, v in enumerate(self.variables) if v.regions[0].numbers is not None
        }

    def _argument(self, name: str, first: int, size: int, alone: bool, told: str) -> None:
        if not size:  # a bool or a string, which is as it was
            self.notes.append(f"{name} = {told}")
            return
        source = Source(identifier(name, self.own), first, size, alone)
        self.sources.append(source)
        self.notes.append(f"{source.name}: {'a number' if alone else told}")

    # ---- variables ----

    def _source(self, variable: Variable) -> Source | None:
        """The argument that a variable is, or is a part of."""
        return next((source for source in self.sources if source.holds(variable)), None)

    def _is_output(self, variable: Variable) -> bool:
        return self.draft.value <= variable.first < self.draft.tables

    def _name(self, variable: Variable) -> str:
        (region, *others), source = variable.regions, self._source(variable)
        if self._is_output(variable):
            return self.result if variable.first == self.draft.value else "gradient"
        if region.numbers is not None:
            return self._table("double", region.numbers.tolist())
        if source and source.first == variable.first and (source.alone or variable.size > 1):
            return source.name
        shared = os.path.commonprefix([region.name, *(x.name for x in others)])  # noqa: RUF071
        if shared != region.name:
            shared = shared.rstrip("0123456789_[., ") or "numbers"
        return identifier(shared, self.own)

    def _table(self, kind: str, numbers: Sequence[float]) -> str:
        """The name of a table of numbers."""
        text = ", ".join(written(x, self.target) for x in numbers)
        if kind == "int":
            text = ", ".join(map(str, numbers))
        if (kind, text) not in self.tables:
            name = identifier("table" if kind == "double" else "places", self.own)
            self.called.add(name)
            self.tables[kind, text] = name
        return self.tables[kind, text]

    def _is_scalar(self, i: int) -> bool:
        variable = self.variables[i]
        if self._is_output(variable):
            return variable.first == self.draft.value and self.is_number
        return variable.size == 1 or i in self.local

    def _place(self, line: Line, view: View) -> int:
        return bisect_right(self.firsts, reach(view, line.dims)[0]) - 1

    def _local(self) -> Iterator[int]:
        """The variables of which one round of one loop needs one number."""
        seen: dict[int, set[Any]] = {}
        for k, block in enumerate(self.blocks):
            for line in block:
                for view in line.views:
                    seen.setdefault(self._place(line, view), set()).add((k, at(line, view)))
        for i, found in seen.items():
            (k, where), *others = found
            variable = self.variables[i]
            given = variable.first < self.draft.program.inputs + self.draft.program.leaves
            table = variable.regions[0].numbers is not None
            fixed = given or table or self._is_output(variable)
            if not fixed and not others and where and self.blocks[k][0].moving:
                yield i

    # ---- text ----

    def _term(self, line: Line, letters: Sequence[str], view: View) -> Term:
        """A view as it is written."""
        i = self._place(line, view)
        name, first = self.names[i], self.firsts[i]
        if self._is_scalar(i):
            return Term.named(name, _in_latex(name))
        index = index_of(view.offset - first * (view.slots is None), view.strides, letters)
        if view.slots is not None:
            index = f"{self._table('int', (view.slots - first).tolist())}[{_times(index)}]"
        return Term.named(f"{name}[{_times(index)}]", f"{_in_latex(name)}_{{{index}}}")

    def _letters(self, line: Line) -> list[str]:
        kinds = tuple(map(iter, self.letters))
        return [next(kinds[summed]) for summed in line.summed]

    def _say(self, depth: int, template: str, *parts: Any) -> None:
        """A statement."""
        self._write(depth, template + self.target.stop, *parts)

    def _write(self, depth: int, template: str, *parts: Any) -> None:
        """A line, or a few of them where it is long."""
        text, room, end = template.format(*parts), WIDTH - 4 * depth, self.target.stop
        to, equals, formula = re.split(r"( \+?= |$)", text, maxsplit=1)
        if len(text) > room and equals and text[-1] not in "{:" and formula[0] not in "[{":
            text = f"{to}{equals}({formula.removesuffix(end)}){end}"
        wrapped = [text]
        if equals and text[-1] not in "{:":
            wrapped = textwrap.wrap(
                text, room, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
            )
        self.lines += [f"{'    ' * depth}{part}" for part in wrapped]

    def text(self) -> str:
        """The function, with its tables before it."""
        target, depth = self.target, 1 + (self.language == "numpy")
        self._enter(depth)
        for block in self.blocks:
            self._block(block, depth)
        self._return(depth)
        body, self.lines = self.lines, []
        for (kind, numbers), name in self.tables.items():
            self._say(0, target.table, name, kind, numbers.count(",") + 1, numbers)
        if self.leaves:
            numbers = ", ".join(written(leaf.data, target) for leaf in self.leaves)
            table = target.table.removeprefix("static ")
            self._say(0, table, f"leaves_of_{self.title}", "double", len(self.leaves), numbers)
        comment = target.comment
        notes = [comment.format(_in_comment(note)) for note in self.notes]
        kind, given = "double" if self.is_number else "void", ", ".join(self._parameters())
        head = target.head.format(self.title, given, kind).split("\n")
        head = [x for line in head for x in textwrap.wrap(line, WIDTH, subsequent_indent=" " * 8)]
        return "\n".join([*self.lines, *notes, *head, *body, *filter(None, [target.close]), ""])

    def _return(self, depth: int) -> None:
        """Print the return of all results that no given array receives."""
        in_c, is_numpy = self.language == "c", self.language == "numpy"
        found = [self.result] * (self.is_number or not in_c)
        found += ["gradient"] * (self.has_gradient and not in_c)
        last = re.fullmatch(r"\s*\S*\s*value = (.*?);?", self.lines[-1])
        if found == ["value"] and last and not is_numpy:
            self.lines.pop()
            found = [last[1]]
        if is_numpy:
            array = "np.array(np.broadcast_arrays(*{}))"
            found = [x if x == "value" and self.is_number else array.format(x) for x in found]
        brackets = "[{}]" if self.language == "javascript" and len(found) > 1 else "{}"
        if found:
            self._say(depth, "return {}", brackets.format(", ".join(found)))

    def _parameters(self) -> Iterator[str]:
        target = self.target
        for source in self.parameters:
            name = (target.number if source.alone else target.numbers).format(source.name)
            is_leaves = self.leaves and source is self.parameters[-1] and self.language != "c"
            yield f"{name}=leaves_of_{self.title}" if is_leaves else name
        if target.result and not self.is_number:
            yield target.result.format(self.result)
        if target.result and self.has_gradient:
            yield target.result.format("gradient")

    @property
    def has_gradient(self) -> bool:
        return self.draft.tables > self.draft.gradient

    def _enter(self, depth: int) -> None:
        """Give the parts of the arguments their names, and make room for the results."""
        target = self.target
        if self.language == "numpy":
            for given in self.parameters:
                self._write(1, "{0} = np.asarray({0}, float)", given.name)
            self._write(1, 'with np.errstate(all="ignore"):')
        if self.places:
            used, letter, n = self.sources[-1].name, self.letters[0][0], len(self.places)
            self._say(depth, self._kept(n) + target.array, used, n)
            at = f"{self._table('int', self.places)}[{letter}]"
            self._copy(depth, n, f"{used}[{letter}]", f"{self.parameters[-1].name}[{at}]")
        for i, (variable, name) in enumerate(zip(self.variables, self.names, strict=True)):
            source = self._source(variable)
            if source and name != source.name:
                kind = target.element if self._is_scalar(i) else target.rest
                self._say(depth, kind, name, source.name, variable.first - source.first)
            elif self._is_output(variable) and not self._is_scalar(i):
                if not target.result:
                    self._say(depth, target.array, name, variable.size)
            elif not source:
                self._copy_in(i, depth)
                continue
            self.declared.add(i)

    def _copy_in(self, i: int, depth: int) -> None:
        """Copy arguments into a variable that has them and others."""
        variable, name, letter = self.variables[i], self.names[i], self.letters[0][0]
        for source in self.sources:
            first = max(source.first, variable.first)
            n = min(source.first + source.size, variable.first + variable.size) - first
            if n > 0:
                self._declare(i, depth)
                to, at = first - variable.first, first - source.first
                if source.alone:
                    self._say(depth, "{} = {}", f"{name}[{to}]", source.name)
                    continue
                left, right = (index_of(x, (1,), letter) for x in (to, at))
                self._copy(depth, n, f"{name}[{left}]", f"{source.name}[{right}]")

    def _copy(self, depth: int, n: int, to: str, given: str) -> None:
        """Set n elements; both texts have the letter of the loop."""
        self._write(depth, self.target.loop, self.letters[0][0], n)
        self._say(depth + 1, "{} = {}", to, given)
        self._close(depth)

    def _close(self, depth: int) -> None:
        if self.target.close:
            self._write(depth, "{}", self.target.close)

    def _declare(self, i: int, depth: int) -> None:
        """Declare an array, unless it is known."""
        if i not in self.declared and not self._is_scalar(i):
            n = self.variables[i].size
            self._say(depth, self._kept(n) + self.target.array, self.names[i], n)
            self.declared.add(i)

    def _kept(self, n: int) -> str:
        return "static _Thread_local " * (self.language == "c" and n > BIG)

    def _block(self, block: Sequence[Line], depth: int) -> None:
        """A loop, with all of its lines."""
        for line in block:
            if line.to is not None:
                self._declare(self._place(line, line.to), depth)
        inner = depth + len(block[0].moving)
        for k, n in enumerate(block[0].moving):
            self._write(depth + k, self.target.loop, self.letters[0][k], n)
        for line in block:
            self._line(line, inner)
        for k in range(inner - 1, depth - 1, -1):
            self._close(k)

    def _line(self, line: Line, depth: int) -> None:
        target, letters = self.target, self._letters(line)
        term = partial(self._term, line, letters)
        formula = written(replaced(line.formula, term), target)
        if line.to is None:
            self._say(depth, target.guard, formula)
            return
        i, to = self._place(line, line.to), str(term(line.to))
        first = "{} = {}" if i in self.declared else target.changing + "{} = {}"
        self.declared |= {i} - self.local
        sums = [(x, n) for x, n, s in zip(letters, line.dims, line.summed, strict=True) if s]
        if not sums:
            self._say(depth, target.add if line.adds else first, to, formula)
            return
        if not line.adds:
            self._say(depth, first, to, written(-0.0, target))
        for k, (letter, n) in enumerate(sums):
            self._write(depth + k, target.loop, letter, n)
        self._say(depth + len(sums), target.add, to, formula)
        for k in range(len(sums) - 1, -1, -1):
            self._close(depth + k)

    def latex(self) -> str:
        """The lines as aligned equations."""
        found = [f"&\\text{{{_text(note)}}}" for note in self.notes]
        if self.places:
            index = f"{_in_latex(self._table('int', self.places))}_{{i}}"
            left, right = (_in_latex(x.name) for x in (self.sources[-1], self.parameters[-1]))
            found.append(f"{left}_{{i}} &= {right}_{{{index}}}")
        for i, variable in enumerate(self.variables):
            source = self._source(variable)
            if source and source.name != self.names[i]:
                place = variable.first - source.first
                told = str(place) if self._is_scalar(i) else f"{place} + i"
                left = _in_latex(self.names[i]) + ("" if self._is_scalar(i) else "_{i}")
                found.append(f"{left} &= {_in_latex(source.name)}_{{{told}}}")
        for line in [line for block in self.blocks for line in block]:
            letters = self._letters(line)
            term = partial(self._term, line, letters)
            formula = render(replaced(line.formula, term), "latex")
            if line.to is None:
                found.append(f"&\\text{{where }} {formula}")
                continue
            ranges = list(zip(letters, line.dims, line.summed, strict=True))
            sums = "".join(f"\\sum_{{{x} < {n}}} " for x, n, summed in ranges if summed)
            if sums and isinstance(line.formula, Symbol) and line.formula.op in ("add", "sub"):
                formula = rf"\left( {formula} \right)"
            over = ",\\; ".join(f"{x} < {n}" for x, n, summed in ranges if not summed)
            equals = r"\mathrel{+}=" if line.adds else "="
            found.append(
                f"{render(term(line.to), 'latex')} &{equals} {sums}{formula} && {over}".rstrip(" &")
            )
        for (_, numbers), name in self.tables.items():
            found.append(f"{_in_latex(name)} &= ({numbers})")
        return "\n".join([r"\begin{aligned}", *(f"{x} \\\\" for x in found), r"\end{aligned}", ""])


def _times(index: str) -> str:
    return re.sub(r"(\d+) (?=[a-z])", r"\1 * ", index)


def _in_latex(name: str) -> str:
    escaped = name.replace("_", r"\_")
    return name if len(name) == 1 else rf"\mathit{{{escaped}}}"


def _text(note: str) -> str:
    """A note as LaTeX's text, without what LaTeX could take for a command."""
    return re.sub(r"([#$%&_{}])", r"\\\1", re.sub(r"[\\^~]", " ", note))


def _in_comment(note: str) -> str:
    """A note that ends no comment."""
    return re.sub(r"[^\x20-\x7e]", ".", note).replace("*/", "* /").replace("\\", "/")
