"""The operations of arrays, in words and in mathematics.

A share of an array operation is not a product with a number, so it is shown whole: `ḡ` is the
gradient that arrives, and the formula is read off the graph that the operation's own row records,
with broadcasting undone. This file contains no derivative.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..arrays.libraries import library_of
from ..arrays.matrix_rules import TABLE as MATRICES
from ..arrays.operations import WORDS
from ..arrays.partial import bare
from ..core.graph import Node
from ..core.modes import Mode
from ..printing.symbols import Symbol, render
from .abbreviating import is_array, plain, shape, shape_of

STYLES = ("text", "latex")
ARRIVING = ("ḡ", r"\bar g")
MOST_LETTERS = 100  # of a formula; for a longer one only the words are shown
MOST_PARTS = 60  # of a formula, before it is written
MOST_INDEX = 24  # letters of an array in an index
Formula = Any  # a symbol, or a number

Settings = Mapping[str, Any]
Called = Callable[[Any, str], str]  # the name of an operand, in a style


# ---- settings ------------------------------------------------------------------------------------


def settings(node: Any) -> str:
    """The settings of an operation that its result does not show: `axis=0, keepdims`."""
    if node.op in SHAPES:
        return ""
    kept = ["keepdims"] if getattr(node._rule, "settings", {}).get("keepdims") else []
    return ", ".join([*filter(None, [_told(node)]), *kept])


def _told(node: Any) -> str:
    """The settings without `keepdims`, which the shape of the result shows."""
    given: Settings = getattr(node._rule, "settings", {})
    if node.op in SETTINGS:
        return SETTINGS[node.op](given, len(shape_of(node.inputs[0])))
    return ", ".join(f"{name}={_brief(x)}" for name, x in given.items() if name != "keepdims")


def _brief(x: object) -> str:
    return f"a {shape(x, dtype=True)}" if getattr(x, "shape", ()) else str(x)


def _axes(given: Settings, ndim: int) -> str:
    """`axis=0`, "" for all axes at once."""
    axes = given["axes"]
    parts = [] if len(axes) == ndim else [f"axis={axes[0] if len(axes) == 1 else axes}"]
    return ", ".join([*parts, *([f"ddof={given['ddof']:g}"] if given.get("ddof") else [])])


def _along(given: Settings, ndim: int) -> str:
    axes = given.get("axes", given.get("axis"))
    return f"axis={axes[0] if isinstance(axes, tuple) else axes}"


def _widths(given: Settings, ndim: int) -> str:
    sides = {n for pair in given["widths"] for n in pair}
    text = f"{sides.pop()}" if len(sides) == 1 else f"{given['widths']}"
    return text + (f", value={given['value']:g}" if given["value"] else "")


def _window(given: Settings, ndim: int) -> str:
    parts = ["×".join(map(str, given["size"]))]
    for name in ("stride", "dilation"):
        if set(given[name]) != {1}:
            parts.append(f"{name}={'×'.join(map(str, given[name]))}")
    return ", ".join(parts)


def _index(given: Settings, ndim: int) -> str:
    """An index as it is typed, `[0, 1:]`; an array in it by its elements or its shape."""
    parts = given["index"] if isinstance(given["index"], tuple) else (given["index"],)
    return f"[{', '.join(map(_part, parts))}]"


def _part(i: Any) -> str:
    if isinstance(i, slice):
        start, stop, step = ("" if x is None else str(x) for x in (i.start, i.stop, i.step))
        return f"{start}:{stop}" + (f":{step}" if step else "")
    if np.ndim(i):
        text = str(np.asarray(i).tolist())
        return text if len(text) <= MOST_INDEX else f"a {shape(i, dtype=True)}"
    return "..." if i is Ellipsis else str(i)


def _unusual(given: Settings, ndim: int) -> str:
    """A setting of linear algebra that is not the usual one."""
    told = {"uplo": "L", "rcond": None}
    return ", ".join(f"{k}={x}" for k, x in given.items() if k in told and x != told[k])


SHAPES = ("reshape", "broadcast_to", "stack_values")
REDUCTIONS = ("sum", "mean", "var", "std", "max", "min", "prod", "norm", "logsumexp", "ties")
SETTINGS: dict[str, Callable[[Settings, int], str]] = {
    **dict.fromkeys(REDUCTIONS, _axes),
    **dict.fromkeys(("softmax", "log_softmax", "cumsum", "flip", "cat", "stack"), _along),
    **dict.fromkeys(("getitem", "element", "scatter"), _index),
    **dict.fromkeys(("windows", "fold"), _window),
    **dict.fromkeys(MATRICES, _unusual),
    **dict.fromkeys(SHAPES, lambda given, ndim: f"{given['shape']}"),
    "transpose": lambda given, ndim: "" if given["axes"] == (1, 0) else f"{given['axes']}",
    "astype": lambda given, ndim: f"{given['dtype']}",
    "pad": _widths,
    "einsum": lambda given, ndim: f"{','.join(given['inputs'])}->{given['output']}",
}


# ---- what is computed ----------------------------------------------------------------------------


def written(node: Any, parts: Sequence[str], style: str) -> str:
    """An operation of arrays on operands that are given as text: `x @ W`, `sum(x, axis=0)`."""
    op, told = node.op, _told(node)
    if op == "matmul":
        return (" @ " if style == "text" else r" \mathbin{@} ").join(parts)
    if op == "transpose" and _swaps_rows_and_columns(node):
        return f"{parts[0]}ᵀ" if style == "text" else rf"{{{parts[0]}}}^{{\top}}"
    if op in ("getitem", "element"):
        return parts[0] + _words(told, style)
    if op == "einsum":
        return _call(op, [_words(f'"{told}"', style), *parts], "", style)
    return _call(NAMES.get(op, op), parts, told, style)


NAMES = {"broadcast_to": "spread"}
BRACKETED = ("matmul", "transpose", "getitem", "element")  # bind tighter than their operands


def _swaps_rows_and_columns(node: Any) -> bool:
    axes = node._rule.settings["axes"]
    n = len(axes)
    return n >= 2 and axes == (*range(n - 2), n - 1, n - 2)


def _words(text: str, style: str) -> str:
    if style == "text":
        return text
    escaped = re.sub(r"[{}$%&#_]", r"\\\g<0>", text)
    return rf"\text{{{escaped}}}"


def _call(name: str, parts: Sequence[str], told: str, style: str) -> str:
    """A call on operands, and then with its settings if there are any."""
    if style == "latex":
        name = rf"\operatorname{{{name}}}".replace("_", r"\_")
    return f"{name}({', '.join([*parts, *([_words(told, style)] if told else [])])})"


# ---- what is handed back -------------------------------------------------------------------------


def in_words(node: Any) -> str:
    """The shares of an operation, as a sentence; "" if the formulas say enough."""
    if node.inputs and node._rule.of_arrays:
        return WORDS.get(node.op, "its framework says what each operand is handed")
    if any(shape_of(x) != shape_of(node) for x in node.inputs if isinstance(x, Node)):
        return "an operand that was stretched is handed the sum of what its copies are handed"
    return ""


def handed_back(node: Any, called: Called) -> list[tuple[str, str]]:
    """For each input its share as a formula, in text and in LaTeX; "" if there is none.

    `called` returns the name of the node, or of one of its inputs.
    """
    if node.op in ("element", "elements"):  # Values of a Tensor pass back no array
        g = Symbol.named(*ARRIVING)
        formula = _named("scatter", [g], _told(node)) if node.op == "element" else g
        return [(render(formula, "text"), render(formula, "latex"))]
    with Mode(recording=True, lines=False, anomaly=False):
        ones = node.start(np.ones(shape_of(node)) if shape_of(node) else 1.0)
        arriving = +node.kind(ones)  # not a leaf: that might become a constant
        named = [node.kind(x) if _is_constant_array(x) else x for x in node.inputs]
        try:
            given = node.ask(node._rule, node.inputs, arriving, node, tuple(named))
        except Exception:  # a registered column that takes no nodes, whatever it raises
            return [("", "") for _ in node.inputs]
    shares = map(bare, given)
    made: Made = {arriving: (Symbol.named(*ARRIVING), 1)}
    for x, shown in zip((*named, node), (*node.inputs, node), strict=True):
        if isinstance(x, Node):
            made[x] = Symbol.named(*(called(shown, style) for style in STYLES)), 1
    return [
        ("", "") if share is None or not isinstance(x, Node) else _printed(node, x, share, made)
        for x, share in zip(node.inputs, shares, strict=True)
    ]


def _is_constant_array(x: object) -> bool:
    fixed = is_array(x) and not isinstance(x, Node)
    return fixed and not (library_of(x).is_bool(x) or library_of(x).is_integral(x))


Made = dict[Node, tuple[Formula, int]]  # a formula, and the number of its parts


def _printed(node: Node, x: Node, share: Any, made: Made) -> tuple[str, str]:
    """The graph of a share as a formula; "" if that is too long, or there is no graph."""
    if not isinstance(share, Node):
        return ("", "") if plain(share).any() else ("0", "0")
    if node.op == "prod":  # recorded as a tree of products, which is hard to read
        g, told = Symbol.named(*ARRIVING), _told(node)
        formula: Formula = _named("spread", [g], told) * _named("others", [made[x][0]], told)
    else:
        try:
            formula, _ = _formula(share, made)
        except _TooLongError:
            return "", ""
    text, latex = (_unbracketed(render(formula, style)) for style in STYLES)
    return (text, latex) if len(text) <= MOST_LETTERS else ("", "")


class _TooLongError(Exception):
    """A formula has too many parts to be read."""


def _formula(x: Node | Formula, made: Made) -> tuple[Formula, int]:
    """The graph under a node as a formula of what is in `made`, and the number of its parts."""
    if not isinstance(x, Node) or (x not in made and not x._inputs):
        return _constant(x), 1
    if x not in made:
        parts = [_formula(y, made) for y in x.inputs]
        size = 1 + sum(n for _, n in parts)
        if size > MOST_PARTS:
            raise _TooLongError
        made[x] = _symbol(x, [part for part, _ in parts], made), size
    return made[x]


def _symbol(x: Any, args: list[Formula], made: Made) -> Formula:
    if not x._rule.of_arrays:
        return Symbol(x.op, *args)
    if x.op == "elements" or (x.op == "reshape" and _only_ones_come_or_go(x)):
        return args[0]
    if x.op == "broadcast_to":
        return _named("spread", args, _stretched(x))
    if x.op == "sum" and (twice := _summed_twice(x, made)) is not None:
        return twice
    apart = [x.op in BRACKETED and _is_loose(arg) for arg in args]
    both = []
    for style in STYLES:
        parts = zip(_parts(args, style), apart, strict=True)
        both.append(written(x, [f"({p})" if a else p for p, a in parts], style))
    return Symbol.named(*[f"({text})" if x.op == "matmul" else text for text in both])


def _parts(args: Sequence[Formula], style: str) -> list[str]:
    return [_unbracketed(render(x, style)) for x in args]


def _named(name: str, args: Sequence[Formula], told: str) -> Formula:
    """A call as a symbol."""
    return Symbol.named(*(_call(name, _parts(args, style), told, style) for style in STYLES))


def _is_loose(x: Formula) -> bool:
    """Whether a formula needs brackets next to an operator that binds tightly."""
    text = render(x)
    while (inner := re.sub(r"\([^()]*\)|\[[^][]*\]", "", text)) != text:
        if not inner:
            return True  # brackets around all of it
        text = inner
    return bool(re.search(r"[ /^]|^-", text))


def _unbracketed(text: str) -> str:
    """The text without brackets around all of it."""
    depth = 0
    for i, c in enumerate(text):
        depth += {"(": 1, ")": -1}.get(c, 0)
        if not depth:
            return text[1:-1] if i == len(text) - 1 > 0 and c == ")" else text
    return text


def _constant(x: Any) -> Formula:
    array = plain(x)
    if array.dtype.kind == "b" and array.ndim:
        return Symbol.named("mask", r"\text{mask}")
    if array.size and (array == array.flat[0]).all():
        return float(array.flat[0])
    if array.ndim == 2 and array.shape[0] == array.shape[1] and (array == np.eye(len(array))).all():
        return Symbol.named("I")
    return Symbol.named(f"a {array.shape} array", rf"\text{{a {array.shape} array}}")


def _summed_twice(x: Any, made: Made) -> Formula | None:
    """A broadcast undone along new axes, and then along stretched ones, as one sum."""
    (inner,) = x.inputs
    if inner.op != "sum" or inner._rule.settings["keepdims"]:
        return None
    lead = inner._rule.settings["axes"]
    axes = (*lead, *(i + len(lead) for i in x._rule.settings["axes"]))
    if lead != tuple(range(len(lead))) or len(axes) == len(shape_of(inner.inputs[0])):
        return None
    return _named("sum", [_formula(inner.inputs[0], made)[0]], f"axis={axes}")


def _only_ones_come_or_go(x: Any) -> bool:
    before, after = (shape_of(y) for y in (x.inputs[0], x))
    return [n for n in before if n != 1] == [n for n in after if n != 1]


def _stretched(x: Any) -> str:
    """The axes along which a broadcast repeats, as a setting; "" for all of them."""
    before, after = (shape_of(y) for y in (x.inputs[0], x))
    lead = len(after) - len(before)
    axes = tuple(i for i, n in enumerate(after) if i < lead or before[i - lead] != n)
    return f"axis={axes[0] if len(axes) == 1 else axes}" if 0 < len(axes) < len(after) else ""
