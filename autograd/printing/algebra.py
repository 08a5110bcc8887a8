"""A graph of Values as an expression of SymPy's.

What SymPy knows is named, and what the table defines in terms of other functions is written out as
its definition there.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from ..core.functions import PER_LN2, PER_LN10, RPI_BY_2, TWO_PER_RPI
from ..core.graph import Node, nodes
from ..core.kinds import FUNCTIONS, describe
from ..core.value import Value
from ..extras import imported
from .code import SYMBOLS, Term
from .symbols import COMPARISONS, Symbol

KNOWN = {  # SymPy's names
    **{name: name for name in (
        "exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh",
        "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "erfinv", "digamma", "sign", "floor",
    )},
    "abs": "Abs", "minimum": "Min", "maximum": "Max",
    **dict(zip(COMPARISONS, ("Lt", "Le", "Gt", "Ge", "Eq", "Ne"), strict=True)), "equal": "Eq",
}  # fmt: skip
# What is a few of its functions: the first argument is the package.
WRITTEN: dict[str, Callable[..., Any]] = {
    "identity": lambda sp, x: x,
    "neg": lambda sp, x: -x,
    "add": lambda sp, x, y: x + y,
    "sub": lambda sp, x, y: x - y,
    "mul": lambda sp, x, y: x * y,
    "div": lambda sp, x, y: x / y,
    "pow": lambda sp, x, y: x**y,
    "mod": lambda sp, x, y: x % y,
    "cbrt": lambda sp, x: sp.real_root(x, 3),
    "expm1": lambda sp, x: sp.exp(x) - 1,
    "log1p": lambda sp, x: sp.log(1 + x),
    "log2": lambda sp, x: sp.log(x, 2),
    "log10": lambda sp, x: sp.log(x, 10),
    "hypot": lambda sp, x, y: sp.sqrt(x**2 + y**2),
    "floordiv": lambda sp, x, y: sp.floor(x / y),
    "step": lambda sp, x: sp.Heaviside(x, 0),
    "where": lambda sp, c, x, y: sp.Piecewise((x, _truth(sp, c)), (y, True)),
    "positive": lambda sp, x: x > 0,
    "negative": lambda sp, x: x < 0,
    "gammaln": lambda sp, x: sp.log(sp.Abs(sp.gamma(x))),  # its loggamma is complex below 0
    "polygamma": lambda sp, x, n: sp.polygamma(n, x),
    "normal_cdf": lambda sp, x: sp.erfc(-x / sp.sqrt(2)) / 2,
    "normal_pdf": lambda sp, x: sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi),
    "power_derivative": lambda sp, x, y, n, m: _of_power(sp, n, m).subs({"x_": x, "y_": y}),
    "sum": lambda sp, *xs: sp.Add(*xs),
    "mean": lambda sp, *xs: sp.Add(*xs) / len(xs),
    "dot": lambda sp, *xs: sp.Add(*map(operator.mul, xs[: len(xs) // 2], xs[len(xs) // 2 :])),
    "logsumexp": lambda sp, *xs: sp.log(sp.Add(*map(sp.exp, xs))),
    "softmax": lambda sp, *xs: sp.exp(xs[0]) / sp.Add(*map(sp.exp, xs)),
    "log_softmax": lambda sp, *xs: xs[0] - sp.log(sp.Add(*map(sp.exp, xs))),
}  # fmt: skip
# Where a smooth function is defined by several formulas, the argument of `where` that is taken.
TAKEN = {"positive": 1, "negative": 2, "equal": 2}


def to_sympy(root: Any) -> Any:
    """The expression of SymPy's that computes a Value, in real symbols named by labels.

    A leaf without a label is its number; leaves of one label are one symbol. Of a smooth function
    that is computed by several formulas, the expression is one. TypeError for anything but a Value,
    and for an operation that neither SymPy nor a definition has; ImportError without SymPy.
    """
    if not isinstance(root, Value):
        raise TypeError(f"to_sympy takes a Value, not {describe(root)}")
    sympy: Any = imported("sympy", "to_sympy")
    found: dict[Any, Any] = {}
    for node in reversed(nodes(root)):  # an input is older than what was made of it
        xs = [found[x] if isinstance(x, Node) else _number(sympy, x) for x in node.inputs]
        leaf = sympy.Symbol(node.label, real=True) if node.label else _number(sympy, node.data)
        found[node] = _made(sympy, node.op, xs) if xs else leaf
    return found[root]


def _number(sp: Any, x: Any) -> Any:
    """A number: exactly, if it is one of the table's constants or a whole number of 1024ths."""
    x = float(x)
    for constant in (PER_LN2, PER_LN10, TWO_PER_RPI, RPI_BY_2):
        if x == constant:
            return constant.exact(sp)
    is_short = x - x == 0 and (x * 1024.0).is_integer()
    return sp.Rational(*x.as_integer_ratio()) if is_short else sp.Float(x, 17)


def _truth(sp: Any, condition: Any) -> Any:
    return condition if getattr(condition, "is_Relational", False) else sp.Ne(condition, 0)


def _of_power(sp: Any, n: Any, m: Any) -> Any:
    x, y = sp.symbols("x_ y_")
    return sp.diff(x**y, x, int(n), y, int(m))


def _made(sp: Any, name: str, xs: list[Any]) -> Any:
    """An operation on expressions."""
    if name in WRITTEN:
        return WRITTEN[name](sp, *xs)
    if name in KNOWN:
        return getattr(sp, KNOWN[name])(*xs)
    parameters = [Term.named(f"x{i}") for i in range(len(xs))]
    fact = FUNCTIONS.get(name)
    try:
        assert fact is not None
        assert fact.definition is not None
        formula = fact.definition(*parameters)
    except Exception:  # a user's own function may say anything to symbols
        raise TypeError(f"the operation {name} has no formula for SymPy: {SYMBOLS}") from None
    return _written(sp, formula, dict(zip(map(id, parameters), xs, strict=True)), fact.analytic)


def _written(sp: Any, formula: Any, known: dict[int, Any], smooth: bool) -> Any:
    """A formula in SymPy's terms; what symbols stand for is known by their identity."""
    if not isinstance(formula, Symbol):
        return _number(sp, formula)
    if id(formula) not in known:
        args = formula.args
        if formula.op == "where" and smooth and getattr(args[0], "op", "") in TAKEN:
            found = _written(sp, args[TAKEN[args[0].op]], known, smooth)
        else:
            found = _made(sp, formula.op, [_written(sp, x, known, smooth) for x in args])
        known[id(formula)] = found
    return known[id(formula)]
