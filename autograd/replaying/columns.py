"""What an operation hands back, as further operations: the table's columns, asked with symbols.

A row's columns answer a formula for the share of each input. Here it becomes a few steps, and the
share itself a product of two numbers, so that the shares that meet in an input can be added up as
one sum of products. A column that a symbol cannot go through (a user's, with `if` or `math.sin`) is
asked with floats when it is replayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import Any, NamedTuple

from ..core.rules import Rule
from ..printing.emit import Term
from ..printing.symbols import Symbol
from .tape import CODES

# A number that a step takes: what arrives, the result, ("x", i) an input, ("step", i) an earlier
# step's, whether anything arrives, or ("number", x) with x in letters, for 0.0 and -0.0 are two.
Ref = tuple[str, Any]
G, OUT, ARRIVES = ("g", 0), ("out", 0), ("arrives", 0)


def constant(x: float) -> Ref:
    return ("number", repr(float(x)))


ONE, MINUS_ONE, ZERO, NOTHING = map(constant, (1.0, -1.0, 0.0, -0.0))


class Step(NamedTuple):
    """An operation: a code of the table, or a column that is asked with floats."""

    code: Any
    refs: tuple[Ref, ...]


class Share(NamedTuple):
    """left * right, where `given` is not 0; elsewhere nothing at all. Without `given`, always."""

    left: Ref
    right: Ref
    given: Ref | None = None


class Shares(NamedTuple):
    """The steps to take, and then a share for each input; None where there is no path."""

    steps: tuple[Step, ...]
    shares: tuple[Share | None, ...]


class Foreign(NamedTuple):
    """What Python computes within a replay: a row's function, or a share of one of its columns."""

    row: Rule
    asks: str  # "value"; "share", which is -0.0 where there is none; "path", 0 where there is none
    column: int = 0
    place: int = 0  # of the share, in the answer of a column of a list

    @property
    def name(self) -> str:
        part = "" if self.asks == "value" else f".{self.asks}{self.column + self.place}"
        return self.row.name + part

    def __call__(self, *numbers: float) -> float:
        try:
            return self._answer(*numbers)
        except Exception as error:
            error.add_note(f"in the rule of {self.row.name}, in a replay: {self.name}{numbers}")
            raise

    def _answer(self, *numbers: float) -> float:
        if self.asks == "value":
            return float(self.row.fact.floats(*numbers))
        answer = self.row.columns[self.column](*numbers)
        if self.row.variadic:
            answer = answer[self.place]
        if self.asks == "path":
            return float(answer is not None)
        return -0.0 if answer is None else float(answer)


class _Writer:
    """Writes symbols down as steps."""

    def __init__(self, known: dict[int, Ref]) -> None:
        self.steps: list[Step] = []
        self.refs = known  # by the identity of a symbol
        self._same: dict[Step, Ref] = {}

    def step(self, code: Any, *refs: Ref) -> Ref:
        """The number that an operation makes; written once for the same inputs."""
        step = Step(code, refs)
        if step not in self._same:
            self.steps.append(step)
            self._same[step] = ("step", len(self.steps) - 1)
        return self._same[step]

    def row(self, name: str, *refs: Ref) -> Ref:
        return self.step(CODES[name], *refs)

    def ref(self, x: Any) -> Ref:
        """The number that a symbol stands for."""
        if not isinstance(x, Symbol):
            return constant(x)
        if id(x) not in self.refs:
            self.refs[id(x)] = self._written(x.op, *map(self.ref, x.args))
        return self.refs[id(x)]

    def _written(self, op: str, *refs: Ref) -> Ref:
        if op in (">", ">="):
            return self._written(op.replace(">", "<"), *refs[::-1])
        if op == "!=":
            return self.row("sub", ONE, self._written("==", *refs))
        if op == "==":
            x, y = refs
            return self.row("mul", self._written("<=", x, y), self._written("<=", y, x))
        return self.row({"<": "less", "<=": "less_equal"}.get(op, op), *refs)

    def share(self, x: Any, withheld: bool) -> Share:
        """A symbol as a share; `withheld`, where it is a choice between that and nothing at all."""
        if withheld:
            condition, taken, otherwise = x.args
            given = self.row("where", self.ref(condition), ONE, ZERO)
            if not isinstance(taken, Symbol):
                taken, given = otherwise, self.row("sub", ONE, given)
            return self.share(taken, False)._replace(given=given)
        if isinstance(x, Symbol) and x.op == "mul":
            return Share(*map(self.ref, x.args))
        if isinstance(x, Symbol) and x.op == "neg":
            return Share(self.ref(x.args[0]), MINUS_ONE)
        return Share(self.ref(x), ONE)


@cache
def shares_of(row: Rule, arity: int, certain: bool) -> Shares:
    """What a row with so many inputs hands back; not `certain`, if anything arrives at all."""
    writer, shares = _asked(row, arity)
    if not certain:
        shares = [share and _where_it_arrives(writer, share) for share in shares]
    return _finished(writer, shares)


def shares_of_sum(products: bool, arity: int) -> Shares:
    """The same for a sum of numbers, or of products, that may not be reached."""
    writer = _Writer({})
    rights = [("x", i ^ 1) if products else ONE for i in range(arity)]
    shares = [_where_it_arrives(writer, Share(G, right)) for right in rights]
    return _finished(writer, shares)


def _asked(row: Rule, arity: int) -> tuple[_Writer, list[Share | None]]:
    g, out = Term.named("G"), Term.named("OUT")
    inputs = [Term.named(f"X{i}") for i in range(arity)]
    known = {id(g): G, id(out): OUT, **{id(x): ("x", i) for i, x in enumerate(inputs)}}
    writer = _Writer(known)
    try:
        if row.variadic:
            answers = list(row.columns[0](g, out, *inputs))
        else:
            answers = [column(g, out, *inputs) for column in row.columns]
        found = [
            None if x is None else writer.share(x, _chooses(x) and _withholds(row, i, arity))
            for i, x in enumerate(answers)
        ]
        if len(found) == arity:
            return writer, found
    except Exception:  # whatever a user's own column thinks of symbols
        pass
    writer = _Writer(known)
    return writer, [_foreign(writer, row, i, arity) for i in range(arity)]


def _chooses(x: Any) -> bool:
    return isinstance(x, Symbol) and x.op == "where"


def _foreign(writer: _Writer, row: Rule, i: int, arity: int) -> Share:
    column, place = (0, i) if row.variadic else (i, 0)
    refs = (G, OUT, *(("x", k) for k in range(arity)))
    share, path = (
        writer.step(Foreign(row, asks, column, place), *refs) for asks in ("share", "path")
    )
    return Share(share, ONE, path)


def _withholds(row: Rule, i: int, arity: int) -> bool:
    """Whether a column that chooses hands nothing at all on, not even a zero, for some inputs."""
    return not row.variadic and any(
        row.columns[i](1.0, 1.0, *corner) is None for corner in product((0.0, 1.0), repeat=arity)
    )


def _where_it_arrives(writer: _Writer, share: Share) -> Share:
    """The share of an operation that itself may not be reached."""
    if share.given is None:
        return share._replace(given=ARRIVES)
    return share._replace(given=writer.row("where", share.given, ARRIVES, ZERO))


def _finished(writer: _Writer, shares: Sequence[Share | None]) -> Shares:
    found = tuple([share and _selected(writer, share) for share in shares])
    return Shares(tuple(writer.steps), found)


def _selected(writer: _Writer, share: Share) -> Share:
    """A share that is -0.0, to which nothing can be added and change, where it is not given."""
    if share.given is None or share == (G, ONE, ARRIVES):  # g itself is -0.0 where none arrives
        return share
    number = share.left if share.right == ONE else writer.row("mul", share.left, share.right)
    return Share(writer.row("where", share.given, number, NOTHING), ONE, share.given)
