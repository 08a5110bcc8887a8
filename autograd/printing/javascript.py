"""Rows of the table, printed as JavaScript when a page needs them.

What they stand on comes along: definitions and arithmetic printed by `code`, and what is written
by hand in `ieee.js`. A user's row has a form too if its functions work on symbols.
"""

from __future__ import annotations

import json
import pkgutil
import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from ..core.kinds import FUNCTIONS
from ..core.rules import TABLE, Rule
from .code import (
    ARITHMETIC,
    JAVASCRIPT,
    Term,
    arithmetic,
    condition,
    definition,
    general_shares,
    withholds,
    written,
)
from .symbols import Symbol

PRINTED: dict[str, Callable[[], str]] = {
    f"vg_{function.__name__}": partial(arithmetic, function, JAVASCRIPT) for function in ARITHMETIC
}
# What `general_shares` says of a list, in JavaScript.
WORDS = {
    "N": "XS.length", "OTHER_PARTS": "vg_other_parts(XS, vg_tops(XS))",
    "OTHER": "XS[(I + XS.length / 2) % XS.length]", "PART": "vg_part(XS[I], vg_tops(XS))",
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


@cache
def _of_the_table(name: str) -> str:
    """A function that rows stand on, by its name in JavaScript."""
    by_hand = _by_hand()[1]
    if name in by_hand:
        return by_hand[name]
    return PRINTED[name]() if name in PRINTED else definition(FUNCTIONS[name[3:]], JAVASCRIPT)


def _function(name: str) -> str:
    fact = FUNCTIONS.get(name.removeprefix("vg_"))
    theirs = fact is not None and fact.definition is not None and fact.name not in TABLE
    return definition(fact, JAVASCRIPT) if theirs and fact else _of_the_table(name)


def _needed(text: str) -> dict[str, str]:
    """The functions that a script calls, and those that these call."""
    found: dict[str, str] = {}
    waiting = [text]
    while waiting:
        for name in re.findall(r"\b(?:vg_\w+|pow|erfc?)(?=\()", waiting.pop()):
            if name not in found:
                found[name] = _function(name)
                waiting.append(found[name])
    return found


def row(rule: Rule, arity: int) -> str | None:
    """A row as an object {f, s}, the function and the shares; None if it has no form here.

    A row of a list takes an array, and has {list: true}: of any length, a user's of `arity`.
    """
    try:
        if rule.variadic:
            return _list(rule) if rule.name in TABLE else _unrolled(rule, arity)
        inputs = [Term.named(letter) for letter in "XYZW"[:arity]]
        if len(rule.columns) != arity or arity != len(inputs):
            return None
        names, value = ", ".join(map(str, inputs)), _js(Term(rule.name, *inputs))
        shares = [f"(G, OUT, {names}) => {_share(column, inputs)}" for column in rule.columns]
        text = f"{{f: ({names}) => {value}, s: [{', '.join(shares)}]}}"
        _needed(text)
        return text
    except Exception:  # whatever a user's function says to symbols
        return None


def _js(x: Any) -> str:
    return written(x, JAVASCRIPT)


def _share(column: Callable[..., Any], inputs: list[Term]) -> str:
    """What a column returns; null where it withholds a share."""
    share = column(Term.named("G"), Term.named("OUT"), *inputs)
    if share is None:
        return "null"
    if not isinstance(share, Symbol) or share.op != "where" or not withholds(column, len(inputs)):
        return _js(share)
    holds, *sides = share.args
    taken, other = (_js(side) if isinstance(side, Symbol) else "null" for side in sides)
    return f"{_js(condition(holds, JAVASCRIPT))} ? {taken} : {other}"


def _list(rule: Rule) -> str | None:
    """A row of a list, whatever its length."""
    general = general_shares(rule, JAVASCRIPT)
    if general is None:
        return None
    pattern = rf"\b({'|'.join(WORDS)})\b"
    first, rest = (re.sub(pattern, lambda found: WORDS[found[0]], share) for share in general)
    share = first if first == rest else f"I ? {rest} : {first}"
    column = f"(G, OUT, XS) => XS.map((_, I) => {share})"
    return f"{{list: true, f: XS => vg_{rule.name}(XS), s: [{column}]}}"


def _unrolled(rule: Rule, arity: int) -> str:
    """A user's row of a list, for so many inputs."""
    inputs = [Term.named(f"X{i}") for i in range(arity)]
    names = f"[{', '.join(map(str, inputs))}]"
    forward = FUNCTIONS[rule.name].definition
    assert forward is not None
    shares = rule.columns[0](Term.named("G"), Term.named("OUT"), *inputs)
    told = f"(G, OUT, {names}) => [{', '.join(map(_js, shares))}]"
    text = f"{{list: true, f: ({names}) => {_js(forward(*inputs))}, s: [{told}]}}"
    _needed(text)
    return text


def rules(rows: Mapping[str, str]) -> str:
    """A script that defines RULES, the printed rows by their names, with all they stand on."""
    body = ", ".join(f"{json.dumps(name)}: {text}" for name, text in rows.items())
    functions = "".join(_needed(body).values())
    return f"const RULES = (() => {{\n{_by_hand()[0]}{functions}return {{{body}}};\n}})();\n"
