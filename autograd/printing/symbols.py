"""Symbols: a kind of number that computes nothing and remembers the formula instead.

Given symbols, a row of the table returns its own formula, which is then printed as text, as LaTeX,
as MathML or as code. So a formula that a learner sees is the one that computes.
"""

from __future__ import annotations

import math
import re

from ..core.functions import Constant
from ..core.kinds import FUNCTIONS, Function
from ..core.rules import RULES, Rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Final, Self

# How tightly an operator binds, and how it is written in each style.
STYLES = ("text", "latex", "c")
CODE = ("c", "python", "numpy")  # JavaScript's formulas are C's
COMPARISON, SUM, PRODUCT, NEGATION, POWER, ATOM = range(6)
INFIX = {
    "add": (SUM, {"text": "{} + {}", "latex": "{} + {}", "c": "{} + {}"}),
    "sub": (SUM, {"text": "{} - {}", "latex": "{} - {}", "c": "{} - {}"}),
    "mul": (PRODUCT, {"text": "{} * {}", "latex": r"{} \, {}", "c": "{} * {}"}),
    "div": (PRODUCT, {"text": "{} / {}", "latex": r"\frac{{{}}}{{{}}}", "c": "{} / {}"}),
    "neg": (NEGATION, {"text": "-{}", "latex": "-{}", "c": "-{}"}),
    "pow": (POWER, {"text": "{}^{}", "latex": "{{{}}}^{{{}}}", "c": "pow({}, {})"}),
    **{
        op: (COMPARISON, {s: f"{{}} {sign} {{}}" for s, sign in zip(STYLES, signs, strict=True)})
        for op, *signs in (
            ("<", "<", "<", "<"), ("<=", "≤", r"\le", "<="), (">", ">", ">", ">"),
            (">=", "≥", r"\ge", ">="), ("==", "=", "=", "=="), ("!=", "≠", r"\ne", "!="),
        )
    },
}  # fmt: skip
SPECIAL = {"c": ("NAN", "INFINITY"), "python": ("nan", "inf"), "numpy": ("np.nan", "np.inf")}
CALLS = {  # operations that the language calls: it has no such operator, or its own raises
    "python": {"div": "div({}, {})", "pow": "pow_({}, {})"},
    "numpy": {"div": "np.divide({}, {})", "pow": "np.float_power({}, {})"},
}
PYTHON = {  # operations that Python writes otherwise than name(x, y)
    "where": "({1} if {0} else {2})", "less": "(1.0 if {} < {} else 0.0)",
    "less_equal": "(1.0 if {} <= {} else 0.0)", "round": "round_({}, {})",
}  # fmt: skip
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


class Symbol:
    """A formula: an operation on formulas and numbers, or a name."""

    __slots__ = ("args", "op")

    def __init__(self, op: str, *args: Any) -> None:
        self.op: str = op
        self.args: Final = args

    @classmethod
    def named(cls, text: str, latex: str = "") -> Self:
        """A variable."""
        return cls("", text, latex or text)

    @classmethod
    def __autograd_function__(cls, name: str, args: tuple[Any, ...]) -> Any:
        return cls(name, *args)

    def __add__(self, other: Any) -> Any:
        return self if _is(other, 0) else Symbol("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self if _is(other, 0) else Symbol("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self if _is(other, 0) else Symbol("sub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return -self if _is(other, 0) else Symbol("sub", other, self)

    def __mul__(self, other: Any) -> Any:
        if self is ONE or _is(other, 1):
            return other if self is ONE else self
        if self.op == "neg" and self.args[0] is ONE:
            return -other
        return Symbol("mul", self, other)

    def __rmul__(self, other: Any) -> Any:
        if self is ONE or _is(other, 1):
            return other if self is ONE else self
        return -self if _is(other, -1) else Symbol("mul", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self if _is(other, 1) else Symbol("div", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return Symbol("div", other, self)

    def __neg__(self) -> Any:
        return self.args[0] if self.op == "neg" else Symbol("neg", self)

    def __eq__(self, other: object) -> Any:
        return Symbol("==", self, other)

    def __ne__(self, other: object) -> Any:
        return self if self.op in COMPARISONS and _is(other, 0) else Symbol("!=", self, other)

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise TypeError(
            f"the truth of {self} is not known while a formula is printed: a rule chooses between "
            "branches with where(), not with if"
        )

    def __str__(self) -> str:
        return render(self)

    __repr__ = __str__


def keeping(kind: type[Symbol], op: str, flip: bool = False) -> Any:
    """An operator's method that keeps the operation as it was written."""
    return lambda *args: kind(op, *(args[::-1] if flip else args))


for _name in ("floordiv", "mod", "pow", "abs"):
    setattr(Symbol, f"__{_name}__", keeping(Symbol, _name))
for _name, _sign in {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items():
    setattr(Symbol, f"__{_name}__", keeping(Symbol, _sign))
Symbol.__rpow__ = keeping(Symbol, "pow", flip=True)  # type: ignore[attr-defined]

ONE = Symbol.named("1")  # a gradient of 1 that keeps the formula: 1 * x is x


def _is(x: Any, number: float) -> bool:
    return isinstance(x, (int, float)) and x == number


class _Part(str):
    """A rendered argument; `{:a}` in a template puts brackets round it unless it is an atom."""

    __slots__ = ("binding",)
    binding: int

    def __format__(self, spec: str) -> str:
        return _bracket(self, ATOM) if spec == "a" else str(self)


def _part(text: str, binding: int) -> _Part:
    part = _Part(text)
    part.binding = binding
    return part


def _bracket(part: _Part, needed: int) -> str:
    return str(part) if part.binding >= needed else f"({part})"


def render(x: Any, style: str = "text") -> str:
    """A formula or a number as "text", "latex", "mathml", "c", "python" or "numpy"."""
    if style == "mathml":
        from .mathml import typeset

        return typeset(render(x))
    if style not in (*STYLES, *CODE):
        raise ValueError(
            f"a formula is printed as 'text', 'latex', 'mathml', 'c', 'python' or 'numpy', not "
            f"{style!r}"
        )
    return str(_render(x, style))


def _render(x: Any, style: str) -> _Part:
    if not isinstance(x, Symbol):
        text = _number(x, style)
        return _part(text, _binding(text))
    if not x.op:
        return _part(x.args[1] if style == "latex" else x.args[0], ATOM)
    parts = [_render(arg, style) for arg in x.args]
    if x.op in INFIX:
        return _infix(x.op, parts, style)
    template = _template(FUNCTIONS[x.op], style)
    text = template(*parts) if callable(template) else template.format(*parts)
    return _part(text, ATOM if x.op == "abs" else _binding(text))


def _template(fact: Function, style: str) -> Any:
    """How a function is written in a style."""
    if style not in ("python", "numpy"):
        return getattr(fact, style)
    if str(fact.c).startswith(("{", "({} ")) and "?" not in str(fact.c):
        return fact.c  # an operator, as it is in C
    if style == "numpy" and fact.numpy:
        return lambda *args: f"np.{fact.numpy}({', '.join(args)})"
    own = PYTHON.get(fact.name) if style == "python" or fact.name == "round" else None
    return own or (lambda *args: f"{fact.name}({', '.join(args)})")


def _binding(text: str) -> int:
    """How tightly what stands outside all brackets of a printed function holds together."""
    outside = text
    while (inner := re.sub(r"\([^()]*\)|\[[^][]*\]|\{[^{}]*\}|⌊[^⌊⌋]*⌋", "", outside)) != outside:
        outside = inner
    if outside.startswith((r"\tfrac", r"\lfloor", r"\begin")):
        return POWER  # a shape of its own, but not the base of a power
    if re.search(r" ([-+%]|//|\\bmod) ", outside):
        return SUM  # a * (b // c) needs its brackets as a * (b + c) does
    if " " in outside or "/" in outside:
        return PRODUCT
    return NEGATION if outside.startswith("-") else POWER if "^" in outside else ATOM


def _infix(op: str, parts: list[_Part], style: str) -> _Part:
    binding, templates = INFIX[op]
    template = templates.get(style) or templates["c"]
    if not (op == "div" and re.fullmatch(r"[\d.]*[1-9][\d.e+-]*", parts[1])):  # not by 0
        template = CALLS.get(style, {}).get(op, template)
    if template.startswith((r"\frac", "pow", "div", "np")):  # so that nothing needs brackets
        return _part(template.format(*parts), ATOM if style in CODE else POWER)
    if op == "pow" and style == "latex":
        return _part(template.format(_bracket(parts[0], ATOM), parts[1]), POWER)
    if op == "neg":  # -(a * b) and (-a) * b are one number
        part = _bracket(parts[0], ATOM if parts[0].startswith("-") else PRODUCT)
        return _part(f"-{part}", _binding(f"-{part}"))
    # a - (b - c); and in C a * (b * c) too, which rounds unlike (a * b) * c
    right = binding + (style in CODE or op in ("sub", "div"))
    needed = (ATOM, ATOM) if op == "pow" else (binding, right)
    inner = [_bracket(part, n) for part, n in zip(parts, needed, strict=True)]
    if op == "mul" and style == "latex" and inner[1].startswith("-"):
        inner[1] = f"({inner[1]})"  # side by side, a b would read as a difference
    return _part(template.format(*inner), binding)


def _number(x: Any, style: str) -> str:
    if isinstance(x, Constant) and style not in CODE:
        return x.latex if style == "latex" else x.text
    x = float(x)
    if style in CODE:
        nan, inf = SPECIAL[style]
        return repr(x) if math.isfinite(x) else nan if x != x else f"{'-' * (x < 0)}{inf}"
    text = f"{x:.6g}"
    if style == "latex":
        text = re.sub(r"e([-+])0*(\d+)", lambda e: rf" \cdot 10^{{{e[1].strip('+')}{e[2]}}}", text)
        text = text.replace("inf", r"\infty").replace("nan", r"\text{nan}")
    return text


def formula(
    name: str, position: int, names: Sequence[Any] = (), *, g: str = "", style: str = "text"
) -> str:
    """The column of the table for one input of an operation, printed.

    `names` are the inputs as texts, or numbers for constants; by default x, y, z, w. It is the
    local derivative; name what arrives, g="g", to see the share that is passed back.

    >>> formula("mul", 0)
    'y'
    >>> formula("tanh", 0, g="g")
    'g * sech²(x)'
    """
    row = RULES[name]
    inputs = _inputs(row, names)
    arriving = Symbol.named(g) if g else ONE
    out = Symbol.named("out", r"\mathit{out}")
    if row.variadic:
        return render(row.columns[0](arriving, out, *inputs)[position], style)
    share = row.columns[position](arriving, out, *inputs)
    return "" if share is None else render(share, style)


def operation(name: str, names: Sequence[Any] = (), *, style: str = "text") -> str:
    """The forward formula of an operation, printed: `x * y`, `tanh(x)`."""
    return render(Symbol(name, *_inputs(RULES[name], names)), style)


def _inputs(row: Rule, names: Sequence[Any]) -> list[Any]:
    given = names or ("x", "y", "z", "w")[: row.fact.arity or 3]
    return [Symbol.named(n) if isinstance(n, str) else n for n in given]
