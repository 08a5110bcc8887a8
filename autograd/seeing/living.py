"""A graph of Values as data that a page computes by itself: its slots, rows, and comparisons.

A comparison that the recording took is data too: the page tells when other numbers would make it go
otherwise, for the recorded graph is then not the one that Python would record.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from ..core.graph import Node, nodes
from ..core.modes import extra
from ..core.rules import TABLE, Rule
from ..core.value import Scalar
from ..printing import javascript
from ..printing.symbols import Symbol, render
from ..support.comparisons import MOST, Side, noted
from ..support.errors import said

MOST_SLOTS = 10_000  # in a page; it computes them all at each change
SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}


class LockedError(Exception):
    """A graph that a page cannot compute: why, in one word for `pages`, and what is meant."""

    def __init__(self, why: str, what: object = "") -> None:
        super().__init__(f"{why}: {what}")
        self.why: str = why
        self.what: object = what


class UnknownError(LookupError):
    """A side that a page cannot compute: the births of its leaves, None if they are not known."""

    def __init__(self, leaves: frozenset[int] | None) -> None:
        self.leaves = leaves


def number(x: float) -> float | str:
    """A number for JSON, which has neither nan nor the infinities: as JavaScript writes them."""
    return x if math.isfinite(x) else str(x).replace("inf", "Infinity").replace("nan", "NaN")


class Program:
    """The slots of a graph: its nodes, oldest first; what it was compared with; plain numbers.

    LockedError for a graph with Tensors, of more than `MOST_SLOTS` nodes, or with an operation that
    has no form in JavaScript.
    """

    def __init__(self, root: Node, name: Callable[[Node], str] | None = None) -> None:
        found = nodes(root)[::-1]
        if len(found) > MOST_SLOTS:
            raise LockedError("size", len(found))
        if not all(isinstance(node, Scalar) for node in found):
            raise LockedError("tensors")
        self.root: Node = root
        self.name: Final = name or (lambda node: node.label or node.op)
        self.rows: dict[str, javascript.Row] = {}
        self._keys: dict[tuple[Rule, int], str] = {}
        self.place: Final = {node: k for k, node in enumerate(found)}
        self.slots: list[tuple[str, list[int | float]]] = []
        self.data: list[float] = []
        for node in found:
            ins = [self.place[x] if isinstance(x, Node) else float(x) for x in node._inputs]
            self._add(self._row(node._rule, len(ins)), ins, node._data)
        self.looks: list[list[Any]]
        self.unfollowed: list[list[str]]
        self.looks, self.unfollowed = self._looks()

    def _add(self, row: str, ins: list[int | float], data: float) -> int:
        self.slots.append((row, ins))
        self.data.append(data)
        return len(self.slots) - 1

    def _row(self, rule: Rule | None, arity: int) -> str:
        """The name under which the page has a row; "" of a leaf."""
        if rule is None:
            return ""
        key = rule, 0 if not rule.variadic or rule.name in TABLE else arity
        if key not in self._keys:
            text = javascript.row(rule, arity)
            if text is None:
                raise LockedError("operation", rule.name)
            same = sum(held.name == rule.name for held, _ in self._keys)
            self._keys[key] = rule.name + "'" * same
            self.rows[self._keys[key]] = text
        return self._keys[key]

    # ---- comparisons ----

    def _looks(self) -> tuple[list[list[Any]], list[list[str]]]:
        """The comparisons that hang on the graph's leaves, and those of which it is not known.

        The latter as a sign and a line; as "" and "" if they are no longer kept, and as "copied"
        and "" if a copy was made of the graph, of which there are no notes.
        """
        leaves = {node._born for node in self.place if not node._inputs}
        made = min((node._born for node in self.place if node._inputs), default=0)
        first = min(made, max(leaves))
        known: dict[int, tuple[int | float, Any]] = {
            node._born: (k, Symbol.named(self.name(node))) for node, k in self.place.items()
        }
        looks: dict[Any, list[Any]] = {}
        unfollowed: list[list[str]] = []
        if any("copied" in extra(node) for node in self.place):
            unfollowed.append(["copied", ""])
        if len(noted) == MOST and noted[0][4] > min(node._born for node in self.place):
            unfollowed.append(["", ""])
        for name, *sides, outcome, when, called in noted.copy():  # another thread may compare
            if when > self.root._born:
                continue
            line = said(called) if called else ""
            try:
                (x, left), (y, right) = (self._side(side, known) for side in sides)
            except UnknownError as side:
                if when > first if side.leaves is None else side.leaves & leaves:
                    unfollowed.append([SIGNS[name], line])
                continue
            if isinstance(x, int) or isinstance(y, int):
                says = render(Symbol(SIGNS[name], left, right))
                looks[name, x, y] = [name, x, y, outcome, says, line]
        return list(looks.values()), unfollowed

    def _side(self, side: Side, known: dict[int, tuple[int | float, Any]]) -> Any:
        """A side as a slot, or as a number if it hangs on no leaf of the graph; and its formula.

        UnknownError if it was made of more than a note holds.
        """
        if isinstance(side, float):
            return side, side
        born, rule, data, inputs = side
        if born not in known:
            if not isinstance(inputs, tuple):
                raise UnknownError(inputs)
            ins = [self._side(x, known) for x in inputs]
            if not any(isinstance(x, int) for x, _ in ins):
                known[born] = data, data
            else:
                try:
                    row = self._row(rule, len(ins))
                except LockedError:
                    raise UnknownError(None) from None
                formula = Symbol(rule.name, *(x for _, x in ins))
                known[born] = self._add(row, [x for x, _ in ins], data), formula
        return known[born]

    # ---- for a page ----

    def record(self) -> dict[str, Any]:
        """The program as plain data, with a slot for each plain number."""
        count = len(self.slots)
        numbers: dict[str, int] = {}

        def slot(x: int | float) -> int:
            return x if isinstance(x, int) else numbers.setdefault(repr(x), count + len(numbers))

        slots: list[Any] = [[row, list(map(slot, ins))] for row, ins in self.slots]
        looks = [[how, slot(x), slot(y), *rest] for how, x, y, *rest in self.looks]
        data = [0 if row else number(x) for (row, _), x in zip(self.slots, self.data, strict=True)]
        return {
            "slots": slots + [["", []] for _ in numbers],
            "nodes": count,
            "root": self.place[self.root],
            "data": [*data, *(number(float(x)) for x in numbers)],
            "looks": looks,
            "unfollowed": self.unfollowed,
        }

    def rules(self) -> str:
        """The script that defines the rows."""
        return javascript.rules(self.rows)

    def python(self) -> dict[str, str]:
        """How each row is written in Python: {} is an operand, {*} all of them."""
        return {key: _in_python(rule) for (rule, _), key in self._keys.items()}


def _in_python(rule: Rule) -> str:
    fact, sign = rule.fact, "+" if rule.name == "identity" else rule.symbol
    if rule.name in TABLE and sign[0] in "+-*/%":
        return f"{sign}{{}}" if len(rule.columns) == 1 else f"{{}} {sign} {{}}"
    if not fact.public or rule.name not in TABLE or fact.each or fact.lists > 1 or fact.settings:
        return f"RULES[{rule.name!r}].compute({{*}})"
    return f"autograd.{rule.name}([{{*}}])" if rule.variadic else f"autograd.{rule.name}({{*}})"
