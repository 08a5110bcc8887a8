"""Rows of the table, printed as JavaScript when a page needs them.

What they stand on comes along: definitions and arithmetic printed by `code`, and what is written
by hand in `ieee.js`. A user's row has a form too if its functions work on symbols.
"""

from __future__ import annotations

import json
import math
import operator
import pkgutil
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

from ..core.kinds import FUNCTIONS
from ..core.rules import TABLE, Rule
from .code import (
    ARITHMETIC,
    JAVASCRIPT,
    Term,
    arithmetic,
    closure,
    condition,
    definition,
    general_shares,
    share_of,
    written,
)
from .symbols import Symbol

# A user's function may have the name of one that is not in the table.
HIDDEN = [function.__name__ for function in ARITHMETIC if function.__name__ not in TABLE]


def _apart(text: str) -> str:
    return re.sub(rf"\bvg_({'|'.join(HIDDEN)})\b", r"ieee_\1", text)


PRINTED = {_apart(f"vg_{function.__name__}"): function for function in ARITHMETIC}
# What `general_shares` says of a list, in JavaScript.
WORDS = {
    "N": "XS.length", "OTHER_PARTS": "ieee_other_parts(XS, ieee_tops(XS))",
    "OTHER": "XS[(I + XS.length / 2) % XS.length]", "PART": "ieee_part(XS[I], ieee_tops(XS))",
}  # fmt: skip


@cache
def _by_hand() -> tuple[str, dict[str, str]]:
    """`ieee.js`: what comes before its functions, and each of these."""
    data = pkgutil.get_data(__name__, "ieee.js")  # from a wheel or a zip
    assert data is not None
    head, *functions = re.split(r"^(?=function )", data.decode(), flags=re.MULTILINE)
    bare = (re.sub(r"/\*.*?\*/\s*", "", text, flags=re.DOTALL) for text in functions)
    head = re.sub(r"/\*.*?\*/\s*", "", head, flags=re.DOTALL)
    return head, {re.findall(r"\w+", text)[1]: text for text in bare}


def head() -> str:
    """Return the text before the functions by hand: C's names for those of `Math`."""
    return _by_hand()[0]


@cache
def _of_the_table(name: str) -> str:
    """A function that rows stand on, by its name in JavaScript."""
    by_hand = _by_hand()[1]
    if name in by_hand:
        return by_hand[name]
    if name in PRINTED:
        return _apart(arithmetic(PRINTED[name], JAVASCRIPT))
    return definition(FUNCTIONS[name.removeprefix("vg_")], JAVASCRIPT)


def _function(name: str) -> str:
    bare = name.removeprefix("vg_")
    if bare in FUNCTIONS and bare not in TABLE:  # a user's, which is printed anew each time
        return definition(FUNCTIONS[bare], JAVASCRIPT)
    return _of_the_table(name)


def needed(text: str) -> list[str]:
    """The functions that a script calls, and those that these call."""
    return closure(_called(text), _function, _called)


def _called(text: str) -> list[str]:
    return re.findall(r"\b(?:vg_\w+|ieee_\w+|pow|erfc?)(?=\()", text)


class Row(NamedTuple):
    """A row in JavaScript. One of a list takes an array."""

    inputs: str
    forward: str
    shares: list[str]
    of_list: bool = False

    def __str__(self) -> str:
        shares = ", ".join(f"(G, OUT, {self.inputs}) => {share}" for share in self.shares)
        kind = "list: true, " if self.of_list else ""
        return f"{{{kind}f: ({self.inputs}) => {self.forward}, s: [{shares}]}}"


def row(rule: Rule, arity: int) -> Row | None:
    """A row in JavaScript; None if it has no form there.

    A row of a list is printed for arrays of any length, a user's for those of `arity`.
    """
    try:
        if rule.variadic:
            return _list(rule) if rule.name in TABLE else _unrolled(rule, arity)
        inputs = [Term.named(letter) for letter in "XYZW"[:arity]]
        if len(rule.columns) != arity or arity != len(inputs):
            return None
        if not _is_true(rule, inputs):
            return None
        shares = [_share(column, inputs) for column in rule.columns]
        return _sound(Row(", ".join(map(str, inputs)), _js(Term(rule.name, *inputs)), shares))
    except Exception:  # whatever a user's function says to symbols
        return None


def _sound(row: Row) -> Row:
    """The row, if all that it stands on can be printed too."""
    needed(str(row))
    return row


# ---- a user's functions may do otherwise with symbols than with numbers --------------------------

SAMPLES = (0.3, 1.0, -1.5, 2.0, 0.0, -2.0, 1e10, 0.7, -1.0, 3.0, -0.25, -40.0, 0.5)
OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "neg": operator.neg,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq,
    "!=": operator.ne, "positive": lambda x: x > 0, "negative": lambda x: x < 0,
    "equal": operator.eq,
}  # fmt: skip


def _is_true(rule: Rule, inputs: list[Term]) -> bool:
    """True if the formulas of a user's row have its numbers: it may look at types, or at random."""
    if rule.name in TABLE and rule.columns == TABLE[rule.name]:
        return True  # a row of the table with its own columns
    names = [Term.named("G"), Term.named("OUT"), *inputs]
    formulas = [(column, column(*names)) for column in rule.columns]
    made = None if rule.name in TABLE else _definition(rule)(*inputs)
    for k in range(len(SAMPLES)):
        point = [SAMPLES[(k + 5 * i) % len(SAMPLES)] for i in range(len(inputs))]
        with suppress(ArithmeticError, ValueError):  # beyond its domain
            given = [(1.0, -0.75, 2.0, -1.0)[k % 4], rule.compute(*point), *point]
            known = dict(zip(map(id, names), given, strict=True))
            if made is not None and not _same(made, known, given[1]):
                return False
            if not all(_same(formula, known, column(*given)) for column, formula in formulas):
                return False
    return True


def _definition(rule: Rule) -> Callable[..., Any]:
    forward = FUNCTIONS[rule.name].definition
    assert forward is not None
    return forward


def _same(formula: Any, known: Mapping[int, float], expected: Any) -> bool:
    """Return whether a formula, or each of a list, has these numbers; None is a share of 0."""
    if isinstance(formula, (list, tuple)):
        return len(formula) == len(expected) and all(
            _same(f, known, x) for f, x in zip(formula, expected, strict=True)
        )
    found, wanted = float(_computed(formula, known) or 0.0), float(expected or 0.0)
    return math.isclose(found, wanted, rel_tol=1e-12) or (found != found and wanted != wanted)


def _computed(x: Any, known: Mapping[int, float]) -> Any:
    """The number of a formula."""
    if not isinstance(x, Symbol):
        return x and float(x)
    if id(x) in known:
        return known[id(x)]
    compute = OPERATORS.get(x.op) or FUNCTIONS[x.op].call
    return compute(*[_computed(arg, known) for arg in x.args])


def _js(x: Any) -> str:
    return written(x, JAVASCRIPT)


def _share(column: Callable[..., Any], inputs: list[Term]) -> str:
    """The share that a column returns; null if it withholds it."""
    holds, *sides = share_of(column, inputs)
    taken, other = ("null" if side is None else _js(side) for side in sides)
    return taken if holds is None else f"{_js(condition(holds, JAVASCRIPT))} ? {taken} : {other}"


def _list(rule: Rule) -> Row | None:
    """A row of a list, whatever its length."""
    general = general_shares(rule, JAVASCRIPT)
    if general is None or not _is_true(rule, [Term.named(f"X{i}") for i in range(4)]):
        return None
    pattern = rf"\b({'|'.join(WORDS)})\b"
    first, rest = (re.sub(pattern, lambda found: WORDS[found[0]], share) for share in general)
    share = first if first == rest else f"I ? {rest} : {first}"
    return Row("XS", f"vg_{rule.name}(XS)", [f"XS.map((_, I) => {share})"], of_list=True)


def _unrolled(rule: Rule, arity: int) -> Row | None:
    """A user's row of a list, for so many inputs."""
    inputs = [Term.named(f"X{i}") for i in range(arity)]
    if not _is_true(rule, inputs):
        return None
    shares = rule.columns[0](Term.named("G"), Term.named("OUT"), *inputs)
    names, told = (", ".join(texts) for texts in (map(str, inputs), map(_js, shares)))
    return _sound(Row(f"[{names}]", _js(_definition(rule)(*inputs)), [f"[{told}]"], of_list=True))


def rules(rows: Mapping[str, Row]) -> str:
    """A script that defines RULES, the rows by their names, with all they stand on, and `run`.

    `run(operations, data)` computes operations in order; it calls no function for a small row, for
    that takes longer than the row.
    """
    body = ", ".join(f"{json.dumps(name)}: {row}" for name, row in rows.items())
    small = (f"case {json.dumps(name)}: data[o.k] = {row.forward}; break; "
             for name, row in rows.items() if row.inputs in ("X", "X, Y"))  # fmt: skip
    functions = "".join(needed(body))
    return (
        f"const [RULES, run] = (() => {{\n{head()}{functions}return [{{{body}}},\n"
        "(all, data) => { for (let i = 0; i < all.length; i++) {"
        " const o = all[i], X = data[o.a], Y = data[o.b];\n"
        f"switch (o.row) {{ {''.join(small)}default: data[o.k] = apply(o, data); }}\n"
        "} }];\n})();\n"
    )
