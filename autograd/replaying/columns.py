"""The pullback of an operation as further operations: the table's columns, called with symbols.

A row's columns return a formula for the share of each input. It is written as a few steps, and the
share as a product of two numbers, so that the shares that meet in an input can be added up as one
sum of products. A column that cannot take symbols (a user's, with `if` or `math.sin`) is called
with floats in every replay.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import Any, NamedTuple

from ..core.rules import Rule
from ..printing.code import Term
from ..printing.symbols import Symbol
from .tape import CODES

# A number that a step takes: G, the gradient that arrives; OUT, the operation's result; ARRIVES,
# whether a gradient arrives at all; ("x", i), an input; ("step", i), the result of an earlier step;
# or ("number", x) with x as text, which tells 0.0 from -0.0.
Ref = tuple[str, Any]
G, OUT, ARRIVES = ("g", 0), ("out", 0), ("arrives", 0)


def constant(x: float) -> Ref:
    return ("number", repr(float(x)))


ONE, MINUS_ONE, ZERO, NOTHING = map(constant, (1.0, -1.0, 0.0, -0.0))


class Instruction(NamedTuple):
    """An operation: a code of the table, or a column that is called with floats."""

    code: int | Foreign
    refs: tuple[Ref, ...]


class Product(NamedTuple):
    """A share: left * right if `given` is not 0, and otherwise none. Without `given`, always."""

    left: Ref
    right: Ref
    given: Ref | None = None


class Pullback(NamedTuple):
    """The steps to take, and then a share for each input; None where there is no path."""

    steps: tuple[Instruction, ...]
    shares: tuple[Product | None, ...]


class Foreign(NamedTuple):
    """Computed in Python within a replay: a row's function, or a share of one of its columns."""

    row: Rule
    asks: str  # "value"; "share", which is -0.0 where there is none; "path", 0 where there is none
    column: int = 0
    place: int = 0  # of the share, among those that the column of a variadic row returns

    @property
    def name(self) -> str:
        part = "" if self.asks == "value" else f".{self.asks}{self.column + self.place}"
        return self.row.name + part

    def __call__(self, *numbers: float) -> float:
        try:
            return self._computed(*numbers)
        except Exception as error:
            error.add_note(f"in the rule of {self.row.name}, in a replay: {self.name}{numbers}")
            raise

    def _computed(self, *numbers: float) -> float:
        if self.asks == "value":
            return float(self.row.fact.floats(*numbers))
        share = self.row.columns[self.column](*numbers)
        if self.row.variadic:
            share = share[self.place]
        if self.asks == "path":
            return float(share is not None)
        return -0.0 if share is None else float(share)


class _Writer:
    """Writes symbols down as steps."""

    def __init__(self, known: dict[int, Ref]) -> None:
        self.steps: list[Instruction] = []
        self.refs = known  # by the identity of a symbol
        self._same: dict[Instruction, Ref] = {}

    def step(self, code: int | Foreign, *refs: Ref) -> Ref:
        """The result of an operation; written once for the same inputs."""
        step = Instruction(code, refs)
        if step not in self._same:
            self.steps.append(step)
            self._same[step] = ("step", len(self.steps) - 1)
        return self._same[step]

    def row(self, name: str, *refs: Ref) -> Ref:
        return self.step(CODES[name], *refs)

    def ref(self, x: Symbol | float) -> Ref:
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

    def share(self, x: Any, withheld: bool) -> Product:
        """A symbol as a share; `withheld` if it is a choice between a share and none."""
        if withheld:
            condition, taken, otherwise = x.args
            given = self.row("where", self.ref(condition), ONE, ZERO)
            if not isinstance(taken, Symbol):
                taken, given = otherwise, self.row("sub", ONE, given)
            return self.share(taken, False)._replace(given=given)
        if isinstance(x, Symbol) and x.op == "mul":
            return Product(*map(self.ref, x.args))
        if isinstance(x, Symbol) and x.op == "neg":
            return Product(self.ref(x.args[0]), MINUS_ONE)
        return Product(self.ref(x), ONE)


def pullback_of(row: Rule, arity: int, certain: bool) -> Pullback:
    """The pullback of a row with so many inputs; not `certain` if perhaps no gradient arrives."""
    return _pullback(row, row.columns, arity, certain)


@cache
def _pullback(row: Rule, _columns: tuple[Any, ...], arity: int, certain: bool) -> Pullback:
    writer, shares = _written(row, arity)
    if not certain:
        shares = [share and _where_it_arrives(writer, share) for share in shares]
    return _finished(writer, shares)


@cache
def pullback_of_sum(factors: int, certain: bool) -> Pullback:
    """The pullback of the terms of a sum, which are products of so many factors, 1 or 2."""
    writer = _Writer({})
    shares = [Product(G, ("x", 1 - i) if factors == 2 else ONE) for i in range(factors)]
    if not certain:
        shares = [_where_it_arrives(writer, share) for share in shares]
    return _finished(writer, shares)


def _written(row: Rule, arity: int) -> tuple[_Writer, list[Product | None]]:
    g, out = Term.named("G"), Term.named("OUT")
    inputs = [Term.named(f"X{i}") for i in range(arity)]
    known = {id(g): G, id(out): OUT, **{id(x): ("x", i) for i, x in enumerate(inputs)}}
    writer = _Writer(known)
    try:
        if row.variadic:
            formulas = list(row.columns[0](g, out, *inputs))
        else:
            formulas = [column(g, out, *inputs) for column in row.columns]
        found = [
            None if x is None else writer.share(x, _chooses(x) and _withholds(row, i, arity))
            for i, x in enumerate(formulas)
        ]
        if len(found) == arity:
            return writer, found
    except Exception:  # a user's own column may raise anything when it is given symbols
        pass
    writer = _Writer(known)
    return writer, [_foreign(writer, row, i, arity) for i in range(arity)]


def _chooses(x: object) -> bool:
    return isinstance(x, Symbol) and x.op == "where"


def _foreign(writer: _Writer, row: Rule, i: int, arity: int) -> Product:
    column, place = (0, i) if row.variadic else (i, 0)
    refs = (G, OUT, *(("x", k) for k in range(arity)))
    share, path = (
        writer.step(Foreign(row, asks, column, place), *refs) for asks in ("share", "path")
    )
    return Product(share, ONE, path)


def _withholds(row: Rule, i: int, arity: int) -> bool:
    """Whether the column returns None, rather than 0, for some inputs."""
    return not row.variadic and any(
        row.columns[i](1.0, 1.0, *corner) is None for corner in product((0.0, 1.0), repeat=arity)
    )


def _where_it_arrives(writer: _Writer, share: Product) -> Product:
    """The share, given only if a gradient arrives at the operation."""
    if share.given is None:
        return share._replace(given=ARRIVES)
    return share._replace(given=writer.row("where", share.given, ARRIVES, ZERO))


def _finished(writer: _Writer, shares: Sequence[Product | None]) -> Pullback:
    found = tuple([share and _selected(writer, share) for share in shares])
    return Pullback(tuple(writer.steps), found)


def _selected(writer: _Writer, share: Product) -> Product:
    """The share, with -0.0 where it is not given: adding -0.0 changes no number."""
    if share.given is None or share == (G, ONE, ARRIVES):  # g itself is -0.0 if none arrives
        return share
    number = share.left if share.right == ONE else writer.row("mul", share.left, share.right)
    return Product(writer.row("where", share.given, number, NOTHING), ONE, share.given)
